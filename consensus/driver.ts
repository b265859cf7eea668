// One height of NexusBFT: votes and proposals in, facts to the round, effects out.
//
// The mux. After every input the rules are tried from the top until none fires. The paper leaves
// their order open; fixing it makes the core deterministic. `r` is the current round, `v` a block.
//
// | rule | line | step              | proposals               | votes                                | fact for round.ts  | effects                                   |
// |------|------|-------------------|-------------------------|--------------------------------------|--------------------|-------------------------------------------|
// | A    | 49   | any               | v judged valid          | > 2/3 precommit (any round, v)       | precommitValue     | decide                                    |
// | A'   |      | any               | v not judged            | the same                             |                    | fetchBlock, once                          |
// | A''  |      | any               | v judged invalid        | the same                             |                    | disagreement, once                        |
// | B    | 55   | any               |                         | > 1/3 senders at the highest r' > r  | newRound(r')       | publishRoundCertificate, as startRound    |
// | C    | 22   | propose           | (r, v, −1)              |                                      | proposal           | castVote prevote v or nil                 |
// | D    | 28   | propose           | (r, v, vr), 0 ≤ vr < r  | > 2/3 prevote (vr, v)                | proposalWithPolka  | castVote prevote v or nil                 |
// | D'   | 28   | propose           | (r, v, vr), lock newer and not v |                             | proposalWithPolka  | castVote prevote nil                      |
// | E    | 36   | prevote           | (r, v), v judged valid  | > 2/3 prevote (r, v), first time     | polkaValue         | castVote precommit v; hidden lock publish |
// | E'   | 36   | precommit         | the same                | the same                             | polkaValue         | none: valid value only                    |
// | F    | 44   | prevote           |                         | > 2/3 prevote (r, nil)               | polkaNil           | castVote precommit nil                    |
// | G    | 34   | prevote           |                         | > 2/3 prevote (r, any), first time   | polkaAny           | schedule prevote                          |
// | H    | 47   | any               |                         | > 2/3 precommit (r, any), first time | precommitAny       | schedule precommit                        |
//
// Timers are inputs: propose (57) → prevote nil, prevote (61) → precommit nil, precommit (65) →
// startRound(r + 1), rebroadcast → our last votes again. `startRound` (11): the proposer re-proposes
// its valid value with its polka (15) or asks for one (18); everyone sets the propose timer.
import type { RoundCertificate } from '../core/chain/certificate.ts'
import type { ValidatorSet } from '../core/chain/validatorSet.ts'
import type { SignedVote, Vote, VoteType } from '../core/chain/vote.ts'
import { assert, unreachable } from '../core/primitives/assert.ts'
import type { BlockId, Height, Millis, Round } from '../core/primitives/units.ts'
import type { Effect } from './effect.ts'
import type { Input, Timer, TimerKind } from './input.ts'
import { OwnVotes } from './ownVotes.ts'
import { type HeldProposal, ProposalKeeper } from './proposalKeeper.ts'
import { Proposers } from './proposers.ts'
import {
  type Decision,
  initialRoundState,
  lockAllows,
  type RoundEffect,
  type RoundInput,
  type RoundState,
  step,
} from './round.ts'
import { isTimely } from './timely.ts'
import { Timers } from './timers.ts'
import { VoteKeeper } from './voteKeeper.ts'

export type ConsensusOptions = {
  readonly chainId: number
  readonly height: Height
  /** The set of this height. */
  readonly validators: ValidatorSet
  /** Our position in the set; null for an observer, which decides but never votes or proposes. */
  readonly ownIndex: number | null
  readonly precisionMs: Millis
  readonly messageDelayMs: Millis
  /** From this round on a precommit for a value comes with its proposal and polka (malachite#956). */
  readonly hiddenLockRound: number
}

export type ConsensusView = Pick<
  RoundState,
  'round' | 'step' | 'lockedRound' | 'lockedValue' | 'validRound' | 'validValue' | 'decision'
