import { type Codec, encode, fixedBytes, int, struct } from '../primitives/codec.ts'
import { DOMAIN, HASH_LENGTH, hash, merkleRoot } from '../primitives/hash.ts'
import type { Height } from '../primitives/units.ts'

/** The parts of the global state after a height, kept apart so that a mismatch names its domain. */
export type StateRoots = {
  /** Merkle Patricia root of NexusEVM: what the Ethereum header shows. */
  readonly evmRoot: Uint8Array
  readonly coreRoot: Uint8Array
  readonly queueRoot: Uint8Array
  readonly consensusRoot: Uint8Array
}

const hash32 = fixedBytes(HASH_LENGTH)
export const stateRootsCodec: Codec<StateRoots> = struct<StateRoots>({
  evmRoot: hash32,
  coreRoot: hash32,
  queueRoot: hash32,
  consensusRoot: hash32,
})

export const stateRootOf = (roots: StateRoots, height: Height): Uint8Array =>
  hash(
    DOMAIN.stateRoot,
    roots.evmRoot,
    roots.coreRoot,
    roots.queueRoot,
    roots.consensusRoot,
    encode(int, height),
  )

/** Root over the engine roots in engine-id order; the empty tree while no engine is registered. */
export const coreRootOf = (engineRoots: readonly Uint8Array[]): Uint8Array =>
  hash(DOMAIN.coreRoot, merkleRoot(engineRoots))

/** Root over the encoded queued cross-domain messages in (block, priority, nonce) order. */
export const queueRootOf = (messages: readonly Uint8Array[]): Uint8Array =>
  hash(DOMAIN.queueRoot, merkleRoot(messages.map((message) => hash(DOMAIN.payloadItem, message))))

/** The validator sets of the next two heights: what a node needs to judge the next blocks. */
export const consensusRootOf = (
  validatorsHash: Uint8Array,
  nextValidatorsHash: Uint8Array,
): Uint8Array => hash(DOMAIN.consensusState, validatorsHash, nextValidatorsHash)

/** Commits to the Ethereum block of the height by its hash, which itself covers receipts and logs, and to Core's receipts. */
export const receiptsRootOf = (
  ethereumBlockHash: Uint8Array,
  coreReceipts: Uint8Array,
): Uint8Array => hash(DOMAIN.receiptsRoot, ethereumBlockHash, coreReceipts)
