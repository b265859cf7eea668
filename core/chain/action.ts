import {
  bool,
  bytes,
  type Codec,
  fixedBytes,
  int,
  list,
  optional,
  struct,
  u8,
  u16,
} from '../primitives/codec.ts'
import { LIMITS } from '../primitives/limits.ts'
import { ADDRESS_LENGTH } from '../primitives/signature.ts'

/** A call of one public function: `args` are the canonical bytes of its arguments. */
export type ActionCall = {
  readonly engine: number
  readonly fn: number
  readonly args: Uint8Array
}

/** What a user signs: one or more calls under one nonce and one fee limit. */
export type Envelope = {
  readonly chainId: number
  /** Who signs: the owner, or an agent for the owner. */
  readonly signer: Uint8Array
  /** A time in milliseconds, unused among the signer's recent ones. */
  readonly nonce: number
  /** Not valid in blocks of a later time, in milliseconds. */
  readonly expiresAfter: number | null
  /** In USDX units, for the whole envelope. */
  readonly maxFee: number
  /** All calls stand or none does. */
  readonly atomic: boolean
  readonly actions: readonly ActionCall[]
}

/** `readable`: one call, each field shown by the wallet. `compact`: the hash of the envelope. */
export type SignatureForm = 'readable' | 'compact'

export type SignedEnvelope = {
  readonly envelope: Envelope
  readonly form: SignatureForm
  /** r ‖ s, low s, and the parity of R. */
  readonly signature: Uint8Array
  readonly recovery: number
}

/**
 * First byte of every signed envelope. A Core action and an Ethereum transaction share mempool and
 * batches; Ethereum's first bytes are below 0x7f (EIP-2718) or above 0xbf (RLP list).
 */
export const ENVELOPE_TAG = 0xa0

const callArgs = bytes(LIMITS.actionArgsBytes)
/** Written out, as that of a call's receipt: a block has a hundred thousand, and a `struct` looks its fields up. */
const actionCallCodec: Codec<ActionCall> = {
  write(writer, { engine, fn, args }) {
    u16.write(writer, engine)
    u16.write(writer, fn)
    callArgs.write(writer, args)
  },
  read(reader) {
    const engine = reader.u16()
    const fn = reader.u16()
    return { engine, fn, args: callArgs.read(reader) }
  },
}

export const envelopeCodec: Codec<Envelope> = struct<Envelope>({
  chainId: int,
  signer: fixedBytes(ADDRESS_LENGTH),
  nonce: int,
  expiresAfter: optional(int),
  maxFee: int,
  atomic: bool,
  actions: list(actionCallCodec, LIMITS.envelopeActions),
})

/** Tag, form, envelope, signature, recovery. Refuses an envelope without an action. */
export const signedEnvelopeCodec: Codec<SignedEnvelope> = {
  write(writer, { envelope, form, signature, recovery }) {
    writer.u8(ENVELOPE_TAG)
    u8.write(writer, form === 'readable' ? 0 : 1)
    envelopeCodec.write(writer, envelope)
    writer.raw(signature)
    u8.write(writer, recovery)
  },
  read(reader) {
    if (reader.u8() !== ENVELOPE_TAG) reader.fail('BAD_TAG')
    const form = reader.u8()
    if (form > 1) reader.fail('BAD_TAG')
    const envelope = envelopeCodec.read(reader)
    if (envelope.actions.length === 0) reader.fail('OUT_OF_RANGE')
    const signature = reader.raw(64)
    const recovery = reader.u8()
    if (recovery > 1) reader.fail('OUT_OF_RANGE')
    return { envelope, form: form === 0 ? 'readable' : 'compact', signature, recovery }
  },
}

/** What became of one call. */
export type CallReceipt = {
  /** Null on success. */
  readonly code: string | null
  /** Core gas. */
  readonly gasUsed: number
  /** Canonical bytes of the result; empty on a reject. */
  readonly result: Uint8Array
}

export type ActionReceipt = {
  /** keccak256 of the signed envelope's bytes. */
  readonly hash: Uint8Array
  readonly signer: Uint8Array
  /** Zeros when the envelope was refused before its owner was known. */
  readonly owner: Uint8Array
  readonly nonce: number
  /** Why nothing ran: the envelope itself was refused. Null otherwise. */
  readonly code: string | null
  /** In USDX units. */
  readonly fee: number
  readonly calls: readonly CallReceipt[]
}

/** A guess at the bytes of receipts, to make room for them at once: what grows to megabytes by doubling is copied as often. */
export const receiptsRoom = (receipts: readonly ActionReceipt[]): number =>
  receipts.reduce((room, { calls }) => room + 128 + calls.length * 64, 64)

/** The code of a refused call; codes are ASCII, upper snake case. */
const codeText: Codec<string> = {
  write(writer, text) {
    u8.write(writer, text.length)
    for (let i = 0; i < text.length; i++) writer.u8(text.charCodeAt(i))
  },
  read(reader) {
    const raw = reader.raw(reader.u8())
    if (raw.some((byte) => byte < 0x20 || byte > 0x7e)) reader.fail('OUT_OF_RANGE')
    return String.fromCharCode(...raw)
  },
}

const receiptCode = optional(codeText)
const callResult = bytes(LIMITS.callResultBytes)
const callReceiptCodec: Codec<CallReceipt> = {
  write(writer, { code, gasUsed, result }) {
    receiptCode.write(writer, code)
    int.write(writer, gasUsed)
    callResult.write(writer, result)
  },
  read(reader) {
    const code = receiptCode.read(reader)
    const gasUsed = reader.int()
    return { code, gasUsed, result: callResult.read(reader) }
  },
}

export const actionReceiptCodec: Codec<ActionReceipt> = struct<ActionReceipt>({
  hash: fixedBytes(32),
  signer: fixedBytes(ADDRESS_LENGTH),
  owner: fixedBytes(ADDRESS_LENGTH),
  nonce: int,
  code: receiptCode,
  fee: int,
  calls: list(callReceiptCodec, LIMITS.envelopeActions),
})