> & {
  readonly height: Height
  readonly ownIndex: number | null
  /** Of the current round. */
  readonly proposerIndex: number
  /** Saves the checking of a certificate that would tell nothing new. */
  hasPolka(round: Round, blockId: BlockId): boolean
  /** True when a vote for the same counts already, so that its signature need not be checked. For any index. */
  hasVote(vote: Vote): boolean
  /** Our last prevote and precommit, signed. */
  ownVotes(): readonly SignedVote[]
}

/** After each rule the step, the round or a once-flag has moved, so a handful of firings is the most one input can cause. */
const MAX_FIRINGS = 64

/** Mutates in place; pure in that the same inputs in the same order give the same effects. */
export class ConsensusHeight {
  readonly #options: ConsensusOptions
  readonly #votes: VoteKeeper
  readonly #proposals = new ProposalKeeper()
  readonly #proposers: Proposers
  readonly #timers = new Timers()
  readonly #ownVotes = new OwnVotes()
  /** Committed blocks already asked for, and those already found to be invalid here. */
  readonly #fetched = new Set<BlockId>()
  readonly #disagreed = new Set<BlockId>()
  /** Why the current round was entered; null in round 0. */
  #roundCertificate: RoundCertificate | null = null
  #state: RoundState = initialRoundState
  /** Of the state, as long as it is this one. */
  #view: { readonly state: RoundState; readonly view: ConsensusView } | null = null
  #effects: Effect[] = []

  constructor(options: ConsensusOptions) {
    const { ownIndex, validators } = options
    assert(
      ownIndex === null || (ownIndex >= 0 && ownIndex < validators.size),
      'an own index is in the validator set',
    )
    this.#options = options
    this.#votes = new VoteKeeper(validators, options.chainId)
    this.#proposers = new Proposers(validators)
  }

  get view(): ConsensusView {
    if (this.#view?.state !== this.#state) this.#view = { state: this.#state, view: this.#show() }
    return this.#view.view
  }

  #show(): ConsensusView {
    const { round, step, lockedRound, lockedValue, validRound, validValue, decision } = this.#state
    const { height, ownIndex } = this.#options
    const proposerIndex = this.#proposers.of(round)
    return {
      ...{ height, ownIndex, proposerIndex, round, step, decision },
      ...{ lockedRound, lockedValue, validRound, validValue },
      hasPolka: (round, blockId) => this.#votes.hasPolka(round, blockId),
      hasVote: ({ type, round, validatorIndex, blockId }) =>
        this.#votes.voteOf(type, round, validatorIndex)?.blockId === blockId,
      ownVotes: () => this.#ownVotes.latest(),
    }
  }

  /** Takes one input and returns what must be done about it, in order. Drain before the next input. */
  handle(input: Input): readonly Effect[] {
    this.#effects = []
    this.#absorb(input)
    this.#settle()
    return this.#effects
  }

  #absorb(input: Input): void {
    switch (input.kind) {
      case 'start':
        assert(this.#state.step === 'new', 'a height starts once')
        this.#startRound(0 as Round, null)
        break
      case 'proposal':
        this.#absorbProposal(input)
        break
      case 'blockChecked':
        this.#proposals.judge(input.blockId, input.valid)
        break
      case 'vote':
        this.#absorbVote(input)
        break
      case 'valueReady':
        this.#absorbValue(input)
        break
      case 'timeout':
        this.#absorbTimeout(input.timer)
        break
      case 'polkaCertificate':
        this.#absorbCertificate('prevote', input)
        break
      case 'commitCertificate':
        this.#absorbCertificate('precommit', input)
        break
      default:
        unreachable(input)
    }
  }

