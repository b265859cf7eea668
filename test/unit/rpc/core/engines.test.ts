// Views, descriptions, overviews and proofs of the engines through JSON-RPC.
import { beforeEach, describe, expect, it } from 'vitest'
import type { EngineDescription } from '../../../../rpc/client/engines.ts'
import {
  createNexusClient,
  engineTablesOf,
  privateKeySigner,
  verifyProof,
} from '../../../../rpc/client/index.ts'
import { data } from '../../../../rpc/format/hex.ts'
import { alice, bob, engineTables, order, stranger } from '../../../support/coreAccounts.ts'
import { CORE_TIME, coreValidators, FakeCore } from '../../../support/fakeCore.ts'
import { RpcHarness } from '../../../support/rpcHarness.ts'
import { TEST_CHAIN_ID } from '../../../support/testChain.ts'

let core: FakeCore
let rpc: RpcHarness
let nonce = CORE_TIME
beforeEach(() => {
  core = new FakeCore([alice.address, bob.address])
  rpc = new RpcHarness([], {}, core)
})

const client = createNexusClient({
  url: 'http://nowhere.invalid',
  engines: engineTables,
  signer: privateKeySigner(alice.key),
  chainId: TEST_CHAIN_ID,
  nonces: () => ++nonce,
})

async function place(...orders: ReturnType<typeof order>[]): Promise<void> {
  const { bytes } = await client.sign(orders.map((one) => client.actions.exchange.placeOrder(one)))
  await rpc.result('nexus_sendAction', [data(bytes)])
  rpc.backend.mine()
}

describe('views', () => {
  it('take arguments by position and by name', async () => {
    await place(order('buy', 990, 5), order('sell', 1_010, 3))
    const book = {
      bids: [{ price: '990', size: '5', orders: 1 }],
      asks: [{ price: '1010', size: '3', orders: 1 }],
    }
    expect(await rpc.result('nexus_exchange_book', [0, 10])).toMatchObject(book)
    expect(await rpc.result('nexus_exchange_book', [{ depth: '10', market: 0 }])).toMatchObject(
      book,
    )
    expect(await rpc.result('nexus_ledger_gasPrice')).toEqual({ gasPrice: '1' })
  })

  it('show and take accounts as addresses', async () => {
    await place(order('buy', 990, 5))
    const { orders } = await rpc.result<{ orders: { account: string }[] }>(
      'nexus_exchange_orders',
      [{ account: data(alice.address), market: 0xffff, cursorMarket: 0, cursor: 0 }],
    )
    expect(orders.map(({ account }) => account)).toEqual([data(alice.address)])
  })

  it.each([
    ['nexus_exchange_book', [9, 10], { code: -32_000, data: { code: 'UNKNOWN_MARKET' } }],
    ['nexus_exchange_book', [0, 0], { code: -32_000, data: { code: 'BAD_DEPTH' } }],
    ['nexus_exchange_book', [0], { code: -32_602, message: 'missing depth' }],
    ['nexus_exchange_book', [0, 1, 2], { code: -32_602 }],
    ['nexus_exchange_book', [0, '0x10'], { code: -32_602, message: 'bad depth' }],
    ['nexus_exchange_book', [{ market: 0 }], { code: -32_602, message: 'bad depth' }],
    ['nexus_exchange_book', [null], { code: -32_602 }],
    ['nexus_exchange_feeTier', [data(stranger.address)], { data: { code: 'UNKNOWN_ACCOUNT' } }],
    ['nexus_exchange_feeTier', ['0x12'], { code: -32_602, message: 'bad account' }],
    ['nexus_exchange_placeOrder', [], { code: -32_601 }],
  ])('answer %s %j with a code', async (method, params, error) => {
    expect(await rpc.error(method, params)).toMatchObject(error)
  })
})

describe('nexus_engines', () => {
  it('says enough to make a client of it', async () => {
    const described = await rpc.result<EngineDescription[]>('nexus_engines')
    const tables = engineTablesOf(described)
    for (const [name, { id, publicFns }] of Object.entries(engineTables))
      for (const [fn, table] of Object.entries(publicFns)) {
        const { args, result } = tables[name]?.publicFns[fn] ?? {}
        expect([tables[name]?.id, args, result], fn).toEqual([id, table.args, table.result])
        expect(Object.keys(args), 'the order is that of the bytes').toEqual(Object.keys(table.args))
      }
    expect(described).toMatchObject([
      { name: 'ledger', address: `0x${'00'.repeat(18)}0801` },
      { name: 'exchange', address: `0x${'00'.repeat(18)}0802` },
    ])
    const untyped = createNexusClient({ url: 'http://nowhere.invalid', engines: tables })
    const action = (one: typeof client | typeof untyped) =>
      (one.actions as typeof client.actions).exchange.placeOrder(order('buy', 990, 5)).args
    expect(action(untyped)).toEqual(action(client))
  })
})

