import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Validator, ValidatorSet } from '../../../core/chain/validatorSet.ts'
import {
  applyValidatorUpdates,
  checkValidatorTarget,
  MIN_TARGET_POWER,
  maxChurn,
  nextValidatorSet,
  updatesToward,
  type ValidatorUpdate,
} from '../../../core/chain/validatorUpdates.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { type NaiveSet, naiveUpdate } from '../../support/naiveValidators.ts'

const MAX = LIMITS.totalVotingPower
const keysOf = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) =>
    signatures.publicKeyOf(keccak256(Uint8Array.of(i >> 8, i & 0xff))),
  )
const KEYS = keysOf(14)
const keyAt = (i: number): Uint8Array => KEYS[i] as Uint8Array

function setOf(powers: readonly number[], priorities: readonly number[] = []): ValidatorSet {
  const created = ValidatorSet.create(
    powers.map((power, i) => ({ publicKey: keyAt(i), power, priority: priorities[i] ?? 0 })),
  )
  if (!created.ok) throw new Error(created.code)
  return created.value
}
const targetOf = (powers: readonly (readonly [number, number])[]): ValidatorSet => {
  const checked = checkValidatorTarget(powers.map(([i, power]) => ({ publicKey: keyAt(i), power })))
  if (!checked.ok) throw new Error(checked.code)
  return checked.value
}
const powersOf = (set: ValidatorSet): [string, number][] =>
  set.validators.map(({ publicKey, power }) => [toHex(publicKey), power])
const naive = (set: ValidatorSet): NaiveSet =>
  new Map(
    set.validators.map(({ publicKey, power, priority }) => [
      toHex(publicKey),
      { power: BigInt(power), priority: BigInt(priority) },
    ]),
  )
const codeOf = (set: ValidatorSet, updates: readonly ValidatorUpdate[]): string => {
  const result = applyValidatorUpdates(set, updates)
  return result.ok ? 'ok' : result.code
}
const ofPowerOne = (publicKey: Uint8Array): Validator => ({ publicKey, power: 1, priority: 0 })
const update = (i: number, power: number): ValidatorUpdate => ({ publicKey: keyAt(i), power })

const power = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: MAX / 8 }) },
)
const anySet = fc.array(power, { minLength: 1, maxLength: 8 }).chain((powers) =>
  fc
    .array(fc.integer({ min: -100, max: 100 }), {
      minLength: powers.length,
      maxLength: powers.length,
    })
    .map((priorities) => setOf(powers, priorities)),
)
const anyUpdates = fc.array(
  fc.record({
    publicKey: fc.nat(KEYS.length - 1).map(keyAt),
    power: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: power }),
  }),
  { maxLength: 6 },
)
/** Small changes of members and small newcomers: most of them pass. */
const fitting = anySet.chain((set) => {
  const cap = maxChurn(set.totalPower)
  const part = Math.floor(cap / 4)
  const change = fc
    .tuple(fc.nat(KEYS.length - 1), fc.integer({ min: -part, max: part }))
    .map(([i, delta]) => {
      const now = set.validators.find(({ publicKey }) => publicKey === keyAt(i))?.power ?? 0
      return update(i, Math.max(0, now + delta))
    })
  return fc
    .uniqueArray(change, { maxLength: 4, selector: ({ publicKey }) => publicKey })
    .map((updates) => ({
      set,
      updates: updates.filter(
        ({ publicKey, power: to }) =>
          to > 0 || set.validators.some((one) => one.publicKey === publicKey),
      ),
    }))
})

