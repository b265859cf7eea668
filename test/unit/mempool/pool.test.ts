import { describe, expect, it } from 'vitest'
import { type DropReason, type PoolOptions, TransactionPool } from '../../../node/mempool/pool.ts'
import type { PooledTransaction } from '../../../node/mempool/transaction.ts'
import { addressOf, nameOf, poolOptions, sketch } from '../../support/poolTransactions.ts'

type Setup = {
  readonly pool: TransactionPool
  readonly accounts: Map<string, { nonce: number; balance: bigint }>
  readonly dropped: [string, DropReason][]
  reads: number
}

function setUp(change: Partial<PoolOptions> = {}, baseFee = 5n): Setup {
  const accounts: Setup['accounts'] = new Map()
  const dropped: Setup['dropped'] = []
  const pool = new TransactionPool(
    { ...poolOptions(change), baseFee },
    {
      accountOf: (address) => {
        setup.reads++
        return accounts.get(nameOf({ hash: address })) ?? { nonce: 0, balance: 1_000_000n }
      },
      onDropped: (transaction, reason) => void dropped.push([nameOf(transaction), reason]),
    },
  )
  const setup: Setup = { pool, accounts, dropped, reads: 0 }
  return setup
}
const setAccount = ({ accounts }: Setup, sender: number, nonce: number, balance = 1_000_000n) =>
  accounts.set(nameOf({ hash: addressOf(sender) }), { nonce, balance })

const everything = { baseFee: 5n, gasLimit: 1e9, maxBytes: 1e9, maxCount: 1e9, targetBytes: 1e9 }
const codeOf = (setup: Setup, transaction: PooledTransaction): string => {
  const result = setup.pool.add(transaction, 0)
  return result.ok ? 'OK' : result.code
}

describe('a transaction is refused', () => {
  it.each<[string, Partial<PoolOptions>, Parameters<typeof sketch>[0][], string]>([
    ['when it is here', {}, [{}, {}], 'ALREADY_KNOWN'],
    ['when no block could hold it', { blockGasLimit: 99 }, [{}], 'GAS_LIMIT_TOO_HIGH'],
    ['below the lowest fee cap', { minimumFeeCap: 11n }, [{}], 'UNDERPRICED'],
    ['when its nonce is used', {}, [{ sender: 7, nonce: 2 }], 'NONCE_TOO_LOW'],
    ['when its nonce is too far ahead', { maxNonceGap: 3 }, [{ nonce: 4 }], 'NONCE_GAP_TOO_LARGE'],
    ['when the sender cannot pay it', {}, [{ value: 999_001 }], 'INSUFFICIENT_FUNDS'],
    [
      'when the sender cannot pay it and what already waits',
      {},
      [{ value: 500_000 }, { nonce: 1, value: 500_000 }],
      'INSUFFICIENT_FUNDS',
    ],
    [
      'when it replaces without 10 % more fee cap',
      {},
      [
        { fee: 20, tip: 10 },
        { fee: 21, tip: 11 },
      ],
      'REPLACEMENT_UNDERPRICED',
    ],
    [
      'when it replaces without 10 % more tip',
      {},
      [
        { fee: 20, tip: 10 },
        { fee: 22, tip: 10 },
      ],
      'REPLACEMENT_UNDERPRICED',
    ],
    ['when its sender has its share', { maxPerSender: 1 }, [{}, { nonce: 1 }], 'SENDER_LIMIT'],
    ['when all that is here pays as much', { maxCount: 1 }, [{}, { sender: 2 }], 'POOL_FULL'],
  ])('%s', (_, options, sketches, code) => {
    const setup = setUp(options)
    setAccount(setup, 7, 3)
    const answers = sketches.map((content) => codeOf(setup, sketch(content)))
    expect(answers).toEqual([...sketches.slice(1).map(() => 'OK'), code])
    expect(setup.pool.size).toBe(sketches.length - 1)
  })

  it('when a recent block held it, whatever its nonce', () => {
    const setup = setUp({ recentHashes: 1 })
    const [old, recent] = [sketch({ nonce: 0 }), sketch({ nonce: 1 })]
    setAccount(setup, 1, 2)
    setup.pool.onCommitted({ included: [old, recent], skipped: [], baseFee: 5n })
    expect([codeOf(setup, recent), codeOf(setup, old)]).toEqual(['ALREADY_KNOWN', 'NONCE_TOO_LOW'])
    expect([setup.pool.isKnown(recent.hash), setup.pool.isKnown(old.hash)]).toEqual([true, false])
  })
})

