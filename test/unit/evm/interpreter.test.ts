import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, fromHex } from '../../../core/primitives/bytes.ts'
import type { Engine } from '../../../evm/engine.ts'
import { EngineGate } from '../../../evm/engineGate.ts'
import { createCommon } from '../../../evm/interpreter/common.ts'
import { NexusEvm } from '../../../evm/interpreter/nexusEvm.ts'
import { executiveOf } from '../../../evm/interpreter/referenceExecutive.ts'
import { NexusStateManager } from '../../../evm/state/stateManager.ts'
import { createExecutive, messageOf, observe, type Start } from '../../support/evm/executives.ts'
import {
  CHAIN_ID,
  createWorld,
  funded,
  keyNumber,
  signTransaction,
} from '../../support/evmWorld.ts'

const at = (digits: string): Uint8Array => fromHex(digits.padStart(40, '0'))
const CODE = at('c0de01')
const OTHER = at('c0de02')
const REVERTER = at('c0de03')
const CALLER = at('ca11e4')
/** The reference's EVM class without our loop: every opcode is the library's. */
async function libraryEngine(): Promise<Engine> {
  const engine = await createExecutive('reference', 'prague')
  const gate = new EngineGate()
  const manager = new NexusStateManager(engine.flat)
  const ancestorHash = (number: number) => engine.ancestors.hashOf(number)
  const guard = { shouldStop: null }
  const common = createCommon(CHAIN_ID, 'prague')
  const evm = new NexusEvm({ common, stateManager: manager, guard, gate, ancestorHash })
  return { ...engine, executive: executiveOf(evm, manager, gate) }
}

const startOf = (code: Uint8Array): Start => [
  { address: CALLER, balance: 1_000_000n, nonce: 1 },
  { address: CODE, code, slots: [[1, 5n]] },
  // Stores its call value, logs its calldata's first word, and returns it.
  { address: OTHER, code: fromHex('346001555f355f525f5160205fa160205ff3') },
  // Reads the slot its calldata names, writes it, and reverts with 32 bytes.
  { address: REVERTER, code: fromHex('5f3554600a5f355560205ffd') },
]

/** The library looks at gas before it looks at the stack, so that it may give another reason. */
const shown = (observed: unknown): unknown => {
  const { error, ...rest } = observed as { readonly error: string | null }
  return { ...rest, outcome: error === null || error === 'revert' ? error : 'exception' }
}

const push = (value: bigint): Uint8Array => {
  const digits = value.toString(16)
  const bytes = fromHex(digits.length % 2 === 0 ? digits : `0${digits}`)
  return concatBytes(Uint8Array.of(0x5f + bytes.length), bytes)
}

/** What a statement leaves on the stack counts, so that no program runs out of operands by accident. */
type Statement = { readonly code: Uint8Array; readonly leaves: number }

/** Opcode, operands, results. The operands are pushed right before. */
const OPCODES: readonly (readonly [number, number, number])[] = [
  ...[0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x14].map(
    binary,
  ),
  ...[0x16, 0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1d, 0x20].map(binary),
  ...[0x15, 0x19, 0x35, 0x51, 0x54, 0x5c, 0x31, 0x3f, 0x40].map((code) => [code, 1, 1] as const),
  ...[
    0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x42, 0x43, 0x46, 0x47, 0x48, 0x58, 0x59, 0x5a,
  ].map((code) => [code, 0, 1] as const),
  ...[0x52, 0x53, 0x55, 0x55, 0x55, 0x5d, 0xa0].map((code) => [code, 2, 0] as const),
  ...[0x37, 0x39, 0x3e, 0x5e, 0xa1].map((code) => [code, 3, 0] as const),
  [0xa4, 6, 0],
  [0x08, 3, 1],
  [0x09, 3, 1],
]
function binary(code: number): readonly [number, number, number] {
  return [code, 2, 1]
}

/** Small numbers make offsets and slots meet; the edges of the word make arithmetic wrap. */
const value = fc.oneof(
  { weight: 12, arbitrary: fc.bigInt(0n, 6n) },
  { weight: 4, arbitrary: fc.bigInt(0n, 300n) },
  { weight: 1, arbitrary: fc.bigInt(0n, 2n ** 256n - 1n) },
  { weight: 1, arbitrary: fc.constantFrom(2n ** 255n, 2n ** 256n - 1n, 2n ** 64n, 255n, 256n) },
)
const operation = fc
  .tuple(fc.constantFrom(...OPCODES), fc.array(value, { minLength: 6, maxLength: 6 }))
  .map(
    ([[opcode, takes, leaves], operands]): Statement => ({
      code: concatBytes(...operands.slice(0, takes).map(push), Uint8Array.of(opcode)),
      leaves,
    }),
  )
