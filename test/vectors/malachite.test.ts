// Replays runs of Malachite's executable specification; malachite/README.md says what is compared.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ConsensusHeight, type Effect, type Input } from '../../consensus/index.ts'
import { trustCommit, trustPolka, trustProposal, trustVote } from '../../consensus/verified.ts'
import type { SignedVote } from '../../core/chain/vote.ts'
import {
  type BlockId,
  heightOf,
  millisOf,
  type Round,
  roundOf,
} from '../../core/primitives/units.ts'
import { block, CHAIN_ID, standInSignature, validatorSetOf } from '../support/consensus.ts'

type Value = 'Nil' | { Val: string }
type TraceVote = {
  height: number
  round: number
  srcAddress: string
  valueId: Value
  voteType: 'Prevote' | 'Precommit'
}
type TraceProposal = {
  height: number
  round: number
  srcAddress: string
  proposal: string
  validRound: number
}
type TraceState = {
  height: number
  round: number
  step: string
  lockedRound: number
  lockedValue: Value
  validRound: number
  validValue: Value
}
type TraceInput =
  | 'StartDInput'
  | 'StepChangeDInput'
  | { PendingDInput: unknown }
  | { ProposeValueDInput: string }
  | { ProposalDInput: TraceProposal }
  | { VoteDInput: TraceVote }
  | { CertificateDInput: { set: TraceVote[] } }
  | { TimeoutDInput: 'ProposeTimeout' | 'PrevoteTimeout' | 'PrecommitTimeout' }
type TraceStep = {
  v: string
  in?: TraceInput
  deliver?: { incomingVotes?: TraceVote[] }
  out?: string | { VoteOutput?: TraceVote; ProposalOutput?: TraceProposal }
  cs?: TraceState
}
type Trace = {
  correct: string[]
  steps: TraceStep[]
  final: Record<
    string,
    {
      chain: { decision: TraceProposal }[]
      cs: TraceState
      evidence: { set: { set: TraceVote[] }[] }
    }
  >
}
/** What one validator did, in words. */
type Outcome = {
  signed: string[]
  decisions: string[]
  state: string
  evidence: string[]
}

const INDEX = new Map([
  ['v2', 0],
  ['v3', 1],
  ['v4', 2],
  ['v1', 3],
])
/** Filled as values appear. */
const NAMES = new Map<BlockId, string>()
const NOW = millisOf(1_000)
const indexOf = (name: string): number => INDEX.get(name) as number
function idOf(name: string): BlockId {
  const id = block(name)
  NAMES.set(id, name)
  return id
}
const nameOf = (id: BlockId | null): string => (id === null ? 'nil' : (NAMES.get(id) as string))
const valueName = (value: Value): string => (value === 'Nil' ? 'nil' : value.Val)

function voteOf(vote: TraceVote): SignedVote {
  const { height, round, srcAddress, valueId, voteType } = vote
  return {
    type: voteType === 'Prevote' ? 'prevote' : 'precommit',
    chainId: CHAIN_ID,
    height: heightOf(height),
    round: roundOf(round),
    blockId: valueId === 'Nil' ? null : idOf(valueId.Val),
    validatorIndex: indexOf(srcAddress),
    signature: standInSignature(voteType, height, round, valueName(valueId), srcAddress),
  }
}

/** Null for what admission refuses: the wrong proposer, or a polka that is not older. */
function proposalOf(traced: TraceProposal): Input | null {
  const { height, round, srcAddress, proposal, validRound } = traced
  if (indexOf(srcAddress) !== round % 4 || validRound >= round) return null
  return {
    kind: 'proposal',
    proposal: trustProposal({
      ...{ chainId: CHAIN_ID, height: heightOf(height), round: roundOf(round) },
      ...{ polRound: validRound as Round | -1, blockId: idOf(proposal) },
      validatorIndex: indexOf(srcAddress),
      signature: standInSignature('proposal', height, round, proposal, validRound),
    }),
    time: NOW,
    receivedAt: NOW,
  }
}

