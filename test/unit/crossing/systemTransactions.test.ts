import { JsonRpcProvider } from 'ethers'
import { createPublicClient, custom } from 'viem'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ExecutedBlock } from '../../../core/chain/executedBlock.ts'
import type { SystemOutcome, SystemTransaction } from '../../../core/host/corePort.ts'
import { precompileOf } from '../../../core/host/precompile.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { decodeTransaction, encodeReceipt } from '../../../evm/index.ts'
import { decodeRlp } from '../../../evm/rlp.ts'
import { orderedRoot } from '../../../evm/trie/orderedRoot.ts'
import { transactionViewOf } from '../../../node/rpc/transactionView.ts'
import { minedTransactionOf } from '../../../rpc/format/transaction.ts'
import {
  ALICE,
  at,
  besides,
  COIN,
  type CoreWorld,
  createCoreWorld,
  SCRIPT,
  SYSTEM,
  statusesOf,
} from '../../support/crossing/coreWorld.ts'
import { FAKE, logOf } from '../../support/crossing/fakeCore.ts'
import type { Step } from '../../support/crossing/script.ts'
import { CHAIN_ID, keyNumber, signTransaction } from '../../support/evmWorld.ts'

const BOB = keyNumber(2).address
const EMPTY = new Uint8Array(0)
const transfer = (part: Partial<SystemTransaction> = {}): SystemTransaction => ({
  nonce: 3,
  from: SYSTEM,
  to: BOB,
  mint: 5n * COIN,
  gasLimit: 100_000,
  data: EMPTY,
  ...part,
})
const STORE: Step = { kind: 'store', slot: 1, value: 4 }
const ADD = {
  kind: 'engine',
  via: 'call',
  engine: 1,
  fn: 'add',
  key: 7,
  amount: 5,
  value: 0n,
  must: true,
} as const
const DEPOSIT = {
  via: 'call',
  engine: 1,
  fn: 'deposit',
  key: 0,
  amount: 0,
  value: COIN,
  must: true,
} as const

