import { TypedDataEncoder } from 'ethers'
import fc from 'fast-check'
import { hashTypedData } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import {
  type Envelope,
  type SignatureForm,
  signedEnvelopeCodec,
} from '../../../core/chain/action.ts'
import type { Coprocessor } from '../../../core/host/coprocessor.ts'
import { encodeArgs } from '../../../core/host/fieldCodec.ts'
import type { Fields } from '../../../core/host/fields.ts'
import {
  envelopeDigest,
  recoverSigner,
  signEnvelope,
  typedDataOf,
} from '../../../core/host/typedData.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { addressOfPrivateKey } from '../../../core/primitives/signature.ts'
import { described, valuesOf } from '../../support/fieldArbitraries.ts'
import { sampleEngine } from '../../support/sampleEngine.ts'

const key = keccak256(Uint8Array.of(1))
const signer = addressOfPrivateKey(key)
const registry = [sampleEngine]

const order = {
  market: 3,
  side: 'sell',
  price: 1_000_000,
  size: 25,
  clientId: 7n,
  from: new Uint8Array(20).fill(9),
}
const orderArgs = encodeArgs(sampleEngine.publicFns.placeOrder?.args as Fields, order as never)

const envelopeWith = (change: Partial<Envelope> = {}): Envelope => ({
  chainId: 777,
  signer,
  nonce: 1_700_000_000_000,
  expiresAfter: 1_700_000_060_000,
  maxFee: 5_000,
  atomic: false,
  actions: [{ engine: 10, fn: 0, args: orderArgs }],
  ...change,
})

/** The same message through viem and through ethers. */
function expectTwinsAgree(
  envelope: Envelope,
  form: SignatureForm,
  engines: readonly Coprocessor[],
): void {
  const digest = envelopeDigest({ envelope, form }, engines)
  const typed = typedDataOf(envelope, form, engines)
  if (!digest.ok || !typed.ok) expect.fail('the envelope has a message')
  // A wallet gets it as JSON.
  const data = JSON.parse(JSON.stringify(typed.value)) as typeof typed.value
  const { EIP712Domain, ...types } = data.types
  expect(EIP712Domain?.map((member) => member.name)).toEqual(Object.keys(data.domain))
  expect(hashTypedData(data as never)).toBe(`0x${toHex(digest.value)}`)
  const byEthers = TypedDataEncoder.hash(data.domain, types as never, data.message)
  expect(byEthers).toBe(`0x${toHex(digest.value)}`)
}

