// What each method makes of its parameters, and what it answers for what is not there.
import { beforeEach, describe, expect, it } from 'vitest'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { data } from '../../../rpc/format/hex.ts'
import { fail } from '../../../rpc/index.ts'
import { addressOf, digest } from '../../support/fakeRpcBackend.ts'
import { RpcHarness } from '../../support/rpcHarness.ts'

const owner = data(addressOf('owner'))
const nowhere = data(digest('nowhere'))
let rpc: RpcHarness
beforeEach(() => {
  rpc = new RpcHarness([[{ tip: 5n }, { tip: 9n }], [{}], []])
})

describe('names', () => {
  it.each([
    ['web3_clientVersion', [], 'Nexus/v0.1.0/test'],
    ['web3_sha3', ['0x'], '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'],
    ['net_version', [], '3940'],
    ['net_listening', [], true],
    ['net_peerCount', [], '0x1'],
    ['eth_chainId', [], '0xf64'],
    ['eth_blockNumber', [], '0x3'],
    ['eth_accounts', [], []],
    ['eth_syncing', [], false],
    ['eth_blobBaseFee', [], '0x1'],
    ['eth_getUncleCountByBlockNumber', ['0x1'], '0x0'],
    ['eth_getUncleByBlockNumberAndIndex', ['0x1', '0x0'], null],
    ['eth_getBlockTransactionCountByNumber', ['0x1'], '0x2'],
  ])('%s', async (method, params, expected) => {
    expect(await rpc.result(method, params)).toEqual(expected)
  })

  it('tell which modules there are', async () => {
    expect(Object.keys(await rpc.result<object>('rpc_modules'))).toContain('nexus')
  })
})

describe('what is not there', () => {
  it.each([
    ['eth_getBlockByNumber', ['0x63', true]],
    ['eth_getBlockByNumber', ['0xffffffffffffffff', true]],
    ['eth_getBlockByHash', [nowhere, false]],
    ['eth_getBlockReceipts', ['0x63']],
    ['eth_getBlockReceipts', [nowhere]],
    ['eth_getBlockTransactionCountByNumber', ['0x63']],
    ['eth_getBlockTransactionCountByHash', [nowhere]],
    ['eth_getUncleCountByBlockHash', [nowhere]],
    ['eth_getTransactionByHash', [nowhere]],
    ['eth_getRawTransactionByHash', [nowhere]],
    ['eth_getTransactionReceipt', [nowhere]],
    ['eth_getTransactionByBlockNumberAndIndex', ['0x1', '0x2']],
    ['eth_getTransactionByBlockHashAndIndex', [nowhere, '0x0']],
    ['nexus_commitCertificate', ['0x63']],
    ['nexus_commitCertificate', ['0x0']],
  ])('is null: %s %j', async (method, params) => {
    expect(await rpc.result(method, params)).toBeNull()
  })

  it.each([
    ['eth_getBalance', [owner, '0x63']],
    ['eth_call', [{ to: owner }, '0x63']],
    ['eth_getBalance', [owner, { blockHash: nowhere }]],
    ['eth_feeHistory', ['0x1', '0x63', []]],
    ['eth_getLogs', [{ blockHash: nowhere }]],
  ])('is an error: %s %j', async (method, params) => {
    expect(await rpc.error(method, params)).toMatchObject({
      code: -32000,
      message: 'header not found',
    })
  })

  it('is an error with the reach of the history when the state is gone', async () => {
    for (let i = 0; i < 12; i++) rpc.backend.append([])
    expect(await rpc.error('eth_getBalance', [owner, '0x1'])).toMatchObject({
      code: -32000,
      data: { code: 'STATE_NOT_AVAILABLE', height: 1, oldest: 5 },
    })
  })
})

