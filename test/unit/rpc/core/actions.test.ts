// Signed actions through JSON-RPC: in which forms they come in, why they do not, and what became of them.
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { signedEnvelopeCodec } from '../../../../core/chain/action.ts'
import { envelopeDigest } from '../../../../core/host/typedData.ts'
import { decode } from '../../../../core/primitives/codec.ts'
import { keccak256 } from '../../../../core/primitives/hash.ts'
import { signatures } from '../../../../core/primitives/signature.ts'
import { actionsOf, registryOf } from '../../../../rpc/client/engines.ts'
import { createNexusClient, privateKeySigner } from '../../../../rpc/client/index.ts'
import { data } from '../../../../rpc/format/hex.ts'
import { fail } from '../../../../rpc/index.ts'
import { alice, bob, engineTables, order } from '../../../support/coreAccounts.ts'
import { CORE_TIME, FakeCore } from '../../../support/fakeCore.ts'
import { RpcHarness } from '../../../support/rpcHarness.ts'
import { TEST_CHAIN_ID } from '../../../support/testChain.ts'

const actions = actionsOf(engineTables)
let core: FakeCore
let rpc: RpcHarness
beforeEach(() => {
  core = new FakeCore([alice.address, bob.address])
  rpc = new RpcHarness([], {}, core)
})

const client = createNexusClient({
  url: 'http://nowhere.invalid',
  engines: engineTables,
  signer: privateKeySigner(alice.key),
  chainId: TEST_CHAIN_ID,
  nonces: () => CORE_TIME,
})
const buy = order('buy', 990, 5)

/** The JSON of an envelope, unsigned. */
const envelopeJson = (change: object = {}) => ({
  chainId: TEST_CHAIN_ID,
  signer: data(alice.address),
  nonce: CORE_TIME,
  maxFee: '1000000',
  actions: [{ engine: 'exchange', fn: 'placeOrder', args: { ...buy, clientId: '0' } }],
  ...change,
})

/** Signs what `nexus_typedData` shows, as a wallet does: by its own EIP-712. */
async function walletSignature(json: object, key = alice.key): Promise<string> {
  const { hashTypedData } = await import('viem')
  const typed = await rpc.result<Parameters<typeof hashTypedData>[0]>('nexus_typedData', [json])
  const digest = Buffer.from(hashTypedData(typed).slice(2), 'hex')
  const { signature, recovery } = signatures.sign(digest, key)
  return data(Uint8Array.of(...signature, 27 + recovery))
}

