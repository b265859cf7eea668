// Answers against the OpenRPC files of Ethereum and against what geth answered to the same methods.
import { describe, expect, it } from 'vitest'
import { data } from '../../../rpc/format/hex.ts'
import { addressOf, digest } from '../../support/fakeRpcBackend.ts'
import { faultsOf, namesOf, openRpc, type Schema } from '../../support/openRpc.ts'
import { RpcHarness } from '../../support/rpcHarness.ts'

const log = (label: string) => ({
  address: addressOf('emitter'),
  topics: [digest('Transfer'), digest(label)],
  data: digest(label),
})
const rpc = new RpcHarness([
  [
    { type: 0 },
    { type: 1, logs: [log('a')] },
    { type: 2, logs: [log('b'), log('c')] },
    { type: 4 },
    { type: 2, to: null },
  ],
  [],
])
const pending = rpc.backend.addPending('waiting')
const block = rpc.backend.blocks[1]
const blockHash = data(block?.header.hash ?? new Uint8Array(32))
const hashOf = (index: number): string =>
  data(block?.transactions[index]?.hash ?? new Uint8Array(32))
const owner = data(addressOf('owner'))

const cases: readonly (readonly [method: string, params: readonly unknown[]])[] = [
  ['eth_chainId', []],
  ['eth_syncing', []],
  ['eth_accounts', []],
  ['eth_blockNumber', []],
  ['eth_getBlockByNumber', ['0x1', true]],
  ['eth_getBlockByNumber', ['0x1', false]],
  ['eth_getBlockByNumber', ['earliest', true]],
  ['eth_getBlockByNumber', ['pending', true]],
  ['eth_getBlockByNumber', ['0x99', true]],
  ['eth_getBlockByHash', [blockHash, true]],
  ['eth_getBlockTransactionCountByNumber', ['0x1']],
  ['eth_getBlockTransactionCountByHash', [blockHash]],
  ['eth_getBlockReceipts', ['0x1']],
  ['eth_baseFee', []],
  ['eth_capabilities', []],
  ['eth_getStorageValues', [{ [owner]: ['0x0', data(digest('slot'))] }, 'latest']],
  ['net_version', []],
  ['txpool_status', []],
  ['txpool_content', []],
  ['txpool_contentFrom', [owner]],
  ['debug_getBadBlocks', []],
  ['eth_getBlockReceipts', [blockHash]],
  ...[0, 1, 2, 3, 4].flatMap(
    (i) =>
      [
        ['eth_getTransactionByHash', [hashOf(i)]],
        ['eth_getTransactionReceipt', [hashOf(i)]],
        ['eth_getTransactionByBlockNumberAndIndex', ['0x1', `0x${i}`]],
        ['eth_getTransactionByBlockHashAndIndex', [blockHash, `0x${i}`]],
      ] as const,
  ),
  ['eth_getTransactionReceipt', [data(pending.hash)]],
  ['eth_getBalance', [owner, 'latest']],
  ['eth_getCode', [owner, '0x1']],
  ['eth_getStorageAt', [owner, '0x0', 'latest']],
  ['eth_getTransactionCount', [owner, 'pending']],
  ['eth_getProof', [owner, ['0x00', data(digest('slot'))], 'latest']],
  ['eth_call', [{ to: owner, data: '0xff01' }, 'latest']],
  ['eth_estimateGas', [{ to: owner }]],
  ['eth_createAccessList', [{ to: owner }, 'latest']],
  ['eth_gasPrice', []],
  ['eth_maxPriorityFeePerGas', []],
  ['eth_blobBaseFee', []],
  ['eth_feeHistory', ['0x3', 'latest', [10, 50]]],
  ['eth_feeHistory', ['0x3', 'latest']],
  ['eth_getLogs', [{ fromBlock: '0x0', toBlock: 'latest' }]],
  ['eth_newFilter', [{}]],
  ['eth_newBlockFilter', []],
  ['eth_newPendingTransactionFilter', []],
  ['eth_uninstallFilter', ['0x1']],
  ['eth_sendRawTransaction', ['0x1234']],
]

