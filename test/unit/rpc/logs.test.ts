// Searching logs, and filters that are polled.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Log } from '../../../core/chain/executedBlock.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { randomId } from '../../../rpc/filters.ts'
import { data } from '../../../rpc/format/hex.ts'
import { LogMatcher } from '../../../rpc/logSearch.ts'
import { addressOf, bloomOf, digest, type FakeTransaction } from '../../support/fakeRpcBackend.ts'
import { RpcHarness } from '../../support/rpcHarness.ts'

const token = addressOf('token')
const log = (label: string, address = token): Log => ({
  address,
  topics: [digest('Transfer'), digest(label)],
  data: digest(label),
})
const one = (label: string): FakeTransaction[] => [{ logs: [log(label)] }]
type Shown = { readonly blockNumber: string; readonly topics: readonly string[] }
const blocksOf = (logs: readonly Shown[]): number[] =>
  logs.map(({ blockNumber }) => Number(blockNumber))

describe('a matcher', () => {
  const labels = ['a', 'b', 'c']
  const topic = fc.constantFrom(...labels).map(digest)
  const address = fc.constantFrom(...labels).map(addressOf)
  const anyLog: fc.Arbitrary<Log> = fc.record({
    address,
    topics: fc.array(topic, { maxLength: 4 }),
    data: fc.constant(new Uint8Array(0)),
  })

  it('agrees with the definition, and no bloom hides a match', () => {
    fc.assert(
      fc.property(
        anyLog,
        fc.array(address, { maxLength: 2 }),
        fc.array(fc.array(topic, { maxLength: 2 }), { maxLength: 4 }),
        (candidate, addresses, topics) => {
          const matcher = new LogMatcher({ addresses, topics })
          const has = (list: readonly Uint8Array[], value: Uint8Array | undefined): boolean =>
            value !== undefined && list.some((item) => toHex(item) === toHex(value))
          const expected =
            (addresses.length === 0 || has(addresses, candidate.address)) &&
            topics.every((alternatives, position) => {
              const found = candidate.topics[position]
              return found !== undefined && (alternatives.length === 0 || has(alternatives, found))
            })
          expect(matcher.matches(candidate)).toBe(expected)
          if (expected) expect(matcher.mayMatch(bloomOf([candidate]))).toBe(true)
        },
      ),
    )
  })

  it('skips what a bloom rules out', () => {
    const matcher = new LogMatcher({ addresses: [token], topics: [] })
    expect(matcher.mayMatch(new Uint8Array(256))).toBe(false)
    expect(matcher.mayMatch(bloomOf([log('a', addressOf('another'))]))).toBe(false)
  })
})