describe('sending', () => {
  it('takes the canonical bytes, and answers with their hash', async () => {
    const { bytes, hash } = await client.sign([client.actions.exchange.placeOrder(buy)])
    expect(await rpc.result('nexus_sendAction', [data(bytes)])).toBe(hash)
    expect(core.pool).toEqual([bytes])
  })

  it.each([
    ['one action', envelopeJson()],
    ['a limit in time', envelopeJson({ expiresAfter: CORE_TIME + 10_000 })],
    ['several', envelopeJson({ actions: Array(3).fill(envelopeJson().actions[0]), atomic: true })],
    ['one, shown as a hash', envelopeJson({ form: 'compact' })],
  ])('takes JSON signed by a wallet: %s', async (_, json) => {
    const signature = await walletSignature(json)
    const hash = await rpc.result('nexus_sendAction', [{ ...json, signature }])
    expect(hash).toBe(data(keccak256(core.pool[0] as Uint8Array)))
    const decoded = decode(signedEnvelopeCodec, core.pool[0] as Uint8Array)
    expect(decoded).toMatchObject({ ok: true, value: { envelope: { nonce: CORE_TIME } } })
  })

  it('says what should have been signed, and who signed it', async () => {
    const json = envelopeJson()
    const signature = await walletSignature(json, bob.key)
    const { code, data: detail } = await rpc.error('nexus_sendAction', [{ ...json, signature }])
    const [action] = [actions.exchange.placeOrder(buy)]
    const { engine, fn, args } = action
    const digest = envelopeDigest(
      {
        form: 'readable',
        envelope: {
          chainId: TEST_CHAIN_ID,
          signer: alice.address,
          nonce: CORE_TIME,
          expiresAfter: null,
          maxFee: 1_000_000,
          atomic: false,
          actions: [{ engine, fn, args }],
        },
      },
      registryOf(engineTables),
    )
    expect(code).toBe(-32_000)
    expect(detail).toEqual({
      code: 'WRONG_SIGNER',
      signer: data(alice.address),
      recovered: data(bob.address),
      digest: digest.ok ? data(digest.value) : null,
    })
  })

  const signed = (change: object) => ({
    ...envelopeJson(change),
    signature: `0x${'11'.repeat(64)}1b`,
  })
  const act = (change: object) => ({ actions: [{ ...envelopeJson().actions[0], ...change }] })
  it.each([
    ['no hex', 'a0', { code: 'BAD_ENVELOPE' }],
    ['an Ethereum transaction', '0x02f870', { code: 'BAD_ENVELOPE', problem: 'BAD_TAG' }],
    ['half an envelope', '0xa000', { code: 'BAD_ENVELOPE', problem: 'TRUNCATED' }],
    ['a number', 5, { code: 'BAD_ENVELOPE' }],
    ['a list', [], { code: 'BAD_ENVELOPE' }],
    ['no signature', envelopeJson(), { code: 'BAD_ENVELOPE' }],
    ['a short signature', { ...envelopeJson(), signature: '0x11' }, { code: 'BAD_ENVELOPE' }],
    ['no signer', signed({ signer: null }), { code: 'BAD_ENVELOPE', problem: 'missing signer' }],
    ['a nonce that is no integer', signed({ nonce: 1.5 }), { code: 'BAD_ENVELOPE' }],
    ['no actions', signed({ actions: [] }), { code: 'BAD_ENVELOPE' }],
    ['too many actions', signed({ actions: Array(257).fill({}) }), { code: 'BAD_ENVELOPE' }],
    ['another chain', signed({ chainId: 1 }), { code: 'WRONG_CHAIN', expected: TEST_CHAIN_ID }],
    ['an unknown engine', signed(act({ engine: 'casino' })), { code: 'BAD_ACTION', action: 0 }],
    ['a prototype', signed(act({ fn: 'toString' })), { problem: 'UNKNOWN_FUNCTION' }],
    ['a missing argument', signed(act({ args: {} })), { problem: 'BAD_ARGUMENTS: market' }],
    [
      'an argument too many',
      signed(act({ args: { ...buy, clientId: '0', to: 1 } })),
      { action: 0 },
    ],
    ['a bad signature', signed({}), { code: 'WRONG_SIGNER', signer: data(alice.address) }],
    [
      'two actions in readable form',
      signed({ actions: Array(2).fill(envelopeJson().actions[0]), form: 'readable' }),
      { code: 'BAD_ENVELOPE', problem: 'READABLE_NEEDS_ONE_ACTION' },
    ],
  ])('refuses %s with a code', async (_, json, detail) => {
    const error = await rpc.error('nexus_sendAction', [json])
    expect(error).toMatchObject({ code: -32_000, data: detail })
    expect(core.pool).toEqual([])
  })

  it('passes on what the pool says', async () => {
    const { bytes } = await client.sign([client.actions.ledger.noop()])
    core.onSubmit = async () => fail({ code: 'CORE_REJECTED', reject: 'NONCE_TOO_OLD' })
    expect(await rpc.error('nexus_sendAction', [data(bytes)])).toEqual({
      code: -32_000,
      message: 'rejected: NONCE_TOO_OLD',
      data: { code: 'NONCE_TOO_OLD' },
    })
    core.onSubmit = async () => fail({ code: 'POOL_FULL' })
    expect(await rpc.error('nexus_sendAction', [data(bytes)])).toMatchObject({
      data: { code: 'POOL_FULL' },
    })
  })

  it('takes several, each with its own outcome and in their order', async () => {
    const first = await client.sign([client.actions.ledger.noop()], { nonce: CORE_TIME + 1 })
    const last = await client.sign([client.actions.ledger.noop()], { nonce: CORE_TIME + 2 })
    const sent = await rpc.result('nexus_sendActions', [
      [data(first.bytes), '0xa0', data(last.bytes)],
    ])
    expect(sent).toMatchObject([
      { hash: first.hash },
      { error: { code: -32_000, data: { code: 'BAD_ENVELOPE' } } },
      { hash: last.hash },
    ])
    expect(core.pool).toEqual([first.bytes, last.bytes])
    const many = Array(1_001).fill('0xa0')
    expect((await rpc.error('nexus_sendActions', [many])).code).toBe(-32_602)
  })

  it('checks without sending', async () => {
    const { bytes, hash } = await client.sign([client.actions.ledger.noop()])
    expect(await rpc.result('nexus_checkAction', [data(bytes)])).toBe(hash)
    expect(core.pool).toEqual([])
    await rpc.result('nexus_sendAction', [data(bytes)])
    rpc.backend.mine()
    const { data: detail } = await rpc.error('nexus_checkAction', [data(bytes)])
    expect(detail).toEqual({ code: 'NONCE_USED' })
  })

  it('answers any JSON with a code, and nothing breaks', async () => {
    const envelope = fc.record(
      {
        chainId: fc.oneof(fc.constant(TEST_CHAIN_ID), fc.jsonValue()),
        signer: fc.oneof(fc.constant(data(alice.address)), fc.jsonValue()),
        nonce: fc.oneof(fc.nat(), fc.jsonValue()),
        maxFee: fc.oneof(fc.nat(), fc.jsonValue()),
        actions: fc.oneof(
          fc.array(
            fc.record({
              engine: fc.constantFrom('exchange', 'ledger', '__proto__'),
              fn: fc.constantFrom('placeOrder', 'cancel', 'noop', 'constructor'),
              args: fc.jsonValue(),
            }),
          ),
          fc.jsonValue(),
        ),
        form: fc.constantFrom('readable', 'compact', 'other'),
        signature: fc.constantFrom(`0x${'00'.repeat(65)}`, `0x${'22'.repeat(64)}01`, 7),
      },
      { requiredKeys: [] },
    )
    const hexes = fc
      .uint8Array({ maxLength: 200 })
      .map((bytes) => data(Uint8Array.of(0xa0, ...bytes)))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('nexus_sendAction', 'nexus_checkAction', 'nexus_typedData'),
        fc.oneof(fc.jsonValue(), envelope, hexes),
        async (method, json) => {
          const { error } = await rpc.ask(method, [json])
          if (error !== undefined) expect(error.code).not.toBe(-32_603)
        },
      ),
      { numRuns: 500 },
    )
    expect(rpc.faults).toEqual([])
    expect(core.pool).toEqual([])
  })
})

