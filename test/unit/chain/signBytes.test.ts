import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { votesOf } from '../../../core/chain/certificate.ts'
import {
  proposalDigest,
  proposalSignBytes,
  type SignedProposal,
  type SignedVote,
  voteDigest,
  voteSignBytes,
} from '../../../core/chain/vote.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import type { BlockId } from '../../../core/primitives/units.ts'
import { certificate, signedProposal, signedVote } from '../../support/chainArbitraries.ts'

const big = (value: number | bigint, width: number): string =>
  BigInt(value)
    .toString(16)
    .padStart(width * 2, '0')

describe('vote sign bytes', () => {
  it('have the layout a contract rebuilds', () => {
    fc.assert(
      fc.property(signedVote, (vote) => {
        const domain = vote.type === 'prevote' ? '01' : '02'
        const id = vote.blockId === null ? `00${'00'.repeat(32)}` : `01${vote.blockId}`
        const expected = `${domain}${big(vote.chainId, 8)}${big(vote.height, 8)}${big(vote.round, 4)}${id}`
        expect(toHex(voteSignBytes(vote))).toBe(expected)
        expect(voteDigest(vote)).toEqual(keccak256(fromHex(expected)))
      }),
    )
  })

  it('do not confuse nil with the block id of zeros', () => {
    const nil = { type: 'prevote', chainId: 1, height: 1, round: 0, blockId: null } as SignedVote
    const zeros = { ...nil, blockId: '00'.repeat(32) as BlockId }
    expect(toHex(voteSignBytes(nil))).not.toBe(toHex(voteSignBytes(zeros)))
  })

  it('leave out who votes: the key says it', () => {
    const property = fc.property(signedVote, fc.nat(0xffff), (vote, validatorIndex) => {
      expect(voteSignBytes({ ...vote, validatorIndex } as SignedVote)).toEqual(voteSignBytes(vote))
    })
    fc.assert(property)
  })
})

describe('proposal sign bytes', () => {
  it('have the layout a contract rebuilds', () => {
    fc.assert(
      fc.property(signedProposal, (proposal) => {
        const { chainId, height, round, polRound, blockId } = proposal
        const expected = `20${big(chainId, 8)}${big(height, 8)}${big(round, 4)}${big(polRound + 1, 4)}${blockId}`
        expect(toHex(proposalSignBytes(proposal))).toBe(expected)
        expect(proposalDigest(proposal)).toEqual(keccak256(fromHex(expected)))
      }),
    )
  })
})

describe('what is signed', () => {
  const signedOf = (message: SignedVote | SignedProposal): string =>
    'type' in message ? toHex(voteSignBytes(message)) : toHex(proposalSignBytes(message))
  const meaningOf = (message: SignedVote | SignedProposal): string =>
    JSON.stringify({ ...message, validatorIndex: 0, signature: '' })

  it('is equal only for messages that mean the same', () => {
    // Small fields, so that near-equal pairs are common.
    const near = fc.record({
      kind: fc.constantFrom('prevote', 'precommit', 'proposal'),
      chainId: fc.nat(1),
      height: fc.nat(1),
      round: fc.nat(1),
      polRound: fc.integer({ min: -1, max: 0 }),
      blockId: fc.constantFrom(null, '00'.repeat(32), '01'.repeat(32)),
    })
    const messageOf = ({ kind, polRound, blockId, ...rest }: Record<string, unknown>) =>
      (kind === 'proposal'
        ? { ...rest, polRound, blockId: blockId ?? '00'.repeat(32) }
        : { type: kind, ...rest, blockId }) as unknown as SignedVote | SignedProposal
    fc.assert(
      fc.property(near, near, (a, b) => {
        const [first, second] = [messageOf(a), messageOf(b)]
        const same = meaningOf(first) === meaningOf(second)
        expect(signedOf(first) === signedOf(second)).toBe(same)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('votesOf', () => {
  it('gives back the votes that a certificate stands for', () => {
    fc.assert(
      fc.property(certificate, fc.nat(), (value, chainId) => {
        const votes = votesOf(value, 'precommit', chainId)
        expect(
          votes.map(({ validatorIndex, signature }) => ({ validatorIndex, signature })),
        ).toEqual(value.signatures)
        for (const vote of votes)
          expect([vote.type, vote.chainId, vote.height, vote.round, vote.blockId]).toEqual([
            'precommit',
            chainId,
            value.height,
            value.round,
            value.blockId,
          ])
      }),
    )
  })
})
