// The rules of spec/consensus.md 1.3 a second time, as they read: over everything that arrived, counted
// from scratch after each input. Slow and obvious. What it signs, where it stands and which timers it
// wants must be what the real height does.
import type { ConsensusHeight, Effect, Input, Timer } from '../../../consensus/index.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { VoteType } from '../../../core/chain/vote.ts'
import { SafetyViolation } from './checker.ts'
import { HIDDEN_LOCK_ROUND, NIL, numberOf, type Sent } from './lockStepScript.ts'

type VoteTable = Map<number, Map<number, number>>
type Certified = { readonly type: VoteType; readonly round: number; readonly value: number }

export class RuleTwin {
  readonly #set: ValidatorSet
  readonly #own: number
  /** By round: the first vote of each validator. */
  readonly #votes: Record<VoteType, VoteTable> = { prevote: new Map(), precommit: new Map() }
  #certificates: Certified[] = []
  readonly #proposals = new Map<number, Sent[]>()
  readonly #verdicts = new Map<number, boolean>()
  readonly #timers = new Set<string>()
  #out: string[] = []
  #round = 0
  #step: 'new' | 'propose' | 'prevote' | 'precommit' | 'commit' = 'new'
  #locked: Sent = { value: NIL, polRound: -1 }
  #valid: Sent = { value: NIL, polRound: -1 }
  #awaiting = false
  #voted = false
  #saw = { polkaAny: false, polkaValue: false, precommitAny: false }

  constructor(set: ValidatorSet, own: number) {
    this.#set = set
    this.#own = own
  }