describe('eth_getLogs', () => {
  const rpc = new RpcHarness([one('a'), [], one('b'), [{ logs: [log('a'), log('c')] }], []])
  const logs = (filter: object): Promise<Shown[]> => rpc.result<Shown[]>('eth_getLogs', [filter])

  it.each([
    ['nothing: the latest block', {}, []],
    ['everything', { fromBlock: 'earliest' }, [1, 3, 4, 4]],
    ['a range', { fromBlock: '0x2', toBlock: '0x3' }, [3]],
    ['a block hash', { blockHash: data(digest('block 4')) }, [4, 4]],
    ['an address', { fromBlock: '0x0', address: data(token) }, [1, 3, 4, 4]],
    ['another address', { fromBlock: '0x0', address: [data(addressOf('x'))] }, []],
    ['no address', { fromBlock: '0x0', address: [] }, [1, 3, 4, 4]],
    ['a topic', { fromBlock: '0x0', topics: [null, data(digest('a'))] }, [1, 4]],
    [
      'one of two topics',
      { fromBlock: '0x0', topics: [[], [data(digest('b')), data(digest('c'))]] },
      [3, 4],
    ],
    ['more topics than a log has', { fromBlock: '0x0', topics: [null, null, null] }, []],
    ['null for anything', { fromBlock: '0x0', address: null, topics: null }, [1, 3, 4, 4]],
  ])('takes %s', async (_, filter, expected) => {
    expect(blocksOf(await logs(filter))).toEqual(expected)
  })

  it.each([
    ['five topics', { topics: [null, null, null, null, null] }, /exceed max topics/],
    ['a short topic', { topics: ['0x12'] }, /want 64/],
    ['a bad address', { address: '0x12' }, /want 40/],
    ['a word', 'all', /expected an object/],
  ])('refuses %s', async (_, filter, problem) => {
    const error = await rpc.error('eth_getLogs', [filter])
    expect(error.code).toBe(-32602)
    expect(error.message).toMatch(problem)
  })

  it('searches a bounded range and answers a bounded list', async () => {
    const small = new RpcHarness([one('a'), one('b'), one('c')], { logBlocks: 2, logs: 1 })
    expect(await small.error('eth_getLogs', [{ fromBlock: '0x1' }])).toMatchObject({
      code: -32005,
      message: 'query exceeds max block range 2',
    })
    expect(await small.error('eth_getLogs', [{ fromBlock: '0x2' }])).toMatchObject({
      code: -32005,
      message: 'query returned more than 1 results',
    })
    expect(await small.result('eth_getLogs', [{ fromBlock: '0x3' }])).toHaveLength(1)
  })

  it('lets other calls through while it searches, and ends at its deadline', async () => {
    const long = new RpcHarness(Array<FakeTransaction[]>(400).fill([]), { requestMs: 60 })
    const { backend } = long
    const block = backend.block.bind(backend)
    // A slow disk: 0.5 ms for each block.
    backend.block = (height) => {
      for (const endMs = performance.now() + 0.5; performance.now() < endMs; );
      return block(height)
    }
    const search = long.ask('eth_getLogs', [{ fromBlock: '0x0' }])
    let isOver = false
    void search.then(() => {
      isOver = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect((await long.ask('eth_chainId')).result).toBe('0xf64')
    expect(isOver).toBe(false)
    expect((await search).error?.code).toBe(-32002)
  })
})

describe('a filter', () => {
  it('of blocks tells each new hash once', async () => {
    const rpc = new RpcHarness([[]])
    const id = await rpc.result<string>('eth_newBlockFilter')
    expect(await rpc.result('eth_getFilterChanges', [id])).toEqual([])
    rpc.backend.append([])
    rpc.backend.append([])
    expect(await rpc.result('eth_getFilterChanges', [id])).toEqual(
      [2, 3].map((height) => data(digest(`block ${height}`))),
    )
    expect(await rpc.result('eth_getFilterChanges', [id])).toEqual([])
  })

  it('has an id without leading zeros, as QUANTITY wants it', () => {
    const ids = Array.from({ length: 1_000 }, randomId)
    expect(ids.filter((id) => !/^0x[1-9a-f][0-9a-f]*$/.test(id))).toEqual([])
    expect(new Set(ids).size).toBe(1_000)
  })

  it('of logs tells new ones once, and all of them when asked', async () => {
    const rpc = new RpcHarness([one('a')])
    const id = await rpc.result<string>('eth_newFilter', [
      { fromBlock: '0x0', address: data(token) },
    ])
    expect(await rpc.result('eth_getFilterChanges', [id])).toEqual([])
    rpc.backend.append(one('b'))
    rpc.backend.append([{ logs: [log('x', addressOf('another'))] }])
    const changes = () => rpc.result<Shown[]>('eth_getFilterChanges', [id])
    expect(blocksOf(await changes())).toEqual([2])
    expect(await changes()).toEqual([])
    expect(blocksOf(await rpc.result<Shown[]>('eth_getFilterLogs', [id]))).toEqual([1, 2])
  })

  it('of logs asked twice at a time tells a log to one of them', async () => {
    const rpc = new RpcHarness([[]])
    const id = await rpc.result<string>('eth_newFilter', [{}])
    rpc.backend.append(one('a'))
    const answers = await Promise.all([
      rpc.result<Shown[]>('eth_getFilterChanges', [id]),
      rpc.result<Shown[]>('eth_getFilterChanges', [id]),
    ])
    expect(answers.flat()).toHaveLength(1)
  })

  it('catches up in steps when it was not asked for long', async () => {
    const rpc = new RpcHarness([], { logBlocks: 2 })
    const id = await rpc.result<string>('eth_newFilter', [{}])
    for (const label of ['a', 'b', 'c']) rpc.backend.append(one(label))
    const changes = () => rpc.result<Shown[]>('eth_getFilterChanges', [id])
    expect(blocksOf(await changes())).toEqual([1, 2])
    expect(blocksOf(await changes())).toEqual([3])
  })

  it('of pending transactions tells their hashes', async () => {
    const rpc = new RpcHarness()
    const id = await rpc.result<string>('eth_newPendingTransactionFilter')
    rpc.backend.emit({ kind: 'pendingTransactions', hashes: [digest('a'), digest('b')] })
    expect(await rpc.result('eth_getFilterChanges', [id])).toEqual(
      [digest('a'), digest('b')].map(data),
    )
    expect(await rpc.result('eth_getFilterChanges', [id])).toEqual([])
  })

  it('is gone when it is uninstalled, unknown, or of another kind', async () => {
    const rpc = new RpcHarness()
    const id = await rpc.result<string>('eth_newBlockFilter')
    expect((await rpc.error('eth_getFilterLogs', [id])).message).toBe('filter not found')
    expect(await rpc.result('eth_uninstallFilter', [id])).toBe(true)
    expect(await rpc.result('eth_uninstallFilter', [id])).toBe(false)
    expect(await rpc.error('eth_getFilterChanges', [id])).toMatchObject({
      code: -32000,
      message: 'filter not found',
    })
  })

  it('is forgotten when nobody asks, and there are only so many', async () => {
    const rpc = new RpcHarness([], { filters: 2, filterMs: 30 })
    const first = await rpc.result<string>('eth_newBlockFilter')
    await rpc.result('eth_newBlockFilter')
    expect((await rpc.error('eth_newBlockFilter')).code).toBe(-32005)
    for (const endMs = performance.now() + 35; performance.now() < endMs; );
    await rpc.result('eth_newBlockFilter')
    expect((await rpc.error('eth_getFilterChanges', [first])).message).toBe('filter not found')
    expect(rpc.filters.size).toBe(1)
  })
})
