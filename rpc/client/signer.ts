import type { Envelope, SignatureForm } from '../../core/chain/action.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import { envelopeDigest, type TypedData, typedDataOf } from '../../core/host/typedData.ts'
import { fromHex, parseHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { Result } from '../../core/primitives/result.ts'
import {
  ADDRESS_LENGTH,
  addressOfPrivateKey,
  PRIVATE_KEY_LENGTH,
  type RecoverableSignature,
  SIGNATURE_LENGTH,
  signatures,
} from '../../core/primitives/signature.ts'
import type { Hex } from './values.ts'

export type ToSign = {
  readonly envelope: Envelope
  readonly form: SignatureForm
  readonly registry: readonly Coprocessor[]
}

/** Whoever signs envelopes: the owner, or an agent for the owner. */
export type Signer = {
  readonly address: Uint8Array
  /** Shows people what they sign wherever that is possible. */
  readonly isWallet: boolean
  readonly sign: (wanted: ToSign) => Promise<RecoverableSignature> | RecoverableSignature
}

/** About 45 µs a signature. BAD_PRIVATE_KEY. */
export function privateKeySigner(privateKey: Uint8Array | Hex): Signer {
  const key = typeof privateKey === 'string' ? keyBytes(privateKey) : privateKey
  if (key.length !== PRIVATE_KEY_LENGTH || !signatures.isPrivateKey(key))
    throw new NexusError({ code: 'BAD_PRIVATE_KEY' })
  return {
    address: addressOfPrivateKey(key),
    isWallet: false,
    sign: ({ envelope, form, registry }) =>
      signatures.sign(must(envelopeDigest({ envelope, form }, registry)), key),
  }
}

/** A wallet: `signTypedData` is asked for the 65 bytes of `eth_signTypedData_v4`, as hex. */
export function walletSigner(
  address: Hex,
  signTypedData: (typedData: TypedData) => Promise<string>,
): Signer {
  const parsed = parseHex(address)
  if (!parsed.ok || parsed.value.length !== ADDRESS_LENGTH)
    throw new NexusError({ code: 'BAD_ADDRESS', address })
  return {
    address: parsed.value,
    isWallet: true,
    sign: async ({ envelope, form, registry }) =>
      splitSignature(await signTypedData(must(typedDataOf(envelope, form, registry)))),
  }
}

function splitSignature(hex: string): RecoverableSignature {
  const parsed = parseHex(hex)
  const bytes = parsed.ok ? parsed.value : new Uint8Array(0)
  if (bytes.length !== SIGNATURE_LENGTH + 1) throw new NexusError({ code: 'BAD_SIGNATURE' })
  const v = bytes[SIGNATURE_LENGTH] as number
  return { signature: bytes.slice(0, SIGNATURE_LENGTH), recovery: v >= 27 ? v - 27 : v }
}

function must<T>(result: Result<T, string>): T {
  if (!result.ok) throw new NexusError({ code: result.code })
  return result.value
}

const keyBytes = (hex: Hex): Uint8Array => (parseHex(hex).ok ? fromHex(hex) : new Uint8Array(0))
