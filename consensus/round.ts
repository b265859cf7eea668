// One round of Tendermint as a pure function. Numbers are lines of Algorithm 1 in arXiv:1807.04938.
// This file decides what a validator may sign; it knows no votes, only the facts counted from them.
import { assert, unreachable } from '../core/primitives/assert.ts'
import type { BlockId, Round } from '../core/primitives/units.ts'
import type { TimerKind } from './input.ts'

export const STEPS = ['new', 'propose', 'prevote', 'precommit', 'commit'] as const
export type Step = (typeof STEPS)[number]
export type Decision = { readonly round: Round; readonly blockId: BlockId }

export type RoundState = {
  readonly round: Round
  readonly step: Step
  readonly lockedRound: Round | -1
  readonly lockedValue: BlockId | null
  readonly validRound: Round | -1
  readonly validValue: BlockId | null
  readonly decision: Decision | null
  /** The proposer asked for a value and has not proposed. */
  readonly awaitingValue: boolean
  /** "For the first time" of L34, L36 and L47, per round. */
  readonly sawPolkaAny: boolean
  readonly sawPolkaValue: boolean
  readonly sawPrecommitAny: boolean
}

export type RoundInput =
  | { readonly kind: 'newRound'; readonly round: Round; readonly proposer: boolean }
  | { readonly kind: 'proposeValue'; readonly round: Round; readonly blockId: BlockId }
  /** A fresh proposal; `acceptable` when it is valid and timely. */
  | { readonly kind: 'proposal'; readonly blockId: BlockId; readonly acceptable: boolean }
  | {
      readonly kind: 'proposalWithPolka'
      readonly blockId: BlockId
      readonly polRound: Round
      readonly valid: boolean
    }
  | { readonly kind: 'polkaValue'; readonly blockId: BlockId }
  | { readonly kind: 'polkaNil' }
  | { readonly kind: 'polkaAny' }
  | { readonly kind: 'precommitAny' }
  | { readonly kind: 'precommitValue'; readonly round: Round; readonly blockId: BlockId }
  | { readonly kind: 'timeoutPropose' }
  | { readonly kind: 'timeoutPrevote' }

export type RoundEffect =
  | { readonly kind: 'prevote'; readonly blockId: BlockId | null }
  | { readonly kind: 'precommit'; readonly blockId: BlockId | null }
  | { readonly kind: 'propose'; readonly polRound: Round | -1; readonly blockId: BlockId }
  | { readonly kind: 'getValue' }
  | { readonly kind: 'schedule'; readonly timer: TimerKind }
  | { readonly kind: 'decide'; readonly decision: Decision }

export type Transition = readonly [state: RoundState, effects: readonly RoundEffect[]]

/** Before `start`: nothing is locked (L2 to L8), no round is entered. */
export const initialRoundState: RoundState = {
  round: 0 as Round,
  step: 'new',
  lockedRound: -1,
  lockedValue: null,
  validRound: -1,
  validValue: null,
  decision: null,
  awaitingValue: false,
  sawPolkaAny: false,
  sawPolkaValue: false,
  sawPrecommitAny: false,
}

/** Applies one fact about the current round. A fact that does not fit the step changes nothing. */
export function step(state: RoundState, input: RoundInput): Transition {
  const transition = state.decision === null ? apply(state, input) : stay(state)
  assertTransition(state, transition[0])
  return transition
}

function apply(state: RoundState, input: RoundInput): Transition {
  switch (input.kind) {
    case 'newRound': // L11
      return startRound(state, input.round, input.proposer)
    case 'proposeValue': // L18
      return proposeValue(state, input.round, input.blockId)
    case 'proposal': // L22
      return state.step === 'propose'
        ? prevote(state, input.acceptable && lockAllows(state, input.blockId, -1), input.blockId)
        : stay(state)
    case 'proposalWithPolka': // L28
      return state.step === 'propose' && input.polRound < state.round
        ? prevote(
            state,
            input.valid && lockAllows(state, input.blockId, input.polRound),
            input.blockId,
          )
        : stay(state)
    case 'polkaValue': // L36
      return polkaValue(state, input.blockId)
    case 'polkaNil': // L44: the lock stays; only a newer polka for another value may move it.
      return state.step === 'prevote' ? precommit(state, null) : stay(state)
    case 'polkaAny': // L34
      return state.step === 'prevote' && !state.sawPolkaAny
        ? [{ ...state, sawPolkaAny: true }, [{ kind: 'schedule', timer: 'prevote' }]]
        : stay(state)
    case 'precommitAny': // L47
      return state.step !== 'new' && !state.sawPrecommitAny
        ? [{ ...state, sawPrecommitAny: true }, [{ kind: 'schedule', timer: 'precommit' }]]
        : stay(state)
    case 'precommitValue': // L49
      return decide(state, { round: input.round, blockId: input.blockId })
    case 'timeoutPropose': // L57
      return state.step === 'propose' ? prevote(state, false, null) : stay(state)
    case 'timeoutPrevote': // L61
      return state.step === 'prevote' ? precommit(state, null) : stay(state)
    default:
      return unreachable(input)
  }
}

