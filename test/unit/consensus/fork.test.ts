// What two commits of one height prove, and what they do not.
import { describe, expect, test } from 'vitest'
import { ConsensusHeight, forkCodec, forkOf, judgeFork, replay } from '../../../consensus/index.ts'
import type { SignedVote } from '../../../core/chain/vote.ts'
import { compareBytes } from '../../../core/primitives/bytes.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import { type Commit, LockStep } from '../../sim/core/lockStep.ts'
import { Prng } from '../../sim/core/prng.ts'
import {
  expectCanonical,
  expectEveryTruncationFails,
  expectRoundTrip,
} from '../../support/codecLaws.ts'
import {
  TEST_CHAIN_ID,
  testBlockId,
  testCertificate,
  testValidators,
  testVote,
} from '../../support/testChain.ts'

const { set, keys } = testValidators([1, 1, 1, 1])
const [A, B] = [testBlockId(0xa), testBlockId(0xb)]
const HEIGHT = heightOf(7)

const commit = (blockId: typeof A, round: number, signers: readonly number[]) => ({
  certificate: testCertificate(keys, { height: HEIGHT, round, blockId, signers }),
  header: null,
})
const prevote = (blockId: typeof A, round: number, validatorIndex: number): SignedVote =>
  testVote(keys, { type: 'prevote', height: HEIGHT, round, blockId, validatorIndex })

type Commits = Parameters<typeof forkOf>[0]
function report(commits: Commits, votes: readonly SignedVote[] = []) {
  const judged = judgeFork(
    forkOf(commits, { chainId: TEST_CHAIN_ID, validators: set.validators, votes }),
  )
  if (!judged.ok) throw new Error(judged.code)
  return judged.value
}
const indexes = (accused: readonly { readonly validatorIndex: number }[]): number[] =>
  accused.map(({ validatorIndex }) => validatorIndex)

describe('a fork in one round', () => {
  test('proves more than a third, by both signatures of each', () => {
    const found = report([commit(A, 2, [0, 1, 2]), commit(B, 2, [1, 2, 3])])
    expect(indexes(found.proved)).toEqual([1, 2])
    expect(set.isHonest(found.provedPower)).toBe(true)
    expect(found.suspected).toEqual([])
    for (const { evidence } of found.proved) {
      expect(evidence.kind).toBe('duplicateVote')
      expect(compareBytes(evidence.first.signature, evidence.second.signature)).toBeLessThan(0)
    }
  })

  test('is the same fork from either side', () => {
    const sides: Commits = [commit(A, 0, [0, 1, 2]), commit(B, 0, [1, 2, 3])]
    expect(report([sides[1], sides[0]])).toEqual(report(sides))
  })
})

describe('a fork over two rounds', () => {
  const sides: Commits = [commit(A, 0, [0, 1, 2]), commit(B, 1, [1, 2, 3])]

  test('proves nobody by the commits alone, and says who signed both', () => {
    const found = report(sides)
    expect(found.proved).toEqual([])
    expect(found.suspected).toEqual([])
    expect(indexes(found.signedBoth)).toEqual([1, 2])
    expect(found.provedPower).toBe(0)
  })

  test('with prevotes suspects those who left their lock, which is not proof', () => {
    const found = report(
      sides,
      [1, 2, 3].map((index) => prevote(B, 1, index)),
    )
    expect(found.proved).toEqual([])
    expect(indexes(found.suspected)).toEqual([1, 2])
    expect(set.isHonest(found.suspectedPower)).toBe(true)
  })

  test('does not suspect one that had a newer polka to go by, and proves who signed twice', () => {
    const later: Commits = [commit(A, 0, [0, 1, 2]), commit(B, 2, [0, 1, 3])]
    const polka = [1, 2, 3].map((index) => prevote(B, 1, index))
    const found = report(later, [...polka, prevote(A, 1, 1), prevote(B, 2, 0)])
    expect(indexes(found.proved)).toEqual([1])
    expect(indexes(found.suspected)).toEqual([2])
  })
})