describe('system transactions', () => {
  let core: CoreWorld
  beforeAll(async () => {
    core = await createCoreWorld()
  }, 60_000)

  it('mint what they carry, without a fee or a trace of their sender', async () => {
    const { world, system } = await createCoreWorld()
    const { result, outcomes } = await system(transfer())
    expect(outcomes).toEqual([{ nonce: 3, status: 'success', returnData: EMPTY }])
    expect(world.balance(BOB)).toBe(5n * COIN)
    expect(world.store.get('account', SYSTEM)).toBeUndefined()
    expect(result.nativeDelta).toBe(5n * COIN)
    expect(result.burnedWei).toBe(0n)
    expect(result.included).toEqual([])
    expect(result.executed.header.gasUsed).toBe(0)
  })

  it('stand or fall as a whole: what a refused one minted never was', async () => {
    const { world, scripts, system } = await createCoreWorld()
    const data = scripts.dataOf([STORE, { kind: 'revert' }])
    const { result, outcomes } = await system(
      transfer({ to: SCRIPT, data, nonce: 8 }),
      transfer({ to: precompileOf(1), nonce: 9 }),
      transfer({ to: SCRIPT, data: scripts.dataOf([{ kind: 'invalid' }]), nonce: 10 }),
    )
    expect(outcomes.map(({ nonce, status }) => [nonce, status])).toEqual([
      [8, 'revert'],
      [9, 'revert'],
      [10, 'revert'],
    ])
    expect(statusesOf(result)).toEqual([0, 0, 0])
    expect(result.nativeDelta).toBe(0n)
    expect(world.slot(SCRIPT, 1)).toBe(0n)
    expect(world.store.get('account', SYSTEM)).toBeUndefined()
    expect(world.balance(precompileOf(1))).toBe(0n)
  })

  it('tell running out of gas from a revert, and hand back what the callee says', async () => {
    const { scripts, system } = await createCoreWorld()
    const { outcomes } = await system(
      transfer({ to: SCRIPT, data: scripts.dataOf([STORE]), mint: 0n, gasLimit: 500 }),
      transfer({ to: SCRIPT, data: scripts.dataOf([{ kind: 'revert' }]), mint: 0n }),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['outOfGas', 'revert'])
    expect(new TextDecoder().decode(outcomes[1]?.returnData)).toContain('script')
  })

  it('come before the transactions, which wait for Core', async () => {
    const { world, core } = await createCoreWorld()
    const order: string[] = []
    const port = {
      ...core,
      call: (call: Parameters<typeof core.call>[0]) => {
        order.push('transaction')
        return core.call(call)
      },
    }
    const to = precompileOf(2)
    const data = Uint8Array.of(FAKE.add, 1, 1)
    const signed = signTransaction({ nonce: 0, to, data, gasLimit: 100_000 }, ALICE)
    await world.block([signed], {
      core: besides(port, {
        systemTransactions: [transfer()],
        afterSystem: async (outcomes) => {
          await Promise.resolve()
          order.push(...outcomes.map(({ status }) => status), 'core')
        },
      }),
    })
    expect(order).toEqual(['success', 'core', 'transaction'])
  })

  it('reach the engines like any call, and leave nothing there if they fail', async () => {
    const { core, scripts, system } = await createCoreWorld()
    const run = (...steps: readonly Step[]) =>
      transfer({ to: SCRIPT, data: scripts.dataOf(steps), mint: 0n })
    const { outcomes, result } = await system(
      run(ADD, STORE),
      run(ADD, { kind: 'revert' }),
      transfer({ to: precompileOf(1), data: Uint8Array.of(FAKE.read, 7), mint: 0n }),
      run({ kind: 'engine', ...DEPOSIT }),
    )
    expect(outcomes.map(({ status }) => status)).toEqual([
      'success',
      'revert',
      'success',
      'success',
    ])
    expect(outcomes[2]?.returnData.at(-1)).toBe(5)
    expect(core.counters.get('1:7')).toBe(5n)
    const [first, second] = result.executed.transactions.map(({ receipt }) => receipt)
    expect(first?.logs).toEqual([logOf({ engine: 1, caller: SCRIPT }, 5n)])
    expect(second?.logs).toEqual([])
    // What a payable function takes has left the EVM.
    expect(result.nativeDelta).toBe(-COIN)
    expect(core.deposited()).toBe(COIN)
  })

  it('are part of the block: hashes, roots, gas and logs', async () => {
    const { world, core: port, scripts } = await createCoreWorld()
    const data = scripts.dataOf([{ kind: 'emit', value: 5 }])
    const queued = transfer({ to: SCRIPT, data, mint: 0n })
    const signed = signTransaction({ nonce: 0, to: BOB, value: 1n }, ALICE)
    const { executed, included } = await world.block([signed], {
      core: besides(port, { systemTransactions: [queued] }),
    })
    const [first, second] = executed.transactions
    expect(first?.hash).toEqual(keccak256(first?.bytes ?? EMPTY))
    const used = first?.receipt.gasUsed ?? 0
    expect(used).toBeGreaterThan(0)
    expect(first?.receipt).toMatchObject({
      type: 0x7e,
      status: 1,
      cumulativeGasUsed: used,
      effectiveGasPrice: 0n,
      contractAddress: null,
    })
    expect(first?.receipt.logs).toHaveLength(1)
    expect(second?.receipt.cumulativeGasUsed).toBe(used + 21_000)
    expect(included).toHaveLength(1)
    const { header, transactions } = executed
    expect(header.gasUsed).toBe(used + 21_000)
    expect(header.transactionsRoot).toEqual(orderedRoot(transactions.map(({ bytes }) => bytes)))
    const receipts = transactions.map(({ receipt }) => encodeReceipt(receipt))
    expect(header.receiptsRoot).toEqual(orderedRoot(receipts))
    expect(receipts[0]?.[0]).toBe(0x7e)
    expect(header.logsBloom.some((byte) => byte !== 0)).toBe(true)
  })

  it('are written like deposits of OP Stack, each with a hash of its own', async () => {
    const { system } = core
    const hashes = new Set<string>()
    for (const nonces of [
      [1, 2],
      [1, 2],
    ]) {
      const { result } = await system(...nonces.map((nonce) => transfer({ nonce })))
      for (const { hash } of result.executed.transactions) hashes.add(toHex(hash))
    }
    expect(hashes.size).toBe(4)
    const { result } = await system(transfer({ data: fromHex('aabb'), mint: 1n }))
    const bytes = result.executed.transactions[0]?.bytes ?? EMPTY
    expect(bytes[0]).toBe(0x7e)
    const decoded = decodeRlp(bytes.subarray(1))
    if (!decoded.ok) throw new Error('not RLP')
    const [source, ...rest] = decoded.value as readonly Uint8Array[]
    expect(source).toHaveLength(32)
    const one = Uint8Array.of(1)
    expect(rest).toEqual([SYSTEM, BOB, one, one, fromHex('0186a0'), EMPTY, fromHex('aabb')])
  })

  it('cannot be submitted by anybody', async () => {
    const { result } = await core.system(transfer())
    const bytes = result.executed.transactions[0]?.bytes ?? EMPTY
    const rules = { chainId: CHAIN_ID, blockGasLimit: 30_000_000 }
    expect(decodeTransaction(bytes, rules)).toEqual({
      ok: false,
      code: 'UNKNOWN_TRANSACTION_TYPE',
    })
  })

  it('take their gas from the block, and halt the node if it has not that much', async () => {
    const { world, core: port } = await createCoreWorld()
    const told: SystemOutcome[] = []
    const block = (gasLimit: number) =>
      world.machine.execute(
        world.input([], {
          gasLimit,
          core: besides(port, {
            systemTransactions: [transfer(), transfer()],
            afterSystem: async (outcomes) => void told.push(...outcomes),
          }),
        }),
      )
    await expect(block(199_999)).rejects.toThrow('what Core queues for a block fits it')
    expect(told).toEqual([])
    await block(200_000)
    expect(told).toHaveLength(2)
  })

  describe('in the eyes of clients', () => {
    const shown = async () => {
      const { result } = await core.system(transfer({ to: at('b0b'), data: fromHex('aabb') }))
      const block = result.executed as ExecutedBlock
      const [transaction] = block.transactions
      if (transaction === undefined) throw new Error('no transaction')
      return { json: minedTransactionOf(transactionViewOf(transaction), block, 0), transaction }
    }

    it('have the fields of a deposit', async () => {
      const { json } = await shown()
      expect(json).toMatchObject({
        type: '0x7e',
        from: `0x${toHex(SYSTEM)}`,
        to: `0x${toHex(at('b0b'))}`,
        value: '0x4563918244f40000',
        mint: '0x4563918244f40000',
        gas: '0x186a0',
        gasPrice: '0x0',
        nonce: '0x0',
        input: '0xaabb',
        transactionIndex: '0x0',
        v: '0x0',
        r: '0x0',
        s: '0x0',
      })
      expect(json).toHaveProperty('sourceHash', expect.stringMatching(/^0x[0-9a-f]{64}$/))
      expect(json).not.toHaveProperty('maxFeePerGas')
    })

    it('viem reads them', async () => {
      const { json } = await shown()
      const client = createPublicClient({ transport: custom({ request: async () => json }) })
      const read = await client.getTransaction({ hash: json.hash as `0x${string}` })
      expect(read).toMatchObject({ typeHex: '0x7e', value: 5n * COIN, gas: 100_000n, nonce: 0 })
    })

    it('ethers reads them', async () => {
      const { json } = await shown()
      const provider = new JsonRpcProvider('http://localhost:1', CHAIN_ID, { staticNetwork: true })
      provider.send = async () => json
      const read = await provider.getTransaction(json.hash)
      provider.destroy()
      expect(read).toMatchObject({ type: 0x7e, value: 5n * COIN, data: '0xaabb', nonce: 0 })
    })
  })
})
