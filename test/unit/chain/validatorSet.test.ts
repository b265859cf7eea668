import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Validator, ValidatorSet } from '../../../core/chain/validatorSet.ts'
import { compareBytes, toHex } from '../../../core/primitives/bytes.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { equalPowers, testValidators } from '../../support/consensus.ts'

const MAX = 8
/** MAX of these make the largest total. */
const LARGEST = LIMITS.totalVotingPower / MAX - 1
const KEYS = testValidators(equalPowers(MAX)).set.validators.map(({ publicKey }) => publicKey)
const SPARE = testValidators(equalPowers(2 * MAX))
  .set.validators.map(({ publicKey }) => publicKey)
  .filter((key) => !KEYS.some((known) => toHex(known) === toHex(key)))

function setOf(powers: readonly number[], priorities: readonly number[] = []): ValidatorSet {
  const validators = powers.map(
    (power, i): Validator => ({
      publicKey: KEYS[i] as Uint8Array,
      power,
      priority: priorities[i] ?? 0,
    }),
  )
  const created = ValidatorSet.create(validators)
  if (!created.ok) throw new Error(created.code)
  return created.value
}
const prioritiesOf = (set: ValidatorSet): number[] => set.validators.map(({ priority }) => priority)
const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0)

const smallPowers = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: MAX })
const anyPowers = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: LARGEST })),
  { minLength: 1, maxLength: MAX },
)
/** Powers with priorities such as a history of joins and leaves leaves behind. */
const anySet = anyPowers.chain((powers) => {
  const bound = 2 * sum(powers)
  return fc
    .array(fc.integer({ min: -bound, max: bound }), {
      minLength: powers.length,
      maxLength: powers.length,
    })
    .map((priorities) => setOf(powers, priorities))
})

describe('ValidatorSet rotation', () => {
  test('proposers are in proportion to power over as many rounds as there is power', () => {
    fc.assert(
      fc.property(smallPowers, (powers) => {
        const set = setOf(powers)
        const counts = new Array<number>(powers.length).fill(0)
        for (let round = 0; round < set.totalPower; round++) {
          const proposer = set.proposerIndex(round)
          counts[proposer] = (counts[proposer] as number) + 1
        }
        expect(counts).toEqual(set.validators.map(({ power }) => power))
      }),
      { numRuns: 60 },
    )
  })

  test('comes back to where it began after as many steps', () => {
    fc.assert(
      fc.property(smallPowers, (powers) => {
        const set = setOf(powers)
        expect(prioritiesOf(set.advance(set.totalPower))).toEqual(prioritiesOf(set))
      }),
    )
  })

  test('nobody waits longer than twice its share, from any priorities a history may leave', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 6 }),
        (powers) => {
          const set = setOf(powers).advance(3)
          powers.forEach((_, index) => {
            const share = Math.ceil(set.totalPower / set.powerOf(index))
            const turns = Array.from({ length: 2 * share }, (_, round) => set.proposerIndex(round))
            expect(turns).toContain(index)
          })
        },
      ),
      { numRuns: 60 },
    )
  })

  test('equal validators with equal priorities propose in address order', () => {
    const set = setOf([1, 1, 1, 1])
    expect([0, 1, 2, 3, 4].map((round) => set.proposerIndex(round))).toEqual([0, 1, 2, 3, 0])
    expect([1, 2, 3, 4].map((times) => set.advance(times).proposerIndex(0))).toEqual([1, 2, 3, 0])
  })

  test('the proposer of a later round is the one of the set advanced by as much', () => {
    fc.assert(
      fc.property(anySet, fc.nat(20), fc.nat(20), (set, heights, round) => {
        expect(set.advance(heights).proposerIndex(round)).toBe(set.proposerIndex(heights + round))
      }),
    )
  })

  test('advancing by several is advancing by one as often', () => {
    fc.assert(
      fc.property(anySet, fc.nat(20), (set, times) => {
        let stepped = set
        for (let i = 0; i < times; i++) stepped = stepped.advance()
        expect(prioritiesOf(stepped)).toEqual(prioritiesOf(set.advance(times)))
        expect(stepped.hash).toEqual(set.advance(times).hash)
      }),
    )
  })

  test('changes no set, only makes new ones', () => {
    const set = setOf([3, 2, 1])
    const before = prioritiesOf(set)
    set.advance(5)
    set.proposerIndex(7)
    expect(prioritiesOf(set)).toEqual(before)
  })
})

describe('ValidatorSet priorities', () => {
  test('are centred: their sum stays within one rounding per validator of zero', () => {
    fc.assert(
      fc.property(anySet, fc.integer({ min: 1, max: 50 }), (set, times) => {
        expect(Math.abs(sum(prioritiesOf(set.advance(times))))).toBeLessThan(set.size)
      }),
    )
  })

  test('stay within three times the total, as exact integers', () => {
    fc.assert(
      fc.property(anySet, fc.integer({ min: 1, max: 50 }), (set, times) => {
        const priorities = prioritiesOf(set.advance(times))
        expect(priorities.every(Number.isSafeInteger)).toBe(true)
        expect(Math.max(...priorities) - Math.min(...priorities)).toBeLessThanOrEqual(
          3 * set.totalPower,
        )
      }),
    )
  })

  test('are exact at the largest total power', () => {
    const share = LIMITS.totalVotingPower / MAX
    const set = setOf(new Array<number>(MAX).fill(share))
    expect(set.totalPower).toBe(LIMITS.totalVotingPower)
    const turns = Array.from({ length: 3 * MAX }, (_, round) => set.proposerIndex(round))
    expect(turns).toEqual(Array.from({ length: 3 * MAX }, (_, round) => round % MAX))
    expect(prioritiesOf(set.advance(MAX))).toEqual(prioritiesOf(set))
  })
})

