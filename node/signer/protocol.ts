import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import {
  blockIdCodec,
  heightCodec,
  type Proposal,
  roundCodec,
  type Vote,
} from '../../core/chain/vote.ts'
import {
  type Codec,
  fixedBytes,
  int,
  mapped,
  optional,
  struct,
  u8,
  u16,
  u32,
  union,
} from '../../core/primitives/codec.ts'
import { PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH } from '../../core/primitives/signature.ts'
import type { Round } from '../../core/primitives/units.ts'
import type { SignedPlace } from '../consensus/lastSigned.ts'

/** There is one version, and both sides refuse any other: nothing can be negotiated down. */
export const PROTOCOL_VERSION = 1
/** The longest message is a proposal with its MAC, 107 bytes. */
export const MAX_FRAME = 512
export const NONCE_LENGTH = 32
export const MAC_LENGTH = 32

const mac = fixedBytes(MAC_LENGTH)
const nonce = fixedBytes(NONCE_LENGTH)

/** Why a connection is not served. Unauthenticated: it ends the connection and proves nothing. */
export const CONNECTION_REFUSALS = [
  'SIGNER_VERSION',
  'SIGNER_SECRET_MISMATCH',
  'SIGNER_CHAIN_MISMATCH',
  'SIGNER_BUSY',
] as const
export type ConnectionRefusal = (typeof CONNECTION_REFUSALS)[number]

/** Before a connection is authenticated. */
export type Handshake =
  | {
      readonly kind: 'hello'
      readonly version: number
      readonly chainId: number
      readonly nonce: Uint8Array
    }
  | { readonly kind: 'challenge'; readonly version: number; readonly nonce: Uint8Array }
  | { readonly kind: 'proof'; readonly mac: Uint8Array }
  | { readonly kind: 'welcome'; readonly mac: Uint8Array }
  | { readonly kind: 'refusal'; readonly code: ConnectionRefusal }

export const handshakeCodec: Codec<Handshake> = union<Handshake>({
  hello: { tag: 1, codec: struct({ version: u16, chainId: int, nonce }) },
  challenge: { tag: 2, codec: struct({ version: u16, nonce }) },
  proof: { tag: 3, codec: struct({ mac }) },
  welcome: { tag: 4, codec: struct({ mac }) },
  refusal: { tag: 5, codec: struct({ code: codeIn(CONNECTION_REFUSALS) }) },
})

/** All that a signature covers, and nothing else; the signer makes the signed bytes itself. */
export type SignMessage =
  | ({ readonly kind: 'prevote' } & Ballot)
  | ({ readonly kind: 'precommit' } & Ballot)
  | ({ readonly kind: 'proposal' } & Omit<Proposal, 'validatorIndex'>)
type Ballot = Omit<Vote, 'type' | 'validatorIndex'>

const ballotCodec: Codec<Ballot> = struct<Ballot>({
  chainId: int,
  height: heightCodec,
  round: roundCodec,
  blockId: optional(blockIdCodec),
})

const signMessageCodec: Codec<SignMessage> = union<SignMessage>({
  prevote: { tag: 0x01, codec: ballotCodec },
  precommit: { tag: 0x02, codec: ballotCodec },
  proposal: {
    tag: 0x20,
    codec: struct<Omit<Proposal, 'validatorIndex'>>({
      chainId: int,
      height: heightCodec,
      round: roundCodec,
      polRound: mapped(
        u32,
        (raw) => (raw - 1) as Round | -1,
        (round) => round + 1,
      ),
      blockId: blockIdCodec,
    }),
  },
})

export type SignerRequest =
  | { readonly kind: 'sign'; readonly id: number; readonly message: SignMessage }
  | { readonly kind: 'lastSigned'; readonly id: number }
  | { readonly kind: 'ping'; readonly id: number }

export const requestCodec: Codec<SignerRequest> = union<SignerRequest>({
  sign: { tag: 1, codec: struct({ id: u32, message: signMessageCodec }) },
  lastSigned: { tag: 2, codec: struct({ id: u32 }) },
  ping: { tag: 3, codec: struct({ id: u32 }) },
})

/** Why a message is not signed. */
export const SIGN_REFUSALS = ['DOUBLE_SIGN_REFUSED', 'OTHER_CHAIN', 'NOT_WELL_FORMED'] as const
export type SignRefusal = (typeof SIGN_REFUSALS)[number]

export type SignerAnswer =
  | { readonly kind: 'ready'; readonly publicKey: Uint8Array }
  | { readonly kind: 'signature'; readonly id: number; readonly signature: Uint8Array }
  | {
      readonly kind: 'refused'
      readonly id: number
      readonly code: SignRefusal
      readonly last: SignedPlace
    }
  | { readonly kind: 'lastSigned'; readonly id: number; readonly last: SignedPlace }
  | { readonly kind: 'pong'; readonly id: number }

const signature = fixedBytes(SIGNATURE_LENGTH)
const placeCodec: Codec<SignedPlace> = struct<SignedPlace>({
  height: int,
  round: u32,
  step: u8,
  signature,
})

export const answerCodec: Codec<SignerAnswer> = union<SignerAnswer>({
  ready: { tag: 1, codec: struct({ publicKey: fixedBytes(PUBLIC_KEY_LENGTH) }) },
  signature: { tag: 2, codec: struct({ id: u32, signature }) },
  refused: {
    tag: 3,
    codec: struct({ id: u32, code: codeIn(SIGN_REFUSALS), last: placeCodec }),
  },
  lastSigned: { tag: 4, codec: struct({ id: u32, last: placeCodec }) },
  pong: { tag: 5, codec: struct({ id: u32 }) },
})

function codeIn<C extends string>(codes: readonly C[]): Codec<C> {
  return mapped(
    u8,
    (index, reader) => {
      if (index >= codes.length) reader.fail('BAD_TAG')
      return codes[index] ?? (codes[0] as C)
    },
    (code) => codes.indexOf(code),
  )
}

/** Every use of the secret has its own prefix, so that nothing made for one can serve another. */
const domain = (purpose: string): Buffer =>
  Buffer.from(`nexus-signer/${PROTOCOL_VERSION} ${purpose}\0`)

/** Binds everything said before the proofs, with both nonces: no proof fits another connection. */
export function transcriptOf(hello: Uint8Array, challenge: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(hello.length)
  return createHash('sha256')
    .update(domain('transcript'))
    .update(length)
    .update(hello)
    .update(challenge)
    .digest()
}

export type Side = 'node' | 'signer'

/** What shows that a side knows the secret; the other's cannot be sent back. */
export const proofOf = (side: Side, secret: Uint8Array, transcript: Uint8Array): Buffer =>
  createHmac('sha256', secret)
    .update(domain(`${side} proof`))
    .update(transcript)
    .digest()

/** The key of what a side sends on this connection. */
export const sendingKeyOf = (side: Side, secret: Uint8Array, transcript: Uint8Array): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, transcript, domain(`from ${side}`), 32))

/** In constant time. */
export const sameMac = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b)
