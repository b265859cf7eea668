import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { concatBytes, fromHex } from '../../../core/primitives/bytes.ts'
import type { Engine } from '../../../evm/engine.ts'
import type { Fault } from '../../../evm/executive.ts'
import type { Tracer } from '../../../evm/tracer.ts'
import { createExecutive, messageOf, observe, type Start } from '../../support/evm/executives.ts'

const at = (digits: string): Uint8Array => fromHex(digits.padStart(40, '0'))
const CODE = at('c0de01')
const OTHER = at('c0de02')
const CALLER = at('ca11e4')

const startOf = (code: Uint8Array): Start => [
  { address: CALLER, balance: 1_000_000n, nonce: 1 },
  { address: CODE, code, slots: [[1, 5n]] },
  // Returns its gas.
  { address: OTHER, code: fromHex('5a5f5260205ff3') },
]

/** A word as the shortest PUSH. */
function push(value: bigint): Uint8Array {
  const digits = value.toString(16)
  const bytes = fromHex(digits.length % 2 === 0 ? digits : `0${digits}`)
  return concatBytes(Uint8Array.of(0x5f + bytes.length), bytes)
}

/** Items that a loop finds on the stack and leaves there. */
const ITEMS = 6
/** In memory, where the body hardly ever writes: how many turns are left. */
const COUNTER = 0n

/** What one opcode of a body does to the height of the stack. */
type Part = { readonly code: Uint8Array; readonly takes: number; readonly leaves: number }
const part = (digits: string, takes: number, leaves: number): Part => ({
  ...{ code: fromHex(digits), takes, leaves },
})
const MAX = 2n ** 256n - 1n
const word = fc.oneof(
  fc.bigInt(0n, 40n),
  fc.bigInt(0n, MAX),
  fc.constantFrom(
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 160n - 1n,
    2n ** 255n,
    MAX,
    MAX - 31n,
    2n ** 32n,
  ),
)
const BINARY = '01 02 03 04 05 06 07 0b 10 11 12 13 14 16 17 18 1a 1b 1c 1d'.split(' ')
const OF_NOTHING = '30 32 33 34 36 38 3a 3d 41 42 43 44 45 46 47 48 4a 58 59 5a'.split(' ')
type Weighted = { readonly weight: number; readonly arbitrary: fc.Arbitrary<Part> }
/** Of which whole loops become WebAssembly. */
const pure: readonly Weighted[] = [
  {
    weight: 10,
    arbitrary: word.map((value): Part => ({ code: push(value), takes: 0, leaves: 1 })),
  },
  { weight: 12, arbitrary: fc.constantFrom(...BINARY).map((op) => part(op, 2, 1)) },
  { weight: 2, arbitrary: fc.constantFrom('08', '09').map((op) => part(op, 3, 1)) },
  { weight: 3, arbitrary: fc.constantFrom('15', '19').map((op) => part(op, 1, 1)) },
  { weight: 5, arbitrary: fc.constantFrom(...OF_NOTHING).map((op) => part(op, 0, 1)) },
  { weight: 4, arbitrary: fc.constant(part('50', 1, 0)) },
  // Within the first kilobyte, mostly.
  { weight: 5, arbitrary: fc.constantFrom('6101ff1651', '61020751').map((op) => part(op, 0, 1)) },
  {
    weight: 5,
    arbitrary: fc.constantFrom('6101ff1660201752', '6101ff1660201753').map((op) => part(op, 2, 0)),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('51', '52', '20')
      .map((op) => part(op, op === '51' ? 1 : 2, op === '52' ? 0 : 1)),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('60ff16602020', '60405f20')
      .map((op) => part(op, op.startsWith('60ff') ? 1 : 0, 1)),
  },
  {
    weight: 8,
    arbitrary: fc
      .integer({ min: 1, max: ITEMS })
      .map((n) => part((0x7f + n).toString(16), n, n + 1)),
  },
  {
    weight: 8,
    arbitrary: fc
      .integer({ min: 1, max: ITEMS - 1 })
      .map((n) => part((0x8f + n).toString(16), n + 1, n + 1)),
  },
  // Lower or higher at every turn, until there is nothing left or no room.
  { weight: 1, arbitrary: fc.constantFrom('505050', '5f5f5f').map((op) => part(op, 0, 0)) },
  // Over a byte in every other turn.
  { weight: 8, arbitrary: fc.constant(part('5f5160011658600601575b5b', 0, 0)) },
  {
    weight: 4,
    arbitrary: fc.constantFrom('5f51', '602051', '60e151', '61030051').map((op) => part(op, 0, 1)),
  },
  { weight: 2, arbitrary: fc.constantFrom('602052', '6102c052').map((op) => part(op, 1, 0)) },
  // Over a byte, or not, as the top says.
  {
    weight: 4,
    arbitrary: fc.constant(part('58600601575b5b', 1, 0)),
  },
]
const others: readonly Weighted[] = [
  { weight: 1, arbitrary: fc.constantFrom('35', '54', '5c').map((op) => part(op, 1, 1)) },
  { weight: 1, arbitrary: fc.constant(part('0a', 2, 1)) },
  {
    weight: 3,
    arbitrary: fc.constantFrom('600154', '60015c', '5f35').map((op) => part(op, 0, 1)),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('600155', '60025d', '602060a0a1').map((op) => part(op, 1, 0)),
  },
  { weight: 1, arbitrary: fc.constant(part('60205f5f5f5f61c0de025af1', 0, 1)) },
]

