import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { trustCommit, trustPolka, trustVote } from '../../../consensus/verified.ts'
import { CATCH_UP_ROUNDS, VoteKeeper } from '../../../consensus/voteKeeper.ts'
import type { SignedVote, VoteType } from '../../../core/chain/vote.ts'
import { type BlockId, roundOf } from '../../../core/primitives/units.ts'
import {
  block,
  CHAIN_ID,
  certificateBy,
  signedVote,
  testValidators,
  validatorSetOf,
} from '../../support/consensus.ts'

const [a, b] = [block('a'), block('b')]
const ROUND_0 = roundOf(0)
const newKeeper = () => new VoteKeeper(validatorSetOf(4), CHAIN_ID)
function add(keeper: VoteKeeper, vote: SignedVote, current = 0) {
  return keeper.add(trustVote(vote), roundOf(current))
}

describe('VoteKeeper thresholds', () => {
  test('3 of 4 are more than two thirds, 2 are not; 2 are more than one third, 1 is not', () => {
    const keeper = newKeeper()
    add(keeper, signedVote('prevote', 5, a, 0))
    expect(keeper.skipRound(ROUND_0)).toBeNull()
    add(keeper, signedVote('prevote', 5, b, 1))
    expect(keeper.skipRound(ROUND_0)).toBe(5)
    add(keeper, signedVote('prevote', 5, a, 2))
    expect(keeper.hasQuorumAny('prevote', roundOf(5))).toBe(true)
    expect(keeper.hasPolka(roundOf(5), a)).toBe(false)
    add(keeper, signedVote('prevote', 5, a, 3))
    expect(keeper.hasPolka(roundOf(5), a)).toBe(true)
    expect(keeper.hasPolka(roundOf(5), b)).toBe(false)
  })

  test('exactly two thirds and exactly one third are not enough', () => {
    const keeper = new VoteKeeper(testValidators([2, 2, 2]).set, CHAIN_ID)
    add(keeper, signedVote('prevote', 1, a, 0))
    expect(keeper.skipRound(ROUND_0)).toBeNull()
    add(keeper, signedVote('prevote', 1, a, 1))
    expect(keeper.skipRound(ROUND_0)).toBe(1)
    expect(keeper.hasPolka(roundOf(1), a)).toBe(false)
    add(keeper, signedVote('prevote', 1, a, 2))
    expect(keeper.hasPolka(roundOf(1), a)).toBe(true)
  })

  test('agree with counting from scratch, for any powers and any votes', () => {
    const votes = fc.array(
      fc.record({
        index: fc.nat(5),
        type: fc.constantFrom<VoteType>('prevote', 'precommit'),
        round: fc.nat(1),
        value: fc.constantFrom<BlockId | null>(a, b, null),
      }),
      { maxLength: 40 },
    )
    const powers = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 6, maxLength: 6 })
    fc.assert(
      fc.property(powers, votes, (weights, cast) => {
        const { set } = testValidators(weights)
        const keeper = new VoteKeeper(set, CHAIN_ID)
        const first = new Map<string, (typeof cast)[number]>()
        for (const vote of cast) {
          const key = `${vote.index}/${vote.type}/${vote.round}`
          if (!first.has(key)) first.set(key, vote)
          add(keeper, signedVote(vote.type, vote.round, vote.value, vote.index))
        }
        const power = (where: (vote: (typeof cast)[number]) => boolean): number =>
          [...first.values()]
            .filter(where)
            .reduce((sum, { index }) => sum + (weights[index] as number), 0)
        const quorum = (sum: number): boolean => sum * 3 > 2 * set.totalPower
        for (const round of [0, 1]) {
          const at = roundOf(round)
          const of =
            (type: VoteType, value?: BlockId | null) =>
            (vote: (typeof cast)[number]): boolean =>
              vote.type === type &&
              vote.round === round &&
              (value === undefined || vote.value === value)
          expect(keeper.hasPolka(at, a)).toBe(quorum(power(of('prevote', a))))
          expect(keeper.hasPolkaNil(at)).toBe(quorum(power(of('prevote', null))))
          expect(keeper.hasQuorumAny('prevote', at)).toBe(quorum(power(of('prevote'))))
          expect(keeper.hasQuorumAny('precommit', at)).toBe(quorum(power(of('precommit'))))
          expect(keeper.commits.some((found) => found.round === round && found.blockId === b)).toBe(
            quorum(power(of('precommit', b))),
          )
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('VoteKeeper evidence', () => {
  test('the second, different vote convicts, once; a repeated one does not', () => {
    const keeper = newKeeper()
    expect(add(keeper, signedVote('prevote', 0, a, 1))).toBeNull()
    expect(add(keeper, signedVote('prevote', 0, a, 1))).toBeNull()
    const evidence = add(keeper, signedVote('prevote', 0, b, 1))
    expect(evidence?.kind).toBe('duplicateVote')
    expect(new Set([evidence?.first.blockId, evidence?.second.blockId])).toEqual(new Set([a, b]))
    expect(add(keeper, signedVote('prevote', 0, null, 1))).toBeNull()
    expect(add(keeper, signedVote('precommit', 0, b, 1)), 'another type').toBeNull()
    expect(add(keeper, signedVote('prevote', 1, b, 1)), 'another round').toBeNull()
  })

  test('a vote inside a certificate convicts as well', () => {
    const keeper = newKeeper()
    add(keeper, signedVote('prevote', 0, b, 2))
    const certificate = trustPolka(certificateBy('prevote', 0, a, [0, 1, 2]))
    const evidence = keeper.addCertificate('prevote', certificate, ROUND_0)
    expect(evidence.map(({ first }) => first.validatorIndex)).toEqual([2])
    expect(keeper.addCertificate('prevote', certificate, ROUND_0)).toEqual([])
  })
})

describe('VoteKeeper certificates', () => {
  test('carry the counted votes of the value, in index order', () => {
    const keeper = newKeeper()
    for (const index of [3, 0, 2]) add(keeper, signedVote('precommit', 0, a, index))
    add(keeper, signedVote('precommit', 0, b, 1))
    expect(keeper.certificate('precommit', ROUND_0, a)).toEqual(
      certificateBy('precommit', 0, a, [0, 2, 3]),
    )
  })

  test('are given back as received when votes alone are no quorum', () => {
    const keeper = newKeeper()
    add(keeper, signedVote('precommit', 0, a, 3))
    const received = certificateBy('precommit', 0, a, [0, 1, 2])
    keeper.addCertificate('precommit', trustCommit(received), ROUND_0)
    expect(keeper.certificate('precommit', ROUND_0, a)).toEqual(received)
    expect(keeper.commits).toEqual([{ round: 0, blockId: a }])
  })

  test('allow a skip, and can show why a round was entered', () => {
    const keeper = newKeeper()
    keeper.addCertificate('prevote', trustPolka(certificateBy('prevote', 7, a, [0, 1, 2])), ROUND_0)
    expect(keeper.skipRound(ROUND_0)).toBe(7)
    const votes = keeper.roundCertificateVotes(roundOf(7), 'skip')
    expect(votes.map(({ validatorIndex }) => validatorIndex)).toEqual([0, 1])
  })

  test('of a round show distinct validators, no more than needed', () => {
    const keeper = newKeeper()
    for (const index of [0, 1, 2, 3]) add(keeper, signedVote('precommit', 0, null, index))
    add(keeper, signedVote('prevote', 1, a, 2))
    add(keeper, signedVote('precommit', 1, a, 2))
    add(keeper, signedVote('precommit', 1, null, 3))
    const precommits = keeper.roundCertificateVotes(roundOf(1), 'precommits')
    expect(precommits.map(({ validatorIndex }) => validatorIndex)).toEqual([0, 1, 2])
    const skip = keeper.roundCertificateVotes(roundOf(1), 'skip')
    expect(skip.map(({ validatorIndex }) => validatorIndex)).toEqual([2, 3])
  })
})

describe('VoteKeeper bounds', () => {
  test('keeps a validator in its newest rounds only, beyond the next', () => {
    const keeper = newKeeper()
    const isKept = (round: number): boolean =>
      keeper.voteOf('prevote', roundOf(round), 2) !== undefined
    for (const round of [0, 1, 2, 3, 4]) add(keeper, signedVote('prevote', round, a, 2))
    expect([0, 1, 2, 3, 4].map(isKept)).toEqual([true, true, false, true, true])
    add(keeper, signedVote('prevote', 2, a, 2))
    expect(isKept(2), 'older than those kept').toBe(false)
    expect(CATCH_UP_ROUNDS).toBe(2)
  })

  test('a round that loses a voter is no longer one to skip to', () => {
    const keeper = newKeeper()
    for (const index of [0, 1]) add(keeper, signedVote('prevote', 9, a, index))
    for (const round of [10, 11]) add(keeper, signedVote('prevote', round, a, 0))
    expect(keeper.skipRound(ROUND_0)).toBeNull()
    add(keeper, signedVote('prevote', 11, a, 1))
    expect(keeper.skipRound(ROUND_0)).toBe(11)
  })

  test('a validator that votes in a million rounds takes the memory of two', () => {
    const keeper = newKeeper()
    for (let round = 2; round < 2_000; round++) add(keeper, signedVote('prevote', round, a, 0))
    expect(keeper.roundsHeld).toBe(CATCH_UP_ROUNDS)
    add(keeper, signedVote('prevote', 0xffffffff, a, 0))
    expect(keeper.roundsHeld).toBe(CATCH_UP_ROUNDS)
  })

  test('the highest round with more than a third is skipped to, and only one above the current', () => {
    const keeper = newKeeper()
    for (const round of [3, 5]) {
      for (const index of [0, 1]) add(keeper, signedVote('precommit', round, null, index))
    }
    expect(keeper.skipRound(roundOf(3))).toBe(5)
    expect(keeper.skipRound(roundOf(5))).toBeNull()
  })
})