  /** Throws when the height did something else with this input. */
  compare(input: Input, effects: readonly Effect[], { view }: ConsensusHeight): void {
    this.#out = []
    this.#absorb(input)
    while (this.#step !== 'new' && this.#step !== 'commit' && this.#fire());
    const mine = `${this.#out} at ${this.#round}.${this.#step} locked ${show(this.#locked)} valid ${show(this.#valid)}`
    const locked = { value: numberOf(view.lockedValue), polRound: view.lockedRound }
    const valid = { value: numberOf(view.validValue), polRound: view.validRound }
    const theirs = `${wordsOf(effects)} at ${view.round}.${view.step} locked ${show(locked)} valid ${show(valid)}`
    if (mine !== theirs)
      throw new SafetyViolation(
        `rules: ${input.kind} leads to ${theirs}, and by the rules to ${mine}`,
      )
  }

  #absorb(input: Input): void {
    switch (input.kind) {
      case 'start':
        this.#enter(0)
        break
      case 'proposal': {
        const { round, polRound, blockId } = input.proposal
        const known = this.#proposals.get(round) ?? []
        const value = numberOf(blockId)
        if (!known.some((sent) => sent.value === value && sent.polRound === polRound))
          known.push({ value, polRound })
        this.#proposals.set(round, known)
        break
      }
      case 'blockChecked':
        this.#judge(numberOf(input.blockId), input.valid)
        break
      case 'vote': {
        const { type, round, validatorIndex, blockId } = input.vote
        if (type === 'prevote' && round < this.#locked.polRound) break
        if (!this.#admits(round, validatorIndex)) break
        const votes = this.#votes[type].get(round) ?? new Map<number, number>()
        if (!votes.has(validatorIndex)) votes.set(validatorIndex, numberOf(blockId))
        this.#votes[type].set(round, votes)
        break
      }
      case 'polkaCertificate':
      case 'commitCertificate': {
        const { round, blockId } = input.certificate
        const type = input.kind === 'polkaCertificate' ? 'prevote' : 'precommit'
        this.#certificates.push({ type, round, value: numberOf(blockId) })
        break
      }
      case 'valueReady':
        if (!this.#awaiting || input.round !== this.#round || this.#step !== 'propose') break
        this.#awaiting = false
        this.#judge(numberOf(input.blockId), true)
        this.#out.push(`propose ${numberOf(input.blockId)} -1`)
        break
      case 'timeout':
        this.#timeout(input.timer)
    }
  }

  /** The one bound that shows: beyond the next round a validator is heard in its two newest rounds. */
  #admits(round: number, validatorIndex: number): boolean {
    const ahead = new Set<number>()
    for (const type of TYPES)
      for (const [at, votes] of this.#votes[type])
        if (at > this.#round + 1 && votes.has(validatorIndex)) ahead.add(at)
    if (round <= this.#round + 1 || ahead.has(round) || ahead.size < 2) return true
    const oldest = Math.min(...ahead)
    if (round < oldest) return false
    for (const type of TYPES) this.#votes[type].get(oldest)?.delete(validatorIndex)
    return true
  }

  #timeout({ kind, round }: Timer): void {
    if (!this.#timers.delete(`${kind}/${round}`) || round !== this.#round) return
    if (kind === 'propose' && this.#step === 'propose') this.#vote('prevote', NIL)
    if (kind === 'prevote' && this.#step === 'prevote') this.#vote('precommit', NIL)
    if (kind === 'precommit') this.#enter(round + 1)
    if (kind !== 'rebroadcast') return
    if (this.#voted) this.#out.push('votes')
    if (this.#round > 0) this.#out.push('round certificate')
    this.#schedule('rebroadcast')
  }

  /** One rule, in the order A, B, C, D, E, F, G, H. False when none applies. */
  #fire(): boolean {
    return (
      this.#decide() ||
      this.#skip() ||
      (this.#step === 'propose' && (this.#fresh() || this.#again())) ||
      this.#polka() ||
      this.#counts()
    )
  }

  #decide(): boolean {
    for (const [value, valid] of this.#verdicts)
      for (let round = 0; valid && round <= this.#lastRound(); round++)
        if (this.#quorum('precommit', round, value)) {
          this.#step = 'commit'
          this.#out.push(`decide ${value}`)
          return true
        }
    return false
  }

  #skip(): boolean {
    for (let round = this.#lastRound(); round > this.#round; round--) {
      const senders = new Set<number>()
      for (const type of TYPES)
        for (const index of this.#votes[type].get(round)?.keys() ?? []) senders.add(index)
      const certified = this.#certificates.some((one) => one.round === round)
      if (!certified && !this.#set.isHonest(this.#powerOf(senders))) continue
      this.#enter(round)
      return true
    }
    return false
  }

  #fresh(): boolean {
    for (const { value, polRound } of this.#proposals.get(this.#round) ?? []) {
      if (polRound !== -1) continue
      const refused = this.#locked.polRound !== -1 && this.#locked.value !== value
      const valid = refused ? false : this.#verdicts.get(value)
      if (valid !== undefined) return this.#vote('prevote', valid ? value : NIL)
    }
    return false
  }

  #again(): boolean {
    for (const { value, polRound } of this.#proposals.get(this.#round) ?? []) {
      if (polRound === -1) continue
      const refused = this.#locked.polRound > polRound && this.#locked.value !== value
      if (!refused && !this.#quorum('prevote', polRound, value)) continue
      const valid = refused ? false : this.#verdicts.get(value)
      if (valid !== undefined) return this.#vote('prevote', valid ? value : NIL)
    }
    return false
  }

  #polka(): boolean {
    if (this.#step === 'propose' || this.#saw.polkaValue) return false
    for (const { value } of this.#proposals.get(this.#round) ?? []) {
      if (this.#verdicts.get(value) !== true) continue
      if (!this.#quorum('prevote', this.#round, value)) continue
      this.#saw.polkaValue = true
      this.#valid = { value, polRound: this.#round }
      if (this.#step !== 'prevote') return true
      this.#locked = this.#valid
      for (const round of this.#votes.prevote.keys())
        if (round < this.#round) this.#votes.prevote.delete(round)
      this.#vote('precommit', value)
      if (this.#round >= HIDDEN_LOCK_ROUND) this.#out.push('proposal', 'polka')
      return true
    }
    return false
  }

  #counts(): boolean {
    if (this.#step === 'prevote' && this.#counted('prevote', NIL))
      return this.#vote('precommit', NIL)
    if (this.#step === 'prevote' && !this.#saw.polkaAny && this.#counted('prevote', null)) {
      this.#saw.polkaAny = true
      return this.#schedule('prevote')
    }
    if (this.#saw.precommitAny || !this.#counted('precommit', null)) return false
    this.#saw.precommitAny = true
    return this.#schedule('precommit')
  }

  #enter(round: number): void {
    for (const kind of ['propose', 'prevote', 'precommit', 'rebroadcast'])
      this.#timers.delete(`${kind}/${this.#round}`)
    this.#round = round
    this.#step = 'propose'
    this.#saw = { polkaAny: false, polkaValue: false, precommitAny: false }
    this.#awaiting = false
    if (this.#set.proposerIndex(round) === this.#own) {
      const { value, polRound } = this.#valid
      if (value === NIL) this.#awaiting = true
      else this.#out.push('polka', `propose ${value} ${polRound}`)
    }
    this.#schedule('propose')
    if (round > 0) this.#out.push('round certificate')
    this.#schedule('rebroadcast')
  }

  #vote(type: VoteType, value: number): true {
    this.#step = type
    this.#voted = true
    this.#out.push(`${type} ${value}`)
    return true
  }
  #schedule(kind: string): true {
    this.#timers.add(`${kind}/${this.#round}`)
    this.#out.push(`timer ${kind}`)
    return true
  }
  #judge(value: number, valid: boolean): void {
    this.#verdicts.set(value, valid || this.#verdicts.get(value) === true)
  }

  #quorum(type: VoteType, round: number, value: number): boolean {
    if (
      this.#certificates.some(
        (one) => one.type === type && one.round === round && one.value === value,
      )
    )
      return true
    return this.#set.isQuorum(this.#power(type, round, value))
  }
  /** More than two thirds for a value, or for any: null. */
  #counted(type: VoteType, value: number | null): boolean {
    if (
      value === null &&
      this.#certificates.some((one) => one.type === type && one.round === this.#round)
    )
      return true
    return this.#set.isQuorum(this.#power(type, this.#round, value))
  }
  #power(type: VoteType, round: number, value: number | null): number {
    const votes = [...(this.#votes[type].get(round) ?? [])]
    return this.#powerOf(
      votes.filter(([, vote]) => value === null || vote === value).map(([i]) => i),
    )
  }
  #powerOf(indexes: Iterable<number>): number {
    let power = 0
    for (const index of indexes) power += this.#set.powerOf(index)
    return power
  }
  #lastRound(): number {
    const rounds = TYPES.flatMap((type) => [...this.#votes[type].keys()])
    return Math.max(this.#round, ...rounds, ...this.#certificates.map(({ round }) => round))
  }
}

const TYPES = ['prevote', 'precommit'] as const
const show = ({ value, polRound }: Sent): string => `${value}@${polRound}`

/** Signatures, decisions, timers and what is sent, in their order. */
function wordsOf(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) => {
    switch (effect.kind) {
      case 'castVote':
        return [`${effect.vote.type} ${numberOf(effect.vote.blockId)}`]
      case 'propose':
        return [`propose ${numberOf(effect.blockId)} ${effect.polRound}`]
      case 'schedule':
        return [`timer ${effect.timer.kind}`]
      case 'decide':
        return [`decide ${numberOf(effect.blockId)}`]
      case 'publishPolka':
        return ['polka']
      case 'publishProposal':
        return ['proposal']
      case 'publishRoundCertificate':
        return ['round certificate']
      case 'rebroadcast':
        return ['votes']
      default:
        return []
    }
  })
}
