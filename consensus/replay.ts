import type { SignedProposal, VoteType } from '../core/chain/vote.ts'
import { unreachable } from '../core/primitives/assert.ts'
import type { BlockId, Round } from '../core/primitives/units.ts'
import type { ConsensusHeight, ConsensusView } from './driver.ts'
import type { Effect } from './effect.ts'
import type { Input, Timer } from './input.ts'

type Asked = { readonly effect: Effect; readonly round: Round; readonly at: number }

/**
 * Feeds what the WAL recorded to a fresh height and returns the effects still to be done, in the
 * order they were asked for: those whose answer was not recorded and that still matter in the
 * reached round. A vote or proposal that was recorded is never asked for again, so nothing is signed
 * twice; but since sending leaves no record, our own last messages are sent again.
 */
export function replay(height: ConsensusHeight, inputs: readonly Input[]): Effect[] {
  const asked: Asked[] = []
  inputs.forEach((input, at) => {
    for (const effect of height.handle(input)) asked.push({ effect, round: height.view.round, at })
  })
  const answers = answersOf(inputs, height.view)
  const outstanding = asked.filter((entry) => isOutstanding(entry, height.view, answers))
  return [...outstanding.map(({ effect }) => effect), ...resend(height, inputs)]
}

type Answers = {
  readonly ownVotes: ReadonlySet<string>
  readonly ownProposals: ReadonlySet<Round>
  readonly values: ReadonlySet<Round>
  readonly judged: ReadonlySet<BlockId>
  /** Position among the inputs of each timer's last expiry. */
  readonly lastFired: ReadonlyMap<string, number>
}

const slotOf = (slot: { readonly type: VoteType; readonly round: Round }): string =>
  `${slot.type}/${slot.round}`
const keyOf = (timer: Timer): string => `${timer.kind}/${timer.round}`

function answersOf(inputs: readonly Input[], { ownIndex }: ConsensusView): Answers {
  const ownVotes = new Set<string>()
  const ownProposals = new Set<Round>()
  const values = new Set<Round>()
  const judged = new Set<BlockId>()
  const lastFired = new Map<string, number>()
  inputs.forEach((input, at) => {
    if (input.kind === 'vote' && input.vote.validatorIndex === ownIndex)
      ownVotes.add(slotOf(input.vote))
    if (input.kind === 'proposal' && input.proposal.validatorIndex === ownIndex)
      ownProposals.add(input.proposal.round)
    if (input.kind === 'valueReady') values.add(input.round)
    if (input.kind === 'blockChecked') judged.add(input.blockId)
    if (input.kind === 'timeout') lastFired.set(keyOf(input.timer), at)
  })
  return { ownVotes, ownProposals, values, judged, lastFired }
}

/** After a decision only the decision, its doubts and the evidence matter. */
function isOutstanding(asked: Asked, view: ConsensusView, answers: Answers): boolean {
  const { effect } = asked
  const current = view.decision === null && asked.round === view.round
  switch (effect.kind) {
    case 'decide':
    case 'disagreement':
    case 'evidence':
      return true
    case 'castVote':
      return current && !answers.ownVotes.has(slotOf(effect.vote))
    case 'propose':
      return current && !answers.ownProposals.has(effect.round)
    case 'getValue':
      return current && view.step === 'propose' && !answers.values.has(effect.round)
    case 'checkBlock':
    case 'fetchBlock':
      return view.decision === null && !answers.judged.has(effect.blockId)
    case 'schedule':
      return current && isRunning(asked, effect.timer, view, answers)
    case 'publishPolka':
    case 'publishProposal':
      return current
    // The rebroadcast timer sends these again.
    case 'publishRoundCertificate':
    case 'rebroadcast':
    case 'cancel':
    case 'stepChanged':
      return false
    default:
      return unreachable(effect)
  }
}

/** Set in this round, not fired since, and not cancelled by the step. */
function isRunning(asked: Asked, timer: Timer, view: ConsensusView, answers: Answers): boolean {
  if ((answers.lastFired.get(keyOf(timer)) ?? -1) > asked.at) return false
  if (timer.kind === 'propose') return view.step === 'propose'
  return timer.kind !== 'prevote' || view.step === 'prevote'
}

/** Recorded before they were sent, perhaps never sent. */
function resend(height: ConsensusHeight, inputs: readonly Input[]): Effect[] {
  const { view } = height
  if (view.decision !== null) return []
  const proposals = inputs
    .filter((input) => input.kind === 'proposal')
    .map(({ proposal }): SignedProposal => proposal)
    .filter((one) => one.validatorIndex === view.ownIndex && one.round === view.round)
  const votes = view.ownVotes()
  return [
    ...proposals.map((proposal): Effect => ({ kind: 'publishProposal', proposal })),
    ...(votes.length > 0 ? [{ kind: 'rebroadcast', votes } satisfies Effect] : []),
  ]
}
