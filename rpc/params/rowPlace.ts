import type { HashIndexSpec, Key, TableSpec } from '../../core/arena/index.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import { parseHex } from '../../core/primitives/bytes.ts'
import type { CoreBackend } from '../coreBackend.ts'
import { bad, type Parser } from './parameter.ts'
import { integerUpTo } from './values.ts'

/** A row by its number, or by the key under which a hash index of the engine has it. */
export type RowPlace = number | { readonly index: string; readonly key: readonly unknown[] }

const MAX_ROW = 0xffffffff
const MAX_KEYS = 3
const rowNumber = integerUpTo(MAX_ROW)

export const rowPlace: Parser<RowPlace> = (json) => {
  if (typeof json !== 'object' || json === null) return rowNumber(json)
  const { index, key } = json as { readonly index?: unknown; readonly key?: unknown }
  return typeof index === 'string' && Array.isArray(key) && key.length <= MAX_KEYS
    ? { ok: true, value: { index, key } }
    : bad('expected a row number, or { index, key }')
}

/** 0 where there is none. In a key an address stands for its account's id where the column holds ids. */
export function rowAt(
  core: CoreBackend,
  engine: Coprocessor,
  { table, place }: { readonly table: TableSpec; readonly place: RowPlace },
): number {
  if (typeof place === 'number') return place
  const spec = Object.hasOwn(engine.schema, place.index) ? engine.schema[place.index] : undefined
  if (spec?.kind !== 'hashIndex' || spec.table !== table) return 0
  if (spec.keys.length !== place.key.length) return 0
  const key = place.key.map((part, i) => keyPart(core, kindOf(spec, i), part))
  return key.includes(null) ? 0 : core.rowOf(engine.id, place.index, key as Key[])
}

const kindOf = (spec: HashIndexSpec, i: number) => spec.table.columns[spec.keys[i] ?? '']

function keyPart(
  core: CoreBackend,
  kind: TableSpec['columns'][string] | undefined,
  part: unknown,
): Key | null {
  if (typeof part === 'string' && part.startsWith('0x')) {
    const bytes = parseHex(part)
    if (!bytes.ok) return null
    if (kind === 'bytes20') return bytes.value.length === 20 ? bytes.value : null
    if (kind === 'bytes32') return bytes.value.length === 32 ? bytes.value : null
    const id = bytes.value.length === 20 ? core.names.idOf(bytes.value) : 0
    return id === 0 ? null : id
  }
  if (kind === 'bytes20' || kind === 'bytes32') return null
  if (kind === 'u128')
    return typeof part === 'string' && /^\d{1,38}$/.test(part) ? BigInt(part) : null
  const number = rowNumber(part)
  return number.ok ? number.value : null
}