describe('nexus_account', () => {
  it('puts together what an address has', async () => {
    await place(order('buy', 990, 5), order('buy', 980, 5))
    const overview = await rpc.result('nexus_account', [data(alice.address)])
    expect(overview).toMatchObject({
      address: data(alice.address),
      exists: true,
      account: { usdx: '5000000', agents: [] },
      balances: {
        ledger: expect.arrayContaining([{ asset: 0, amount: '5000000' }]),
        exchange: expect.arrayContaining([{ asset: 1, available: '1000000000', held: '0' }]),
      },
      openOrders: 2,
    })
  })

  it('knows that somebody has nothing', async () => {
    expect(await rpc.result('nexus_account', [data(stranger.address)])).toEqual({
      address: data(stranger.address),
      exists: false,
      account: null,
      balances: { ledger: [], exchange: [] },
      openOrders: 0,
    })
  })
})

describe('nexus_getProof', () => {
  const [ledgerAt] = [0]
  const trusted = { chainId: TEST_CHAIN_ID, validators: coreValidators.set.validators }
  const wanted = () => ({
    engine: 'ledger',
    engineIndex: ledgerAt,
    schema: core.engines[ledgerAt]?.schema ?? {},
  })

  it('is checked by a client that trusts nobody but the validators', async () => {
    await place(order('buy', 990, 5))
    const json = await rpc.result('nexus_getProof', ['ledger', 'balances', 1])
    const proven = verifyProof(json, wanted(), trusted)
    expect(proven).toMatchObject({
      ok: true,
      value: { height: 1, table: 'balances', row: 1, values: { asset: 0, amount: 5_000_000 } },
    })
  })

  it('is refused with any part changed', async () => {
    rpc.backend.mine()
    type Proof = Record<string, unknown> & {
      path: string[]
      engineRoots: string[]
      header: Record<string, unknown>
      certificate: { signatures: { index: number; signature: string }[] } & Record<string, unknown>
    }
    const json = await rpc.result<Proof>('nexus_getProof', ['ledger', 'balances', 1])
    const { header, certificate } = json
    const flip = (hex: unknown) =>
      `${String(hex).slice(0, -1)}${String(hex).endsWith('0') ? '1' : '0'}`
    const [first, ...others] = certificate.signatures
    const changes: [string, unknown, string][] = [
      ['the row', { ...json, bytes: flip(json.bytes) }, 'BAD_PROOF'],
      ['its number', { ...json, row: 2 }, 'BAD_PROOF'],
      ['its table', { ...json, table: 'accounts' }, 'BAD_PROOF'],
      ['the path', { ...json, path: json.path.map(flip) }, 'BAD_PROOF'],
      [
        'an engine root',
        { ...json, engineRoots: [json.engineRoots[0], flip(json.engineRoots[1])] },
        'WRONG_STATE_ROOT',
      ],
      ['another root', { ...json, evmRoot: flip(json.evmRoot) }, 'WRONG_STATE_ROOT'],
      ['the height', { ...json, height: 2 }, 'WRONG_STATE_ROOT'],
      ['the header', { ...json, header: { ...header, time: 5 } }, 'WRONG_BLOCK'],
      [
        'a signature',
        {
          ...json,
          certificate: {
            ...certificate,
            signatures: [{ ...first, signature: flip(first?.signature) }, ...others],
          },
        },
        'BAD_SIGNATURE',
      ],
      [
        'one signature twice',
        { ...json, certificate: { ...certificate, signatures: [first, first, first] } },
        'DUPLICATE_SIGNER',
      ],
      [
        'two of four signatures',
        { ...json, certificate: { ...certificate, signatures: [first, ...others].slice(0, 2) } },
        'INSUFFICIENT_SIGNED_POWER',
      ],
      ['no certificate', { ...json, certificate: null }, 'BAD_ANSWER'],
      ['nothing at all', null, 'BAD_ANSWER'],
    ]
    for (const [what, changed, code] of changes)
      expect(verifyProof(changed, wanted(), trusted), what).toEqual({ ok: false, code })
    const others2 = { ...trusted, chainId: 1 }
    expect(verifyProof(json, wanted(), others2)).toEqual({ ok: false, code: 'WRONG_BLOCK' })
    expect(verifyProof(json, wanted(), trusted).ok, 'the unchanged one').toBe(true)
  })

  it.each([
    [['casino', 'rows', 1], 'UNKNOWN_ENGINE'],
    [['ledger', 'casino', 1], 'UNKNOWN_TABLE'],
    [['ledger', 'assetBySymbol', 1], 'UNKNOWN_TABLE'],
    [['ledger', 'toString', 1], 'UNKNOWN_TABLE'],
    [['ledger', 'balances', 0], 'UNKNOWN_ROW'],
    [['ledger', 'balances', 200], 'UNKNOWN_ROW'],
    [['ledger', 'balances', 2 ** 31], 'UNKNOWN_ROW'],
  ])('does not exist for %j', async (params, code) => {
    expect(await rpc.error('nexus_getProof', params)).toMatchObject({ data: { code } })
  })
})