function certificateOf(votes: readonly TraceVote[]): Input {
  const signed = votes.map(voteOf).sort((a, b) => a.validatorIndex - b.validatorIndex)
  const { height, round, blockId, type } = signed[0] as SignedVote
  const certificate = { height, round, blockId: blockId as BlockId, signatures: signed }
  return type === 'prevote'
    ? { kind: 'polkaCertificate', certificate: trustPolka(certificate) }
    : { kind: 'commitCertificate', certificate: trustCommit(certificate) }
}

const TIMERS = {
  ProposeTimeout: 'propose',
  PrevoteTimeout: 'prevote',
  PrecommitTimeout: 'precommit',
} as const

/** Null for steps in which their driver only takes out what ours has already done. */
function inputOf(input: TraceInput, before: TraceState | undefined): Input | null {
  if (input === 'StartDInput') return { kind: 'start' }
  if (input === 'StepChangeDInput' || 'PendingDInput' in input) return null
  const { height, round } = before ?? { height: 0, round: 0 }
  if ('ProposeValueDInput' in input) {
    const blockId = idOf(input.ProposeValueDInput)
    return { kind: 'valueReady', round: roundOf(round), blockId, time: NOW }
  }
  if ('ProposalDInput' in input) return proposalOf(input.ProposalDInput)
  if ('VoteDInput' in input) return { kind: 'vote', vote: trustVote(voteOf(input.VoteDInput)) }
  if ('CertificateDInput' in input) return certificateOf(input.CertificateDInput.set)
  return {
    kind: 'timeout',
    timer: {
      kind: TIMERS[input.TimeoutDInput],
      height: heightOf(height),
      round: roundOf(round),
    },
  }
}

const voteWords = ({ voteType, height, round, valueId }: TraceVote): string =>
  `${voteType.toLowerCase()} ${height}.${round} ${valueName(valueId)}`
const proposalWords = ({ height, round, proposal, validRound }: TraceProposal): string =>
  `proposal ${height}.${round} ${proposal} ${validRound}`
const stateWords = (state: TraceState): string =>
  `${state.round}.${state.step} locked ${state.lockedRound} ${valueName(state.lockedValue)} valid ${state.validRound} ${valueName(state.validValue)}`

function expectedOf(trace: Trace, validator: string): Outcome {
  const { chain, cs, evidence } = trace.final[validator] as Trace['final'][string]
  const signed: string[] = []
  let before: TraceState | undefined
  for (const { in: input, out, cs: after } of stepsOf(trace, validator)) {
    if (typeof out === 'object' && out.VoteOutput) signed.push(voteWords(out.VoteOutput))
    if (typeof out === 'object' && out.ProposalOutput) {
      const late = typeof input === 'object' && 'ProposeValueDInput' in input
      if (!late || before?.step === 'ProposeStep') signed.push(proposalWords(out.ProposalOutput))
    }
    before = after ?? before
  }
  return {
    signed: signed.sort(),
    decisions: chain.map(
      ({ decision: { height, round, proposal } }) => `${height} ${round} ${proposal}`,
    ),
    state: stateWords(cs),
    evidence: evidence.set.map(({ set }) => set.map(voteWords).sort().join(' + ')).sort(),
  }
}

const stepsOf = (trace: Trace, validator: string): TraceStep[] =>
  trace.steps.filter(({ v }) => v === validator)

/** One validator of a trace, driven by the inputs that the trace's driver took. */
class Replayed {
  readonly #validator: string
  readonly #heights = new Map<number, ConsensusHeight>()
  #current = 0
  readonly signed: string[] = []
  readonly decisions: string[] = []
  readonly evidence: string[] = []

  constructor(validator: string) {
    this.#validator = validator
  }