describe('what is not a fork', () => {
  const sides: Commits = [commit(A, 0, [0, 1, 2]), commit(B, 1, [1, 2, 3])]
  const context = { chainId: TEST_CHAIN_ID, validators: set.validators, votes: [] }
  const fork = forkOf(sides, context)
  const other = commit(A, 0, [0, 1, 2])

  test.each([
    ['SAME_BLOCK', { ...fork, second: { ...fork.second, certificate: other.certificate } }],
    ['NOT_CANONICAL', { ...fork, first: fork.second, second: fork.first }],
    ['NO_QUORUM', forkOf([commit(A, 0, [0, 1]), sides[1]], context)],
    ['BAD_SIGNATURE', { ...fork, chainId: 1 }],
    ['BAD_VALIDATORS', { ...fork, validators: [] }],
    ['BAD_VOTE', { ...fork, votes: [{ ...prevote(B, 1, 1), validatorIndex: 2 }] }],
    ['BAD_VOTE', { ...fork, votes: [{ ...prevote(B, 1, 1), validatorIndex: 99 }] }],
    [
      'DIFFERENT_HEIGHT',
      {
        ...fork,
        second: {
          header: null,
          certificate: { ...fork.second.certificate, height: heightOf(8) },
        },
      },
    ],
  ])('%s', (code, wrong) => {
    expect(judgeFork(wrong)).toMatchObject({ ok: false, code })
  })

  test('its encoding is canonical', () => {
    const bytes = expectRoundTrip(forkCodec, { ...fork, votes: [prevote(B, 1, 1)] })
    expectEveryTruncationFails(forkCodec, bytes.subarray(0, 300))
    for (let i = 0; i < bytes.length; i += 7) {
      const flipped = bytes.slice()
      flipped[i] = (flipped[i] as number) ^ 1
      expectCanonical(forkCodec, flipped)
    }
  })
})

describe('forks that the lock-step adversary makes with two of four', () => {
  const LIARS = [0, 2]
  /** The first two commits for different blocks, of runs in which the liars win. 0 proposes first. */
  function forks(equivocate: boolean, wanted: number): [Commit, Commit, LockStep][] {
    const core = { ConsensusHeight, replay }
    const found: [Commit, Commit, LockStep][] = []
    for (let seed = 1; found.length < wanted && seed < 20_000; seed++) {
      const options = { set, core, liars: LIARS, equivocate, amnesic: null }
      const lockStep = new LockStep(options, new Prng(seed))
      try {
        lockStep.run()
      } catch {
        const [first] = lockStep.commits
        const second = lockStep.commits.find(({ value }) => value !== first?.value)
        if (first !== undefined && second !== undefined) found.push([first, second, lockStep])
      }
    }
    return found
  }
  const signed = ({ value, round, signers }: Commit) => commit(testBlockId(value), round, signers)

  test('in one round the plain protocol names a third or more; over rounds it proves nobody', () => {
    const all = [...forks(true, 240), ...forks(false, 20)]
    expect(all).toHaveLength(260)
    const sameRound = all.filter(([a, b]) => a.round === b.round)
    expect(sameRound.length).toBeGreaterThan(0)
    expect(sameRound.length).toBeLessThan(all.length)
    const names = all.map(([a, b]) => {
      const found = report([signed(a), signed(b)])
      expect(3 * found.provedPower >= found.totalPower).toBe(a.round === b.round)
      for (const index of indexes(found.proved)) expect(LIARS).toContain(index)
      return indexes(a.round === b.round ? found.proved : found.signedBoth)
    })
    for (const named of names) expect(named.length).toBeGreaterThanOrEqual(2)
    // Which is why signing both commits convicts nobody: a lock may move, and honest ones did.
    const honest = (index: number): boolean => !LIARS.includes(index)
    expect(names.some((named) => named.some(honest))).toBe(true)
  })
})