/**
 * May this validator prevote for a value, as far as its lock goes? `polRound` −1 for a fresh value
 * (L23), else the round of the polka that the proposal comes with (L29).
 */
export function lockAllows(state: RoundState, blockId: BlockId, polRound: Round | -1): boolean {
  return state.lockedRound <= polRound || state.lockedValue === blockId
}

const stay = (state: RoundState): Transition => [state, []]

/** L11 to L21. Everyone sets the propose timer, the proposer too: its value may never be ready. */
function startRound(state: RoundState, round: Round, proposer: boolean): Transition {
  assert(state.step === 'new' || round > state.round, 'a round is started once')
  const { validValue, validRound } = state
  const effects: RoundEffect[] = []
  if (proposer && validValue !== null)
    effects.push({ kind: 'propose', polRound: validRound, blockId: validValue })
  else if (proposer) effects.push({ kind: 'getValue' })
  effects.push({ kind: 'schedule', timer: 'propose' })
  return [
    {
      ...state,
      round,
      step: 'propose',
      awaitingValue: proposer && validValue === null,
      sawPolkaAny: false,
      sawPolkaValue: false,
      sawPrecommitAny: false,
    },
    effects,
  ]
}

/** L18 to L19, when `getValue` answers: only in its round, only before the step is left, only once. */
function proposeValue(state: RoundState, round: Round, blockId: BlockId): Transition {
  if (state.step !== 'propose' || state.round !== round || !state.awaitingValue) return stay(state)
  return [{ ...state, awaitingValue: false }, [{ kind: 'propose', polRound: -1, blockId }]]
}

/** L24 to L27, L30 to L33, L59 to L60. */
function prevote(state: RoundState, accept: boolean, blockId: BlockId | null): Transition {
  return [
    { ...state, step: 'prevote', awaitingValue: false },
    [{ kind: 'prevote', blockId: accept ? blockId : null }],
  ]
}

/** L45 to L46, L63 to L64, L40 to L41. */
function precommit(state: RoundState, blockId: BlockId | null): Transition {
  return [{ ...state, step: 'precommit' }, [{ kind: 'precommit', blockId }]]
}

/** L36 to L43. After the precommit step the value can no longer be locked, but it is still valid. */
function polkaValue(state: RoundState, blockId: BlockId): Transition {
  if (state.step !== 'prevote' && state.step !== 'precommit') return stay(state)
  if (state.sawPolkaValue) return stay(state)
  const valid = { ...state, sawPolkaValue: true, validRound: state.round, validValue: blockId }
  return state.step === 'prevote'
    ? precommit({ ...valid, lockedRound: state.round, lockedValue: blockId }, blockId)
    : stay(valid)
}

/** L49 to L54. The round is the certificate's, not necessarily ours. */
function decide(state: RoundState, decision: Decision): Transition {
  return [
    { ...state, step: 'commit', awaitingValue: false, decision },
    [{ kind: 'decide', decision }],
  ]
}

function assertTransition(before: RoundState, after: RoundState): void {
  assert(after.round >= before.round, 'the round never decreases')
  assert(
    after.round > before.round || STEPS.indexOf(after.step) >= STEPS.indexOf(before.step),
    'the step never goes back inside a round',
  )
  assert(after.lockedRound >= before.lockedRound, 'a lock moves only to a newer round')
  assert(after.lockedRound <= after.validRound, 'locked round is at most valid round')
  assert(after.validRound <= after.round, 'valid round is at most the round')
  assert(before.decision === null || after.decision === before.decision, 'a decision never changes')
}
