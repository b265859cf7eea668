import { describe, expect, it } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { checksumAddress } from '../../../core/primitives/checksumAddress.ts'
import {
  BLOB_BASE_FEE,
  type CallRequest,
  contractAddress,
  createSimulator,
  type SimulationContext,
  type Simulator,
} from '../../../evm/index.ts'
import {
  account,
  authorization,
  CHAIN_ID,
  COIN,
  createWorld,
  funded,
  GWEI,
  keyNumber,
  signTransaction,
  type World,
  word,
} from '../../support/evmWorld.ts'

const [alice, bob, poor] = [keyNumber(1), keyNumber(2), keyNumber(3)]
const at = (digits: string): Uint8Array => fromHex(digits.padStart(40, '0'))

/** Returns the word in slot 1. */
const READS = at('c0de01')
/** Reverts with deadbeef. */
const REVERTS = at('c0de02')
/** Loops for ever. */
const LOOPS = at('c0de03')
/** Returns BASEFEE, GASPRICE, NUMBER and CALLER. */
const TELLS = at('c0de04')
/** Calls READS with all gas but a 64th, and stores its answer in slot 5. */
const CALLS = at('c0de05')
/** Fails unless 100,000 gas are left. */
const HUNGRY = at('c0de06')
/** An undefined opcode. */
const BROKEN = at('c0de07')

const contracts = [
  account(READS, {
    nonce: 1,
    code: fromHex('60015460005260206000f3'),
    storage: [{ slot: word(1), value: word(7) }],
  }),
  account(REVERTS, { nonce: 1, code: fromHex('63deadbeef6000526004601cfd') }),
  account(LOOPS, { nonce: 1, code: fromHex('5b600056') }),
  account(TELLS, {
    nonce: 1,
    code: fromHex('486000523a602052436040523360605260806000f3'),
  }),
  account(CALLS, {
    nonce: 1,
    code: fromHex(`602060006000600073${toHex(READS)}5afa50600051600555`),
  }),
  // GAS > 100000 ? STOP : INVALID
  account(HUNGRY, { nonce: 1, code: fromHex('620186a05a11600a57fe5b00') }),
  account(BROKEN, { nonce: 1, code: fromHex('0c') }),
]

const never = (): boolean => false
const LIMITS = { gasCap: 50_000_000, shouldStop: never }

async function start(): Promise<{
  readonly world: World
  readonly simulator: Simulator
  readonly context: SimulationContext
}> {
  const world = await createWorld([...funded([alice, bob]), ...contracts])
  const simulator = await createSimulator({ chainId: CHAIN_ID, hardfork: 'prague' })
  const { number, gasLimit, baseFeePerGas } = world.input([])
  const block = {
    number,
    timestamp: 1_700_000_000,
    coinbase: at('a11ce'),
    prevRandao: word(1),
    gasLimit,
    baseFeePerGas,
    blobBaseFee: BLOB_BASE_FEE,
  }
  const context = { store: world.store, block, ancestorHash: () => null }
  return { world, simulator, context }
}

const words = (bytes: Uint8Array): bigint[] =>
  Array.from({ length: bytes.length / 32 }, (_, i) =>
    BigInt(`0x${toHex(bytes.subarray(32 * i, 32 * i + 32))}`),
  )