describe('typedData', () => {
  it('hashes as viem and ethers do, whatever the arguments', () => {
    fc.assert(
      fc.property(described('outside'), fc.option(fc.nat()), ({ fields, values }, expires) => {
        const engine = {
          ...sampleEngine,
          publicFns: { tryOut: { ...sampleEngine.publicFns.placeOrder, id: 4, args: fields } },
        } as unknown as Coprocessor
        const expiresAfter = expires === null ? null : expires + 1
        const args = encodeArgs(fields, values as never)
        const envelope = envelopeWith({ expiresAfter, actions: [{ engine: 10, fn: 4, args }] })
        expectTwinsAgree(envelope, 'readable', [engine])
        expectTwinsAgree(envelope, 'compact', [engine])
      }),
      { numRuns: 150 },
    )
  })

  it('shows every field of a single call', () => {
    const typed = typedDataOf(envelopeWith(), 'readable', registry)
    if (!typed.ok) return expect.fail(typed.code)
    expect(typed.value.primaryType).toBe('SamplePlaceOrder')
    expect(typed.value.message).toEqual({
      market: 3,
      side: 'sell',
      price: '1000000',
      size: '25',
      clientId: '7',
      from: `0x${'09'.repeat(20)}`,
      signer: `0x${toHex(signer)}`,
      nonce: '1700000000000',
      maxFee: '5000',
      expiresAfter: '1700000060000',
    })
  })

  it('says in the compact form how many calls and which bytes', () => {
    const typed = typedDataOf(envelopeWith(), 'compact', registry)
    if (!typed.ok) return expect.fail(typed.code)
    expect(typed.value.primaryType).toBe('NexusBatch')
    const types = typed.value.types.NexusBatch?.map(({ type, name }) => `${type} ${name}`).join(',')
    expect(types).toBe(
      'address signer,uint64 nonce,uint64 maxFee,uint64 expiresAfter,uint16 actions,bytes32 envelopeHash',
    )
  })

  it('gives no two envelopes one digest', () => {
    const base = envelopeWith()
    const action = base.actions[0] as Envelope['actions'][number]
    const others: Envelope[] = [
      envelopeWith({ chainId: 778 }),
      envelopeWith({ signer: new Uint8Array(20) }),
      envelopeWith({ nonce: base.nonce + 1 }),
      envelopeWith({ expiresAfter: null }),
      envelopeWith({ expiresAfter: 0 }),
      envelopeWith({ maxFee: 5_001 }),
      envelopeWith({ atomic: true }),
      envelopeWith({ actions: [{ ...action, engine: 1 }] }),
      envelopeWith({
        actions: [
          {
            ...action,
            fn: 3,
            args: encodeArgs(
              sampleEngine.publicFns.voidNonce?.args as Fields,
              { reference: 1 } as never,
            ),
          },
        ],
      }),
      envelopeWith({ actions: [action, action] }),
    ]
    for (const form of ['readable', 'compact'] as const) {
      const digests = [base, ...others].flatMap((envelope) => {
        const digest = envelopeDigest({ envelope, form }, registry)
        return digest.ok ? [toHex(digest.value)] : []
      })
      expect(new Set(digests).size, form).toBe(digests.length)
      expect(digests.length, form).toBe(form === 'compact' ? 11 : 7)
    }
  })

  it('has a code for what a readable signature cannot show', () => {
    const codeOf = (change: Partial<Envelope>): string | null => {
      const digest = envelopeDigest({ envelope: envelopeWith(change), form: 'readable' }, registry)
      return digest.ok ? null : digest.code
    }
    const action = { engine: 10, fn: 0, args: orderArgs }
    expect(codeOf({})).toBe(null)
    expect(codeOf({ actions: [action, action] })).toBe('READABLE_NEEDS_ONE_ACTION')
    expect(codeOf({ actions: [] })).toBe('READABLE_NEEDS_ONE_ACTION')
    expect(codeOf({ actions: [{ ...action, engine: 11 }] })).toBe('UNKNOWN_FUNCTION')
    expect(codeOf({ actions: [{ ...action, fn: 30 }] })).toBe('UNKNOWN_FUNCTION')
    expect(codeOf({ actions: [{ ...action, args: orderArgs.slice(1) }] })).toBe('BAD_ARGUMENTS')
    expect(codeOf({ atomic: true })).toBe('BAD_ARGUMENTS')
    expect(codeOf({ expiresAfter: 0 })).toBe('BAD_ARGUMENTS')
  })

  it('recovers who signed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<SignatureForm>('readable', 'compact'),
        valuesOf(sampleEngine.publicFns.placeOrder?.args as Fields, 'outside'),
        (form, values) => {
          const args = encodeArgs(
            sampleEngine.publicFns.placeOrder?.args as Fields,
            values as never,
          )
          const envelope = envelopeWith({ actions: [{ engine: 10, fn: 0, args }] })
          const bytes = signEnvelope(envelope, form, key, registry)
          if (!bytes.ok) return expect.fail(bytes.code)
          const digest = envelopeDigest({ envelope, form }, registry)
          expect(recoverSigner(bytes.value, registry)).toEqual({
            ok: true,
            value: { envelope, form, digest: digest.ok ? digest.value : null },
          })
        },
      ),
      { numRuns: 30 },
    )
  })

  it('takes the signature of a wallet', async () => {
    const wallet = privateKeyToAccount(`0x${toHex(key)}`)
    for (const form of ['readable', 'compact'] as const) {
      const envelope = envelopeWith()
      const typed = typedDataOf(envelope, form, registry)
      if (!typed.ok) return expect.fail(typed.code)
      const raw = fromHex(await wallet.signTypedData(typed.value as never))
      const signature = raw.slice(0, 64)
      const recovery = (raw[64] as number) - 27
      const bytes = encode(signedEnvelopeCodec, { envelope, form, signature, recovery })
      expect(recoverSigner(bytes, registry).ok, form).toBe(true)
    }
  })

  it('tells another signer which digest was expected', () => {
    const envelope = envelopeWith()
    const bytes = signEnvelope(envelope, 'compact', keccak256(Uint8Array.of(2)), registry)
    const digest = envelopeDigest({ envelope, form: 'compact' }, registry)
    if (!bytes.ok || !digest.ok) return expect.fail('signs')
    expect(recoverSigner(bytes.value, registry)).toEqual({
      ok: false,
      code: 'SIGNER_MISMATCH',
      digest: digest.value,
      recovered: addressOfPrivateKey(keccak256(Uint8Array.of(2))),
    })
    const noPoint = bytes.value.slice()
    noPoint.fill(0xff, noPoint.length - 65, noPoint.length - 1)
    expect(recoverSigner(noPoint, registry)).toMatchObject({
      code: 'SIGNER_MISMATCH',
      recovered: null,
    })
    expect(recoverSigner(bytes.value.slice(1), registry)).toEqual({ ok: false, code: 'MALFORMED' })
  })

  it('lets no byte of a signed envelope be changed', () => {
    for (const form of ['readable', 'compact'] as const) {
      const bytes = signEnvelope(envelopeWith(), form, key, registry)
      if (!bytes.ok) return expect.fail(bytes.code)
      for (let at = 0; at < bytes.value.length; at++) {
        const changed = bytes.value.slice()
        changed[at] = (changed[at] as number) ^ 1
        expect(recoverSigner(changed, registry).ok, `${form} byte ${at}`).toBe(false)
      }
    }
  })
})
