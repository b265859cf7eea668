// What holds for any inputs in any order.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Effect, type Input, inputCodec, replay } from '../../../consensus/index.ts'
import { encode } from '../../../core/primitives/codec.ts'
import type { BlockId } from '../../../core/primitives/units.ts'
import {
  expectCanonical,
  expectEveryTruncationFails,
  expectMutationsCanonical,
  expectRoundTrip,
  expectTrailingBytesFail,
} from '../../support/codecLaws.ts'
import {
  block,
  checked,
  newHeight,
  precommit,
  prevote,
  proposal,
  START,
  timeout,
  valueReady,
  words,
} from '../../support/consensus.ts'
import { anyMove, anyMoves, inputsOf, type Move, TestShell } from '../../support/consensusShell.ts'

const OWN = 3
const a = block('a')

/** Counted again from everything that was fed, the naive way. */
function hadPolka(inputs: readonly Input[], round: number, id: BlockId): boolean {
  const voters = inputs.flatMap((input) =>
    input.kind === 'vote' &&
    input.vote.type === 'prevote' &&
    input.vote.round === round &&
    input.vote.blockId === id
      ? [input.vote.validatorIndex]
      : [],
  )
  const certified = inputs.some(
    (input) =>
      input.kind === 'polkaCertificate' &&
      input.certificate.round === round &&
      input.certificate.blockId === id,
  )
  return certified || new Set(voters).size >= 3
}

/** Throws when what a validator signs contradicts what it signed or locked before. */
function watch(shell: TestShell): void {
  const signed = new Set<string>()
  let locked: { round: number; id: BlockId } | null = null
  shell.onEffect = (effect: Effect) => {
    if (effect.kind !== 'castVote') return
    const { type, round, blockId } = effect.vote
    const slot = `${type} ${round}`
    if (signed.has(slot)) throw new Error(`signed twice: ${slot}`)
    signed.add(slot)
    if (blockId === null) return
    if (type === 'precommit') {
      if (!hadPolka(shell.inputs, round, blockId)) throw new Error(`no polka for ${slot}`)
      locked = { round, id: blockId }
    } else if (locked !== null && locked.id !== blockId) {
      const lock = locked.round
      const rounds = Array.from({ length: round - lock }, (_, i) => lock + i)
      if (!rounds.some((at) => hadPolka(shell.inputs, at, blockId)))
        throw new Error(`lock on round ${lock} ignored by ${slot}`)
    }
  }
}

/** Plays the moves after `start`, checking what must hold after each input. */
const play = (moves: readonly Move[]): TestShell =>
  run(moves.map((move) => (round: number) => inputsOf(move, round)))

function run(moves: readonly ((round: number) => readonly Input[])[]): TestShell {
  const shell = new TestShell(newHeight(OWN), OWN)
  watch(shell)
  shell.feed(START)
  let before = shell.height.view
  for (const input of inputsDuring(shell, moves)) {
    shell.feed(input)
    const { view } = shell.height
    expect(view.round).toBeGreaterThanOrEqual(before.round)
    expect(view.lockedRound).toBeGreaterThanOrEqual(before.lockedRound)
    expect(view.lockedRound).toBeLessThanOrEqual(view.validRound)
    if (before.decision !== null) expect(view.decision).toBe(before.decision)
    before = view
  }
  return shell
}

function* inputsDuring(
  shell: TestShell,
  moves: readonly ((round: number) => readonly Input[])[],
): Generator<Input> {
  for (const move of moves) yield* move(shell.height.view.round)
}

/** What of a view is state, not a question. */
const stateOf = (shell: { height: ReturnType<typeof newHeight> }): unknown => {
  const { ownVotes, hasPolka, hasVote, ...state } = shell.height.view
  return { ...state, ownVotes: ownVotes() }
}

describe('a height', () => {
  test('never signs two votes in one slot, nor against its lock, whatever arrives', () => {
    fc.assert(
      fc.property(anyMoves, (moves) => {
        play(moves)
      }),
      { numRuns: 1_500 },
    )
  })

  test('gives the same effects for the same inputs', () => {
    fc.assert(
      fc.property(anyMoves, (moves) => {
        expect(words(play(moves).effects)).toEqual(words(play(moves).effects))
      }),
      { numRuns: 200 },
    )
  })

  test('decides what all voted for, in whatever order it arrives', () => {
    const messages = [
      proposal(0, a),
      checked(a),
      ...[0, 1, 2].flatMap((index) => [prevote(0, a, index), precommit(0, a, index)]),
    ]
    fc.assert(
      fc.property(fc.shuffledSubarray(messages, { minLength: messages.length }), (shuffled) => {
        expect(run(shuffled.map((input) => () => [input])).height.view.decision).toEqual({
          round: 0,
          blockId: a,
        })
      }),
      { numRuns: 500 },
    )
  })
})

