// What an update of the validator set does, over plain objects and bigints, rule by rule.
import type { ValidatorUpdate } from '../../core/chain/validatorUpdates.ts'
import { toHex } from '../../core/primitives/bytes.ts'

export type NaiveSet = ReadonlyMap<string, { readonly power: bigint; readonly priority: bigint }>

const sum = (values: Iterable<bigint>): bigint => [...values].reduce((a, b) => a + b, 0n)
export const totalOf = (set: NaiveSet): bigint => sum([...set.values()].map(({ power }) => power))

/** Null: refused, for one reason or another. */
export function naiveUpdate(
  set: NaiveSet,
  updates: readonly ValidatorUpdate[],
  limits: { readonly validators: number; readonly totalPower: bigint },
): NaiveSet | null {
  const keys = updates.map(({ publicKey }) => toHex(publicKey))
  if (new Set(keys).size < keys.length) return null
  if (updates.some(({ power }) => !Number.isInteger(power) || power < 0)) return null
  const powerOf = (key: string): bigint => set.get(key)?.power ?? 0n
  if (updates.some(({ power }, i) => power === 0 && powerOf(keys[i] as string) === 0n)) return null
  const deltas = updates.map(({ power }, i) => BigInt(power) - powerOf(keys[i] as string))
  const joined = sum(deltas.filter((delta) => delta > 0n))
  const left = -sum(deltas.filter((delta) => delta < 0n))
  const total = totalOf(set)
  if (3n * joined >= total || 3n * left >= total) return null
  const start = -((9n * (total + joined)) / 8n)
  const next = new Map(set)
  for (const [i, { power }] of updates.entries()) {
    const key = keys[i] as string
    const priority = set.get(key)?.priority ?? start
    if (power === 0) next.delete(key)
    else next.set(key, { power: BigInt(power), priority })
  }
  if (next.size === 0 || next.size > limits.validators) return null
  return totalOf(next) > limits.totalPower ? null : next
}