describe('a replacement', () => {
  it('takes the place of what offers 10 % less', () => {
    const setup = setUp()
    const [held, offer] = [sketch({ fee: 20, tip: 10 }), sketch({ fee: 22, tip: 11 })]
    setup.pool.add(held, 0)
    expect(setup.pool.add(offer, 0)).toEqual({
      ok: true,
      value: { executable: true, replaced: held },
    })
    expect(setup.pool.select(everything)).toEqual([offer])
    expect(setup.dropped).toEqual([[nameOf(held), 'REPLACED']])
    expect(setup.pool.bytes).toBe(offer.bytes.length)
  })

  it('need only be payable instead of, not besides, what it replaces', () => {
    const setup = setUp()
    setAccount(setup, 1, 0, 3_500n)
    setup.pool.add(sketch({ fee: 20, tip: 10 }), 0)
    expect(codeOf(setup, sketch({ fee: 30, tip: 20 }))).toBe('OK')
  })
})

describe('nonces', () => {
  it('wait for what is missing and follow once it comes', () => {
    const { pool } = setUp()
    const [first, second, third] = [0, 1, 2].map((nonce) => sketch({ nonce })) as [
      PooledTransaction,
      PooledTransaction,
      PooledTransaction,
    ]
    expect(pool.add(third, 0)).toMatchObject({ value: { executable: false } })
    expect(pool.add(second, 0)).toMatchObject({ value: { executable: false } })
    expect([pool.hasPending, pool.pendingNonce(first.sender)]).toEqual([false, 0])
    expect(pool.add(first, 0)).toMatchObject({ value: { executable: true } })
    expect([pool.hasPending, pool.pendingNonce(first.sender)]).toEqual([true, 3])
    expect(pool.select(everything)).toEqual([first, second, third])
    expect(pool.pendingNonce(addressOf(99))).toBeNull()
  })

  it('move with the chain, even when others used them', () => {
    const setup = setUp()
    const own = [0, 1, 2].map((nonce) => sketch({ nonce }))
    for (const transaction of own) setup.pool.add(transaction, 0)
    setAccount(setup, 1, 2)
    const foreign = sketch({ nonce: 1, value: 5 })
    setup.pool.onCommitted({
      included: [own[0] as PooledTransaction, foreign],
      skipped: [],
      baseFee: 5n,
    })
    expect(setup.pool.select(everything)).toEqual([own[2]])
    expect(setup.dropped).toEqual([[nameOf(own[1] as PooledTransaction), 'STALE']])
  })
})

describe('fees', () => {
  it('below the base fee wait until it falls', () => {
    const { pool } = setUp()
    const transaction = sketch({ fee: 4 })
    pool.add(transaction, 0)
    expect([pool.hasPending, pool.select(everything)]).toEqual([false, []])
    pool.onCommitted({ included: [], skipped: [], baseFee: 4n })
    expect([pool.hasPending, pool.select({ ...everything, baseFee: 4n })]).toEqual([
      true,
      [transaction],
    ])
    pool.onCommitted({ included: [], skipped: [], baseFee: 6n })
    expect(pool.hasPending).toBe(false)
  })

  it('are compared exactly where doubles cannot tell them apart', () => {
    const setup = setUp({}, 2n ** 60n + 1n)
    setAccount(setup, 1, 0, 2n ** 80n)
    const below = { ...sketch(), maxFeePerGas: 2n ** 60n }
    setup.pool.add(below, 0)
    expect(setup.pool.hasPending).toBe(false)
    expect(setup.pool.select({ ...everything, baseFee: 2n ** 60n + 1n })).toEqual([])
    setup.pool.onCommitted({ included: [], skipped: [], baseFee: 2n ** 60n })
    expect(setup.pool.hasPending).toBe(true)
    expect(setup.pool.select({ ...everything, baseFee: 2n ** 60n })).toEqual([below])
  })

  it('order senders by what the proposer earns, then by arrival', () => {
    const { pool } = setUp()
    const capped = sketch({ sender: 1, fee: 6, tip: 6 })
    const generous = sketch({ sender: 2, fee: 20, tip: 3 })
    const late = sketch({ sender: 3, fee: 30, tip: 3 })
    for (const transaction of [capped, generous, late]) pool.add(transaction, 0)
    expect(pool.select(everything)).toEqual([generous, late, capped])
  })
})

