import { slot } from './hex.ts'
import { bad, type Parser, parseList } from './parameter.ts'

/** A slot and how the caller wrote it: a proof names short keys as QUANTITY, as geth does. */
export type StorageKey = { readonly slot: Uint8Array; readonly isWhole: boolean }

const MAX_KEYS = 1_024

const storageKey: Parser<StorageKey> = (json) => {
  const parsed = slot(json)
  if (!parsed.ok) return parsed
  const isWhole = typeof json === 'string' && json.length === 66
  return { ok: true, value: { slot: parsed.value, isWhole } }
}

export const storageKeys: Parser<readonly StorageKey[]> = (json) =>
  Array.isArray(json) && json.length > MAX_KEYS
    ? bad(`too many storage keys requested (max ${MAX_KEYS})`)
    : parseList(json, storageKey, MAX_KEYS)
