// What bit real implementations, one test per row of the table that the pure core can answer for.
// Each is named after the report; validator 3 is under test unless said otherwise.
import { describe, expect, test } from 'vitest'
import { type Input, replay } from '../../../consensus/index.ts'
import { trustVote } from '../../../consensus/verified.ts'
import { roundOf } from '../../../core/primitives/units.ts'
import { Admission } from '../../../node/consensus/admission.ts'
import {
  block,
  CHAIN_ID,
  checked,
  commit,
  feed,
  HEIGHT,
  newHeight,
  polka,
  precommit,
  prevote,
  proposal,
  START,
  signedVote,
  timeout,
  validatorSetOf,
  valueReady,
  words,
} from '../../support/consensus.ts'

const [a, b] = [block('a'), block('b')]
const prevotes = (round: number, blockId: typeof a | null, ...indexes: number[]) =>
  indexes.map((index) => prevote(round, blockId, index))
const precommits = (round: number, blockId: typeof a | null, ...indexes: number[]) =>
  indexes.map((index) => precommit(round, blockId, index))

/** In round 1, locked on a since round 0. */
function lockedOnA(own = 3) {
  const height = newHeight(own)
  feed(height, START, proposal(0, a), checked(a), ...prevotes(0, a, 0, 1, own))
  feed(height, ...precommits(0, null, 0, 1, 2), timeout('precommit', 0))
  expect(height.view).toMatchObject({ round: 1, step: 'propose', lockedRound: 0, lockedValue: a })
  return height
}

describe('locks', () => {
  test('tendermint#6849: a nil polka does not unlock', () => {
    const height = lockedOnA()
    const effects = feed(height, timeout('propose', 1), ...prevotes(1, null, 0, 1, 2))
    expect(words(effects)).toContain('precommit 1 nil')
    expect(height.view).toMatchObject({ lockedRound: 0, lockedValue: a })
    feed(height, ...precommits(1, null, 0, 1, 2), timeout('precommit', 1))
    expect(words(feed(height, proposal(2, b)))).toContain('prevote 2 nil')
  })

  test('cometbft#1203: a locked validator without a proposal prevotes nil, not its lock', () => {
    expect(words(feed(lockedOnA(), timeout('propose', 1)))).toContain('prevote 1 nil')
  })

  test('a lock moves to a newer polka, and only to a newer one', () => {
    const newer = lockedOnA()
    feed(newer, ...precommits(1, null, 0, 1, 2), timeout('propose', 1), timeout('precommit', 1))
    feed(newer, checked(b), proposal(2, b, { polRound: 1 }))
    expect(words(feed(newer, polka(1, b, [0, 1, 2])))).toContain('prevote 2 b')

    const equal = lockedOnA()
    feed(equal, checked(b), polka(0, b, [0, 1, 2]), polka(0, a, [0, 1, 2]))
    // The lock is of round 0 as well: L29 allows it, for two polkas in one round need 1/3 liars.
    expect(words(feed(equal, proposal(1, b, { polRound: 0 })))).toContain('prevote 1 b')
  })

  test('SOVEREIGN-NET#2619: a prevote quorum of a past round still counts for a re-proposal', () => {
    const height = newHeight(3)
    feed(height, START, timeout('propose', 0), ...prevotes(0, a, 0, 1))
    feed(height, ...precommits(0, null, 0, 1, 2), timeout('precommit', 0))
    feed(height, proposal(1, a, { polRound: 0 }), checked(a))
    expect(height.view.step).toBe('propose')
    expect(words(feed(height, prevote(0, a, 2)))).toContain('prevote 1 a')
  })

  test('malachite#1019: votes below a lock are pruned, certificates and later votes are not', () => {
    const height = lockedOnA()
    feed(height, proposal(1, a, { polRound: 0 }), ...prevotes(1, a, 0, 1, 2))
    expect(height.view.lockedRound).toBe(1)
    expect(height.view.hasVote(signedVote('prevote', 0, a, 0))).toBe(false)
    expect(height.view.hasVote(signedVote('prevote', 1, a, 0))).toBe(true)
    feed(height, polka(0, a, [0, 1, 2]))
    expect(height.view.hasPolka(roundOf(0), a)).toBe(true)
    expect(words(feed(height, precommit(0, a, 3)))).toEqual([])
    expect(words(feed(height, commit(0, a, [0, 1, 2])))).toContain('decide 0 a')
  })

  test('precommits of a round below a lock still decide', () => {
    const height = newHeight(3)
    feed(height, START, checked(a), polka(1, a, [0, 1, 2]), proposal(1, a))
    expect(height.view.lockedRound).toBe(1)
    expect(words(feed(height, ...precommits(0, a, 0, 1, 2)))).toContain('decide 0 a')
  })

  test('malachite#956: from round 2 on a precommit shows everyone the lock', () => {
    const height = newHeight(3)
    feed(height, START, ...precommits(1, null, 0, 1, 2), timeout('precommit', 1))
    feed(height, proposal(2, a), checked(a))
    const effects = words(feed(height, ...prevotes(2, a, 0, 1, 3)))
    expect(effects.slice(1)).toEqual(['precommit 2 a', 'publishProposal 2 a', 'publishPolka 2 a'])
  })
})

