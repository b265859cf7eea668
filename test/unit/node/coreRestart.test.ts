import { afterEach, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { engineAddress } from '../../../evm/index.ts'
import { devnetCore } from '../../../node/devnet/core.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import { callOf, signedAction } from '../../support/chainActions.ts'
import { type Key, keyNumber, signTransaction } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'

const [maker, taker] = [keyNumber(1), keyNumber(2)] as const
/** Selector of depositNative(). */
const DEPOSIT_NATIVE = fromHex('db6b5246')
let chain: RealChain | null = null
afterEach(async () => {
  await chain?.close()
  chain = null
})

const create = async (): Promise<RealChain> => {
  chain = await RealChain.create([maker, taker], {
    core: devnetCore([maker.address, taker.address]),
  })
  return chain
}

const order = (side: 'buy' | 'sell', price: number, size: number) =>
  callOf('exchange', 'placeOrder', {
    market: 0,
    side,
    price,
    size,
    timeInForce: 'GTC',
    expiry: 0,
    clientId: 0n,
    selfTrade: 'cancelMaker',
  })
const deposit = (asset: number, amount: number) =>
  callOf('ledger', 'depositTo', { engine: 2, asset, amount })

/** One block of a market: both deposit, one makes, one takes; every block with prices of its own. */
async function trade(on: RealChain, nonce: number): Promise<void> {
  const price = 60_000 + (nonce % 50)
  const at = (key: Key, calls: Parameters<typeof signedAction>[2]) =>
    signedAction(key, on.head.summary.time + nonce, calls)
  const result = await on.block(
    [],
    [
      at(maker, [deposit(2, 10_000), order('sell', price, 10), order('sell', price + 5, 3)]),
      at(taker, [deposit(0, 10_000_000_000), order('buy', price, 4), order('buy', price - 9, 2)]),
    ],
  )
  expect(result.actions.map(({ code }) => code)).toEqual([null, null])
}

const roots = (on: RealChain): string => toHex(on.head.summary.roots.coreRoot)

describe('the engines across a restart', () => {
  it('come back from the genesis', async () => {
    const on = await create()
    const before = roots(on)
    await on.restart()
    expect(roots(on)).toBe(before)
    await trade(on, 1)
    expect(roots(on)).not.toBe(before)
  })

  it('come back from a checkpoint and the blocks since, and go on as if nothing had happened', async () => {
    const [on, twin] = [
      await create(),
      await RealChain.create([maker, taker], { core: devnetCore([maker.address, taker.address]) }),
    ]
    try {
      // Past the checkpoint at height 64, and past one restart that itself replays.
      for (let nonce = 1; nonce <= 70; nonce++) {
        await trade(on, nonce)
        await trade(twin, nonce)
        if (nonce === 3 || nonce === 64 || nonce === 70) await on.restart()
        expect(roots(on)).toBe(roots(twin))
      }
      expect(on.head).toEqual(twin.head)
    } finally {
      await twin.close()
    }
  })

  it('do the calls of contracts again without an EVM', async () => {
    const on = await create()
    const value = 5n * 10n ** 18n
    const { summary } = on.head
    const transaction = signTransaction(
      { nonce: 0, to: engineAddress(1), value, gasLimit: 200_000, data: DEPOSIT_NATIVE },
      maker,
    )
    const result = await on.block([transaction])
    expect(result.included).toHaveLength(1)
    expect(roots(on)).not.toBe(toHex(summary.roots.coreRoot))
    const before = on.head
    await on.restart()
    expect(on.head).toEqual(before)
  })

  it('come to the same state on threads of their own', async () => {
    const on = await create()
    const threaded = await RealChain.create([maker, taker], {
      core: devnetCore([maker.address, taker.address]),
      engineThreads: 2,
    })
    try {
      for (let nonce = 1; nonce <= 5; nonce++) {
        await trade(on, nonce)
        await trade(threaded, nonce)
        expect(threaded.head.summary).toEqual(on.head.summary)
      }
    } finally {
      await threaded.close()
    }
  }, 60_000)

  it('leave receipts that can be found', async () => {
    const on = await create()
    const action = signedAction(maker, on.head.summary.time, [
      deposit(2, 10_000),
      order('sell', 60_000, 1_000),
    ])
    await on.block([], [action])
    const reader = await ChainReader.open(on.directory, {
      ...defaultChainReaderOptions,
      ...on.identity,
    })
    expect(reader.actionLocation(action.hash)).toEqual({ height: 1, index: 0 })
    const receipt = reader.coreOutcome(1)?.receipts[0]
    expect(receipt?.code).toBeNull()
    expect(receipt?.calls.map(({ code }) => code)).toEqual([null, 'INSUFFICIENT_BALANCE'])
    expect(receipt?.fee).toBeGreaterThan(0)
    await reader.close()
  })
})