describe('a selection', () => {
  it('goes on with other senders when one transaction does not fit', () => {
    const { pool } = setUp()
    const large = sketch({ sender: 1, tip: 5, gas: 900 })
    const after = sketch({ sender: 1, nonce: 1, tip: 5, gas: 1 })
    const small = sketch({ sender: 2, tip: 1, gas: 100 })
    for (const transaction of [large, after, small]) pool.add(transaction, 0)
    expect(pool.select({ ...everything, gasLimit: 500 })).toEqual([small])
    const bounded = (maxBytes: number) => ({ ...everything, maxBytes, targetBytes: maxBytes })
    expect(pool.select(bounded(104))).toEqual([large])
    expect(pool.select(bounded(103))).toEqual([])
    expect(pool.select({ ...everything, targetBytes: 1 })).toEqual([large])
    expect(pool.select({ ...everything, targetBytes: 0 })).toEqual([])
    expect(pool.select({ ...everything, maxCount: 2 })).toEqual([large, after])
  })

  it('is the same again until something changes', () => {
    const { pool } = setUp()
    for (let sender = 1; sender <= 20; sender++)
      for (let nonce = 0; nonce < 3; nonce++)
        pool.add(sketch({ sender, nonce, tip: sender % 4 }), 0)
    const first = pool.select(everything)
    expect(first.length).toBe(60)
    expect(pool.select(everything)).toEqual(first)
  })
})

describe('a full pool', () => {
  it('lets the lowest tip go, the last nonce of a sender first', () => {
    const setup = setUp({ maxCount: 3 })
    const [low0, low1] = [0, 1].map((nonce) => sketch({ sender: 1, nonce, tip: 1 }))
    const [high, higher] = [sketch({ sender: 2, tip: 2 }), sketch({ sender: 3, tip: 3 })]
    for (const transaction of [low0, low1, high])
      setup.pool.add(transaction as PooledTransaction, 0)
    expect(codeOf(setup, higher)).toBe('OK')
    expect(setup.dropped).toEqual([[nameOf(low1 as PooledTransaction), 'EVICTED']])
    expect(setup.pool.pendingNonce(addressOf(1))).toBe(1)
  })

  it('does not let a sender shelter a crowd behind one that pays nothing', () => {
    const setup = setUp({ maxCount: 2 })
    const crowd = [sketch({ sender: 1, tip: 0 }), sketch({ sender: 1, nonce: 1, tip: 5 })]
    for (const transaction of crowd) setup.pool.add(transaction, 0)
    expect(codeOf(setup, sketch({ sender: 2, tip: 1 }))).toBe('OK')
    expect(setup.dropped).toEqual([[nameOf(crowd[1] as PooledTransaction), 'EVICTED']])
  })

  it('gives up what waits for a nonce before anything that can run', () => {
    const setup = setUp({ maxCount: 2 })
    const gapped = sketch({ sender: 1, nonce: 1, tip: 5 })
    setup.pool.add(gapped, 0)
    setup.pool.add(sketch({ sender: 2, tip: 0 }), 0)
    expect(codeOf(setup, sketch({ sender: 3, tip: 0 }))).toBe('OK')
    expect(setup.dropped).toEqual([[nameOf(gapped), 'EVICTED']])
  })

  it('loses nothing to a newcomer that would not fit even so', () => {
    const setup = setUp({ maxBytes: 300 })
    for (const sender of [1, 2, 3]) setup.pool.add(sketch({ sender, tip: sender }), 0)
    const before = setup.pool.select(everything)
    // Room for 250 bytes needs all three to go, one of which pays more.
    expect(codeOf(setup, sketch({ sender: 4, tip: 2, size: 250 }))).toBe('POOL_FULL')
    expect(setup.pool.select(everything)).toEqual(before)
    expect(setup.dropped).toEqual([])
  })
})