describe('receipts', () => {
  it('show what became of every call, with results for people and for programs', async () => {
    const place = [
      client.actions.exchange.placeOrder(buy),
      client.actions.exchange.cancel({ market: 9, orderId: 1 }),
    ]
    const { hash, bytes } = await client.sign(place)
    expect(await rpc.result('nexus_getActionReceipt', [hash])).toBeNull()
    await rpc.result('nexus_sendAction', [data(bytes)])
    rpc.backend.mine()
    const receipt = await rpc.result<Record<string, unknown>>('nexus_getActionReceipt', [hash])
    expect(receipt).toMatchObject({
      hash,
      height: 1,
      index: 0,
      signer: data(alice.address),
      owner: data(alice.address),
      nonce: CORE_TIME,
      code: null,
      fee: 7,
      calls: [
        { code: null, engine: 'exchange', fn: 'placeOrder', value: { filled: '0', open: '5' } },
        {
          code: expect.stringMatching(/^UNKNOWN_/),
          engine: 'exchange',
          fn: 'cancel',
          value: null,
          result: '0x',
        },
      ],
    })
    expect(await rpc.result('nexus_getBlockActions', [1])).toEqual([receipt])
    expect(await rpc.result('nexus_getBlockActions', [2])).toBeNull()
  })

  it('are waited for', async () => {
    const { hash, bytes } = await client.sign([client.actions.ledger.noop()])
    const waiting = rpc.result('nexus_waitForAction', [hash, 5_000])
    await rpc.result('nexus_sendAction', [data(bytes)])
    rpc.backend.mine()
    expect(await waiting).toMatchObject({ hash, height: 1 })
    expect(await rpc.result('nexus_waitForAction', [hash, 0])).toMatchObject({ hash })
    const none = data(keccak256(Uint8Array.of(1)))
    expect(await rpc.error('nexus_waitForAction', [none, 1])).toMatchObject({
      code: 4,
      data: { code: 'ACTION_TIMED_OUT', hash: none, timeoutMs: 1 },
    })
    expect((await rpc.error('nexus_waitForAction', [hash, 10 ** 9])).code).toBe(-32_602)
  })
})

it('does not know anything of this on a node without engines', async () => {
  const plain = new RpcHarness()
  for (const method of [
    'nexus_sendAction',
    'nexus_engines',
    'nexus_subscribe',
    'nexus_exchange_book',
  ])
    expect((await plain.error(method)).code, method).toBe(-32_601)
})
