import { describe, expect, it } from 'vitest'
import { blockCodec } from '../../../core/chain/block.ts'
import { certificateCodec, roundCertificateCodec } from '../../../core/chain/certificate.ts'
import { evidenceCodec } from '../../../core/chain/evidence.ts'
import { signedVoteCodec } from '../../../core/chain/vote.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { type BlockId, heightOf, millisOf, roundOf } from '../../../core/primitives/units.ts'

const MIB = 2 ** 20
const blockId = 'ff'.repeat(32) as BlockId
const position = { height: heightOf(Number.MAX_SAFE_INTEGER), round: roundOf(0xffffffff) }
const signature = new Uint8Array(64)
const vote = {
  type: 'precommit' as const,
  chainId: 1,
  ...position,
  blockId,
  validatorIndex: 0,
  signature,
}
const proposal = {
  chainId: 1,
  ...position,
  polRound: -1 as const,
  blockId,
  validatorIndex: 0,
  signature,
}
const certificate = {
  ...position,
  blockId,
  signatures: Array.from({ length: LIMITS.validators }, (_, validatorIndex) => ({
    validatorIndex,
    signature,
  })),
}

describe('limits against the largest values of the codecs', () => {
  it('a vote fits its frame', () => {
    expect(encode(signedVoteCodec, vote).length).toBeLessThanOrEqual(LIMITS.voteFrameBytes)
  })

  it('certificates of all validators fit their frame', () => {
    expect(encode(certificateCodec, certificate).length).toBeLessThanOrEqual(
      LIMITS.certificateFrameBytes,
    )
    // More than 2/3 precommits, or more than 1/3 votes of both types: at most all validators' two votes.
    const votes = Array.from({ length: 2 * LIMITS.validators }, () => vote)
    const bytes = encode(roundCertificateCodec, { ...position, votes })
    expect(bytes.length).toBeLessThanOrEqual(LIMITS.certificateFrameBytes)
  })

  it('evidence of either kind fits its bound', () => {
    for (const evidence of [
      { kind: 'duplicateVote', first: vote, second: vote },
      { kind: 'duplicateProposal', first: proposal, second: proposal },
    ] as const)
      expect(encode(evidenceCodec, evidence).length).toBeLessThanOrEqual(LIMITS.evidenceBytes)
  })

  it('a block with the largest payload, evidence and certificate fits every frame that carries it', () => {
    const hash = new Uint8Array(32)
    const transaction = new Uint8Array(LIMITS.blockBytes / LIMITS.blockTransactions)
    const block = {
      header: {
        chainId: 1,
        height: position.height,
        time: millisOf(0),
        previousBlockId: blockId,
        proposer: new Uint8Array(20),
        validatorsHash: hash,
        nextValidatorsHash: hash,
        consensusParamsHash: hash,
        payloadHash: hash,
        stateRoot: hash,
        receiptsRoot: hash,
      },
      payload: {
        evm: Array.from({ length: LIMITS.blockTransactions }, () => transaction),
        core: [],
        messages: [],
        evidence: Array.from({ length: LIMITS.blockEvidence }, () => ({
          kind: 'duplicateVote' as const,
          first: vote,
          second: vote,
        })),
        lastCommit: certificate,
      },
    }
    const size = encode(blockCodec, block).length
    for (const bound of [LIMITS.proposalFrameBytes, LIMITS.syncFrameBytes, LIMITS.walRecordBytes])
      expect(size + LIMITS.certificateFrameBytes).toBeLessThanOrEqual(bound)
  })
})

describe('limits as arithmetic', () => {
  it('keeps quorums, priorities and their sum exact', () => {
    // A priority stays within ± 2 · total and moves by at most one total.
    const sum = BigInt(LIMITS.validators) * 3n * BigInt(LIMITS.totalVotingPower)
    expect(sum <= BigInt(Number.MAX_SAFE_INTEGER)).toBe(true)
  })

  it('lets a batch hold the largest transaction with its length', () => {
    expect(LIMITS.transactionBytes + 8).toBeLessThanOrEqual(LIMITS.batchBytes)
  })

  it('can name every transaction of a block by batch and position', () => {
    expect(LIMITS.blockBatches * LIMITS.batchTransactions).toBeGreaterThanOrEqual(
      LIMITS.blockTransactions,
    )
    expect(LIMITS.blockBatches).toBeLessThanOrEqual(0xffff)
    expect(LIMITS.batchTransactions).toBeLessThanOrEqual(0xffff)
  })

  it('holds integers only, all positive', () => {
    for (const [name, value] of Object.entries(LIMITS))
      expect(Number.isSafeInteger(value) && value > 0, name).toBe(true)
    expect(LIMITS.blockBytes).toBe(4 * MIB)
  })
})
