// Simulated blocks and the pool on a real chain.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { data } from '../../../rpc/format/hex.ts'
import { COIN, signTransaction } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { RpcChain } from '../../support/rpcChain.ts'
import { initcodeOf, other, STORE, store, user, word } from '../../support/storeContract.ts'

const signedOf = (nonce: number) => {
  const bytes = signTransaction({ nonce, to: other.address, value: 3n }, user)
  return { hash: keccak256(bytes), sender: user.address, bytes }
}

let rpc: RpcChain
beforeAll(async () => {
  rpc = await RpcChain.over(await RealChain.create([user, other]), {
    gateway: {
      poolCounts: () => ({ pending: 1, queued: 1 }),
      poolContent: ({ limit }) => ({
        pending: [signedOf(7)].slice(0, limit),
        queued: [signedOf(9)],
      }),
    },
  })
  const initcode = initcodeOf(STORE)
  await rpc.mine(signTransaction({ nonce: 0, to: null, data: initcode, gasLimit: 300_000 }, user))
  await rpc.mine()
  await rpc.mine()
}, 60_000)
afterAll(async () => {
  await rpc.close()
  expect(rpc.faults).toEqual([])
})

type Simulated = {
  readonly number: string
  readonly hash: string
  readonly parentHash: string
  readonly timestamp: string
  readonly stateRoot: string
  readonly transactions: readonly unknown[]
  readonly calls: readonly Record<string, unknown>[]
}

describe('eth_simulateV1', () => {
  const from = data(user.address)

  it('runs blocks of calls one on the state of the other', async () => {
    const call = (value: number) => ({ from, to: data(store), data: word(value) })
    const slot = { [word(0)]: word(0x33) }
    const blocks = await rpc.result<Simulated[]>(
      'eth_simulateV1',
      {
        blockStateCalls: [
          { calls: [call(1), call(7)] },
          {
            blockOverrides: { number: '0x6' },
            stateOverrides: { [data(store)]: { stateDiff: slot } },
          },
          { calls: [call(2)] },
        ],
        returnFullTransactions: true,
      },
      '0x3',
    )
    expect(blocks.map(({ number }) => number)).toEqual(['0x4', '0x5', '0x6', '0x7'])
    for (const [index, block] of blocks.entries())
      if (index > 0) expect(block.parentHash).toBe(blocks[index - 1]?.hash)
    expect(blocks[0]?.calls).toMatchObject([
      {
        status: '0x1',
        logs: [{ address: data(store), logIndex: '0x0', blockHash: blocks[0]?.hash }],
      },
      { status: '0x0', error: { code: 3, message: 'execution reverted: no' }, logs: [] },
    ])
    expect(blocks[0]?.transactions[0]).toMatchObject({ from, nonce: '0x1', type: '0x2' })
    // Each tells the system contracts of the one before.
    expect(new Set(blocks.map(({ stateRoot }) => stateRoot)).size).toBe(4)
  })

  it('has the state root of the block that would hold the same', async () => {
    const twin = await RpcChain.over(await RealChain.create([user, other]))
    const [block] = await twin.result<Simulated[]>('eth_simulateV1', {
      blockStateCalls: [
        {
          blockOverrides: { feeRecipient: data(other.address) },
          calls: [{ from, to: data(other.address), value: '0x5' }],
        },
      ],
    })
    // Nobody pays for gas here, so only the value moves.
    const stateOverrides = {
      [from]: { balance: `0x${(1_000n * COIN - 5n).toString(16)}`, nonce: '0x1' },
      [data(other.address)]: { balance: `0x${(1_000n * COIN + 5n).toString(16)}` },
    }
    const [same] = await twin.result<Simulated[]>('eth_simulateV1', {
      blockStateCalls: [{ stateOverrides }],
    })
    expect(block?.stateRoot).toBe(same?.stateRoot)
    expect(Number(block?.stateRoot)).toBeGreaterThan(0)
    await twin.close()
  })

  it('shows movements of coins as logs when asked, but those that were undone', async () => {
    const [block] = await rpc.result<Simulated[]>('eth_simulateV1', {
      traceTransfers: true,
      blockStateCalls: [
        {
          calls: [
            { from, to: data(other.address), value: '0x5' },
            { from, to: data(store), data: word(7), value: '0x5' },
          ],
        },
      ],
    })
    expect(block?.calls).toMatchObject([
      { logs: [{ address: `0x${'ee'.repeat(20)}`, data: word(5) }] },
      { logs: [] },
    ])
  })

  const simulate = (block: object, more: object = {}) =>
    rpc.error('eth_simulateV1', { blockStateCalls: [block], ...more })
  const call = { from, to: data(other.address) }
  const valid = { validation: true }
  const fee = { maxFeePerGas: '0x2540be400' }
  it.each([
    ['a used nonce', { calls: [{ ...call, ...fee, nonce: '0x0' }] }, valid, -38010],
    ['a nonce ahead', { calls: [{ ...call, ...fee, nonce: '0x99' }] }, valid, -38011],
    ['no fee', { calls: [call] }, valid, -38012],
    ['too little gas', { calls: [{ ...call, gas: '0x5000' }] }, {}, -38013],
    [
      'more than there is',
      { calls: [{ from: word(1).slice(0, 42), to: call.to, value: '0x1' }] },
      {},
      -38014,
    ],
    [
      'more gas than the block',
      { blockOverrides: { gasLimit: '0x5300' }, calls: [{ ...call, gas: '0x5301' }] },
      {},
      -38015,
    ],
    ['a number that does not rise', { blockOverrides: { number: '0x3' } }, {}, -38020],
    ['a time that does not rise', { blockOverrides: { time: '0x1' } }, {}, -38021],
    ['too many blocks', { blockOverrides: { number: '0x999' } }, {}, -38026],
    ['nothing', {}, { blockStateCalls: [] }, -32602],
  ])('refuses %s', async (_, block, more, code) => {
    expect((await simulate(block, more)).code).toBe(code)
  })
})

describe('txpool', () => {
  it('shows what waits by sender and nonce', async () => {
    expect(await rpc.result('txpool_status')).toEqual({ pending: '0x1', queued: '0x1' })
    const content = await rpc.result<{ pending: Record<string, Record<string, object>> }>(
      'txpool_content',
    )
    const [[sender, byNonce] = ['', {}]] = Object.entries(content.pending)
    expect(sender.toLowerCase()).toBe(data(user.address))
    expect(sender).not.toBe(data(user.address))
    expect(byNonce['7']).toMatchObject({ nonce: '0x7', from: data(user.address), blockHash: null })
    expect(await rpc.result('txpool_contentFrom', data(user.address))).toMatchObject({
      queued: { 9: { nonce: '0x9' } },
    })
    expect(JSON.stringify(await rpc.result('txpool_inspect'))).toContain(
      ': 3 wei + 21000 gas × 100000000000 wei',
    )
  })
})