  feed(input: Input, height: number): void {
    this.#current = height
    for (const effect of this.#heightOf(height).handle(input)) this.#run(effect, height)
  }

  outcome(): Outcome {
    const { view } = this.#heightOf(this.#current)
    const step = `${view.step.slice(0, 1).toUpperCase()}${view.step.slice(1)}Step`
    const state = `${view.round}.${step} locked ${view.lockedRound} ${nameOf(view.lockedValue)} valid ${view.validRound} ${nameOf(view.validValue)}`
    const { decisions, signed, evidence } = this
    return { signed: signed.sort(), decisions, state, evidence: evidence.sort() }
  }

  #heightOf(height: number): ConsensusHeight {
    const known = this.#heights.get(height)
    if (known !== undefined) return known
    const created = new ConsensusHeight({
      ...{ chainId: CHAIN_ID, height: heightOf(height), validators: validatorSetOf(4) },
      ...{ ownIndex: indexOf(this.#validator), hiddenLockRound: 2 },
      ...{ precisionMs: millisOf(20), messageDelayMs: millisOf(200) },
    })
    this.#heights.set(height, created)
    return created
  }

  #run(effect: Effect, height: number): void {
    if (effect.kind === 'castVote') {
      const { type, round, blockId } = effect.vote
      this.signed.push(`${type} ${height}.${round} ${nameOf(blockId)}`)
    } else if (effect.kind === 'propose') {
      const { round, blockId, polRound } = effect
      this.signed.push(`proposal ${height}.${round} ${nameOf(blockId)} ${polRound}`)
    } else if (effect.kind === 'decide') {
      this.decisions.push(`${height} ${effect.round} ${nameOf(effect.blockId)}`)
    } else if (effect.kind === 'evidence') {
      const { evidence } = effect
      if (evidence.kind !== 'duplicateVote') throw new Error('the traces have no double proposal')
      const words = [evidence.first, evidence.second].map(
        ({ type, round, blockId }) => `${type} ${height}.${round} ${nameOf(blockId)}`,
      )
      this.evidence.push(words.sort().join(' + '))
    } else if (effect.kind === 'checkBlock' || effect.kind === 'fetchBlock') {
      if (effect.kind === 'fetchBlock') return
      const valid = nameOf(effect.blockId) !== 'invalid'
      this.feed({ kind: 'blockChecked', blockId: effect.blockId, valid }, height)
    }
  }
}

function outcomeOf(trace: Trace, validator: string): Outcome {
  const replayed = new Replayed(validator)
  let before: TraceState | undefined
  for (const { in: taken, deliver, cs: after } of stepsOf(trace, validator)) {
    // Their driver counts votes that reach it before it starts without taking them in one by one.
    const early = before === undefined ? (deliver?.incomingVotes ?? []) : []
    for (const vote of early) replayed.feed({ kind: 'vote', vote: trustVote(voteOf(vote)) }, 0)
    if (taken === undefined) continue
    if (before === undefined && taken !== 'StartDInput') replayed.feed({ kind: 'start' }, 0)
    const input = inputOf(taken, before)
    const height = taken === 'StartDInput' ? after?.height : (before?.height ?? 0)
    if (input !== null) replayed.feed(input, height ?? 0)
    before = after ?? before
  }
  return replayed.outcome()
}

const folder = new URL('./malachite/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
const read = (name: string): Trace =>
  JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Trace

describe('Malachite traces', () => {
  test('are all here', () => {
    expect(files).toHaveLength(14)
  })

  for (const name of files) {
    const trace = read(name)
    for (const validator of trace.correct) {
      test(`${name.replace('.json', '')}: ${validator}`, () => {
        expect(outcomeOf(trace, validator)).toEqual(expectedOf(trace, validator))
      })
    }
  }

  const altered = (name: string, alter: (step: TraceStep) => TraceStep | null): boolean => {
    const trace = read(name)
    const steps = trace.steps.map(alter).filter((step) => step !== null)
    return trace.correct.some((validator) => {
      const expected = JSON.stringify(expectedOf(trace, validator))
      return JSON.stringify(outcomeOf({ ...trace, steps }, validator)) !== expected
    })
  }
  const without = (kind: string) => (step: TraceStep) =>
    typeof step.in === 'object' && kind in step.in ? null : step

  test('differ when what happened differs', () => {
    for (const name of files) {
      expect(
        altered(name, (step) => step),
        name,
      ).toBe(false)
      const noticed = ['VoteDInput', 'ProposalDInput', 'TimeoutDInput'].filter((kind) =>
        altered(name, without(kind)),
      )
      expect(noticed, name).not.toEqual([])
    }
  })
})
