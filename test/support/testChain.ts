import type { Block } from '../../core/chain/block.ts'
import { blockIdOf, payloadHashOf } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { type SignedVote, type VoteType, voteDigest } from '../../core/chain/vote.ts'
import { keccak256, ZERO_HASH } from '../../core/primitives/hash.ts'
import { addressOfPrivateKey, signatures } from '../../core/primitives/signature.ts'
import {
  type BlockId,
  type Height,
  heightOf,
  millisOf,
  roundOf,
} from '../../core/primitives/units.ts'

export const TEST_CHAIN_ID = 3940

export const TEST_PARAMS: ConsensusParams = {
  maxBlockBytes: 1_000_000,
  maxBlockGas: 30_000_000,
  emptyBlockIntervalMs: millisOf(1_000),
  precisionMs: millisOf(20),
  messageDelayMs: millisOf(200),
  evidenceMaxAgeMs: millisOf(60_000),
  evidenceMaxAgeBlocks: 100,
  baseFeeRecipient: 'burn',
  tipRecipient: 'proposer',
}

export type TestValidators = {
  readonly set: ValidatorSet
  /** Private keys in the order of the set. */
  readonly keys: readonly Uint8Array[]
}

/** Deterministic keys; `powers[i]` belongs to the i-th key before sorting by address. */
export function testValidators(powers: readonly number[]): TestValidators {
  const keys = powers.map((_, i) => keccak256(Uint8Array.of(0x51, i)))
  const created = ValidatorSet.create(
    keys.map((key, i) => ({
      publicKey: signatures.publicKeyOf(key),
      power: powers[i] as number,
      priority: 0,
    })),
  )
  if (!created.ok) throw new Error(created.code)
  const set = created.value
  const byIndex = [...keys].sort(
    (a, b) => set.indexOf(addressOfPrivateKey(a)) - set.indexOf(addressOfPrivateKey(b)),
  )
  return { set, keys: byIndex }
}

export function testVote(
  keys: readonly Uint8Array[],
  vote: {
    readonly type: VoteType
    readonly validatorIndex: number
    readonly height?: number
    readonly round?: number
    readonly blockId: BlockId | null
    readonly chainId?: number
  },
): SignedVote {
  const unsigned = {
    type: vote.type,
    chainId: vote.chainId ?? TEST_CHAIN_ID,
    height: heightOf(vote.height ?? 1),
    round: roundOf(vote.round ?? 0),
    blockId: vote.blockId,
    validatorIndex: vote.validatorIndex,
  }
  const key = keys[vote.validatorIndex] as Uint8Array
  return { ...unsigned, signature: signatures.sign(voteDigest(unsigned), key).signature }
}

export function testCertificate(
  keys: readonly Uint8Array[],
  options: {
    readonly height: Height
    readonly round?: number
    readonly blockId: BlockId
    readonly signers: readonly number[]
    readonly type?: VoteType
  },
): Certificate {
  const { height, blockId, signers } = options
  const round = roundOf(options.round ?? 0)
  return {
    height,
    round,
    blockId,
    signatures: signers.map((validatorIndex) => ({
      validatorIndex,
      signature: testVote(keys, {
        type: options.type ?? 'precommit',
        validatorIndex,
        height,
        round,
        blockId,
      }).signature,
    })),
  }
}

export const testBlockId = (seed: number): BlockId => seed.toString(16).padStart(64, '0') as BlockId

/** The same block with changed parts; the payload hash follows the payload unless it is given. */
export function changedBlock(
  block: Block,
  change: {
    readonly header?: Partial<Block['header']>
    readonly payload?: Partial<Block['payload']>
  },
): Block {
  const payload = { ...block.payload, ...change.payload }
  const payloadHash = payloadHashOf(payload)
  return { header: { ...block.header, payloadHash, ...change.header }, payload }
}

export const emptyRoots = {
  evmRoot: ZERO_HASH,
  coreRoot: ZERO_HASH,
  queueRoot: ZERO_HASH,
  consensusRoot: ZERO_HASH,
}

export { blockIdOf }
