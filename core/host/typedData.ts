import {
  type Envelope,
  envelopeCodec,
  type SignatureForm,
  type SignedEnvelope,
  signedEnvelopeCodec,
} from '../chain/action.ts'
import { assert } from '../primitives/assert.ts'
import { concatBytes, equalBytes } from '../primitives/bytes.ts'
import { decode, encode } from '../primitives/codec.ts'
import { keccak256 } from '../primitives/hash.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import {
  ADDRESS_LENGTH,
  recoverAddress,
  SIGNATURE_LENGTH,
  signatures,
} from '../primitives/signature.ts'
import type { Coprocessor, PublicFn } from './coprocessor.ts'
import { decodeOutside, type OutsideValues } from './fieldCodec.ts'
import { type Json, toJson } from './fieldJson.ts'
import { address, bytes32, type Fields, int, text, u16, u256 } from './fields.ts'
import { pascalOf } from './naming.ts'
import { type TypedForm, type TypedTypes, typedForm } from './typedForms.ts'

export type DigestCode = 'BAD_ARGUMENTS' | 'UNKNOWN_FUNCTION' | 'READABLE_NEEDS_ONE_ACTION'

/** What `eth_signTypedData_v4` and viem's `signTypedData` take; ethers wants it without `EIP712Domain`. */
export type TypedData = {
  readonly domain: {
    readonly name: 'Nexus'
    readonly version: '1'
    readonly chainId: number
    readonly verifyingContract: `0x${string}`
  }
  readonly types: TypedTypes
  readonly primaryType: string
  readonly message: { readonly [name: string]: Json }
}

/**
 * keccak256 of the EIP-712 message of an envelope. Two envelopes never share one: what a form does
 * not show must have its only value.
 */
export function envelopeDigest(
  signed: { readonly envelope: Envelope; readonly form: SignatureForm },
  registry: readonly Coprocessor[],
): Result<Uint8Array, DigestCode> {
  const message = messageOf(signed, registry, null)
  return message.ok ? ok(digestOf(signed.envelope.chainId, message.value)) : message
}

export function typedDataOf(
  envelope: Envelope,
  form: SignatureForm,
  registry: readonly Coprocessor[],
): Result<TypedData, DigestCode> {
  const message = messageOf({ envelope, form }, registry, null)
  if (!message.ok) return message
  const { name, typed, fields, values } = message.value
  return ok({
    domain: {
      name: 'Nexus',
      version: '1',
      chainId: envelope.chainId,
      verifyingContract: `0x${'00'.repeat(ADDRESS_LENGTH)}`,
    },
    types: { ...domainForm.types, ...typed.types },
    primaryType: name,
    message: toJson(fields, values),
  })
}

/** The bytes to send: what `recoverSigner` takes. For clients and tests. */
export function signEnvelope(
  envelope: Envelope,
  form: SignatureForm,
  privateKey: Uint8Array,
  registry: readonly Coprocessor[],
): Result<Uint8Array, DigestCode> {
  const digest = envelopeDigest({ envelope, form }, registry)
  if (!digest.ok) return digest
  const signed = { envelope, form, ...signatures.sign(digest.value, privateKey) }
  return ok(encode(signedEnvelopeCodec, signed))
}

export type Recovered =
  | {
      readonly ok: true
      readonly value: {
        readonly envelope: Envelope
        readonly form: SignatureForm
        readonly digest: Uint8Array
      }
    }
  | { readonly ok: false; readonly code: 'MALFORMED' | DigestCode }
  /** The digest that the node expected to be signed, and who signed that one, if anybody did. */
  | {
      readonly ok: false
      readonly code: 'SIGNER_MISMATCH'
      readonly digest: Uint8Array
      readonly recovered: Uint8Array | null
    }

/** Decodes a signed envelope and recovers its signer, which must be the one it names. About 65 µs. */
export function recoverSigner(bytes: Uint8Array, registry: readonly Coprocessor[]): Recovered {
  const decoded = decode(signedEnvelopeCodec, bytes)
  if (!decoded.ok) return reject('MALFORMED')
  const { envelope, form, signature, recovery } = decoded.value
  // Tag and form before, signature and recovery behind: the codec is canonical.
  const encoded = bytes.subarray(2, bytes.length - SIGNATURE_LENGTH - 1)
  const message = messageOf({ envelope, form }, registry, encoded)
  if (!message.ok) return message
  const digest = digestOf(envelope.chainId, message.value)
  const recovered = recoverAddress(signature, recovery, digest)
  if (recovered === null || !equalBytes(recovered, envelope.signer)) {
    return { ok: false, code: 'SIGNER_MISMATCH', digest, recovered }
  }
  return ok({ envelope, form, digest })
}