describe('ValidatorSet.create', () => {
  const one = { publicKey: KEYS[0] as Uint8Array, power: 1, priority: 0 }
  const codeOf = (validators: readonly Validator[]): string => {
    const created = ValidatorSet.create(validators)
    return created.ok ? 'ok' : created.code
  }

  test('sorts by address, whatever the order given', () => {
    const sorted = setOf(equalPowers(MAX))
    for (let i = 1; i < sorted.size; i++)
      expect(
        compareBytes(sorted.addresses[i - 1] as Uint8Array, sorted.addresses[i] as Uint8Array),
      ).toBeLessThan(0)
    fc.assert(
      fc.property(fc.shuffledSubarray([...sorted.validators], { minLength: MAX }), (shuffled) => {
        const created = ValidatorSet.create(shuffled)
        expect(created.ok && created.value.hash).toEqual(sorted.hash)
      }),
      { numRuns: 20 },
    )
    sorted.addresses.forEach((address, i) => {
      expect(sorted.indexOf(address)).toBe(i)
    })
    expect(sorted.indexOf(new Uint8Array(20))).toBe(-1)
  })

  test('refuses what is not a set', () => {
    expect(codeOf([])).toBe('EMPTY_VALIDATOR_SET')
    expect(codeOf([one, one])).toBe('DUPLICATE_VALIDATOR')
    expect(codeOf([{ ...one, publicKey: new Uint8Array(33) }])).toBe('BAD_PUBLIC_KEY')
    for (const power of [0, -1, 0.5, Number.NaN, 2 ** 53])
      expect(codeOf([{ ...one, power }]), `power ${power}`).toBe('BAD_POWER')
    expect(codeOf([{ ...one, power: LIMITS.totalVotingPower + 1 }])).toBe('TOTAL_POWER_TOO_LARGE')
    const half = LIMITS.totalVotingPower / 2
    const pair = [half, half + 1].map((power, i) => ({
      ...one,
      power,
      publicKey: KEYS[i] as Uint8Array,
    }))
    expect(codeOf(pair)).toBe('TOTAL_POWER_TOO_LARGE')
    expect(codeOf(new Array<Validator>(LIMITS.validators + 1).fill(one))).toBe(
      'TOO_MANY_VALIDATORS',
    )
  })
})

describe('ValidatorSet thresholds', () => {
  test('more than two thirds and more than one third, exactly', () => {
    fc.assert(
      fc.property(anyPowers, fc.double({ min: 0, max: 1, noNaN: true }), (powers, part) => {
        const set = setOf(powers)
        const power = Math.floor(part * set.totalPower)
        expect(set.isQuorum(power)).toBe(3n * BigInt(power) > 2n * BigInt(set.totalPower))
        expect(set.isHonest(power)).toBe(3n * BigInt(power) > BigInt(set.totalPower))
      }),
    )
    const three = setOf([1, 1, 1])
    expect([1, 2, 3].map((power) => three.isQuorum(power))).toEqual([false, false, true])
    expect([1, 2].map((power) => three.isHonest(power))).toEqual([false, true])
  })

  test('an index outside the set has no power', () => {
    const set = setOf([1, 2])
    expect([-1, 2, 1.5, Number.NaN].map((index) => set.powerOf(index))).toEqual([0, 0, 0, 0])
  })
})

describe('ValidatorSet.hash', () => {
  test('ASA-2024-009: covers key, power and priority of everyone', () => {
    fc.assert(
      fc.property(anySet, fc.nat(MAX - 1), (set, which) => {
        const index = which % set.size
        const altered = (change: Partial<Validator>): Uint8Array => {
          const created = ValidatorSet.create(
            set.validators.map((one, i) => (i === index ? { ...one, ...change } : one)),
          )
          if (!created.ok) throw new Error(created.code)
          return created.value.hash
        }
        const { power, priority } = set.validators[index] as Validator
        expect(altered({})).toEqual(set.hash)
        expect(altered({ power: power + 1 })).not.toEqual(set.hash)
        expect(altered({ priority: priority + 1 })).not.toEqual(set.hash)
        expect(altered({ priority: -priority - 1 })).not.toEqual(set.hash)
        expect(altered({ publicKey: SPARE[0] as Uint8Array })).not.toEqual(set.hash)
      }),
      { numRuns: 50 },
    )
  })

  test('differs after a step, unless there is only one validator', () => {
    expect(setOf([2, 1]).advance().hash).not.toEqual(setOf([2, 1]).hash)
    expect(setOf([2]).advance().hash).toEqual(setOf([2]).hash)
  })
})

test('keys of the tests are valid', () => {
  expect(KEYS.every((key) => signatures.isPublicKey(key))).toBe(true)
  expect(SPARE.length).toBeGreaterThan(0)
})