describe('block parameters', () => {
  it.each([
    ['latest', '0x3'],
    ['safe', '0x3'],
    ['finalized', '0x3'],
    ['pending', '0x3'],
    ['earliest', '0x0'],
    ['0x2', '0x2'],
  ])('%s', async (tag, number) => {
    expect(await rpc.result('eth_getBlockByNumber', [tag, false])).toMatchObject({ number })
    expect(await rpc.result('eth_getBalance', [owner, tag])).toBe(
      `0x${(10n ** 21n + BigInt(number)).toString(16)}`,
    )
  })

  it.each([
    [{ blockNumber: '0x1' }],
    [{ blockHash: data(digest('block 1')) }],
    [{ blockHash: data(digest('block 1')), requireCanonical: true }],
    [data(digest('block 1'))],
  ])('of EIP-1898: %j', async (block) => {
    expect(await rpc.result('eth_getBalance', [owner, block])).toBe(
      `0x${(10n ** 21n + 1n).toString(16)}`,
    )
  })

  it.each([
    ['a decimal number', 1],
    ['a decimal text', '1'],
    ['a leading zero', '0x01'],
    ['no digits', '0x'],
    ['another tag', 'newest'],
    ['more than 64 bits', '0x10000000000000000'],
    ['both kinds', { blockNumber: '0x1', blockHash: nowhere }],
    ['neither kind', {}],
    ['a list', []],
  ])('are refused: %s', async (_, block) => {
    expect((await rpc.error('eth_getBalance', [owner, block])).code).toBe(-32602)
  })

  it('are latest when left out', async () => {
    const latest = await rpc.result('eth_getBalance', [owner, 'latest'])
    expect(await rpc.result('eth_getBalance', [owner])).toBe(latest)
    expect(await rpc.result('eth_getBalance', [owner, null])).toBe(latest)
  })
})

describe('hex parameters', () => {
  it.each([
    ['no prefix', '00'.repeat(20), /without 0x prefix/],
    ['an odd length', '0x123', /odd length/],
    ['too short', '0x12', /length 2, want 40/],
    ['other letters', `0x${'zz'.repeat(20)}`, /invalid hex/],
    ['a number', 5, /expected a hex string/],
  ])('are refused with a reason: %s', async (_, address, message) => {
    const error = await rpc.error('eth_getBalance', [address])
    expect(error.code).toBe(-32602)
    expect(error.message).toMatch(/^invalid argument 0: /)
    expect(error.message).toMatch(message)
  })

  it('must be there', async () => {
    expect((await rpc.error('eth_getBalance')).message).toBe(
      'missing value for required argument 0',
    )
  })

  it.each([
    ['0x', '0x'.padEnd(66, '0')],
    ['0x0', '0x'.padEnd(66, '0')],
    ['0x1', `0x${'1'.padStart(64, '0')}`],
    ['0x00ff', `0x${'ff'.padStart(64, '0')}`],
    [`0x${'ab'.repeat(32)}`, `0x${'ab'.repeat(32)}`],
  ])('may write a storage slot as %s', async (slot, padded) => {
    expect(await rpc.result('eth_getStorageAt', [owner, slot, 'latest'])).toBe(padded)
  })

  it('may not write a slot longer than 32 bytes', async () => {
    const slot = `0x${'1'.repeat(65)}`
    expect((await rpc.error('eth_getStorageAt', [owner, slot, 'latest'])).code).toBe(-32602)
  })
})