describe('results', () => {
  it.each(cases)('of %s %j are of the OpenRPC schema', async (method, params) => {
    const schema = openRpc.results[method] as Schema
    expect(faultsOf(await rpc.result(method, params), schema)).toEqual([])
  })

  it('of filters are of the OpenRPC schema', async () => {
    const filter = await rpc.result<string>('eth_newFilter', [{ fromBlock: '0x0' }])
    const newBlocks = await rpc.result<string>('eth_newBlockFilter')
    for (const [method, id] of [
      ['eth_getFilterLogs', filter],
      ['eth_getFilterChanges', filter],
      ['eth_getFilterChanges', newBlocks],
    ] as const)
      expect(faultsOf(await rpc.result(method, [id]), openRpc.results[method] as Schema)).toEqual(
        [],
      )
  })

  it('are checked by a schema that can object', async () => {
    const receipt = await rpc.result<Record<string, unknown>>('eth_getTransactionReceipt', [
      hashOf(2),
    ])
    const schema = openRpc.results.eth_getTransactionReceipt as Schema
    expect(faultsOf({ ...receipt, gasUsed: '0x05' }, schema)).not.toEqual([])
    expect(faultsOf({ ...receipt, surplus: 1 }, schema)).not.toEqual([])
    const { logsBloom: _, ...less } = receipt
    expect(faultsOf(less, schema)).not.toEqual([])
  })

  const samples: readonly (readonly [string, string, readonly unknown[]])[] = [
    ['get-block-prague-fork', 'eth_getBlockByNumber', ['0x1', false]],
    ['get-legacy-tx', 'eth_getTransactionByHash', [hashOf(0)]],
    ['get-access-list', 'eth_getTransactionByHash', [hashOf(1)]],
    ['get-dynamic-fee', 'eth_getTransactionByHash', [hashOf(2)]],
    ['get-dynamic-fee', 'eth_getTransactionReceipt', [hashOf(2)]],
    ['get-setcode-tx', 'eth_getTransactionReceipt', [hashOf(3)]],
    ['filter-with-blockHash', 'eth_getLogs', [{ blockHash }]],
    ['get-account-proof-with-storage', 'eth_getProof', [owner, ['0x00'], 'latest']],
    ['fee-history', 'eth_feeHistory', ['0x1', '0x1', [95, 99]]],
    ['create-al-contract', 'eth_createAccessList', [{ to: owner }, 'latest']],
  ]
  it.each(samples)('have the members of geth: %s, %s', async (name, method, params) => {
    const sample = openRpc.samples[`${method}/${name}`]
    // The recorded transaction is older than EIP-155; ours name their chain.
    const expected = name === 'get-legacy-tx' ? { ...(sample as object), chainId: 'value' } : sample
    expect(namesOf(await rpc.result(method, params))).toEqual(expected)
  })

  it('of type 4 have all members of geth', async () => {
    const result = await rpc.result<object>('eth_getTransactionByHash', [hashOf(3)])
    const sample = openRpc.samples['eth_getTransactionByHash/get-setcode-tx'] as object
    expect(Object.keys(result).sort()).toEqual(Object.keys(sample).sort())
  })

  it('of a block carry the values of its header', async () => {
    const shown = await rpc.result<Record<string, unknown>>('eth_getBlockByNumber', ['0x1', false])
    expect(shown).toMatchObject({
      number: '0x1',
      hash: blockHash,
      gasLimit: '0x1c9c380',
      gasUsed: '0x19a28',
      baseFeePerGas: '0x3b9aca01',
      timestamp: '0x6553f101',
      difficulty: '0x0',
      nonce: '0x0000000000000000',
      transactions: [0, 1, 2, 3, 4].map(hashOf),
    })
  })

  it('number logs across the block', async () => {
    const logs = await rpc.result<{ logIndex: string; transactionIndex: string }[]>('eth_getLogs', [
      { blockHash },
    ])
    const receipts = await rpc.result<{ logs: object[] }[]>('eth_getBlockReceipts', ['0x1'])
    expect(logs.map(({ logIndex }) => logIndex)).toEqual(['0x0', '0x1', '0x2'])
    expect(logs.map(({ transactionIndex }) => transactionIndex)).toEqual(['0x1', '0x2', '0x2'])
    expect(receipts.flatMap((receipt) => receipt.logs)).toEqual(logs)
  })

  it('show what was paid as the price of a mined transaction, and the cap of a pending one', async () => {
    const mined = await rpc.result<object>('eth_getTransactionByHash', [hashOf(2)])
    const waiting = await rpc.result<object>('eth_getTransactionByHash', [data(pending.hash)])
    expect(mined).toMatchObject({ gasPrice: '0x3b9acde9', blockNumber: '0x1', yParity: '0x1' })
    expect(waiting).toMatchObject({ gasPrice: '0x77359400', blockHash: null, blockNumber: null })
  })

  it('show the v of EIP-155 in a legacy transaction and no parity', async () => {
    const legacy = await rpc.result<object>('eth_getTransactionByHash', [hashOf(0)])
    expect(legacy).toMatchObject({ v: '0x1eeb', r: '0xabc' })
    expect(legacy).not.toHaveProperty('yParity')
    expect(legacy).not.toHaveProperty('accessList')
  })
})