describe('steps and timers', () => {
  test('tendermint#1690: more than 2/3 nil precommits wait for the precommit timer', () => {
    const height = newHeight(3)
    expect(words(feed(height, START, ...precommits(0, null, 0, 1, 2)))).toContain(
      'schedule precommit 0',
    )
    expect(height.view.round).toBe(0)
    feed(height, timeout('precommit', 0))
    expect(height.view.round).toBe(1)
  })

  test('tendermint#3003: an invalid proposal leads to a nil prevote, and a nil polka to a nil precommit', () => {
    const height = newHeight(3)
    expect(words(feed(height, START, proposal(0, a), checked(a, false)))).toContain('prevote 0 nil')
    expect(words(feed(height, ...prevotes(0, null, 0, 1, 3)))).toContain('precommit 0 nil')
  })

  test('cometbft#2218: a block known through a polka is not prevoted without its signed proposal', () => {
    const height = newHeight(3)
    feed(height, START, checked(a), polka(0, a, [0, 1, 2]))
    expect(height.view.step).toBe('propose')
    expect(words(feed(height, timeout('propose', 0)))).toContain('prevote 0 nil')
  })

  test('SOVEREIGN-NET#2591: votes of more than 1/3 from a later round end this one', () => {
    const height = newHeight(3)
    feed(height, START, prevote(3, null, 0))
    expect(height.view.round).toBe(0)
    feed(height, precommit(3, null, 0))
    expect(height.view.round, 'one validator counts once').toBe(0)
    feed(height, precommit(3, null, 1))
    expect(height.view.round).toBe(3)
  })

  test('simulation seed 1094: one who left a round without precommitting in it takes the others along', () => {
    // 3 skips from round 0 to 1, so 1 and 2 can never complete round 0 with 0 dead: only the reason helps.
    const ahead = newHeight(3)
    const behind = newHeight(1)
    feed(ahead, START, ...precommits(0, null, 0, 1, 2), timeout('precommit', 0))
    feed(behind, START, timeout('propose', 0), ...precommits(0, null, 1, 2))
    feed(ahead, timeout('propose', 1), prevote(1, null, 3))
    const sent = feed(ahead, timeout('rebroadcast', 1))
    for (const effect of sent) {
      if (effect.kind === 'rebroadcast')
        feed(
          behind,
          ...effect.votes.map((vote): Input => ({ kind: 'vote', vote: trustVote(vote) })),
        )
    }
    expect(words(feed(behind, timeout('precommit', 0)))).toEqual([])
    for (const effect of sent) {
      if (effect.kind !== 'publishRoundCertificate') continue
      const { votes } = effect.certificate
      feed(behind, ...votes.map((vote): Input => ({ kind: 'vote', vote: trustVote(vote) })))
    }
    feed(behind, timeout('precommit', 0))
    expect(behind.view.round).toBe(1)
  })

  test('malachite#850: a re-proposal without its polka leaves the propose timer running', () => {
    const height = newHeight(3)
    feed(height, START, ...precommits(0, null, 0, 1, 2), timeout('precommit', 0))
    const effects = words(feed(height, proposal(1, a, { polRound: 0 }), checked(a)))
    expect(effects).toEqual(['checkBlock a'])
    expect(words(feed(height, timeout('propose', 1)))).toContain('prevote 1 nil')
  })

  test('cometbft#3092: a timer of another round, step or height, or one cancelled, does nothing', () => {
    const height = newHeight(3)
    feed(height, START, ...precommits(0, null, 0, 1, 2), timeout('precommit', 0))
    const before = height.view.step
    for (const kind of ['propose', 'prevote', 'precommit', 'rebroadcast'] as const)
      expect(words(feed(height, timeout(kind, 0))), kind).toEqual([])
    expect(words(feed(height, timeout('prevote', 1)))).toEqual([])
    const other = { kind: 'propose', height: 4, round: 1 } as never
    expect(words(feed(height, { kind: 'timeout', timer: other }))).toEqual([])
    expect(height.view.step).toBe(before)
    feed(height, timeout('propose', 1))
    expect(words(feed(height, timeout('propose', 1))), 'a timer fires once').toEqual([])
  })

  test('malachite 67806306: after a decision no timer and no vote does anything', () => {
    const height = newHeight(3)
    feed(height, START, checked(a), commit(0, a, [0, 1, 2]))
    expect(height.view.decision).toEqual({ round: 0, blockId: a })
    const late = [timeout('propose', 0), proposal(0, a), ...prevotes(0, a, 0, 1, 2)]
    expect(words(feed(height, ...late, ...precommits(1, b, 0, 1, 2), checked(b)))).toEqual([])
    expect(height.view.decision).toEqual({ round: 0, blockId: a })
  })
})