describe('replay', () => {
  test('reaches the state of the live run and signs nothing again, from every prefix', () => {
    fc.assert(
      fc.property(anyMoves, fc.nat(), (moves, cut) => {
        const live = play(moves)
        const recorded = live.inputs.slice(0, 1 + (cut % live.inputs.length))
        const twin = newHeight(OWN)
        const effects = recorded.flatMap((input) => twin.handle(input))
        const height = newHeight(OWN)
        const outstanding = replay(height, recorded)
        expect(stateOf({ height })).toEqual(stateOf({ height: twin }))
        const asked = outstanding.filter(({ kind }) => kind === 'castVote' || kind === 'propose')
        for (const effect of asked) {
          expect(effects.map((one) => JSON.stringify(one))).toContain(JSON.stringify(effect))
          expect(recorded.some((input) => answers(input, effect))).toBe(false)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('going on after a replay ends where the live run ended', () => {
    fc.assert(
      fc.property(anyMoves, fc.nat(), (moves, cut) => {
        const live = play(moves)
        const at = cut % (live.inputs.length + 1)
        const height = newHeight(OWN)
        replay(height, live.inputs.slice(0, at))
        for (const input of live.inputs.slice(at)) height.handle(input)
        expect(stateOf({ height })).toEqual(stateOf(live))
      }),
      { numRuns: 500 },
    )
  })

  test('leaves exactly the timers running that run live', () => {
    fc.assert(
      fc.property(anyMoves, (moves) => {
        const live = play(moves)
        const running = new Set<string>()
        const twin = newHeight(OWN)
        for (const input of live.inputs) {
          if (input.kind === 'timeout') running.delete(JSON.stringify(input.timer))
          for (const effect of twin.handle(input)) {
            if (effect.kind === 'schedule') running.add(JSON.stringify(effect.timer))
            if (effect.kind === 'cancel') running.delete(JSON.stringify(effect.timer))
          }
        }
        const timers = replay(newHeight(OWN), live.inputs).filter(({ kind }) => kind === 'schedule')
        const replayed = timers.map((effect) => 'timer' in effect && JSON.stringify(effect.timer))
        expect(new Set(replayed)).toEqual(running)
        expect(replayed).toHaveLength(running.size)
      }),
      { numRuns: 500 },
    )
  })

  test('asks again for what was not answered, and sends again what may not have been sent', () => {
    const proposer = newHeight(0)
    expect(words(replay(proposer, [START]))).toEqual([
      ...['getValue 0', 'schedule propose 0', 'schedule rebroadcast 0'],
    ])
    expect(words(replay(newHeight(0), [START, valueReady(0, a)]))).toEqual([
      ...['schedule propose 0', 'schedule rebroadcast 0', 'propose 0 a -1'],
    ])
    const proposed = [START, valueReady(0, a), proposal(0, a)]
    expect(words(replay(newHeight(0), proposed))).toEqual([
      ...['schedule rebroadcast 0', 'prevote 0 a', 'publishProposal 0 a'],
    ])
    expect(words(replay(newHeight(0), [...proposed, prevote(0, a, 0)]))).toEqual([
      ...['schedule rebroadcast 0', 'publishProposal 0 a', 'rebroadcast prevote 0'],
    ])
    expect(words(replay(newHeight(3), [START, proposal(0, a)]))).toEqual([
      ...['schedule propose 0', 'schedule rebroadcast 0', 'checkBlock a'],
    ])
    expect(words(replay(newHeight(3), [START, proposal(0, a), checked(a, false)]))).toEqual([
      ...['schedule rebroadcast 0', 'prevote 0 nil'],
    ])
    const decided = [...proposed, ...[1, 2, 3].map((index) => precommit(0, a, index))]
    expect(words(replay(newHeight(0), decided))).toEqual(['decide 0 a'])
  })

  test('does not restart a timer that fired or was overtaken', () => {
    const inputs = [START, timeout('propose', 0), prevote(0, null, 3)]
    expect(words(replay(newHeight(3), inputs))).toEqual([
      ...['schedule rebroadcast 0', 'rebroadcast prevote 0'],
    ])
  })
})

function answers(input: Input, effect: Effect): boolean {
  if (effect.kind === 'castVote' && input.kind === 'vote') {
    const { type, round } = effect.vote
    return (
      input.vote.validatorIndex === OWN && input.vote.type === type && input.vote.round === round
    )
  }
  return (
    effect.kind === 'propose' &&
    input.kind === 'proposal' &&
    input.proposal.validatorIndex === OWN &&
    input.proposal.round === effect.round
  )
}

describe('inputCodec', () => {
  const recorded = fc.oneof(
    anyMove.map((move) => inputsOf(move, 3)[0] ?? START),
    fc.nat(9).map((round) => valueReady(round, a)),
  )

  test('round-trips', () => {
    fc.assert(fc.property(recorded, (input) => void expectRoundTrip(inputCodec, input)))
  })

  test('refuses every truncation, trailing bytes and every other encoding', () => {
    fc.assert(
      fc.property(recorded, (input) => {
        const bytes = encode(inputCodec, input)
        expectEveryTruncationFails(inputCodec, bytes)
        expectTrailingBytesFail(inputCodec, bytes)
        expectMutationsCanonical(inputCodec, bytes, [0x01, 0x80, 0xff])
      }),
      { numRuns: 50 },
    )
  })

  test('never throws on bytes from a broken disk', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectCanonical(inputCodec, bytes)),
      { numRuns: 2_000 },
    )
  })
})