type Shape = { readonly name: string; readonly fields: Fields; readonly typed: TypedForm }
type Message = Shape & { readonly values: OutsideValues<Fields> }

const shapeOf = (name: string, fields: Fields): Shape => ({
  name,
  fields,
  typed: typedForm(name, fields),
})

/** What a form asks to sign. `encoded` saves encoding the envelope again. */
function messageOf(
  signed: Pick<SignedEnvelope, 'envelope' | 'form'>,
  registry: readonly Coprocessor[],
  encoded: Uint8Array | null,
): Result<Message, DigestCode> {
  const { envelope, form } = signed
  const { signer, nonce, maxFee, expiresAfter, actions } = envelope
  const common = { signer, nonce, maxFee, expiresAfter: expiresAfter ?? 0 }
  if (form === 'compact') {
    const envelopeHash = keccak256(encoded ?? encode(envelopeCodec, envelope))
    return ok({ ...BATCH, values: { ...common, actions: actions.length, envelopeHash } })
  }
  const [action, ...others] = actions
  if (action === undefined || others.length > 0) return reject('READABLE_NEEDS_ONE_ACTION')
  // Neither is shown: one call is atomic anyway, and 0 stands for never.
  if (envelope.atomic || expiresAfter === 0) return reject('BAD_ARGUMENTS')
  const readable = readableOf(registry, action.engine, action.fn)
  if (readable === null) return reject('UNKNOWN_FUNCTION')
  const args = decodeOutside(readable.args, action.args)
  return args.ok ? ok({ ...readable.shape, values: { ...args.value, ...common } }) : args
}

const COMMON = { signer: address, nonce: int, maxFee: int, expiresAfter: int } as const
const BATCH = shapeOf('NexusBatch', { ...COMMON, actions: u16, envelopeHash: bytes32 })

type Readable = { readonly args: Fields; readonly shape: Shape }

function readableOf(registry: readonly Coprocessor[], id: number, fn: number): Readable | null {
  const engine = registry.find((one) => one.id === id)
  if (engine === undefined) return null
  let known = readables.get(engine)
  if (known === undefined) {
    known = new Map(
      Object.entries(engine.publicFns).map(([name, of]) => readable(engine, name, of)),
    )
    readables.set(engine, known)
  }
  return known.get(fn) ?? null
}
const readables = new WeakMap<Coprocessor, ReadonlyMap<number, Readable>>()

function readable(engine: Coprocessor, name: string, fn: PublicFn): [number, Readable] {
  const taken = Object.keys(COMMON).some((common) => Object.hasOwn(fn.args, common))
  assert(!taken, `${engine.name}.${name} leaves the envelope's names alone`)
  const shape = shapeOf(pascalOf(engine.name) + pascalOf(name), { ...fn.args, ...COMMON })
  return [fn.id, { args: fn.args, shape }]
}

const domainFields = {
  name: text(5),
  version: text(1),
  chainId: u256,
  verifyingContract: address,
} as const
const domainForm = typedForm('EIP712Domain', domainFields)
const PREFIX = Uint8Array.of(0x19, 0x01)

let lastDomain: { readonly chainId: number; readonly separator: Uint8Array } = {
  chainId: -1,
  separator: new Uint8Array(0),
}

/** Chain ids come from outside, so only the last one is remembered. */
function separatorOf(chainId: number): Uint8Array {
  if (lastDomain.chainId !== chainId) {
    const verifyingContract = new Uint8Array(ADDRESS_LENGTH)
    const domain = { name: 'Nexus', version: '1', chainId: BigInt(chainId), verifyingContract }
    lastDomain = { chainId, separator: domainForm.hash(domain) }
  }
  return lastDomain.separator
}

const digestOf = (chainId: number, { typed, values }: Message): Uint8Array =>
  keccak256(concatBytes(PREFIX, separatorOf(chainId), typed.hash(values)))
