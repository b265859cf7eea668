// The node side of RPC on a real database: blocks of real transactions, state now and then, calls, the pool's door.
import { parseTransaction, recoverTransactionAddress } from 'viem'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import type { Result } from '../../../core/primitives/result.ts'
import { contractAddress, createSimulator } from '../../../evm/index.ts'
import { coreRegistry } from '../../../node/engines/registry.ts'
import type { PooledTransaction } from '../../../node/mempool/transaction.ts'
import { ChainBackend, defaultChainBackendOptions } from '../../../node/rpc/chainBackend.ts'
import type { GatewayApi, SubmissionCode } from '../../../node/rpc/gateway.ts'
import { transactionViewOf } from '../../../node/rpc/transactionView.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import { SenderRecovery } from '../../../node/transactions/senderRecovery.ts'
import { UNLIMITED } from '../../../rpc/clientBudgets.ts'
import { Dispatcher } from '../../../rpc/dispatcher.ts'
import { Filters } from '../../../rpc/filters.ts'
import { data } from '../../../rpc/format/hex.ts'
import { methodsOf } from '../../../rpc/methods/table.ts'
import { defaultRpcOptions } from '../../../rpc/options.ts'
import { ReceiptWaiters } from '../../../rpc/receiptWaiters.ts'
import {
  authorization,
  COIN,
  GWEI,
  keyNumber,
  signTransaction,
  type UnsignedTransaction,
} from '../../support/evmWorld.ts'
import { faultsOf, openRpc, type Schema } from '../../support/openRpc.ts'
import { RealChain } from '../../support/realChain.ts'
import { replicaOf } from '../../support/replica.ts'
import { feesOf } from '../../support/rpcChain.ts'
import type { Answer } from '../../support/rpcHarness.ts'

const user = keyNumber(0)
const other = keyNumber(1)
const poor = keyNumber(2)
const hexOf = (value: bigint | number): string => `0x${value.toString(16)}`
const userHex = data(user.address)

/**
 * Runtime code. Without calldata: stores block.number at slot 0, logs slot 0 with topic 1, returns
 * slot 0 as it was. With calldata: reverts with Error("no").
 */
const RUNTIME = fromHex(
  [
    '36601e57', // calldatasize; if any, jump to 0x1e
    '600054', // old value on the stack
    '43600055', // slot 0 = block.number
    '43600052', // memory 0 = block.number
    '600160206000a1', // log1(0, 32, topic 1)
    '60005260206000f3', // return the old value
    '5b',
    // Error(string) "no": selector, offset, length, text; as three words from offset 0x1c.
    '6308c379a0600052',
    '6020602052',
    '6002604052',
    '7f6e6f000000000000000000000000000000000000000000000000000000000000606052',
    '6064601cfd',
  ].join(''),
)
/** Copies what follows it and returns it. */
const initcodeOf = (code: Uint8Array): Uint8Array =>
  fromHex(`61${code.length.toString(16).padStart(4, '0')}80600a5f395ff3${toHex(code)}`)

const nobody = { budget: UNLIMITED, subscriber: null }
let chain: RealChain
let reader: ChainReader
let backend: ChainBackend
let dispatcher: Dispatcher
let pooled: PooledTransaction[]
let verdict: Result<null, SubmissionCode>
const faults: unknown[] = []