/** The rarest way to an exception: something undefined, or a jump to nowhere. */
const trap = fc
  .constantFrom('0c', '600056', '50505050505050505050')
  .map((code): Statement => ({ code: fromHex(code), leaves: 0 }))
/** JUMPI over a byte, relative to PC. */
const jump = value.map(
  (condition): Statement => ({
    code: concatBytes(push(condition), fromHex('58600601575b5b')),
    leaves: 0,
  }),
)
/** Calls with a word of input at 0 and room for a word of output at 32. */
const call = fc
  .tuple(
    fc.constantFrom(0xf1, 0xfa, 0xf4, 0xf2),
    fc.constantFrom(0xc0de02n, 0xc0de03n, 4n),
    value,
    fc.bigInt(0n, 20n),
  )
  .map(([opcode, target, input, wei]): Statement => {
    const takesValue = opcode === 0xf1 || opcode === 0xf2
    return {
      code: concatBytes(
        push(input),
        fromHex('5f526020602060205f'),
        takesValue ? push(wei) : new Uint8Array(0),
        push(target),
        push(60_000n),
        Uint8Array.of(opcode),
      ),
      leaves: 1,
    }
  })
const program = fc
  .array(
    fc.oneof(
      { weight: 40, arbitrary: operation },
      { weight: 4, arbitrary: jump },
      { weight: 5, arbitrary: call },
      { weight: 1, arbitrary: trap },
    ),
    { maxLength: 40 },
  )
  .map((statements) => {
    const depth = statements.reduce((sum, { leaves }) => sum + leaves, 0)
    const shown = Array.from({ length: Math.min(depth, 16) }, (_, i) =>
      concatBytes(push(BigInt(512 + 32 * i)), Uint8Array.of(0x52)),
    )
    // Everything left on the stack goes to memory, and memory is the answer.
    return concatBytes(...statements.map(({ code }) => code), ...shown, fromHex('6104005ff3'))
  })

describe('the interpreters', () => {
  it('do what the library does for any program', async () => {
    const library = await libraryEngine()
    const ours = [
      await createExecutive('nexus', 'prague'),
      // Everything as compiled paths, from the first time on.
      await createExecutive('nexus', 'prague', { hotAfter: 0 }),
      await createExecutive('reference', 'prague'),
    ]
    await fc.assert(
      fc.asyncProperty(
        program,
        fc.uint8Array({ maxLength: 80 }),
        fc.integer({ min: 0, max: 400_000 }),
        async (code, data, gasLimit) => {
          const start = startOf(code)
          const message = messageOf({ sender: CALLER, to: CODE, value: 17n, data, gasLimit })
          const expected = shown(await observe(library, start, message))
          for (const engine of ours) {
            expect(shown(await observe(engine, start, message))).toEqual(expected)
          }
        },
      ),
      { numRuns: Number(process.env.NEXUS_FUZZ_RUNS ?? 2_000) },
    )
  })
})

describe('precompiles', () => {
  it('end in a receipt for any input, and the next transaction runs', async () => {
    const alice = keyNumber(1)
    const world = await createWorld(funded([alice]))
    let nonce = 0
    const sizes = [0, 1, 64, 96, 128, 160, 192, 213, 256, 288, 384, 512]
    const input = fc
      .constantFrom(...sizes)
      .chain((size) => fc.uint8Array({ minLength: size, maxLength: size, max: 3 }))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 0x11 }), input, async (precompile, data) => {
        const to = at(precompile.toString(16))
        const bytes = signTransaction({ nonce: nonce++, to, data, gasLimit: 2_000_000 }, alice)
        const { executed } = await world.block([bytes])
        expect(executed.skipped).toEqual([])
        expect(executed.transactions.length).toBe(1)
      }),
      { numRuns: 150 },
    )
  })

  it('nothing answers at an address kept for an engine that does not exist', async () => {
    const alice = keyNumber(1)
    const world = await createWorld(funded([alice]))
    const bytes = signTransaction({ nonce: 0, to: at('800'), value: 1n, gasLimit: 30_000 }, alice)
    const { executed } = await world.block([bytes])
    expect(executed.transactions[0]?.receipt).toMatchObject({ status: 1, gasUsed: 21_000 })
    expect(world.balance(at('800'))).toBe(1n)
  })
})
