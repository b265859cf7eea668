// The smallest shell around a height: answers what can be answered at once, and keeps the record.
import fc from 'fast-check'
import type { ConsensusHeight, Effect, Input } from '../../consensus/index.ts'
import { trustProposal, trustVote } from '../../consensus/verified.ts'
import { type BlockId, type Millis, millisOf } from '../../core/primitives/units.ts'
import {
  block,
  checked,
  commit,
  polka,
  precommit,
  prevote,
  proposal,
  signedProposal,
  signedVote,
  timeout,
  valueReady,
} from './consensus.ts'

/** Null: not answered, as when the process dies first. */
export function answerOf(effect: Effect, ownIndex: number): Input | null {
  switch (effect.kind) {
    case 'castVote': {
      const { type, round, blockId } = effect.vote
      return { kind: 'vote', vote: trustVote(signedVote(type, round, blockId, ownIndex)) }
    }
    case 'propose': {
      const { round, polRound, blockId } = effect
      const time: Millis = millisOf(1_000)
      return {
        kind: 'proposal',
        proposal: trustProposal(signedProposal(round, blockId, polRound, ownIndex)),
        time,
        receivedAt: time,
      }
    }
    case 'getValue':
      return valueReady(effect.round, block('own'))
    default:
      return null
  }
}

export class TestShell {
  readonly height: ConsensusHeight
  readonly ownIndex: number
  /** Everything fed, in order: what a WAL would hold. */
  readonly inputs: Input[] = []
  readonly effects: Effect[] = []
  onEffect: (effect: Effect) => void = () => {}

  constructor(height: ConsensusHeight, ownIndex: number) {
    this.height = height
    this.ownIndex = ownIndex
  }

  feed(input: Input): void {
    const queue = [input]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      this.inputs.push(next)
      for (const effect of this.height.handle(next)) {
        this.effects.push(effect)
        this.onEffect(effect)
        const answer = answerOf(effect, this.ownIndex)
        if (answer !== null) queue.push(answer)
      }
    }
  }
}

const VALUES = [block('a'), block('b')] as const
const PEERS = [0, 1, 2] as const
const QUORUMS = [
  [0, 1, 2],
  [0, 1, 3],
  [1, 2, 3],
] as const

/** An input said relative to the round it meets, so that long random lists get somewhere. */
export type Move = {
  readonly what: 'everyone' | 'vote' | 'proposal' | 'timeout' | 'checked' | 'polka' | 'commit'
  readonly offset: number
  readonly value: number
  readonly peer: number
  readonly flag: boolean
}

/**
 * Anything that four equal validators, of whom 3 is under test, could make it take in: honest or
 * not, in any order. Certificates are for one value per round, as while less than a third lie.
 */
export const anyMove: fc.Arbitrary<Move> = fc.record({
  what: fc.constantFrom(
    ...(['everyone', 'everyone', 'vote', 'vote', 'vote', 'proposal', 'proposal'] as const),
    ...(['timeout', 'timeout', 'checked', 'polka', 'commit'] as const),
  ),
  offset: fc.constantFrom(0, 0, 0, 0, 0, -1, -1, 1, 2),
  value: fc.nat(9),
  peer: fc.nat(2),
  flag: fc.boolean(),
})
export const anyMoves: fc.Arbitrary<Move[]> = fc.array(anyMove, { maxLength: 60, size: 'max' })

/** Half of all values are a, a quarter b, the rest nil. */
const valueIn = (move: Move): BlockId | null =>
  move.value < 5 ? VALUES[0] : move.value < 8 ? VALUES[1] : null

/** The inputs that a move stands for when the height is in `round`. */
export function inputsOf(move: Move, round: number): Input[] {
  const at = Math.max(0, round + move.offset)
  const voteFor = move.flag ? prevote : precommit
  const id = VALUES[move.value % 2] as BlockId
  switch (move.what) {
    case 'everyone':
      return PEERS.map((index) => voteFor(at, valueIn(move), index))
    case 'vote':
      return [voteFor(at, valueIn(move), move.peer)]
    case 'proposal':
      return proposalsOf(move, at)
    case 'timeout':
      return [timeout(TIMERS[move.value % TIMERS.length] ?? 'precommit', at)]
    case 'checked':
      return [checked(id, move.value !== 9)]
    case 'polka':
      return [polka(at, VALUES[at % 2] as BlockId, QUORUMS[move.peer] ?? PEERS)]
    case 'commit':
      return move.value < 2 ? [commit(1, VALUES[0], QUORUMS[move.peer] ?? PEERS)] : []
  }
}

const TIMERS = ['propose', 'prevote', 'precommit', 'precommit', 'rebroadcast'] as const

/** None where 3 proposes: its own come back to it, they do not arrive. */
function proposalsOf(move: Move, at: number): Input[] {
  if (at % 4 === 3) return []
  const polRound = move.peer === 0 ? Math.min(at - 1, move.value) : -1
  const receivedAt = move.peer === 2 && move.value > 7 ? 99_000 : 1_010
  const id = VALUES[move.flag ? 0 : 1]
  const sent = proposal(at, id, { polRound, receivedAt })
  return move.value < 8 ? [checked(id), sent] : [sent]
}