beforeEach(async () => {
  chain = await RealChain.create([user, other], { historyBlocks: 4 })
  reader = await ChainReader.open(chain.directory, {
    ...defaultChainReaderOptions,
    ...chain.identity,
  })
  pooled = []
  verdict = { ok: true, value: null }
  const gateway: Partial<GatewayApi> = {
    submit: (transactions) => {
      pooled.push(...transactions)
      return transactions.map(() => verdict)
    },
    pendingNonce: () => null,
    pendingTransaction: (hash) => pooled.find((one) => toHex(one.hash) === toHex(hash)) ?? null,
  }
  const call = async (method: keyof GatewayApi, argument: unknown): Promise<unknown> =>
    structuredClone(gateway[method]?.(structuredClone(argument) as never))
  backend = new ChainBackend(
    {
      ...defaultChainBackendOptions,
      // Gas for a minute of looping: only the deadline can end that.
      callGas: 4_000_000_000,
      identity: { ...chain.identity, clientVersion: 'test' },
      rules: { chainId: 3940, blockGasLimit: chain.genesis.consensus.maxBlockGas },
      fees: feesOf(chain.genesis),
      core: { chainId: 3940, blockGas: 20_000_000, gasRatio: 5 },
    },
    {
      reader,
      simulator: await createSimulator({ chainId: 3940, hardfork: 'prague' }),
      node: { call: call as never },
      replica: await replicaOf(chain),
      recovery: new SenderRecovery({
        rules: { chainId: 3940, blockGasLimit: chain.genesis.consensus.maxBlockGas },
        engines: coreRegistry.engines,
        threads: 0,
        eager: false,
      }),
    },
  )
  const options = defaultRpcOptions
  const filters = new Filters(backend, options.limits)
  const receipts = new ReceiptWaiters(backend)
  dispatcher = new Dispatcher({
    methods: methodsOf({ options, backend, filters, receipts }),
    limits: options.limits,
    onCall: () => undefined,
    onRefused: () => undefined,
    onFault: (fault) => faults.push(fault),
  })
})
afterEach(async () => {
  backend.close()
  await reader.close()
  await chain.close()
  expect(faults.splice(0)).toEqual([])
})

async function ask(method: string, ...params: unknown[]): Promise<Answer> {
  const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  return JSON.parse((await dispatcher.answer(text, nobody)) ?? 'null') as Answer
}
async function result<T = Record<string, unknown>>(
  method: string,
  ...params: unknown[]
): Promise<T> {
  const { result: value, error } = await ask(method, ...params)
  if (error !== undefined) throw new Error(`${method}: ${error.message}`)
  const schema = openRpc.results[method]
  if (schema !== undefined) expect(faultsOf(value, schema as Schema)).toEqual([])
  return value as T
}
/** Commits a block and lets RPC know. */
async function mine(...transactions: Uint8Array[]): Promise<void> {
  const { skipped } = await chain.block(transactions)
  expect(skipped).toEqual([])
  backend.committed()
}
const transfer = (part: Partial<UnsignedTransaction> & { nonce: number }): Uint8Array =>
  signTransaction({ to: other.address, value: 1n, ...part }, user)
const deploy = (nonce: number): Uint8Array =>
  signTransaction({ nonce, to: null, gasLimit: 300_000, data: initcodeOf(RUNTIME) }, user)