describe('calls', () => {
  const request = () => rpc.backend.calls.at(-1)

  it('pass all fields of the message', async () => {
    await rpc.result('eth_call', [
      {
        ...{ from: owner, to: owner, gas: '0xea60', value: '0x17', nonce: '0x4', input: '0x3334' },
        maxFeePerGas: '0x64',
        maxPriorityFeePerGas: '0xb',
        accessList: [{ address: owner, storageKeys: [nowhere] }],
        chainId: '0xf64',
        type: '0x2',
      },
      '0x2',
    ])
    expect(request()?.height).toBe(2)
    expect(request()?.message).toMatchObject({
      from: addressOf('owner'),
      gas: 60_000n,
      value: 23n,
      maxFeePerGas: 100n,
      maxPriorityFeePerGas: 11n,
      gasPrice: null,
      data: Uint8Array.of(0x33, 0x34),
      accessList: [{ address: addressOf('owner'), storageKeys: [digest('nowhere')] }],
    })
  })

  it('take data under both of its names, if it is the same', async () => {
    await rpc.result('eth_call', [{ data: '0x01' }])
    expect(request()?.message.data).toEqual(Uint8Array.of(1))
    await rpc.result('eth_call', [{ data: '0x01', input: '0x01' }])
    expect(request()?.message.data).toEqual(Uint8Array.of(1))
    expect((await rpc.error('eth_call', [{ data: '0x01', input: '0x02' }])).message).toMatch(
      /both "data" and "input" are set and not equal/,
    )
  })

  it.each([
    ['two kinds of price', { gasPrice: '0x1', maxFeePerGas: '0x1' }, /both gasPrice and/],
    ['a tip above the fee', { maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x2' }, /maxFeePerGas/],
    ['another chain', { chainId: '0x1' }, /chainId does not match node's \(have=1, want=3940\)/],
    ['blobs', { blobVersionedHashes: [nowhere] }, /EIP-4844/],
    ['a decimal value', { value: 5 }, /value: expected a hex string/],
    ['a bad access list', { accessList: [{}] }, /missing address/],
  ])('are refused with %s', async (_, message, problem) => {
    const error = await rpc.error('eth_call', [message])
    expect(error.code).toBe(-32602)
    expect(error.message).toMatch(problem)
  })

  it('pass overrides of accounts and of the block', async () => {
    const word = data(digest('word'))
    await rpc.result('eth_call', [
      { to: owner },
      'latest',
      {
        [owner]: { balance: '0x5', nonce: '0x6', code: '0x6000', stateDiff: { [nowhere]: word } },
        [data(addressOf('other'))]: { state: {} },
      },
      {
        number: '0x64',
        time: '0x65',
        baseFeePerGas: '0x0',
        feeRecipient: owner,
        prevRandao: '0x7',
      },
    ])
    expect(request()?.stateOverrides).toEqual([
      {
        ...{ address: addressOf('owner'), balance: 5n, nonce: 6, code: Uint8Array.of(0x60, 0) },
        state: null,
        stateDiff: [{ slot: digest('nowhere'), value: digest('word') }],
      },
      {
        ...{ address: addressOf('other'), balance: null, nonce: null, code: null },
        ...{ state: [], stateDiff: [] },
      },
    ])
    expect(request()?.blockOverrides).toMatchObject({
      number: 100,
      time: 101,
      baseFeePerGas: 0n,
      feeRecipient: addressOf('owner'),
      gasLimit: null,
    })
  })

  it('refuse overrides that contradict themselves', async () => {
    const both = { [owner]: { state: {}, stateDiff: {} } }
    expect((await rpc.error('eth_call', [{}, 'latest', both])).message).toMatch(/has both 'state'/)
    expect((await rpc.error('eth_call', [{}, 'latest', { '0x12': {} }])).code).toBe(-32602)
    const moved = { [owner]: { movePrecompileToAddress: owner } }
    expect((await rpc.error('eth_call', [{}, 'latest', moved])).code).toBe(-32602)
  })

  it('show why an access list could not be made', async () => {
    rpc.backend.onAccessList = { accessList: [], gasUsed: 1n, error: 'execution reverted' }
    expect(await rpc.result('eth_createAccessList', [{}])).toEqual({
      accessList: [],
      gasUsed: '0x1',
      error: 'execution reverted',
    })
  })
})

describe('nonces and transactions', () => {
  it('count what is pooled for the tag pending only', async () => {
    expect(await rpc.result('eth_getTransactionCount', [owner, 'pending'])).toBe('0x5')
    rpc.backend.addPending('a')
    expect(await rpc.result('eth_getTransactionCount', [owner, 'pending'])).toBe('0x9')
    expect(await rpc.result('eth_getTransactionCount', [owner, 'latest'])).toBe('0x5')
    // The pool may not have heard of the latest block yet.
    rpc.backend.pooledNonce = 3
    expect(await rpc.result('eth_getTransactionCount', [owner, 'pending'])).toBe('0x5')
  })

  it('give the bytes that were signed', async () => {
    const pending = rpc.backend.addPending('a')
    const mined = rpc.backend.blocks[1]?.transactions[1]
    for (const signed of [pending, mined]) {
      const hash = data(signed?.hash ?? new Uint8Array(32))
      const raw = await rpc.result<string>('eth_getRawTransactionByHash', [hash])
      expect(raw).toBe(data(signed?.bytes ?? new Uint8Array(0)))
    }
    expect(await rpc.result('eth_getRawTransactionByBlockNumberAndIndex', ['0x1', '0x1'])).toBe(
      data(mined?.bytes ?? new Uint8Array(0)),
    )
  })

  it('find a transaction that is mined while the pool is asked', async () => {
    const signed = rpc.backend.addPending('a')
    rpc.backend.pendingTransaction = async () => {
      const block = rpc.backend.append([{}])
      const mined = { ...block.transactions[0], ...signed }
      Object.assign(block.transactions, { 0: mined })
      return null
    }
    const hash = data(signed.hash)
    expect(await rpc.result('eth_getTransactionByHash', [hash])).toMatchObject({ hash })
  })

  it('come back as a hash, or with the reason why not', async () => {
    const hash = await rpc.result('eth_sendRawTransaction', ['0x1234'])
    expect(hash).toBe(data(keccak256(Uint8Array.of(0x12, 0x34))))
    rpc.backend.onSubmit = async () => fail({ code: 'ALREADY_KNOWN' })
    expect(await rpc.error('eth_sendRawTransaction', ['0x1234'])).toEqual({
      code: -32000,
      message: 'already known',
      data: { code: 'ALREADY_KNOWN' },
    })
  })

  it('may be waited for until they are in a block (EIP-7966)', async () => {
    const block = rpc.backend.append([{}])
    const mined = block.transactions[0]?.hash ?? new Uint8Array(32)
    rpc.backend.onSubmit = async () => ({ ok: true, value: mined })
    expect(await rpc.result('eth_sendRawTransactionSync', ['0x01'])).toMatchObject({
      transactionHash: data(mined),
    })
    const next = new RpcHarness([[{}]]).backend.blocks[1]?.transactions[0]
    rpc = new RpcHarness()
    rpc.backend.onSubmit = async () => ({ ok: true, value: next?.hash ?? mined })
    const waiting = rpc.result('eth_sendRawTransactionSync', ['0x01'])
    await new Promise((resolve) => setImmediate(resolve))
    rpc.backend.append([])
    rpc.backend.blocks.pop()
    rpc.backend.append([{}])
    expect(await waiting).toMatchObject({ blockNumber: '0x1' })
  })

  it('are not waited for longer than was asked', async () => {
    const hash = digest('lost')
    rpc.backend.onSubmit = async () => ({ ok: true, value: hash })
    expect(await rpc.error('eth_sendRawTransactionSync', ['0x01', '0x5'])).toMatchObject({
      code: 4,
      data: data(hash),
    })
  })
})

describe('fees', () => {
  it('suggest the base fee of the next block and the tips that were paid', async () => {
    const tips = [1_000_000n, 2_000_000n, 3_000_000n, 4_000_000n, 5_000_000n]
    rpc = new RpcHarness(tips.map((tip) => [{ tip }]))
    expect(await rpc.result('eth_maxPriorityFeePerGas')).toBe('0x2dc6c0')
    expect(await rpc.result('eth_gasPrice')).toBe(
      `0x${(1_000_000_000n + 6n + 3_000_000n).toString(16)}`,
    )
    rpc.backend.append([{ tip: 9_000_000n }, { tip: 9_000_000n }, { tip: 9_000_000n }])
    expect(await rpc.result('eth_maxPriorityFeePerGas')).toBe('0x4c4b40')
  })

  it('suggest the least tip on an idle chain', async () => {
    expect(await new RpcHarness([[], []]).result('eth_maxPriorityFeePerGas')).toBe('0xf4240')
  })

  it('tell their history with the base fee of the block to come', async () => {
    rpc = new RpcHarness([
      [
        { tip: 30n, gasUsed: 15_000_000 },
        { tip: 10n, gasUsed: 5_000_000 },
      ],
      [],
    ])
    expect(await rpc.result('eth_feeHistory', ['0x2', 'latest', [0, 25, 26, 100]])).toEqual({
      oldestBlock: '0x1',
      baseFeePerGas: ['0x3b9aca01', '0x3b9aca02', '0x3b9aca03'],
      gasUsedRatio: [2 / 3, 0],
      baseFeePerBlobGas: ['0x1', '0x1', '0x1'],
      blobGasUsedRatio: [0, 0],
      reward: [
        ['0xa', '0xa', '0x1e', '0x1e'],
        ['0x0', '0x0', '0x0', '0x0'],
      ],
    })
  })

  it('stop at genesis, and take a plain number as the count', async () => {
    const history = await rpc.result<{ gasUsedRatio: number[] }>('eth_feeHistory', [
      99,
      'latest',
      null,
    ])
    expect(history).toMatchObject({ oldestBlock: '0x0' })
    expect(history.gasUsedRatio).toHaveLength(4)
  })

  it.each([[[50, 10]], [[101]], [[-1]], [['x']], [[{ toString: 1 }]], ['x']])(
    'refuse percentiles %j',
    async (wanted) => {
      expect((await rpc.error('eth_feeHistory', ['0x1', 'latest', wanted])).code).toBe(-32602)
    },
  )
})

describe('the chain itself', () => {
  it('shows its status', async () => {
    expect(await rpc.result('nexus_status')).toMatchObject({
      moniker: 'fake',
      chainId: '0xf64',
      height: '0x3',
      catchingUp: false,
      validator: data(addressOf('validator')),
      peers: [{ moniker: 'other', direction: 'outbound' }],
    })
  })

  it('shows validators with their keys', async () => {
    const shown = await rpc.result<{ validators: object[] }>('nexus_validators')
    expect(shown).toMatchObject({ height: '0x3', totalPower: 4 })
    expect(shown.validators[3]).toMatchObject({ index: 3, power: 1 })
  })

  it('shows the validators of the two heights to come, and of no other', async () => {
    for (const height of ['0x4', '0x5'])
      expect(await rpc.result('nexus_validators', [height])).toMatchObject({ height })
    expect(await rpc.error('nexus_validators', ['0x6'])).toMatchObject({ code: -32000 })
  })

  it('proves a block with the signatures of its validators', async () => {
    const certificate = await rpc.result<{ signatures: { address: string; index: number }[] }>(
      'nexus_commitCertificate',
      ['0x2'],
    )
    expect(certificate).toMatchObject({ height: '0x2', round: '0x0', chainId: '0xf64' })
    expect(certificate.signatures.map(({ index }) => index)).toEqual([0, 1, 3])
    const { validators } = await rpc.result<{ validators: { address: string }[] }>(
      'nexus_validators',
      ['0x2'],
    )
    expect(certificate.signatures.map(({ address }) => address)).toEqual(
      [0, 1, 3].map((index) => validators[index]?.address),
    )
  })

  it('says how far it is behind', async () => {
    rpc.backend.nodeStatus = { ...rpc.backend.nodeStatus, catchingUp: true, highestKnown: 90 }
    expect(await rpc.result('eth_syncing')).toEqual({
      startingBlock: '0x0',
      currentBlock: '0x3',
      highestBlock: '0x5a',
    })
  })
})
