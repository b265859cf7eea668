// Certificates, evidence and admission, with real keys and signatures.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  Proposers,
  verifyCommitCertificate,
  verifyEvidence,
  verifyPolkaCertificate,
} from '../../../consensus/index.ts'
import type { Certificate } from '../../../core/chain/certificate.ts'
import {
  duplicateProposalOf,
  duplicateVoteOf,
  type Evidence,
} from '../../../core/chain/evidence.ts'
import {
  proposalDigest,
  type SignedProposal,
  type SignedVote,
  type VoteType,
  voteDigest,
} from '../../../core/chain/vote.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { type BlockId, heightOf, roundOf } from '../../../core/primitives/units.ts'
import { Admission } from '../../../node/consensus/admission.ts'
import {
  block,
  CHAIN_ID,
  HEIGHT,
  signedProposal,
  signedVote,
  testValidators,
} from '../../support/consensus.ts'

const [a, b] = [block('a'), block('b')]
const { set, privateKeys } = testValidators([1, 1, 1, 1])
const keyOf = (index: number): Uint8Array => privateKeys[index % 4] as Uint8Array

const sign = (vote: SignedVote, key = keyOf(vote.validatorIndex)): SignedVote => ({
  ...vote,
  signature: signatures.sign(voteDigest(vote), key).signature,
})
const signProposal = (one: SignedProposal, key = keyOf(one.validatorIndex)): SignedProposal => ({
  ...one,
  signature: signatures.sign(proposalDigest(one), key).signature,
})
const vote = (type: VoteType, round: number, blockId: BlockId | null, index: number): SignedVote =>
  sign(signedVote(type, round, blockId, index))
const certificate = (type: VoteType, indexes: readonly number[]): Certificate => ({
  ...{ height: HEIGHT, round: roundOf(0), blockId: a },
  signatures: indexes.map((index) => vote(type, 0, a, index)),
})

describe('verifyCommitCertificate', () => {
  const good = certificate('precommit', [0, 1, 3])
  const code = (altered: Partial<Certificate>, chainId = CHAIN_ID) => {
    const result = verifyCommitCertificate({ ...good, ...altered }, set, chainId)
    return result.ok ? 'ok' : result.code
  }

  test('accepts more than two thirds', () => {
    expect(code({})).toBe('ok')
    expect(code({ signatures: certificate('precommit', [0, 1, 2, 3]).signatures })).toBe('ok')
  })
  test('refuses less, an unknown signer, a repeated one and a wrong order', () => {
    expect(code({ signatures: good.signatures.slice(1) })).toBe('NO_QUORUM')
    expect(code({ signatures: [] })).toBe('NO_QUORUM')
    const [first, second, third] = good.signatures
    if (!first || !second || !third) throw new Error('three signatures')
    expect(code({ signatures: [first, second, { ...third, validatorIndex: 4 }] })).toBe(
      'UNKNOWN_SIGNER',
    )
    expect(code({ signatures: [first, first, second] })).toBe('DUPLICATE_SIGNER')
    expect(code({ signatures: [second, first, third] })).toBe('DUPLICATE_SIGNER')
  })
  test('refuses another chain, height, round, block or kind', () => {
    expect(code({}, CHAIN_ID + 1)).toBe('BAD_SIGNATURE')
    expect(code({ height: heightOf(6) })).toBe('BAD_SIGNATURE')
    expect(code({ round: roundOf(1) })).toBe('BAD_SIGNATURE')
    expect(code({ blockId: b })).toBe('BAD_SIGNATURE')
    expect(verifyPolkaCertificate(good, set, CHAIN_ID)).toMatchObject({ code: 'BAD_SIGNATURE' })
    expect(verifyPolkaCertificate(certificate('prevote', [0, 1, 2]), set, CHAIN_ID).ok).toBe(true)
  })
  test('CVE-2020-15091: a bad signature beyond two thirds is refused as well', () => {
    const all = certificate('precommit', [0, 1, 2, 3]).signatures
    for (let i = 0; i < 4; i++) {
      const forged = all.map((one, j) =>
        i === j ? { ...one, signature: vote('precommit', 0, b, i).signature } : one,
      )
      expect(code({ signatures: forged }), `signature ${i}`).toBe('BAD_SIGNATURE')
    }
  })
  test('counts power, not heads', () => {
    const heavy = testValidators([5, 1, 1, 1])
    const signed = (indexes: readonly number[]): Certificate => ({
      ...good,
      signatures: indexes.map((index) =>
        sign(signedVote('precommit', 0, a, index), heavy.privateKeys[index] as Uint8Array),
      ),
    })
    expect(verifyCommitCertificate(signed([0]), heavy.set, CHAIN_ID).ok).toBe(false)
    expect(verifyCommitCertificate(signed([1, 2, 3]), heavy.set, CHAIN_ID).ok).toBe(false)
    expect(verifyCommitCertificate(signed([0, 2]), heavy.set, CHAIN_ID).ok).toBe(true)
  })
})

