import type { EVMResult } from '@ethereumjs/evm'
import { Address } from '@ethereumjs/util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { EMPTY_ACCOUNT } from '../../../evm/account.ts'
import { BLOB_BASE_FEE, ethereumBlockOf } from '../../../evm/blockEnvironment.ts'
import { createEngine, type Engine, enter } from '../../../evm/engine.ts'
import { createCommon } from '../../../evm/interpreter/common.ts'
import { CoreGate } from '../../../evm/interpreter/coreGate.ts'
import { NexusEvm } from '../../../evm/interpreter/nexusEvm.ts'
import { CommittedState } from '../../../evm/state/committedState.ts'
import { FlatState } from '../../../evm/state/flatState.ts'
import { NexusStateManager } from '../../../evm/state/stateManager.ts'
import { createMemoryStore } from '../../../evm/store.ts'
import {
  CHAIN_ID,
  createWorld,
  funded,
  keyNumber,
  signTransaction,
  word,
} from '../../support/evmWorld.ts'

const at = (digits: string): Uint8Array => fromHex(digits.padStart(40, '0'))
const CODE = at('c0de01')
const OTHER = at('c0de02')
const REVERTER = at('c0de03')
const CALLER = at('ca11e4')
const CACHES = { cachedAccounts: 100, cachedSlots: 100, cachedCodes: 100 }
const newState = (): FlatState => new FlatState(new CommittedState(createMemoryStore(), CACHES))

/** The same EVM class without our interpreter: every opcode is the library's. */
function libraryEngine(): Pick<Engine, 'evm' | 'manager' | 'core'> {
  const core = new CoreGate()
  const manager = new NexusStateManager(newState())
  const common = createCommon(CHAIN_ID, 'prague')
  const evm = new NexusEvm({
    common,
    stateManager: manager,
    guard: { shouldStop: null },
    core,
    ancestorHash: () => null,
  })
  return { evm, manager, core }
}

const block = ethereumBlockOf({
  number: 1_000,
  timestamp: 1_700_000_000,
  coinbase: at('c01b'),
  prevRandao: word(99),
  gasLimit: 30_000_000,
  baseFeePerGas: 7n,
  blobBaseFee: BLOB_BASE_FEE,
})

type Subject = Pick<Engine, 'evm' | 'manager'>

async function run(subject: Subject, code: Uint8Array, data: Uint8Array, gas: number) {
  const { evm, manager } = subject
  enter(subject as Engine, newState())
  const { flat } = manager
  flat.setAccount(CALLER, { ...EMPTY_ACCOUNT, balance: 1_000_000n, nonce: 1 })
  flat.setCode(CODE, code)
  // Stores its call value, logs its calldata's first word, and returns it.
  flat.setCode(OTHER, fromHex('346001555f355f525f5160205fa160205ff3'))
  // Reads the slot its calldata names, writes it, and reverts with 32 bytes.
  flat.setCode(REVERTER, fromHex('5f3554600a5f355560205ffd'))
  flat.setSlot(CODE, word(1), Uint8Array.of(5))
  flat.startTransaction()
  const result = await evm.runCall({
    block,
    gasPrice: 9n,
    caller: new Address(CALLER),
    to: new Address(CODE),
    gasLimit: BigInt(gas),
    value: 17n,
    data,
    skipNonceIncrement: true,
  })
  return { ...summaryOf(result), storage: storageOf(flat) }
}

const summaryOf = ({ execResult }: EVMResult) => ({
  gas: execResult.executionGasUsed,
  refund: execResult.gasRefund ?? 0n,
  outcome:
    execResult.exceptionError === undefined
      ? 'success'
      : execResult.exceptionError.error === 'revert'
        ? 'revert'
        : 'halt',
  output: toHex(execResult.returnValue),
  logs: (execResult.logs ?? []).map(([address, topics, data]) =>
    [address, ...topics, data].map(toHex),
  ),
})

const storageOf = (flat: FlatState): unknown =>
  [...flat.storage]
    .flatMap(([key, slots]) =>
      [...slots].map(([slot, value]) => [key + slot, toHex(value)] as const),
    )
    .sort(([a], [b]) => (a < b ? -1 : 1))

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

describe('the interpreter', () => {
  it('does what the library does for any program', async () => {
    const committed = new CommittedState(createMemoryStore(), CACHES)
    const ours = await createEngine({ chainId: CHAIN_ID, hardfork: 'prague', committed })
    const library = libraryEngine()
    await fc.assert(
      fc.asyncProperty(
        program,
        fc.uint8Array({ maxLength: 80 }),
        fc.integer({ min: 0, max: 400_000 }),
        async (code, data, gas) => {
          const expected = await run(library, code, data, gas)
          expect(await run(ours, code, data, gas)).toEqual(expected)
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
