import { bigintToBytes, bytesToBigint, toHex } from '../primitives/bytes.ts'
import {
  bool,
  bytes,
  type Codec,
  encode,
  fixedBytes,
  int,
  list,
  mapped,
  optional,
  struct,
  u8,
  unitOf,
} from '../primitives/codec.ts'
import { DOMAIN, HASH_LENGTH, hash, merkleRoot } from '../primitives/hash.ts'
import { LIMITS } from '../primitives/limits.ts'
import { ADDRESS_LENGTH } from '../primitives/signature.ts'
import type { BlockId, Height, Millis } from '../primitives/units.ts'
import { type Certificate, certificateCodec } from './certificate.ts'
import { type Evidence, evidenceCodec, evidenceHash } from './evidence.ts'
import { blockIdCodec, heightCodec } from './vote.ts'

/**
 * `stateRoot` and `receiptsRoot` are those after the block before: executing a block overlaps
 * voting on it, and a node with another state votes nil on the next block instead of forking.
 */
export type Header = {
  readonly chainId: number
  readonly height: Height
  readonly time: Millis
  /** Of the block before; the genesis hash at height 1, which binds every block to its chain. */
  readonly previousBlockId: BlockId
  readonly proposer: Uint8Array
  readonly validatorsHash: Uint8Array
  readonly nextValidatorsHash: Uint8Array
  readonly consensusParamsHash: Uint8Array
  readonly payloadHash: Uint8Array
  readonly stateRoot: Uint8Array
  readonly receiptsRoot: Uint8Array
}

/** A call from one domain into the other, queued by an earlier block. Order: block, priority (high first), nonce. */
export type CrossMessage = {
  readonly kind: 'toCore' | 'toEvm'
  /** Height at which it was queued, or became a callback. */
  readonly block: number
  readonly priority: number
  /** Of the message queue: no two messages share one. */
  readonly nonce: number
  /** Who calls. */
  readonly source: Uint8Array
  /** Who is called: for an engine, its precompile. */
  readonly target: Uint8Array
  /** New native coin for the target of a `toEvm` message, in wei. */
  readonly mint: bigint
  /** EVM gas. */
  readonly gasLimit: number
  /** Calldata. */
  readonly params: Uint8Array
}

/** `evm` and `core` hold what users signed, byte for byte. */
export type Payload = {
  readonly evm: readonly Uint8Array[]
  readonly core: readonly Uint8Array[]
  readonly messages: readonly CrossMessage[]
  readonly evidence: readonly Evidence[]
  /** The certificate of the block before; null at height 1. */
  readonly lastCommit: Certificate | null
}

export type Block = { readonly header: Header; readonly payload: Payload }

const hashCodec = fixedBytes(HASH_LENGTH)

export const headerCodec: Codec<Header> = struct<Header>({
  chainId: int,
  height: heightCodec,
  time: unitOf<Millis>(int),
  previousBlockId: blockIdCodec,
  proposer: fixedBytes(ADDRESS_LENGTH),
  validatorsHash: hashCodec,
  nextValidatorsHash: hashCodec,
  consensusParamsHash: hashCodec,
  payloadHash: hashCodec,
  stateRoot: hashCodec,
  receiptsRoot: hashCodec,
})

export const crossMessageCodec: Codec<CrossMessage> = struct<CrossMessage>({
  kind: mapped(
    bool,
    (toEvm) => (toEvm ? 'toEvm' : 'toCore'),
    (kind) => kind === 'toEvm',
  ),
  block: int,
  priority: u8,
  nonce: int,
  source: fixedBytes(ADDRESS_LENGTH),
  target: fixedBytes(ADDRESS_LENGTH),
  mint: mapped(fixedBytes(16), bytesToBigint, (value) => bigintToBytes(value, 16)),
  gasLimit: int,
  params: bytes(LIMITS.transactionBytes),
})

export const transactionsCodec: Codec<readonly Uint8Array[]> = list(
  bytes(LIMITS.transactionBytes),
  LIMITS.blockTransactions,
)

export const payloadCodec: Codec<Payload> = struct<Payload>({
  evm: transactionsCodec,
  core: transactionsCodec,
  messages: list(crossMessageCodec, LIMITS.blockMessages),
  evidence: list(evidenceCodec, LIMITS.blockEvidence),
  lastCommit: optional(certificateCodec),
})

export const blockCodec: Codec<Block> = struct<Block>({
  header: headerCodec,
  payload: payloadCodec,
})

export const blockIdOf = (header: Header): BlockId =>
  toHex(hash(DOMAIN.header, encode(headerCodec, header))) as BlockId

/** Merkle root over the roots of the five lists, in their order. Once for each object: whoever assembles a block compares it, and whoever judges it again. */
export function payloadHashOf(payload: Payload): Uint8Array {
  const known = payloadHashes.get(payload)
  if (known !== undefined) return known
  const computed = computePayloadHash(payload)
  payloadHashes.set(payload, computed)
  return computed
}

const payloadHashes = new WeakMap<Payload, Uint8Array>()

function computePayloadHash(payload: Payload): Uint8Array {
  const itemRoot = (items: readonly Uint8Array[]): Uint8Array =>
    merkleRoot(items.map((item) => hash(DOMAIN.payloadItem, item)))
  return hash(
    DOMAIN.payload,
    merkleRoot([
      itemRoot(payload.evm),
      itemRoot(payload.core),
      itemRoot(payload.messages.map((message) => encode(crossMessageCodec, message))),
      merkleRoot(payload.evidence.map(evidenceHash)),
      itemRoot(payload.lastCommit === null ? [] : [encode(certificateCodec, payload.lastCommit)]),
    ]),
  )
}