describe('applyValidatorUpdates', () => {
  test('agrees with the naive one, also on what to refuse', () => {
    let passed = 0
    const limits = { validators: LIMITS.validators, totalPower: BigInt(MAX) }
    const check = (set: ValidatorSet, updates: readonly ValidatorUpdate[]): void => {
      const result = applyValidatorUpdates(set, updates)
      const expected = naiveUpdate(naive(set), updates, limits)
      expect(result.ok ? new Map([...naive(result.value)].sort()) : null).toEqual(
        expected === null ? null : new Map([...expected].sort()),
      )
      if (result.ok && updates.length > 0) passed++
    }
    fc.assert(fc.property(anySet, anyUpdates, check), { numRuns: 300 })
    fc.assert(
      fc.property(fitting, ({ set, updates }) => check(set, updates)),
      { numRuns: 300 },
    )
    expect(passed, 'the generators make updates that pass').toBeGreaterThan(100)
  })

  test('does not depend on the order of the updates', () => {
    const shuffled = fitting.chain(({ set, updates }) =>
      fc
        .shuffledSubarray(updates, { minLength: updates.length })
        .map((other) => ({ set, updates, other })),
    )
    fc.assert(
      fc.property(shuffled, ({ set, updates, other }) => {
        const [one, two] = [applyValidatorUpdates(set, updates), applyValidatorUpdates(set, other)]
        expect(two.ok ? toHex(two.value.hash) : two.code).toBe(
          one.ok ? toHex(one.value.hash) : one.code,
        )
      }),
    )
  })

  test('any two thirds of the new set held more than a third of the old', () => {
    fc.assert(
      fc.property(
        fitting,
        fc.array(fc.boolean(), { minLength: 14, maxLength: 14 }),
        (given, pick) => {
          const { set, updates } = given
          const next = applyValidatorUpdates(set, updates)
          if (!next.ok) return
          const signers = next.value.validators.filter((_, i) => pick[i])
          const signed = signers.reduce((sum, one) => sum + one.power, 0)
          if (!next.value.isQuorum(signed)) return
          const known = signers.reduce((sum, { publicKey }) => {
            const old = set.validators.find((one) => toHex(one.publicKey) === toHex(publicKey))
            return sum + (old?.power ?? 0)
          }, 0)
          expect(set.isHonest(known)).toBe(true)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('joins, leaves, changes power and rotates a key in one update', () => {
    const set = setOf([34, 29, 14, 14])
    const result = applyValidatorUpdates(set, [
      update(4, 15),
      update(2, 0),
      update(0, 35),
      update(3, 0),
      update(5, 14),
    ])
    if (!result.ok) throw new Error(result.code)
    expect(new Map(powersOf(result.value))).toEqual(
      new Map([
        [toHex(keyAt(0)), 35],
        [toHex(keyAt(1)), 29],
        [toHex(keyAt(4)), 15],
        [toHex(keyAt(5)), 14],
      ]),
    )
  })

  test('the cap is strictly below a third, on each side', () => {
    for (const total of [1, 2, 3, 4, 5, 6, 7, 99, 100, MAX]) {
      expect(3 * maxChurn(total)).toBeLessThan(total)
      expect(3 * (maxChurn(total) + 1)).toBeGreaterThanOrEqual(total)
    }
    const four = setOf([10, 10, 10, 10])
    expect(codeOf(four, [update(0, 0), update(4, 10)]), 'one of four changes its key').toBe('ok')
    expect(codeOf(four, [update(0, 0), update(1, 6)]), '14 of 40').toBe('TOO_MUCH_CHURN')
    expect(codeOf(four, [update(0, 0), update(1, 7)]), '13 of 40').toBe('ok')
    expect(codeOf(four, [update(4, 14)])).toBe('TOO_MUCH_CHURN')
    expect(codeOf(four, [update(4, 13)])).toBe('ok')
    expect(codeOf(setOf([1, 1, 1]), [update(0, 0)])).toBe('TOO_MUCH_CHURN')
  })

  test('refuses what is no update, and then changes nothing', () => {
    const set = setOf([4, 3, 2, 1])
    const before = toHex(set.hash)
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 53])
      expect(codeOf(set, [update(0, bad)]), `power ${bad}`).toBe('BAD_POWER')
    expect(codeOf(set, [update(0, MAX + 1)])).toBe('TOTAL_POWER_TOO_LARGE')
    expect(codeOf(set, [{ publicKey: new Uint8Array(33), power: 1 }])).toBe('BAD_PUBLIC_KEY')
    expect(codeOf(set, [{ publicKey: new Uint8Array(32), power: 1 }])).toBe('BAD_PUBLIC_KEY')
    expect(codeOf(set, [update(0, 5), update(0, 5)])).toBe('DUPLICATE_VALIDATOR')
    expect(codeOf(set, [update(9, 0)])).toBe('UNKNOWN_VALIDATOR')
    expect(codeOf(setOf([9]), [update(0, 0)])).toBe('EMPTY_VALIDATOR_SET')
    const large = setOf([MAX / 2, MAX / 2])
    expect(codeOf(large, [update(0, MAX / 2 + 1)])).toBe('TOTAL_POWER_TOO_LARGE')
    expect(codeOf(large, [update(0, MAX / 2 + 1), update(1, MAX / 2 - 1)])).toBe('ok')
    expect(toHex(set.hash)).toBe(before)
  })

  test('the set has a largest size; whoever leaves makes room', () => {
    const [newcomer, ...members] = keysOf(LIMITS.validators + 1) as [Uint8Array, ...Uint8Array[]]
    const created = ValidatorSet.create(members.map(ofPowerOne))
    if (!created.ok) throw new Error(created.code)
    const join = { publicKey: newcomer, power: 1 }
    const leave = { publicKey: members[0] as Uint8Array, power: 0 }
    expect(codeOf(created.value, [join])).toBe('TOO_MANY_VALIDATORS')
    expect(codeOf(created.value, [join, leave])).toBe('ok')
  })

  test('a newcomer starts last, so leaving and coming back gains nothing', () => {
    const set = setOf([40, 30, 20, 10]).advance(5)
    const joined = applyValidatorUpdates(set, [update(5, 8)])
    if (!joined.ok) throw new Error(joined.code)
    const index = joined.value.validators.findIndex(({ publicKey }) => publicKey === keyAt(5))
    expect(joined.value.validators[index]?.priority).toBe(-(108 + 13))
    const lowest = Math.min(...set.validators.map(({ priority }) => priority))
    expect(joined.value.validators[index]?.priority).toBeLessThan(lowest)
  })
})

describe('nextValidatorSet', () => {
  test('whoever proposed pays, also when it leaves at once', () => {
    const set = setOf([10, 10, 10, 10])
    const proposer = set.proposerIndex(0)
    const gone = set.validators[proposer]?.publicKey as Uint8Array
    const next = nextValidatorSet(set, [{ publicKey: gone, power: 0 }])
    const others = set.advance().validators.filter(({ publicKey }) => publicKey !== gone)
    expect(next.validators).toEqual(others)
  })

  test('is the pure function of the committed set: key, power and priority decide every proposer to come', () => {
    fc.assert(
      fc.property(fitting, fc.nat(5), ({ set, updates }, round) => {
        if (!applyValidatorUpdates(set, updates).ok) return
        // As a peer that was sent the set's leaves, and checked their root, makes it.
        const received = ValidatorSet.create([...set.validators].reverse())
        if (!received.ok) throw new Error(received.code)
        expect(toHex(received.value.hash)).toBe(toHex(set.hash))
        const [own, told] = [
          nextValidatorSet(set, updates),
          nextValidatorSet(received.value, updates),
        ]
        expect(toHex(told.hash)).toBe(toHex(own.hash))
        expect(told.proposerIndex(round)).toBe(own.proposerIndex(round))
      }),
    )
  })

  test('priorities stay exact and centred through any history', () => {
    fc.assert(
      fc.property(fc.array(anyUpdates, { maxLength: 40 }), (history) => {
        let current = setOf([10, 20, 30, 40])
        for (const updates of history)
          current = applyValidatorUpdates(current.advance(), updates).ok
            ? nextValidatorSet(current, updates)
            : current.advance()
        const priorities = current.advance().validators.map(({ priority }) => priority)
        expect(priorities.every(Number.isSafeInteger)).toBe(true)
        expect(Math.abs(priorities.reduce((a, b) => a + b, 0))).toBeLessThan(current.size)
        expect(Math.max(...priorities) - Math.min(...priorities)).toBeLessThanOrEqual(
          3 * current.totalPower,
        )
      }),
    )
  })

  test('proposers stay in proportion to their power while others come and go', () => {
    let set = setOf([40, 30, 20, 10, 25])
    const turns = new Map<string, number>()
    const heights = 1_000
    for (let height = 0; height < heights; height++) {
      const proposer = set.validators[set.proposerIndex(0)] as Validator
      const key = toHex(proposer.publicKey)
      turns.set(key, (turns.get(key) ?? 0) + 1)
      // Key 4 and key 5 take turns with the same power: one rotation every tenth height.
      const [comes, goes] = height % 20 === 0 ? [5, 4] : [4, 5]
      set = nextValidatorSet(set, height % 10 === 0 ? [update(goes, 0), update(comes, 25)] : [])
    }
    for (const [i, share] of [40, 30, 20, 10].entries()) {
      const expected = (heights * share) / 125
      const had = turns.get(toHex(keyAt(i))) ?? 0
      // What the rotating one forgoes by starting last is shared by the others.
      expect(had, `validator ${i}`).toBeGreaterThanOrEqual(Math.floor(expected) - 1)
      expect(had, `validator ${i}`).toBeLessThan(expected * 1.4)
    }
    const rotating = (turns.get(toHex(keyAt(4))) ?? 0) + (turns.get(toHex(keyAt(5))) ?? 0)
    expect(rotating, 'never more than its share').toBeLessThanOrEqual((heights * 25) / 125)
    expect(rotating).toBeGreaterThan(0)
  })
})

const anyTarget = fc
  .uniqueArray(fc.tuple(fc.nat(KEYS.length - 1), power), {
    minLength: 1,
    maxLength: KEYS.length,
    selector: ([i]) => i,
  })
  .filter((powers) => {
    const total = powers.reduce((sum, [, one]) => sum + one, 0)
    return total >= MIN_TARGET_POWER && total <= MAX
  })
  .map(targetOf)

describe('updatesToward', () => {
  const step = (set: ValidatorSet, target: ValidatorSet): ValidatorSet =>
    nextValidatorSet(set, updatesToward(set, target))

  test('always makes an update that may be applied, sorted by address', () => {
    fc.assert(
      fc.property(anySet, anyTarget, (set, target) => {
        const updates = updatesToward(set, target)
        expect(codeOf(set, updates)).toBe('ok')
        const made = checkValidatorTarget(
          updates.map((one) => ({ ...one, power: MIN_TARGET_POWER })),
        )
        if (updates.length > 0) {
          if (!made.ok) throw new Error(made.code)
          expect(made.value.validators.map(({ publicKey }) => publicKey)).toEqual(
            updates.map(({ publicKey }) => publicKey),
          )
        }
      }),
      { numRuns: 500 },
    )
  })

  test('does all of a change that fits, at once', () => {
    const set = setOf([34, 29, 14, 14])
    const target = targetOf([
      [0, 35],
      [1, 29],
      [4, 15],
      [5, 14],
    ])
    expect(powersOf(step(set, target))).toEqual(powersOf(target))
    expect(updatesToward(step(set, target), target)).toEqual([])
  })

  test('loses nothing: any set becomes any other in less than 200 heights', () => {
    fc.assert(
      fc.property(anySet, anyTarget, (from, target) => {
        if (from.totalPower < MIN_TARGET_POWER) return
        let set = from
        let heights = 0
        for (; updatesToward(set, target).length > 0 && heights < 200; heights++)
          set = step(set, target)
        expect(powersOf(set)).toEqual(powersOf(target))
      }),
      { numRuns: 200 },
    )
  })

  test('a full set gives places to newcomers as they come free', () => {
    // Sixty of power 10 give way to sixty of power 1: the cap lets 42 leave at once, and all sixty come.
    const keys = keysOf(LIMITS.validators + 60)
    const full = ValidatorSet.create(
      keys.slice(60).map((publicKey) => ({ publicKey, power: 10, priority: 0 })),
    )
    const target = checkValidatorTarget([
      ...keys.slice(0, 60).map(ofPowerOne),
      ...keys.slice(120).map((publicKey) => ({ publicKey, power: 10 })),
    ])
    if (!full.ok || !target.ok) throw new Error('not sets')
    let set = full.value
    for (let height = 0; height < 3; height++) {
      const updates = updatesToward(set, target.value)
      expect(codeOf(set, updates), `height ${height}`).toBe('ok')
      set = nextValidatorSet(set, updates)
    }
    expect(powersOf(set)).toEqual(powersOf(target.value))
  })

  test('a set of less than four powers stays', () => {
    expect(updatesToward(setOf([1, 1, 1]), targetOf([[5, 100]]))).toEqual([])
    expect(checkValidatorTarget([update(0, 3)])).toEqual({ ok: false, code: 'BAD_POWER' })
  })
})