/** A loop whose body needs no more than it finds and leaves as many as it found. */
const loopOf = (parts: readonly Weighted[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.array(word, { minLength: ITEMS, maxLength: ITEMS }),
      fc.array(fc.oneof(...parts), { minLength: 4, maxLength: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.oneof(
        { weight: 6, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }) },
        { weight: 2, arbitrary: fc.integer({ min: 1_005, max: 1_016 }) },
      ),
    )
    .map(([items, body, turns, below]) => {
      let height = ITEMS
      const code: Uint8Array[] = []
      for (const { code: own, takes, leaves } of body) {
        if (height < takes || height - takes + leaves > ITEMS + 6) continue
        code.push(own)
        height += leaves - takes
      }
      while (height > ITEMS) {
        code.push(fromHex('50'))
        height--
      }
      for (; height < ITEMS; height++) code.push(fromHex(height === 0 ? '5f' : '80'))
      const head = concatBytes(
        new Uint8Array(below).fill(0x5f),
        ...items.map(push),
        push(BigInt(turns)),
        push(COUNTER),
        fromHex('52'),
      )
      return concatBytes(
        head,
        fromHex('5b'),
        ...code,
        // One turn less, and again unless it was the last.
        ...[push(COUNTER), fromHex('516001900380'), push(COUNTER), fromHex('52')],
        ...[push(BigInt(head.length)), fromHex('57')],
        // What is left goes to memory, and memory is the answer.
        ...items.map((_, i) => concatBytes(push(BigInt(32 * i)), fromHex('52'))),
        fromHex('60c05ff3'),
      )
    })

type Shown = { readonly gasSpent: number; readonly fault: Fault | null }

/** A machine keeps only so many loops as WebAssembly. */
const LOOPS_OF_ONE = 50

describe.each([
  ['only compute', loopOf(pure)],
  ['do anything', loopOf([...pure, ...others])],
])('compiled paths that %s', (_, loop) => {
  let hot: Engine
  let plain: Engine
  let loops = 0
  beforeAll(async () => {
    plain = await createExecutive('nexus', 'prague')
  })
  beforeEach(() => {
    loops = 0
  })
  async function heat(): Promise<void> {
    if (loops++ % LOOPS_OF_ONE > 0) return
    hot = await createExecutive('nexus', 'prague', { hotAfter: 1 })
  }

  /** As the interpreter does it opcode by opcode, for the tracer's sake. */
  const expected = (code: Uint8Array, gasLimit: number) => shown(plain, code, gasLimit, {})
  const actual = (code: Uint8Array, gasLimit: number) => shown(hot, code, gasLimit, null)
  async function shown(
    engine: Engine,
    code: Uint8Array,
    gasLimit: number,
    tracer: Tracer | null,
  ): Promise<Shown> {
    let fault: Fault | null = null
    const observed = await observe(
      engine,
      startOf(code),
      messageFor(gasLimit),
      tracer,
      (outcome) => {
        fault = outcome.fault
      },
    )
    return { ...(observed as Omit<Shown, 'fault'>), fault }
  }
  const messageFor = (gasLimit: number) =>
    messageOf({ sender: CALLER, to: CODE, value: 3n, data: CODE, gasLimit })

  it('do what single steps do in any loop', async () => {
    await fc.assert(
      fc.asyncProperty(loop, fc.integer({ min: 0, max: 60_000 }), async (code, gasLimit) => {
        await heat()
        const wanted = await expected(code, gasLimit)
        for (let run = 0; run < 3; run++) expect(await actual(code, gasLimit)).toEqual(wanted)
      }),
      { numRuns: Number(process.env.NEXUS_FUZZ_RUNS ?? 600) },
    )
  })

  it('find no more room on the stack than single steps do', async () => {
    await heat()
    for (let below = 1_010; below <= 1_024; below++) {
      // Three turns; no opcode finds more than three items above what is below.
      const head = concatBytes(fromHex('60035f52'), new Uint8Array(below).fill(0x5f))
      const again = concatBytes(push(BigInt(head.length)), fromHex('57'))
      const code = concatBytes(head, fromHex('5b5f5160019003805f52'), again)
      const wanted = await expected(code, 60_000)
      for (let run = 0; run < 4; run++) expect(await actual(code, 60_000)).toEqual(wanted)
    }
  })

  it('end as single steps do with any amount of gas', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(loop, async (code) => {
        await heat()
        // Ready before the first of them runs short.
        for (let run = 0; run < 3; run++) await actual(code, 200_000)
        const { gasSpent } = await expected(code, 200_000)
        const most = Math.min(gasSpent + 1, 2_000)
        for (let gasLimit = 0; gasLimit <= most; gasLimit++) {
          expect(await actual(code, gasLimit)).toEqual(await expected(code, gasLimit))
        }
      }),
      { numRuns: Number(process.env.NEXUS_FUZZ_RUNS ?? 600) / 60 },
    )
  })
})
