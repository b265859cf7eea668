import type { EVMResult } from '@ethereumjs/evm'
import { Address } from '@ethereumjs/util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { EMPTY_ACCOUNT } from '../../../evm/account.ts'
import { BLOB_BASE_FEE, ethereumBlockOf } from '../../../evm/blockEnvironment.ts'
import { createEngine, type Engine, enter } from '../../../evm/engine.ts'
import { createCommon } from '../../../evm/interpreter/common.ts'
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
const CALLER = at('ca11e4')
const CACHES = { cachedAccounts: 100, cachedSlots: 100, cachedCodes: 100 }
const newState = (): FlatState => new FlatState(new CommittedState(createMemoryStore(), CACHES))

/** The same EVM class without our interpreter: every opcode is the library's. */
function libraryEngine(): Pick<Engine, 'evm' | 'manager'> {
  const manager = new NexusStateManager(newState())
  const common = createCommon(CHAIN_ID, 'prague')
  const evm = new NexusEvm({
    common,
    stateManager: manager,
    guard: { shouldStop: null },
    ancestorHash: () => null,
  })
  return { evm, manager }
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
  flat.setCode(
    OTHER,
    fromHex('34600155600035600052600051602060 00a160206000f3'.replaceAll(' ', '')),
  )
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

/** Small numbers make offsets and slots meet; the edges of the word make arithmetic wrap. */
const value = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt(0n, 70n) },
  { weight: 1, arbitrary: fc.bigInt(0n, 2n ** 256n - 1n) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(2n ** 255n, 2n ** 256n - 1n, 2n ** 64n, 2n ** 32n, 0xc0de02n, 300n),
  },
)
const byte = fc.integer({ min: 0, max: 255 })
const step = fc.oneof(
  { weight: 6, arbitrary: value.map(push) },
  { weight: 5, arbitrary: byte.map((opcode) => Uint8Array.of(opcode)) },
  // Storage and memory with operands at hand.
  {
    weight: 3,
    arbitrary: fc
      .tuple(value, value, fc.constantFrom(0x52, 0x53, 0x55, 0x5d, 0x20, 0xa0, 0x54, 0x5c, 0x51))
      .map(([a, b, opcode]) => concatBytes(push(a), push(b % 200n), Uint8Array.of(opcode))),
  },
  // A call with everything on the stack: CALL, STATICCALL or DELEGATECALL to the other contract.
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(0xf1, 0xfa, 0xf4), value)
      .map(([opcode, input]) =>
        concatBytes(
          push(input),
          fromHex('5f52602060005f6020'),
          fromHex(opcode === 0xf1 ? '5f5f' : '5f'),
          push(0xc0de02n),
          push(50_000n),
          Uint8Array.of(opcode),
        ),
      ),
  },
)
const program = fc.array(step, { maxLength: 60 }).map((steps) => concatBytes(...steps))

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
      { numRuns: 1_500 },
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

  it('nothing answers yet at the addresses kept for engines', async () => {
    const alice = keyNumber(1)
    const world = await createWorld(funded([alice]))
    const bytes = signTransaction({ nonce: 0, to: at('800'), value: 1n, gasLimit: 30_000 }, alice)
    const { executed } = await world.block([bytes])
    expect(executed.transactions[0]?.receipt).toMatchObject({ status: 1, gasUsed: 21_000 })
    expect(world.balance(at('800'))).toBe(1n)
  })
})