describe('a committed block', () => {
  it('removes what it held and asks only for accounts that still have something waiting', () => {
    const setup = setUp()
    const done = sketch({ sender: 1 })
    const rest = [sketch({ sender: 2 }), sketch({ sender: 2, nonce: 1 })]
    for (const transaction of [done, ...rest]) setup.pool.add(transaction, 0)
    setAccount(setup, 1, 1)
    setAccount(setup, 2, 1)
    setup.reads = 0
    setup.pool.onCommitted({
      included: [done, rest[0] as PooledTransaction],
      skipped: [],
      baseFee: 5n,
    })
    expect(setup.reads).toBe(1)
    expect([setup.pool.size, setup.pool.get(done.hash), setup.dropped]).toEqual([1, undefined, []])
    expect(setup.pool.select(everything)).toEqual([rest[1]])
  })

  it('drops the last nonces of a sender that can no longer pay them', () => {
    const setup = setUp()
    const own = [0, 1, 2].map((nonce) => sketch({ nonce }))
    for (const transaction of own) setup.pool.add(transaction, 0)
    setAccount(setup, 1, 1, 1_999n)
    setup.pool.onCommitted({ included: [own[0] as PooledTransaction], skipped: [], baseFee: 5n })
    expect(setup.dropped).toEqual([[nameOf(own[2] as PooledTransaction), 'UNFUNDED']])
    expect(setup.pool.select(everything)).toEqual([own[1]])
  })

  it('that skips a transaction gives it some more tries', () => {
    const setup = setUp({ maxSkips: 2 })
    const transaction = sketch()
    setup.pool.add(transaction, 0)
    const block = { included: [], skipped: [transaction], baseFee: 5n }
    setup.pool.onCommitted(block)
    expect(setup.pool.select(everything)).toEqual([transaction])
    setup.pool.onCommitted(block)
    expect([setup.pool.size, setup.dropped]).toEqual([0, [[nameOf(transaction), 'SKIPPED']]])
  })

  it('lets a later transaction be judged by the new balance', () => {
    const setup = setUp()
    setAccount(setup, 1, 0, 1_000n)
    setup.pool.add(sketch(), 0)
    expect(codeOf(setup, sketch({ nonce: 1 }))).toBe('INSUFFICIENT_FUNDS')
    setAccount(setup, 1, 0, 2_000n)
    setup.pool.onCommitted({ included: [], skipped: [], baseFee: 5n })
    expect(codeOf(setup, sketch({ nonce: 1 }))).toBe('OK')
  })
})

describe('time', () => {
  it('drops what waited too long, never leaving a gap', () => {
    const setup = setUp({ lifetimeMs: 100 })
    const [first, second] = [sketch({ nonce: 0 }), sketch({ nonce: 1 })]
    setup.pool.add(first, 0)
    setup.pool.add(second, 50)
    setup.pool.expire(149)
    expect(setup.pool.size).toBe(2)
    setup.pool.expire(151)
    expect([setup.pool.size, setup.pool.bytes, setup.pool.hasPending]).toEqual([0, 0, false])
    expect(setup.dropped.map(([name]) => name)).toEqual([nameOf(second), nameOf(first)])
  })
})

describe('what a pool shows', () => {
  it('is what can run now apart from what waits for a nonce, whole or of one sender, up to a limit', () => {
    const { pool } = setUp()
    for (const [sender, nonce] of [
      [1, 0],
      [1, 1],
      [1, 3],
      [2, 1],
      [3, 0],
    ] as const)
      expect(pool.add(sketch({ sender, nonce }), 0).ok).toBe(true)
    const shown = (sender: number | null, limit = 99) => {
      const { pending, queued } = pool.contents(sender === null ? null : addressOf(sender), limit)
      return [pending, queued].map((list) => list.map(({ nonce }) => nonce))
    }
    expect(pool.counts()).toEqual({ pending: 3, queued: 2 })
    expect(shown(null)).toEqual([
      [0, 1, 0],
      [3, 1],
    ])
    expect(shown(1)).toEqual([[0, 1], [3]])
    expect(shown(9)).toEqual([[], []])
    expect(shown(null, 2).flat()).toHaveLength(2)
  })
})
