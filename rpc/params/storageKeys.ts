import { address, slot } from './hex.ts'
import { bad, membersOf, type Parser, parseList } from './parameter.ts'

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

/** Slots of an account, under the name that the caller gave it. */
export type StorageRequest = {
  readonly name: string
  readonly address: Uint8Array
  readonly slots: readonly Uint8Array[]
}

/** The first parameter of eth_getStorageValues: slots by account; geth's limit is of all together. */
export const storageRequests: Parser<readonly StorageRequest[]> = (json) => {
  const members = membersOf(json)
  if (!members.ok) return members
  const requests: StorageRequest[] = []
  let count = 0
  for (const [name, list] of Object.entries(members.value)) {
    const owner = address(name)
    if (!owner.ok) return owner
    const slots = parseList(list, slot, MAX_KEYS)
    if (!slots.ok) return bad(`account ${name}: ${slots.problem}`)
    count += slots.value.length
    requests.push({ name, address: owner.value, slots: slots.value })
  }
  if (count === 0) return bad('empty request')
  return count > MAX_KEYS
    ? bad(`too many slots requested (max ${MAX_KEYS})`)
    : { ok: true, value: requests }
}