describe('blocks', () => {
  it('are seen once they are told of, each in order', async () => {
    const heads: number[] = []
    backend.subscribe((event) => {
      if (event.kind === 'head') heads.push(event.outline.header.number)
    })
    await chain.block([])
    expect(await result('eth_blockNumber')).toBe('0x0')
    await chain.block([])
    await chain.block([])
    backend.committed()
    expect(await result('eth_blockNumber')).toBe('0x3')
    backend.committed()
    expect(heads).toEqual([1, 2, 3])
  })

  it('have a genesis', async () => {
    const genesis = await result('eth_getBlockByNumber', 'earliest', true)
    expect(genesis).toMatchObject({ number: '0x0', transactions: [] })
    expect(await result('eth_getBlockByHash', genesis.hash, true)).toEqual(genesis)
    expect(await result('eth_getBalance', userHex, 'earliest')).toBe(hexOf(1_000n * COIN))
  })

  it('show every type of transaction as it was signed', async () => {
    const listed = [[other.address, [new Uint8Array(32).fill(7)]]]
    const signed = [
      transfer({ nonce: 0, type: 0 }),
      transfer({ nonce: 1, type: 1, gasLimit: 30_000, accessList: listed }),
      transfer({ nonce: 2, type: 2, data: Uint8Array.of(0, 1), gasLimit: 22_000 }),
      transfer({
        nonce: 3,
        type: 4,
        gasLimit: 80_000,
        authorizations: [authorization(other, poor.address, 0)],
      }),
    ]
    await mine(...signed)
    const block = await result<{ transactions: Record<string, string>[] }>(
      'eth_getBlockByNumber',
      '0x1',
      true,
    )
    for (const [index, raw] of signed.entries()) {
      const shown = block.transactions[index]
      const expected = parseTransaction(data(raw) as `0x${string}`)
      expect(shown, `type ${index}`).toMatchObject({
        hash: data(keccak256(raw)),
        from: userHex,
        nonce: hexOf(expected.nonce ?? 0),
        gas: hexOf(expected.gas ?? 0n),
        to: expected.to,
        value: hexOf(expected.value ?? 0n),
        input: expected.data ?? '0x',
        chainId: '0xf64',
        r: hexOf(BigInt(expected.r ?? 0)),
        s: hexOf(BigInt(expected.s ?? 0)),
      })
      expect(shown?.v).toBe(
        hexOf(expected.type === 'legacy' ? (expected.v ?? 0n) : (expected.yParity ?? 0)),
      )
      expect(
        await recoverTransactionAddress({ serializedTransaction: data(raw) as never }),
      ).toSatisfy((address: string) => address.toLowerCase() === userHex)
      expect(await result('eth_getTransactionByHash', shown?.hash)).toEqual(shown)
      expect(await result('eth_getRawTransactionByHash', shown?.hash)).toBe(data(raw))
      expect(await result('eth_getTransactionReceipt', shown?.hash)).toMatchObject({
        status: '0x1',
        blockNumber: '0x1',
        transactionIndex: hexOf(index),
        type: shown?.type,
        from: userHex,
      })
    }
    expect(block.transactions[3]).toMatchObject({
      authorizationList: [{ chainId: '0xf64', address: data(poor.address), nonce: '0x0' }],
    })
    expect(await result('eth_getCode', data(other.address))).toBe(`0xef0100${toHex(poor.address)}`)
  })

  it('show the chain of a legacy transaction whatever its parity', () => {
    const views = Array.from({ length: 16 }, (_, nonce) => {
      const bytes = transfer({ nonce, type: 0 })
      return transactionViewOf({ hash: keccak256(bytes), sender: user.address, bytes })
    })
    expect(new Set(views.map(({ v }) => v))).toEqual(new Set([7915n, 7916n]))
    expect(new Set(views.map(({ chainId }) => chainId))).toEqual(new Set([3940n]))
  })

  it('carry the certificate that made them final', async () => {
    await mine()
    expect(await result('nexus_commitCertificate', '0x1')).toMatchObject({
      height: '0x1',
      blockId: `0x${chain.head.summary.blockId}`,
      signatures: [{ index: 0 }],
    })
    expect(await result('nexus_validators')).toMatchObject({ totalPower: 1 })
  })
})

describe('state', () => {
  it('is that of the block asked for, as far back as it is kept', async () => {
    for (let nonce = 0; nonce < 6; nonce++) await mine(transfer({ nonce, value: COIN }))
    const balance = (block: string) => result('eth_getBalance', data(other.address), block)
    expect(await balance('latest')).toBe(hexOf(1_006n * COIN))
    expect(await balance('0x4')).toBe(hexOf(1_004n * COIN))
    expect(await result('eth_getTransactionCount', userHex, '0x4')).toBe('0x4')
    expect((await ask('eth_getBalance', userHex, '0x1')).error).toMatchObject({
      code: -32000,
      data: { code: 'STATE_NOT_AVAILABLE', height: 1, oldest: 2 },
    })
  })

  it('of contracts has code and storage', async () => {
    await mine(deploy(0))
    const contract = contractAddress(user.address, 0)
    expect(await result('eth_getCode', data(contract))).toBe(data(RUNTIME))
    const receipt = await result('eth_getTransactionReceipt', data(keccak256(deploy(0))))
    expect(receipt.contractAddress).toBe(data(contract))
    await mine(signTransaction({ nonce: 1, to: contract, gasLimit: 100_000 }, user))
    const slot = (block: string) => result('eth_getStorageAt', data(contract), '0x0', block)
    expect(await slot('latest')).toBe(`0x${'2'.padStart(64, '0')}`)
    expect(await slot('0x1')).toBe(`0x${'0'.repeat(64)}`)
    const logs = await result<unknown[]>('eth_getLogs', {
      fromBlock: '0x0',
      address: data(contract),
    })
    expect(logs).toMatchObject([
      { blockNumber: '0x2', topics: [`0x${'1'.padStart(64, '0')}`], logIndex: '0x0' },
    ])
  })
})