  #absorbProposal({ proposal, time, receivedAt }: Extract<Input, { kind: 'proposal' }>): void {
    const { height, round, polRound, blockId, validatorIndex } = proposal
    assert(height === this.#options.height, 'a proposal is of this height')
    assert(polRound < round, 'a polka is older than the proposal that names it')
    assert(validatorIndex === this.#proposers.of(round), 'a proposal is by its proposer')
    const timely = isTimely({ time, receivedAt, round }, this.#options)
    const { added, evidence } = this.#proposals.add({ proposal, timely })
    if (evidence !== null) this.#emit({ kind: 'evidence', evidence })
    if (added && this.#proposals.verdict(blockId) === undefined)
      this.#emit({ kind: 'checkBlock', blockId, round })
  }

  #absorbVote({ vote }: Extract<Input, { kind: 'vote' }>): void {
    assert(vote.height === this.#options.height, 'a vote is of this height')
    const evidence = this.#votes.add(vote, this.#state.round)
    if (evidence !== null) this.#emit({ kind: 'evidence', evidence })
    if (vote.validatorIndex === this.#options.ownIndex) this.#ownVotes.signed(vote)
  }

  /** A block we built is valid for us; one that comes too late is not proposed. */
  #absorbValue({ round, blockId }: Extract<Input, { kind: 'valueReady' }>): void {
    if (!this.#state.awaitingValue || round !== this.#state.round) return
    this.#proposals.judge(blockId, true)
    this.#apply({ kind: 'proposeValue', round, blockId })
  }

  #absorbCertificate(
    type: VoteType,
    input: Extract<Input, { kind: 'polkaCertificate' | 'commitCertificate' }>,
  ): void {
    const { certificate } = input
    assert(certificate.height === this.#options.height, 'a certificate is of this height')
    for (const evidence of this.#votes.addCertificate(type, certificate, this.#state.round))
      this.#emit({ kind: 'evidence', evidence })
  }

  /** Rule I. A timer that is not the one now set is stale. */
  #absorbTimeout(timer: Timer): void {
    if (!this.#timers.fire(timer)) return
    switch (timer.kind) {
      case 'propose': // L57
        this.#apply({ kind: 'timeoutPropose' })
        break
      case 'prevote': // L61
        this.#apply({ kind: 'timeoutPrevote' })
        break
      case 'precommit': // L65
        this.#startRound((timer.round + 1) as Round, 'precommits')
        break
      case 'rebroadcast':
        this.#rebroadcast()
        break
      default:
        unreachable(timer.kind)
    }
  }

  /**
   * Whatever was lost on the way is sent again: our last votes for those in our round or one behind,
   * and the reason for our round for those that cannot complete the one before without our vote.
   */
  #rebroadcast(): void {
    const votes = this.#ownVotes.latest()
    if (votes.length > 0) this.#emit({ kind: 'rebroadcast', votes })
    const certificate = this.#roundCertificate
    if (certificate !== null) this.#emit({ kind: 'publishRoundCertificate', certificate })
    this.#schedule('rebroadcast')
  }

  #settle(): void {
    let firings = 0
    while (this.#state.step !== 'new' && this.#state.decision === null && this.#fireFirst()) {
      firings++
      assert(firings < MAX_FIRINGS, 'the rules reach a fix-point')
    }
  }

  /** Fires the first rule of the mux that can change anything. */
  #fireFirst(): boolean {
    const fact = this.#decision() ?? this.#skip() ?? this.#fact()
    if (fact === null) return false
    if (fact.kind === 'newRound') this.#startRound(fact.round, 'skip')
    else this.#apply(fact)
    return true
  }

  /** Rule A. */
  #decision(): RoundInput | null {
    for (const { round, blockId } of this.#votes.commits) {
      const verdict = this.#proposals.verdict(blockId)
      if (verdict === true) return { kind: 'precommitValue', round, blockId }
      const reported = verdict === false ? this.#disagreed : this.#fetched
      if (reported.has(blockId)) continue
      reported.add(blockId)
      this.#reportCommit({ round, blockId }, verdict)
    }
    return null
  }

  #reportCommit({ round, blockId }: Decision, verdict: false | undefined): void {
    const certificate = this.#votes.certificate('precommit', round, blockId)
    const signers = certificate.signatures.map(({ validatorIndex }) => validatorIndex)
    this.#emit(
      verdict === false
        ? { kind: 'disagreement', blockId, round, certificate }
        : { kind: 'fetchBlock', blockId, round, signers },
    )
  }

  /** Rule B. */
  #skip(): Extract<RoundInput, { kind: 'newRound' }> | null {
    const round = this.#votes.skipRound(this.#state.round)
    return round === null ? null : { kind: 'newRound', round, proposer: this.#isProposer(round) }
  }

  /** Rules C to H. */
  #fact(): RoundInput | null {
    const { round, step, sawPolkaValue, sawPolkaAny, sawPrecommitAny } = this.#state
    if (step === 'propose') {
      const fact = this.#freshProposal() ?? this.#reproposal()
      if (fact !== null) return fact
    }
    if (step !== 'propose' && !sawPolkaValue) {
      const held = this.#proposals.of(round).find((candidate) => this.#hasValidPolka(candidate))
      if (held !== undefined) return { kind: 'polkaValue', blockId: held.proposal.blockId }
    }
    if (step === 'prevote' && this.#votes.hasPolkaNil(round)) return { kind: 'polkaNil' }
    if (step === 'prevote' && !sawPolkaAny && this.#votes.hasQuorumAny('prevote', round))
      return { kind: 'polkaAny' }
    if (!sawPrecommitAny && this.#votes.hasQuorumAny('precommit', round))
      return { kind: 'precommitAny' }
    return null
  }

  /** Rule C, for the first proposal that can be judged: one that the lock or the clock refuses needs no verdict. */
  #freshProposal(): RoundInput | null {
    for (const { proposal, timely } of this.#proposals.of(this.#state.round)) {
      if (proposal.polRound !== -1) continue
      const refused = !timely || !lockAllows(this.#state, proposal.blockId, -1)
      const acceptable = refused ? false : this.#proposals.verdict(proposal.blockId)
      if (acceptable !== undefined)
        return { kind: 'proposal', blockId: proposal.blockId, acceptable }
    }
    return null
  }

  /** Rule D. What the lock refuses is refused without its polka: that polka is older than the lock, and pruned. */
  #reproposal(): RoundInput | null {
    for (const { proposal } of this.#proposals.of(this.#state.round)) {
      const { blockId, polRound } = proposal
      if (polRound === -1) continue
      const refused = !lockAllows(this.#state, blockId, polRound)
      if (!refused && !this.#votes.hasPolka(polRound, blockId)) continue
      const valid = refused ? false : this.#proposals.verdict(blockId)
      if (valid !== undefined) return { kind: 'proposalWithPolka', blockId, polRound, valid }
    }
    return null
  }

  #hasValidPolka({ proposal: { round, blockId } }: HeldProposal): boolean {
    return this.#proposals.verdict(blockId) === true && this.#votes.hasPolka(round, blockId)
  }

  #startRound(round: Round, cause: 'skip' | 'precommits' | null): void {
    this.#emit(...this.#timers.cancel('propose', 'prevote', 'precommit', 'rebroadcast'))
    const votes = cause === null ? null : this.#votes.roundCertificateVotes(round, cause)
    this.#apply({ kind: 'newRound', round, proposer: this.#isProposer(round) })
    if (this.#options.ownIndex === null) return
    if (votes !== null) {
      const certificate = { height: this.#options.height, round, votes }
      this.#roundCertificate = certificate
      this.#emit({ kind: 'publishRoundCertificate', certificate })
    }
    this.#schedule('rebroadcast')
  }

  #apply(input: RoundInput): void {
    const before = this.#state
    const [after, effects] = step(before, input)
    this.#assertSupported(before, after)
    this.#state = after
    if (after.step !== before.step || after.round !== before.round) {
      if (after.step !== 'propose') this.#emit(...this.#timers.cancel('propose'))
      if (after.step === 'precommit') this.#emit(...this.#timers.cancel('prevote'))
      this.#emit({ kind: 'stepChanged', round: after.round, step: after.step })
    }
    if (after.lockedRound > before.lockedRound) this.#prune(after.round)
    for (const effect of effects) this.#run(effect)
  }

  #run(effect: RoundEffect): void {
    const { round } = this.#state
    switch (effect.kind) {
      case 'prevote':
      case 'precommit':
        this.#cast(effect.kind, effect.blockId)
        break
      case 'propose':
        this.#propose(effect.blockId, effect.polRound)
        break
      case 'getValue':
        this.#emit({ kind: 'getValue', round })
        break
      case 'schedule':
        this.#schedule(effect.timer)
        break
      case 'decide':
        this.#decide(effect.decision)
        break
      default:
        unreachable(effect)
    }
  }

  #cast(type: VoteType, blockId: BlockId | null): void {
    const { chainId, height, ownIndex } = this.#options
    if (ownIndex === null) return
    const { round } = this.#state
    const vote = { type, chainId, height, round, blockId, validatorIndex: ownIndex }
    if (!this.#ownVotes.cast(vote)) return
    this.#emit({ kind: 'castVote', vote })
    const hidden = type === 'precommit' && round >= this.#options.hiddenLockRound
    if (hidden && blockId !== null) this.#publishLock(blockId)
  }

  /** Lets everyone else lock what we locked, so that no later proposer is ignorant of it (malachite#956). */
  #publishLock(blockId: BlockId): void {
    const { round } = this.#state
    const proposal = this.#proposals.find(round, blockId)
    assert(proposal !== undefined, 'a precommit for a value has its proposal')
    this.#emit({ kind: 'publishProposal', proposal })
    this.#emit({
      kind: 'publishPolka',
      certificate: this.#votes.certificate('prevote', round, blockId),
    })
  }

  #propose(blockId: BlockId, polRound: Round | -1): void {
    const { round } = this.#state
    // One of ours that came back from an earlier life: a second one would convict us.
    if (this.#proposals.of(round).length > 0 && this.#isProposer(round)) return
    if (polRound !== -1) {
      const certificate = this.#votes.certificate('prevote', polRound, blockId)
      this.#emit({ kind: 'publishPolka', certificate })
    }
    this.#emit({ kind: 'propose', round, polRound, blockId })
  }

  #decide({ round, blockId }: Decision): void {
    this.#emit(...this.#timers.cancel('propose', 'prevote', 'precommit', 'rebroadcast'))
    const certificate = this.#votes.certificate('precommit', round, blockId)
    this.#emit({ kind: 'decide', blockId, round, certificate })
  }

  #prune(before: Round): void {
    this.#votes.prune(before)
    this.#proposals.prune(before)
  }

  #schedule(kind: TimerKind): void {
    const timer = { kind, height: this.#options.height, round: this.#state.round }
    this.#emit(...this.#timers.schedule(timer))
  }

  #isProposer(round: Round): boolean {
    return this.#options.ownIndex === this.#proposers.of(round)
  }

  /** What the round now holds must be backed by votes; the second look at what round.ts was told. */
  #assertSupported(before: RoundState, after: RoundState): void {
    const { validValue, validRound, lockedRound, lockedValue, decision } = after
    if (validValue !== null && validRound !== -1 && validRound !== before.validRound)
      assert(this.#votes.hasPolka(validRound, validValue), 'a valid value has a polka')
    if (lockedRound !== before.lockedRound)
      assert(lockedValue === validValue, 'a new lock is on the value of the polka')
    if (decision !== null && before.decision === null) {
      const { round, blockId } = decision
      assert(
        this.#votes.commits.some((commit) => commit.round === round && commit.blockId === blockId),
        'a decision has more than two thirds of the precommits of its round',
      )
    }
  }

  #emit(...effects: readonly Effect[]): void {
    this.#effects.push(...effects)
  }
}
