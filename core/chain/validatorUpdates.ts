import { assert } from '../primitives/assert.ts'
import { toHex } from '../primitives/bytes.ts'
import { LIMITS } from '../primitives/limits.ts'
import { type Result, reject } from '../primitives/result.ts'
import { signatures } from '../primitives/signature.ts'
import { ValidatorSet, type ValidatorSetCode } from './validatorSet.ts'

/** What a key's power shall be; 0: it is no validator. */
export type ValidatorUpdate = { readonly publicKey: Uint8Array; readonly power: number }

export type ValidatorUpdateCode = ValidatorSetCode | 'UNKNOWN_VALIDATOR' | 'TOO_MUCH_CHURN'

/** Of a total below this no third can change, so a set that small would stay for ever. */
export const MIN_TARGET_POWER = 4

/**
 * Power that comes with an update and power that goes, each at most: the largest c with 3c < total.
 * Joined power J (newcomers and rises) and left power L (leavers and falls) then have 2L + J < total,
 * and more than two thirds of the new set hold more than one third of the old: somebody honest in
 * both, which is what skipping verification and evidence over a change need. Capping J + L instead
 * would never let one of four equal validators change its key.
 */
export const maxChurn = (totalPower: number): number => {
  const most = totalPower - 1
  return (most - (most % 3)) / 3
}

/**
 * The set with the updates in it, all or none. Total: whatever is wrong has a code. The order of the
 * updates does not matter. A newcomer starts at −1.125 · total, which counts newcomers and not yet
 * leavers (CometBFT spec/consensus/proposer-selection.md), so leaving and coming back gains nothing.
 */
export function applyValidatorUpdates(
  set: ValidatorSet,
  updates: readonly ValidatorUpdate[],
): Result<ValidatorSet, ValidatorUpdateCode> {
  // Everybody leaves and as many others come.
  if (updates.length > 2 * LIMITS.validators) return reject('TOO_MANY_VALIDATORS')
  const next = new Map(set.validators.map((one) => [toHex(one.publicKey), one]))
  const seen = new Set<string>()
  let [joined, left] = [0, 0]
  for (const { publicKey, power } of updates) {
    const key = toHex(publicKey)
    if (!signatures.isPublicKey(publicKey)) return reject('BAD_PUBLIC_KEY')
    if (!Number.isSafeInteger(power) || power < 0) return reject('BAD_POWER')
    if (power > LIMITS.totalVotingPower) return reject('TOTAL_POWER_TOO_LARGE')
    if (seen.has(key)) return reject('DUPLICATE_VALIDATOR')
    seen.add(key)
    const before = next.get(key)
    if (before === undefined && power === 0) return reject('UNKNOWN_VALIDATOR')
    const change = power - (before?.power ?? 0)
    if (change > 0) joined += change
    else left -= change
    if (power === 0) next.delete(key)
    else next.set(key, { publicKey, power, priority: before?.priority ?? NEWCOMER })
  }
  if (next.size === 0) return reject('EMPTY_VALIDATOR_SET')
  if (Math.max(joined, left) > maxChurn(set.totalPower)) return reject('TOO_MUCH_CHURN')
  const total = set.totalPower + joined
  const start = -(total + (total - (total % 8)) / 8)
  return ValidatorSet.create(
    [...next.values()].map((one) =>
      one.priority === NEWCOMER ? { ...one, priority: start } : one,
    ),
  )
}

/** Below any priority that the bound on total power allows. */
const NEWCOMER = Number.MIN_SAFE_INTEGER

/** The set of the height after `set`'s: whoever proposed in its round 0 pays for it, then the updates come in. */
export function nextValidatorSet(
  set: ValidatorSet,
  updates: readonly ValidatorUpdate[],
): ValidatorSet {
  const advanced = set.advance()
  if (updates.length === 0) return advanced
  const next = applyValidatorUpdates(advanced, updates)
  assert(next.ok, 'updates are made for the set they are applied to')
  return next.value
}

/** Whether a set may be asked for. The same powers as a set's, without priorities; in any order. */
export function checkValidatorTarget(
  target: readonly ValidatorUpdate[],
): Result<ValidatorSet, ValidatorSetCode> {
  const set = ValidatorSet.create(target.map((one) => ({ ...one, priority: 0 })))
  if (set.ok && set.value.totalPower < MIN_TARGET_POWER) return reject('BAD_POWER')
  return set
}

/**
 * As much of the way from a set to what is asked for as one height may go, in address order: a change
 * that the cap cuts, in power or because there is no place yet, is made in parts over the next
 * heights. A function of the two alone, so what waits is never lost and never done twice. Where the
 * target holds still, the set is there after some dozens of heights at most: power that comes or goes
 * a third at a time is geometric.
 */
export function updatesToward(set: ValidatorSet, target: ValidatorSet): readonly ValidatorUpdate[] {
  const cap = maxChurn(set.totalPower)
  const updates = new Map<string, ValidatorUpdate>()
  let left = 0
  let places = LIMITS.validators - set.size
  for (const [i, { publicKey, power }] of set.validators.entries()) {
    const wanted = powerIn(target, set.addresses[i] as Uint8Array)
    const step = Math.min(power - wanted, cap - left)
    if (step <= 0) continue
    left += step
    if (step === power) places++
    updates.set(toHex(set.addresses[i] as Uint8Array), { publicKey, power: power - step })
  }
  let room = Math.min(cap, LIMITS.totalVotingPower - (set.totalPower - left))
  for (const [i, { publicKey, power }] of target.validators.entries()) {
    const address = target.addresses[i] as Uint8Array
    const before = powerIn(set, address)
    const step = Math.min(power - before, room)
    if (step <= 0 || (before === 0 && places === 0)) continue
    if (before === 0) places--
    room -= step
    updates.set(toHex(address), { publicKey, power: before + step })
  }
  return [...updates].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, update]) => update)
}

const powerIn = (set: ValidatorSet, address: Uint8Array): number =>
  set.powerOf(set.indexOf(address))