describe('counting', () => {
  test('malachite 3c9d5e97: a polka certificate is for its value, not for its round', () => {
    const height = newHeight(3)
    feed(height, START, ...precommits(0, null, 0, 1, 2), timeout('precommit', 0))
    feed(height, proposal(1, a, { polRound: 0 }), checked(a), polka(0, b, [0, 1, 2]))
    expect(height.view.step).toBe('propose')
    expect(words(feed(height, polka(0, a, [0, 1, 2])))).toContain('prevote 1 a')
  })

  test('malachite 7e2f7c6e: a polka certificate that came early is used when the step allows', () => {
    const height = newHeight(3)
    feed(height, START, polka(0, a, [0, 1, 2]), proposal(0, a))
    expect(words(feed(height, checked(a)))).toEqual([
      ...['cancel propose 0', '0.prevote', 'prevote 0 a', '0.precommit', 'precommit 0 a'],
    ])
  })

  test('malachite d1aae817: precommits of more than 2/3 do not hide a nil polka', () => {
    const height = newHeight(3)
    feed(height, START, ...precommits(0, null, 0, 1, 2), ...prevotes(0, null, 0, 1))
    feed(height, timeout('propose', 0))
    expect(words(feed(height, prevote(0, null, 3)))).toContain('precommit 0 nil')
  })

  test('malachite#1480: a decision in a later round comes before the skip to it', () => {
    const height = newHeight(3)
    feed(height, START, checked(a), precommit(4, a, 0))
    // The second vote allows the skip, the third the decision; one certificate brings both at once.
    const effects = words(feed(height, commit(4, a, [0, 1, 2])))
    expect(effects).toContain('decide 4 a')
    expect(effects).not.toContain('4.propose')
  })

  test('malachite#1481: a commit certificate for an invalid block leaves the timers to go on', () => {
    const height = newHeight(3)
    feed(height, START, proposal(0, a), checked(a, false))
    expect(words(feed(height, commit(0, a, [0, 1, 2])))).toEqual([
      'disagreement 0 a',
      'schedule precommit 0',
    ])
    feed(height, timeout('precommit', 0))
    expect(height.view.round).toBe(1)
  })

  test('malachite 59c2be84: an invalid block may turn out valid, and a valid one stays so', () => {
    const height = newHeight(3)
    feed(height, START, proposal(0, a), checked(a, false), ...prevotes(0, a, 0, 1, 2))
    expect(height.view.validRound).toBe(-1)
    expect(words(feed(height, checked(a)))).toContain('precommit 0 a')
    expect(words(feed(height, checked(a, false), commit(0, a, [0, 1, 2])))).toContain('decide 0 a')
  })

  test('malachite a233b8ce: a repeated vote counts once', () => {
    const height = newHeight(3)
    feed(height, START, proposal(0, a), checked(a))
    feed(height, ...prevotes(0, a, 0, 0, 0, 0), ...precommits(0, a, 1, 1, 1))
    expect(height.view.step).toBe('prevote')
    expect(height.view.decision).toBeNull()
  })

  test('handle/liveness.rs: an equivocation that came first does not mask a certificate', () => {
    const height = newHeight(3)
    feed(height, START, ...prevotes(0, b, 0, 1), proposal(0, a), checked(a), prevote(0, a, 3))
    const effects = words(feed(height, polka(0, a, [0, 1, 2])))
    expect(effects).toContain('precommit 0 a')
    expect(effects).toContain('evidence duplicateVote 0')
    expect(effects).toContain('evidence duplicateVote 1')
  })

  test('ASA-2024-011: an index outside the set is refused before it indexes anything', () => {
    const admission = new Admission({
      ...{ chainId: CHAIN_ID, height: HEIGHT, validators: validatorSetOf(4) },
    })
    for (const index of [4, 127, 65_535, -1, 0.5, Number.NaN]) {
      const vote = signedVote('prevote', 0, a, index)
      expect(admission.admitVote(vote)).toEqual({ ok: false, code: 'UNKNOWN_VALIDATOR' })
      expect(newHeight(3).view.hasVote(vote)).toBe(false)
    }
  })
})