describe('verifyEvidence', () => {
  const codeOf = (evidence: Evidence, chainId = CHAIN_ID): string => {
    const result = verifyEvidence(evidence, set, chainId)
    return result.ok ? `validator ${result.value.validatorIndex}` : result.code
  }
  const pair = (second: SignedVote): Evidence => duplicateVoteOf(vote('prevote', 3, a, 2), second)

  test('convicts of two votes in one slot', () => {
    expect(codeOf(pair(vote('prevote', 3, b, 2)))).toBe('validator 2')
    expect(codeOf(pair(vote('prevote', 3, null, 2)))).toBe('validator 2')
  })
  test('convicts of two proposals in one round, also by their polka rounds', () => {
    const first = signProposal(signedProposal(2, a, -1, 2))
    const other = signProposal(signedProposal(2, b, -1, 2))
    const again = signProposal(signedProposal(2, a, 1, 2))
    expect(codeOf(duplicateProposalOf(first, other))).toBe('validator 2')
    expect(codeOf(duplicateProposalOf(first, again))).toBe('validator 2')
    expect(codeOf(duplicateProposalOf(first, first))).toBe('SAME_MESSAGE')
  })
  test('does not convict of votes that go together', () => {
    expect(codeOf(pair(vote('precommit', 3, b, 2)))).toBe('DIFFERENT_SLOT')
    expect(codeOf(pair(vote('prevote', 4, b, 2)))).toBe('DIFFERENT_SLOT')
    expect(codeOf(pair(vote('prevote', 3, b, 1)))).toBe('DIFFERENT_SLOT')
    expect(codeOf(pair(sign({ ...signedVote('prevote', 3, b, 2), height: heightOf(6) })))).toBe(
      'DIFFERENT_SLOT',
    )
    expect(codeOf(pair(vote('prevote', 3, a, 2)))).toBe('SAME_MESSAGE')
  })
  test('does not take forged, foreign or misordered evidence', () => {
    const forged = sign(signedVote('prevote', 3, b, 2), keyOf(1))
    expect(codeOf(pair(forged))).toBe('BAD_SIGNATURE')
    const good = pair(vote('prevote', 3, b, 2))
    if (good.kind !== 'duplicateVote') throw new Error('a pair of votes')
    for (const which of ['first', 'second'] as const) {
      const signature = good[which].signature.slice()
      signature[40] = (signature[40] as number) ^ 1
      expect(codeOf({ ...good, [which]: { ...good[which], signature } }), which).toBe(
        'BAD_SIGNATURE',
      )
    }
    expect(codeOf(good, 1)).toBe('WRONG_CHAIN')
    expect(codeOf({ ...good, first: good.second, second: good.first } as Evidence)).toBe(
      'NOT_CANONICAL',
    )
    const unknown = duplicateVoteOf(
      ...([a, b].map((id) => ({ ...vote('prevote', 3, id, 0), validatorIndex: 9 })) as [
        SignedVote,
        SignedVote,
      ]),
    )
    expect(codeOf(unknown)).toBe('UNKNOWN_VALIDATOR')
  })
})