describe('calls', () => {
  beforeEach(async () => {
    await mine(deploy(0))
    await mine(
      signTransaction({ nonce: 1, to: contractAddress(user.address, 0), gasLimit: 100_000 }, user),
    )
  })
  const contract = data(contractAddress(user.address, 0))
  const word = (value: number) => `0x${value.toString(16).padStart(64, '0')}`

  it('see the state of the block asked for, and change nothing', async () => {
    expect(await result('eth_call', { to: contract })).toBe(word(2))
    expect(await result('eth_call', { to: contract })).toBe(word(2))
    expect(await result('eth_call', { to: contract }, '0x1')).toBe(word(0))
  })

  it('see what the caller puts in place of the chain', async () => {
    const stateDiff = { [word(0)]: word(0x99) }
    const overrides = { [contract]: { stateDiff } }
    expect(await result('eth_call', { to: contract }, 'latest', overrides)).toBe(word(0x99))
    const returnsNumber = { [contract]: { code: '0x435f5260205ff3' } }
    expect(
      await result('eth_call', { to: contract }, 'latest', returnsNumber, { number: '0x1234' }),
    ).toBe(word(0x1234))
  })

  it('tell why they were reverted', async () => {
    const { error } = await ask('eth_call', { to: contract, data: '0x01' })
    expect(error).toMatchObject({ code: 3, message: 'execution reverted: no' })
    expect(error?.data).toMatch(/^0x08c379a0/)
    expect((await ask('eth_estimateGas', { to: contract, data: '0x01' })).error?.code).toBe(3)
  })

  it('tell what the EVM stopped at, and what the caller cannot pay', async () => {
    const invalid = { [contract]: { code: '0xfe' } }
    expect((await ask('eth_call', { to: contract }, 'latest', invalid)).error).toMatchObject({
      code: -32000,
      message: 'invalid opcode: INVALID',
    })
    const broke = { from: data(poor.address), to: contract, value: '0x1' }
    expect((await ask('eth_call', broke)).error).toMatchObject({
      code: -32000,
      message: expect.stringMatching(/insufficient funds/),
    })
  })

  it('end at their deadline', async () => {
    const forever = { [contract]: { code: '0x5b5f56' } }
    dispatcher = new Dispatcher({
      methods: methodsOf({
        options: defaultRpcOptions,
        backend,
        filters: new Filters(backend, defaultRpcOptions.limits),
        receipts: new ReceiptWaiters(backend),
      }),
      limits: { ...defaultRpcOptions.limits, requestMs: 50 },
      onCall: () => undefined,
      onRefused: () => undefined,
      onFault: (fault) => faults.push(fault),
    })
    const startMs = performance.now()
    const request = { to: contract, gas: '0xffffffffff' }
    const { error } = await ask('eth_call', request, 'latest', forever)
    expect(error?.message).toMatch(/aborted|timed out/)
    expect(performance.now() - startMs).toBeLessThan(1_000)
  })

  it('estimate gas that is enough', async () => {
    expect(await result('eth_estimateGas', { from: userHex, to: data(other.address) })).toBe(
      '0x5208',
    )
    const inNextBlock = ['latest', {}, { number: '0x3' }]
    const estimate = Number(
      await result('eth_estimateGas', { from: userHex, to: contract }, ...inNextBlock),
    )
    await mine(signTransaction({ nonce: 2, to: fromHex(contract), gasLimit: estimate }, user))
    expect(await result('eth_getBlockReceipts', 'latest')).toMatchObject([{ status: '0x1' }])
  })

  it('list what they touch', async () => {
    expect(await result('eth_createAccessList', { from: userHex, to: contract })).toMatchObject({
      accessList: [{ address: contract, storageKeys: [word(0)] }],
    })
  })
})

