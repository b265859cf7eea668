import fc from 'fast-check'
import { COIN } from '../evmWorld.ts'
import { FAKE } from './fakeCore.ts'
import { SELF, type Step, VIA, type Via } from './script.ts'

/** Addresses of the scripts, hex without prefix. */
export const SCRIPTS = ['a1', 'a2', 'a3'].map((digits) => digits.padStart(40, 'c'))
export const SLOTS = 3
const DEPTH = 3

export type Transaction = {
  readonly to: string
  readonly value: bigint
  readonly steps: readonly Step[]
  /** Of Core, run before the others. */
  readonly isSystem: boolean
}

const target = fc.constantFrom(...SCRIPTS)
const must = fc.boolean()
/** Nothing, whole units of Core, or any wei. */
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0n) },
  { weight: 2, arbitrary: fc.bigInt(1n, 3_000n).map((millis) => (millis * COIN) / 1_000n) },
  { weight: 1, arbitrary: fc.bigInt(1n, 3n * COIN) },
)
const via = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Via>('call') },
  fc.constantFrom(...(Object.keys(VIA) as Via[])),
)
const engineStep = fc.record({
  kind: fc.constant('engine' as const),
  via,
  engine: fc.nat({ max: 2 }),
  fn: fc.oneof(
    { weight: 5, arbitrary: fc.constant('add' as const) },
    fc.constantFrom(...(Object.keys(FAKE) as (keyof typeof FAKE)[])),
  ),
  key: fc.nat({ max: 3 }),
  amount: fc.nat({ max: 255 }),
  value,
  must,
})
const leaf: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: engineStep.map((step) => plausible(step)) },
  { weight: 1, arbitrary: engineStep },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('store' as const),
      slot: fc.nat({ max: SLOTS - 1 }),
      value: fc.nat({ max: 9 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('emit' as const), value: fc.nat({ max: 9 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('revert' as const, 'invalid' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('destroy' as const),
      heir: fc.constantFrom(SELF, ...SCRIPTS, '0801'.padStart(40, '0')),
    }),
  },
)

/** Value where it is taken, so that more than one call in two stands. */
const plausible = (step: Extract<Step, { kind: 'engine' }>): Step =>
  step.fn === 'deposit' ? step : { ...step, value: 0n }

const stepsBelow = (depth: number): fc.Arbitrary<readonly Step[]> =>
  fc.array(depth === 0 ? leaf : fc.oneof({ weight: 3, arbitrary: leaf }, ...framesBelow(depth)), {
    maxLength: 4,
  })

function framesBelow(depth: number): fc.WeightedArbitrary<Step>[] {
  const steps = stepsBelow(depth - 1)
  const frame = fc.record({
    kind: fc.constant('frame' as const),
    via: fc.oneof(
      { weight: 4, arbitrary: fc.constant('call' as const) },
      { weight: 2, arbitrary: fc.constant('delegate' as const) },
      { weight: 1, arbitrary: fc.constant('static' as const) },
    ),
    target,
    value,
    must,
    steps,
  })
  // A constructor cannot be given less gas than there is, so it gets a frame to itself.
  const create = fc
    .record({ kind: fc.constant('create' as const), value, must, steps })
    .chain((inner) => frame.map((outer) => ({ ...outer, steps: [inner] })))
  const frames = { weight: 4, arbitrary: frame }
  return depth === DEPTH ? [frames] : [frames, { weight: 2, arbitrary: create }]
}

const transaction: fc.Arbitrary<Transaction> = fc.record({
  to: target,
  value,
  steps: stepsBelow(DEPTH),
  isSystem: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, fc.constant(true)),
})
/** Transactions of one block, Core's first: calls of scripts, whose frames nest up to `DEPTH` deep. */
export const block = fc
  .array(transaction, { minLength: 1, maxLength: 3 })
  .map((list) => list.toSorted((a, b) => Number(b.isSystem) - Number(a.isSystem)))