describe('Admission', () => {
  const admission = new Admission({ chainId: CHAIN_ID, height: HEIGHT, validators: set })
  const voteCode = (one: SignedVote): string => {
    const result = admission.admitVote(one)
    return result.ok ? 'ok' : result.code
  }
  const proposalCode = (one: SignedProposal, current = 0): string => {
    const result = admission.admitProposal(one, roundOf(current))
    return result.ok ? 'ok' : result.code
  }

  test('admits a vote of this chain, height and set', () => {
    expect(voteCode(vote('prevote', 0, a, 1))).toBe('ok')
    expect(voteCode(vote('precommit', 9, null, 3))).toBe('ok')
    expect(voteCode(sign({ ...signedVote('prevote', 0, a, 1), chainId: 1 }))).toBe('WRONG_CHAIN')
    expect(voteCode(sign({ ...signedVote('prevote', 0, a, 1), height: heightOf(4) }))).toBe(
      'WRONG_HEIGHT',
    )
    expect(voteCode({ ...vote('prevote', 0, a, 1), validatorIndex: 4 })).toBe('UNKNOWN_VALIDATOR')
  })
  test('refuses a vote with any field changed after signing', () => {
    const signed = vote('prevote', 2, a, 1)
    const altered: Partial<SignedVote>[] = [
      { type: 'precommit' },
      { round: roundOf(3) },
      { blockId: b },
      { blockId: null },
      { validatorIndex: 2 },
    ]
    for (const change of altered)
      expect(voteCode({ ...signed, ...change }), JSON.stringify(change)).toBe('BAD_SIGNATURE')
  })
  test('refuses any flipped bit of a signature', () => {
    const signed = vote('prevote', 2, a, 1)
    fc.assert(
      fc.property(fc.nat(63), fc.nat(7), (at, bit) => {
        const signature = signed.signature.slice()
        signature[at] = (signature[at] as number) ^ (1 << bit)
        expect(voteCode({ ...signed, signature })).toBe('BAD_SIGNATURE')
      }),
      { numRuns: 60 },
    )
  })
  test('admits a proposal of the proposer of its round, with an older polka', () => {
    expect(proposalCode(signProposal(signedProposal(6, a, -1, 2)))).toBe('ok')
    expect(proposalCode(signProposal(signedProposal(6, a, 5, 2)))).toBe('ok')
    expect(proposalCode(signProposal(signedProposal(6, a, -1, 1)))).toBe('WRONG_PROPOSER')
    expect(proposalCode(signProposal(signedProposal(6, a, 6, 2)))).toBe('BAD_POL_ROUND')
    expect(proposalCode(signProposal(signedProposal(6, a, -1, 2), keyOf(0)))).toBe('BAD_SIGNATURE')
  })
  test('does not look for the proposer of a round far ahead', () => {
    const far = 4 * LIMITS.roundsAhead
    expect(proposalCode(signProposal(signedProposal(far, a, -1, 0)))).toBe('ROUND_TOO_FAR')
    expect(proposalCode(signProposal(signedProposal(far, a, -1, 0)), 3 * LIMITS.roundsAhead)).toBe(
      'ok',
    )
    expect(proposalCode(signProposal(signedProposal(0xfffffffe, a, -1, 0)))).toBe('ROUND_TOO_FAR')
  })
  test('admits certificates of its height only', () => {
    const commit = certificate('precommit', [0, 1, 2])
    expect(admission.admitCommit(commit).ok).toBe(true)
    expect(admission.admitPolka(commit)).toMatchObject({ code: 'BAD_SIGNATURE' })
    expect(admission.admitPolka(certificate('prevote', [1, 2, 3])).ok).toBe(true)
    const other = { ...commit, height: heightOf(4) }
    expect(admission.admitCommit(other)).toMatchObject({ code: 'WRONG_HEIGHT' })
    expect(admission.admitPolka(other)).toMatchObject({ code: 'WRONG_HEIGHT' })
  })
  test('admits a round certificate whole or not at all', () => {
    const before = [0, 1, 2].map((index) => vote('precommit', 0, null, index))
    const entered = [vote('prevote', 1, a, 3)]
    const result = (votes: readonly SignedVote[]) =>
      admission.admitRoundCertificate({ height: HEIGHT, round: roundOf(1), votes })
    expect(result([...before, ...entered])).toMatchObject({ ok: true })
    const wrong = [vote('prevote', 0, a, 3), vote('precommit', 2, a, 3)]
    for (const one of wrong) expect(result([...before, one])).toMatchObject({ code: 'WRONG_ROUND' })
    const forged = sign(signedVote('prevote', 1, b, 3), keyOf(0))
    expect(result([...before, forged])).toMatchObject({ code: 'BAD_SIGNATURE' })
  })
})

test('Proposers agree with the validator set, in any order of asking', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 20 }), (rounds) => {
      const proposers = new Proposers(set)
      for (const round of [...rounds, ...rounds])
        expect(proposers.of(roundOf(round))).toBe(set.proposerIndex(round))
    }),
    { numRuns: 50 },
  )
})