describe('signing', () => {
  test('malachite#1445: a polka certificate in the WAL locks again after a restart', () => {
    const inputs = [START, proposal(0, a), checked(a), prevote(0, a, 3), polka(0, a, [0, 1, 2])]
    const restarted = newHeight(3)
    const outstanding = words(replay(restarted, inputs))
    expect(restarted.view).toMatchObject({ step: 'precommit', lockedRound: 0, lockedValue: a })
    expect(outstanding).toContain('precommit 0 a')
    expect(outstanding).not.toContain('prevote 0 a')
  })

  test('malachite#864: own votes that come back are counted and not cast again', () => {
    const height = newHeight(3)
    const effects = feed(height, prevote(0, null, 3), START, proposal(0, a), checked(a))
    expect(words(effects).filter((word) => word.startsWith('prevote'))).toEqual([])
    expect(height.view.step).toBe('prevote')
  })

  test('a vote of ours from an earlier life silences us up to its round', () => {
    const height = newHeight(3)
    feed(height, START, precommit(1, null, 3), timeout('propose', 0))
    const cast = words(feed(height, ...precommits(1, null, 0, 1), timeout('propose', 1))).filter(
      (word) => /^(prevote|precommit) /.test(word),
    )
    expect(cast).toEqual([])
    feed(height, timeout('precommit', 1))
    expect(words(feed(height, timeout('propose', 2)))).toContain('prevote 2 nil')
  })

  test('a proposal of ours from an earlier life is not contradicted', () => {
    const height = newHeight(1)
    feed(height, START, proposal(1, b), ...precommits(0, null, 0, 2, 3))
    expect(words(feed(height, timeout('precommit', 0)))).toContain('getValue 1')
    expect(words(feed(height, valueReady(1, a)))).toEqual([])
    expect(words(feed(height, checked(b)))).toContain('prevote 1 b')
  })

  test('a block that was built for a round that is over is neither proposed nor valid', () => {
    const height = newHeight(0)
    feed(height, START, ...precommits(3, null, 1, 2, 3), timeout('precommit', 3))
    expect(height.view.round).toBe(4)
    expect(words(feed(height, valueReady(0, a)))).toEqual([])
    expect(words(feed(height, valueReady(4, b)))).toEqual(['propose 4 b -1'])
    expect(words(feed(height, proposal(2, a)))).toEqual(['checkBlock a'])
  })

  test('what is sent again is the newest, whatever came back last', () => {
    const height = newHeight(3)
    feed(height, START, ...[1, 2, 0].map((round) => prevote(round, null, 3)), precommit(1, null, 3))
    expect(words(feed(height, timeout('rebroadcast', 0)))).toContain(
      'rebroadcast precommit 1,prevote 2',
    )
  })
})