describe('a call', () => {
  it('returns what the contract returns, and changes nothing', async () => {
    const { simulator, context, world } = await start()
    const before = JSON.stringify((world.store as unknown as { entries(): unknown }).entries())
    const result = await simulator.call(context, { to: READS }, LIMITS)
    expect(result).toMatchObject({ status: 'success', error: null })
    expect(words(result.returnData)).toEqual([7n])
    await simulator.call(context, { to: CALLS, from: alice.address, value: COIN }, LIMITS)
    expect(JSON.stringify((world.store as unknown as { entries(): unknown }).entries())).toBe(
      before,
    )
  })

  it('gives the revert data', async () => {
    const { simulator, context } = await start()
    const result = await simulator.call(context, { to: REVERTS }, LIMITS)
    expect(result).toMatchObject({ status: 'revert', error: 'execution reverted' })
    expect(toHex(result.returnData)).toBe('deadbeef')
  })

  it.each([
    [{ to: LOOPS, gas: 100_000 }, 'out of gas'],
    [{ to: BROKEN }, 'invalid opcode: opcode 0xc not defined'],
    [
      { to: READS, gas: 20_999 },
      'err: intrinsic gas too low: have 20999, want 21000 (supplied gas 20999)',
    ],
    [
      { to: READS, from: poor.address, value: 1n },
      `err: insufficient funds for gas * price + value: address ${checksumAddress(poor.address)} have 0 want 1 (supplied gas ${LIMITS.gasCap})`,
    ],
    [
      { to: READS, from: alice.address, maxFeePerGas: 1n, gas: 30_000 },
      `err: max fee per gas less than block base fee: address ${checksumAddress(alice.address)}, maxFeePerGas: 1, baseFee: ${GWEI} (supplied gas 30000)`,
    ],
  ] satisfies [CallRequest, string][])('fails in the words of geth: %o', async (request, error) => {
    const { simulator, context } = await start()
    expect(await simulator.call(context, request, LIMITS)).toMatchObject({ status: 'error', error })
  })

  it('stops when it is told to, and the next one runs', async () => {
    const { simulator, context } = await start()
    let asked = 0
    const stopped = await simulator.call(
      context,
      { to: LOOPS },
      {
        gasCap: 2 ** 32,
        shouldStop: () => ++asked > 3,
      },
    )
    expect(stopped).toMatchObject({ status: 'error', error: 'execution aborted (timeout)' })
    expect(words((await simulator.call(context, { to: READS }, LIMITS)).returnData)).toEqual([7n])
  })

  it('sees no base fee when it pays none, and its block and caller', async () => {
    const { simulator, context } = await start()
    const free = await simulator.call(context, { to: TELLS, from: bob.address }, LIMITS)
    expect(words(free.returnData)).toEqual([0n, 0n, 1n, BigInt(`0x${toHex(bob.address)}`)])
    const request = { to: TELLS, from: alice.address, gas: 100_000, maxFeePerGas: 5n * GWEI }
    const paying = await simulator.call(context, { ...request, maxPriorityFeePerGas: 3n }, LIMITS)
    expect(words(paying.returnData).slice(0, 2)).toEqual([GWEI, GWEI + 3n])
  })

  it('runs at the same time as others without mixing them up', async () => {
    const { simulator, context } = await start()
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        simulator
          .call(
            {
              ...context,
              stateOverrides: [{ address: READS, stateDiff: [{ slot: word(1), value: word(i) }] }],
            },
            { to: CALLS },
            LIMITS,
          )
          .then(() =>
            simulator.call({ ...context, blockOverrides: { number: i } }, { to: TELLS }, LIMITS),
          ),
      ),
    )
    expect(results.map(({ returnData }) => words(returnData)[2])).toEqual(
      Array.from({ length: 20 }, (_, i) => BigInt(i)),
    )
  })
})

describe('overrides', () => {
  it('replace balance, code, nonce, storage and block', async () => {
    const { simulator, context } = await start()
    const stateOverrides = [
      { address: poor.address, balance: COIN, nonce: 9 },
      { address: READS, stateDiff: [{ slot: word(2), value: word(3) }] },
    ]
    const base = { ...context, stateOverrides }
    const kept = await simulator.call(base, { to: READS, from: poor.address, value: COIN }, LIMITS)
    expect(words(kept.returnData)).toEqual([7n])
    const replaced = [{ address: READS, state: [{ slot: word(2), value: word(3) }] }]
    const wiped = await simulator.call(
      { ...context, stateOverrides: replaced },
      { to: READS },
      LIMITS,
    )
    expect(words(wiped.returnData)).toEqual([0n])
    const code = fromHex('4260005260206000f3')
    const timed = await simulator.call(
      {
        ...context,
        stateOverrides: [{ address: bob.address, code }],
        blockOverrides: { timestamp: 5 },
      },
      { to: bob.address },
      LIMITS,
    )
    expect(words(timed.returnData)).toEqual([5n])
  })
})