describe('the door of the pool', () => {
  const send = (raw: Uint8Array) => ask('eth_sendRawTransaction', data(raw))

  it('hands over what it needs, decoded', async () => {
    const raw = transfer({ nonce: 0, value: 5n })
    const hash = data(keccak256(raw))
    expect((await send(raw)).result).toBe(hash)
    expect(pooled).toMatchObject([
      { sender: user.address, nonce: 0, gasLimit: 21_000, value: 5n, bytes: raw },
    ])
    expect((await ask('eth_getTransactionByHash', hash)).result).toMatchObject({
      hash,
      blockHash: null,
      from: userHex,
    })
  })

  it('sends the transactions of a batch in order as one message', async () => {
    const requests = [0, 1, 2].map((nonce) => ({
      jsonrpc: '2.0',
      id: nonce,
      method: 'eth_sendRawTransaction',
      params: [data(transfer({ nonce }))],
    }))
    const answers = JSON.parse(
      (await dispatcher.answer(JSON.stringify(requests), nobody)) ?? '',
    ) as Answer[]
    expect(answers.map(({ error }) => error)).toEqual([undefined, undefined, undefined])
    expect(pooled.map(({ nonce }) => nonce)).toEqual([0, 1, 2])
  })

  it.each([
    ['rubbish', () => Uint8Array.of(1, 2, 3), /^rlp/],
    ['an unknown type', () => Uint8Array.of(0x7f), /type not supported/],
    ['a blob', () => Uint8Array.of(3, 0xc0), /blobs/],
    ['another chain', () => transfer({ nonce: 0, chainId: 1 }), /invalid chain id/],
    ['too little gas', () => transfer({ nonce: 0, gasLimit: 20_999 }), /intrinsic gas too low/],
    [
      'a tip above its fee',
      () => transfer({ nonce: 0, maxPriorityFeePerGas: 200n * GWEI }),
      /higher than max fee/,
    ],
    ['a used nonce', () => transfer({ nonce: 0 }), /^nonce too low: next nonce 1, tx nonce 0$/],
    [
      'a fee below the base fee',
      () => transfer({ nonce: 1, maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }),
      /^max fee per gas less than block base fee: address 0x/,
    ],
    [
      'more than there is',
      () => transfer({ nonce: 1, value: 2_000n * COIN }),
      /^insufficient funds for gas \* price \+ value: balance \d+, tx cost \d+, overshot \d+$/,
    ],
    [
      'no funds at all',
      () => signTransaction({ nonce: 0, to: other.address }, poor),
      /insufficient funds/,
    ],
  ])('refuses %s', async (_, make, message) => {
    await mine(transfer({ nonce: 0 }))
    const { error } = await send(make())
    expect(error?.code).toBe(-32000)
    expect(error?.message).toMatch(message)
    expect(pooled).toEqual([])
  })

  it.each([
    ['ALREADY_KNOWN', /^already known$/],
    ['REPLACEMENT_UNDERPRICED', /^replacement transaction underpriced$/],
    ['UNDERPRICED', /^transaction underpriced$/],
    ['NONCE_GAP_TOO_LARGE', /^nonce too high: next nonce 0, tx nonce 0$/],
    ['INSUFFICIENT_FUNDS', /^insufficient funds/],
    ['POOL_FULL', /^txpool is full$/],
    ['SENDER_LIMIT', /limit/],
    ['CATCHING_UP', /catching up/],
  ] as const)('says what the pool said: %s', async (code, message) => {
    verdict = { ok: false, code }
    expect((await send(transfer({ nonce: 0 }))).error).toMatchObject({
      code: -32000,
      message: expect.stringMatching(message),
    })
  })

  it('lets an account with a delegation send, and no contract', async () => {
    const delegated = signTransaction(
      {
        nonce: 0,
        type: 4,
        to: other.address,
        gasLimit: 80_000,
        authorizations: [authorization(other, poor.address, 0)],
      },
      user,
    )
    await mine(delegated)
    const from = signTransaction({ nonce: 1, to: user.address }, other)
    expect((await send(from)).error).toBeUndefined()
  })
})
