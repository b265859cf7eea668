// Who shall validate, as it might change on a busy day: a function of the height, so that every node
// of a cluster asks for the same.
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { checkValidatorTarget } from '../../core/chain/validatorUpdates.ts'
import { signatures } from '../../core/primitives/signature.ts'

export type Powers = ReadonlyMap<number, number>

/** A target of powers by number of key. */
export function targetOf(keys: readonly Uint8Array[], powers: Powers): ValidatorSet {
  const target = checkValidatorTarget(
    [...powers].map(([i, power]) => ({
      publicKey: signatures.publicKeyOf(keys[i] as Uint8Array),
      power,
    })),
  )
  if (!target.ok) throw new Error(target.code)
  return target.value
}

/**
 * Changes at every third height, several at once: somebody leaves, somebody joins, a power changes, a
 * key gives its place and power to another. At least `least` stay. Each stays until the next.
 */
export function randomPlan(
  first: Powers,
  options: {
    readonly keys: number
    readonly heights: number
    readonly seed: number
    readonly least: number
  },
): readonly Powers[] {
  const { keys, heights, seed, least } = options
  const draw = generator(seed)
  const plan: Powers[] = [first]
  for (let height = 1; height <= heights; height++) {
    const powers = new Map(plan[height - 1])
    if (height % 3 === 0) {
      const outside = (): number[] =>
        Array.from({ length: keys }, (_, i) => i).filter((i) => !powers.has(i))
      const pick = <T>(from: readonly T[]): T => from[draw(from.length)] as T
      const member = (): number => pick([...powers.keys()])
      if (draw(2) === 0 && powers.size > least) powers.delete(member())
      if (draw(2) === 0 && outside().length > 0) powers.set(pick(outside()), 10 + draw(15))
      if (draw(2) === 0) powers.set(member(), 10 + draw(15))
      if (draw(2) === 0 && outside().length > 0) {
        const from = member()
        const to = pick(outside())
        powers.set(to, powers.get(from) as number)
        powers.delete(from)
      }
    }
    plan.push(powers)
  }
  return plan
}

/** Numbers below a bound, from a seed (mulberry32). */
function generator(seed: number): (bound: number) => number {
  let state = seed >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}