describe('a gas estimate', () => {
  const estimate = async (request: CallRequest, gasCap = 50_000_000) => {
    const { simulator, context } = await start()
    return simulator.estimateGas(context, request, { ...LIMITS, gasCap })
  }

  it('of a transfer is 21000', async () => {
    const request = { to: bob.address, from: alice.address, value: 1n }
    expect(await estimate(request)).toEqual({ ok: true, gas: 21_000 })
  })

  it.each([
    ['a call that calls', { to: CALLS, from: alice.address }],
    ['a call that wants more gas than it uses', { to: HUNGRY, from: alice.address }],
    ['calldata under the floor', { to: READS, data: new Uint8Array(900).fill(1) }],
    [
      'a creation',
      { data: concatBytes(fromHex('600b600c600039600b6000f3'), fromHex('60015460005260206000f3')) },
    ],
  ] satisfies [string, CallRequest][])(
    'of %s is enough, and 2 %% less is not',
    async (_, request) => {
      const { simulator, context } = await start()
      const result = await simulator.estimateGas(context, request, LIMITS)
      if (!result.ok) throw new Error(result.failure.error ?? '')
      const run = (gas: number) => simulator.call(context, { ...request, gas }, LIMITS)
      expect((await run(result.gas)).status).toBe('success')
      expect((await run(Math.floor(result.gas * 0.98))).status).toBe('error')
    },
  )

  it('is a gas limit with which the transaction goes through', async () => {
    const { world, simulator, context } = await start()
    const request = { to: CALLS, from: alice.address }
    const result = await simulator.estimateGas(context, request, LIMITS)
    if (!result.ok) throw new Error(result.failure.error ?? '')
    const bytes = signTransaction({ nonce: 0, to: CALLS, gasLimit: result.gas }, alice)
    const { executed } = await world.block([bytes])
    expect(executed.transactions[0]?.receipt.status).toBe(1)
    expect(world.slot(CALLS, 5)).toBe(7n)
  })

  it('never names more gas than Osaka lets a transaction have', async () => {
    const { context } = await start()
    const osaka = await createSimulator({ chainId: CHAIN_ID, hardfork: 'osaka' })
    expect(await osaka.estimateGas(context, { to: LOOPS }, LIMITS)).toMatchObject({
      failure: { error: 'gas required exceeds allowance (16777216)' },
    })
  })

  it('says why there is none', async () => {
    expect(await estimate({ to: REVERTS })).toMatchObject({
      ok: false,
      failure: { status: 'revert', returnData: fromHex('deadbeef') },
    })
    expect(await estimate({ to: LOOPS }, 100_000)).toMatchObject({
      failure: { error: 'gas required exceeds allowance (100000)' },
    })
    const unaffordable = { to: READS, from: alice.address, gasPrice: 10n ** 17n }
    expect(await estimate(unaffordable)).toMatchObject({
      failure: { error: 'gas required exceeds allowance (10000)' },
    })
  })
})

describe('an access list', () => {
  it('names what the call touches, and the call with it costs what it says', async () => {
    const { simulator, context } = await start()
    const request = { to: CALLS, from: alice.address }
    const result = await simulator.createAccessList(context, request, LIMITS)
    expect(result.error).toBeNull()
    expect(result.accessList).toEqual([
      { address: READS, storageKeys: [word(1)] },
      { address: CALLS, storageKeys: [word(5)] },
    ])
    const call = await simulator.call(
      context,
      { ...request, accessList: result.accessList },
      LIMITS,
    )
    expect(call.gasUsed).toBe(result.gasUsed)
  })

  it('reports a failing call', async () => {
    const { simulator, context } = await start()
    const result = await simulator.createAccessList(context, { to: REVERTS }, LIMITS)
    expect(result).toMatchObject({ accessList: [], error: 'execution reverted' })
  })
})

describe('a creation and a delegation in a call', () => {
  it('use the nonce and the code they would have', async () => {
    const { simulator, context } = await start()
    // Initcode that returns its own ADDRESS as code.
    const result = await simulator.call(
      context,
      { from: alice.address, data: fromHex('3060005260206000f3') },
      LIMITS,
    )
    expect(toHex(result.returnData.subarray(12))).toBe(toHex(contractAddress(alice.address, 0)))
    const [chainId, address, nonce, parity, r, s] = authorization(bob, READS, 0) as Uint8Array[]
    if (!address || !r || !s) throw new Error('a tuple')
    const numberOf = (bytes: Uint8Array | undefined): bigint =>
      bytes === undefined || bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`)
    const delegated = await simulator.call(
      {
        ...context,
        stateOverrides: [{ address: bob.address, stateDiff: [{ slot: word(1), value: word(8) }] }],
      },
      {
        to: bob.address,
        authorizations: [
          {
            chainId: numberOf(chainId),
            address,
            nonce: numberOf(nonce),
            parity: numberOf(parity),
            r,
            s,
          },
        ],
      },
      LIMITS,
    )
    expect(words(delegated.returnData)).toEqual([8n])
  })
})
