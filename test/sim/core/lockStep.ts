// An adversary that sees everything. One height, all validators in the same round; for each of them it
// picks whether the proposal arrives, which votes arrive before each timeout, what comes late, and what
// the Byzantine say. It aims: of all outcomes that the votes allow it picks one for each validator and
// sends what leads there. It finds broken locks that random faults take days to find.
import type { ConsensusHeight, Effect, Input, TimerKind } from '../../../consensus/index.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { VoteType } from '../../../core/chain/vote.ts'
import { millisOf, roundOf } from '../../../core/primitives/units.ts'
import { LockLedger } from './lockLedger.ts'
import {
  blockIdOf,
  CHAIN_ID,
  certificateInput,
  HEIGHT,
  HIDDEN_LOCK_ROUND,
  judgedInput,
  NIL,
  NOW,
  numberOf,
  proposalInput,
  type Sent,
  voteInput,
} from './lockStepScript.ts'
import type { Core } from './messages.ts'
import type { Prng } from './prng.ts'

export const ROUNDS = 6

export type LockStepOptions = {
  readonly set: ValidatorSet
  readonly core: Core
  /** Say what the adversary wants. */
  readonly liars: readonly number[]
  /** Whether a liar may sign two values in one slot; false leaves amnesia and silence. */
  readonly equivocate: boolean
  /** Run another core, such as one that forgets its lock, and are not held to the rules. */
  readonly amnesic: { readonly indexes: readonly number[]; readonly core: Core } | null
}

/** A commit as a validator decided it. */
export type Commit = {
  readonly index: number
  readonly round: number
  readonly value: number
  readonly signers: readonly number[]
}

export type Player = {
  readonly index: number
  readonly height: ConsensusHeight
  readonly timers: Set<string>
  /** Blocks that it asked for and was not told about yet. */
  readonly unjudged: Set<number>
  readonly judged: Map<number, boolean>
  /** Blocks of its own that took long to build. */
  readonly unready: Input[]
  round: number
  step: string
}

export class LockStep {
  /** Sees each input that a validator takes, and what follows from it. */
  watch: (player: Player, input: Input, effects: readonly Effect[]) => void = () => {}
  readonly ledger: LockLedger
  readonly commits: Commit[] = []
  readonly #prng: Prng
  readonly #options: LockStepOptions
  readonly set: ValidatorSet
  readonly #players: Player[] = []
  /** Of liars that do not equivocate: what they signed, by slot. */
  readonly #lies = new Map<string, number>()
  readonly #invalid = new Set<number>()
  #blocks = 0
  /** By round, what its proposer signed; a liar may sign several. */
  readonly #proposals: Sent[][] = []

  constructor(options: LockStepOptions, prng: Prng) {
    const { set, core, liars, amnesic } = options
    this.#options = options
    this.set = set
    this.#prng = prng
    this.ledger = new LockLedger(set, new Set([...liars, ...(amnesic?.indexes ?? [])]))
    for (let index = 0; index < set.size; index++) {
      if (liars.includes(index)) continue
      const theirs = amnesic?.indexes.includes(index) ? amnesic.core : core
      const height = new theirs.ConsensusHeight({
        ...{ chainId: CHAIN_ID, height: HEIGHT, validators: set, ownIndex: index },
        ...{
          precisionMs: millisOf(20),
          messageDelayMs: millisOf(200),
          hiddenLockRound: HIDDEN_LOCK_ROUND,
        },
      })
      const memory = { timers: new Set<string>(), unjudged: new Set<number>(), unready: [] }
      this.#players.push({ index, height, ...memory, judged: new Map(), round: 0, step: 'new' })
    }
  }

  /** Throws a SafetyViolation when an honest validator breaks a rule or two decide differently. */
  run(): void {
    for (const player of this.#players) this.#feed(player, { kind: 'start' })
    for (let round = 0; round < ROUNDS; round++) {
      this.#proposalPhase(round)
      this.#votePhase('prevote', round)
      this.#votePhase('precommit', round)
    }
  }

  #proposalPhase(round: number): void {
    const proposer = this.set.proposerIndex(round)
    if (this.#options.liars.includes(proposer)) this.#lieAbout(round)
    for (const player of this.#players) {
      this.#meddle(player, round)
      if (player.round !== round || isDecided(player)) continue
      this.#deliverProposals(player, round, proposer)
      if (!this.#prng.chance(5)) this.#fire(player, 'propose', round)
    }
  }

  #deliverProposals(player: Player, round: number, proposer: number): void {
    if (player.index === proposer || this.#prng.chance(25)) return
    const proposals = this.#proposals[round] ?? []
    for (const sent of this.#shuffled(proposals)) {
      // Of two, most validators see one only.
      if (proposals.length > 1 && this.#prng.chance(50)) continue
      if (this.#hides(sent.value)) continue
      if (sent.polRound >= 0 && this.#prng.chance(75))
        this.#reach(player, 'prevote', sent.polRound, sent.value)
      this.#feed(player, proposalInput(round, proposer, sent))
      if (sent.polRound >= 0 && this.#prng.chance(20))
        this.#reach(player, 'prevote', sent.polRound, sent.value)
    }
  }

  /** One or two proposals: fresh ones, old ones as if fresh, with a polka that exists or could not. */
  #lieAbout(round: number): void {
    const count = this.#options.equivocate && this.#prng.chance(60) ? 2 : 1
    const lies = Array.from({ length: count }, () => this.#lie(round))
    this.#proposals[round] = lies
    for (const sent of lies) this.ledger.proposed(round, sent)
  }

  #lie(round: number): Sent {
    if (round === 0 || this.#blocks === 0 || this.#prng.chance(30)) {
      const value = this.#newBlock()
      if (this.#prng.chance(20)) this.#invalid.add(value)
      return { value, polRound: -1 }
    }
    const polka = this.#pick(this.#possiblePolkas(round))
    if (polka !== undefined && this.#prng.chance(70)) return polka
    const polRound = this.#prng.chance(60) ? -1 : this.#prng.range(0, round - 1)
    return { value: this.#someBlock(), polRound }
  }

  #possiblePolkas(before: number): Sent[] {
    const polkas: Sent[] = []
    for (let polRound = 0; polRound < before; polRound++)
      for (let value = 1; value <= this.#blocks; value++)
        if (this.ledger.couldBeQuorum('prevote', polRound, value)) polkas.push({ value, polRound })
    return polkas
  }

  #votePhase(type: VoteType, round: number): void {
    for (const player of this.#shuffled(this.#players)) {
      this.#meddle(player, round)
      if (isDecided(player)) continue
      if (player.round < round) this.#bringAlong(player, type, round)
      if (player.round !== round || isDecided(player)) continue
      this.#aim(player, type, round)
      if (!this.#prng.chance(5)) this.#fire(player, type, round)
    }
  }

  /** Votes of a later round take along who is behind, perhaps in time for its proposal. */
  #bringAlong(player: Player, type: VoteType, round: number): void {
    if (this.#prng.chance(40)) return
    this.#reach(player, type, round, this.#someValue())
    if (player.round !== round || isDecided(player)) return
    const proposer = this.set.proposerIndex(round)
    if (this.#prng.chance(50)) this.#deliverProposals(player, round, proposer)
    if (this.#prng.chance(80)) this.#fire(player, 'propose', round)
  }

  /** Of the outcomes that are possible for this validator one is picked: a quorum for a value, or no quorum. */
  #aim(player: Player, type: VoteType, round: number): void {
    if (this.#prng.chance(10)) return
    const { decision } = this.ledger
    const goals: number[] = []
    for (let value = decision === null ? NIL : 1; value <= this.#blocks; value++)
      if (this.ledger.couldBeQuorum(type, round, value) && !this.#hides(value)) goals.push(value)
    // A first decision had better come late; a second is what the adversary is for.
    const aimless = decision !== null ? 10 : type === 'prevote' ? 30 : 70
    const own = this.ledger.votes(type, round).get(player.index) ?? NIL
    const wanted = this.#prng.chance(50) && goals.includes(own) ? own : this.#pick(goals)
    const goal = this.#prng.chance(aimless) ? undefined : wanted
    if (goal === undefined) this.#scatter(player, type, round)
    else this.#reach(player, type, round, goal)
    if (this.#prng.chance(20)) this.#scatter(player, type, round)
  }

  /** Sends all that was signed for a value, and the liars' votes for it, as votes or as a certificate. */
  #reach(player: Player, type: VoteType, round: number, value: number): void {
    const signers: number[] = []
    let power = 0
    for (const [index, vote] of this.ledger.votes(type, round))
      if (vote === value) signers.push(index)
    for (const liar of this.#options.liars)
      if (this.#liarSigns(type, round, value, liar)) signers.push(liar)
    for (const index of signers) power += this.set.powerOf(index)
    if (value !== NIL && this.set.isQuorum(power) && this.#prng.chance(25)) {
      this.#feed(player, certificateInput(type, round, value, signers))
      return
    }
    for (const index of this.#shuffled(signers)) this.#vote(player, type, round, value, index)
  }

  /** Sends nearly everything, except that there must be no quorum for one value. */
  #scatter(player: Player, type: VoteType, round: number): void {
    const votes = [...this.ledger.votes(type, round)]
    const disliked = this.ledger.decision ?? this.#pick(votes)?.[1]
    for (const liar of this.#options.liars) {
      const value = this.#prng.chance(50) ? NIL : this.#someValue()
      if (this.#liarSigns(type, round, value, liar)) votes.push([liar, value])
    }
    const own = this.ledger.votes(type, round).get(player.index)
    let power = own === disliked ? this.set.powerOf(player.index) : 0
    for (const [index, value] of this.#shuffled(votes)) {
      if (index === player.index || this.#prng.chance(10)) continue
      const more = value === disliked ? this.set.powerOf(index) : 0
      if (more > 0 && this.set.isQuorum(power + more)) continue
      power += more
      this.#vote(player, type, round, value, index)
    }
  }

  /** Old votes and proofs, answers that took long, timers that should be over. */
  #meddle(player: Player, round: number): void {
    if (isDecided(player) || this.#prng.chance(40)) return
    for (const ready of player.unready.splice(0)) this.#feed(player, ready)
    for (const value of [...player.unjudged])
      if (this.#prng.chance(60)) {
        player.unjudged.delete(value)
        this.#feed(player, this.#verdict(player, value, true))
      }
    if (round > 0 && this.#prng.chance(30)) {
      const at = this.#prng.range(0, round - 1)
      const type = this.#prng.chance(60) ? 'prevote' : 'precommit'
      const value = this.#someValue()
      if (!this.#hides(value)) this.#reach(player, type, at, value)
    }
    if (this.#prng.chance(5)) this.#fireAnything(player, round)
    if (this.#prng.chance(5) && player.judged.size > 0) {
      // Valid is final: a second opinion changes nothing.
      for (const [value, valid] of player.judged)
        if (valid) this.#feed(player, judgedInput(value, false))
    }
  }

  #fireAnything(player: Player, round: number): void {
    const kind = TIMER_KINDS[this.#prng.range(0, TIMER_KINDS.length - 1)] ?? 'propose'
    const at = this.#prng.range(0, round)
    player.timers.delete(`${kind}/${at}`)
    this.#feed(player, timeoutInput(kind, at))
  }

  /** Once somebody decided, the others had better not hear of it: that is how they come to differ. */
  #hides(value: number): boolean {
    return value === this.ledger.decision && this.#prng.chance(80)
  }

  /** A liar that does not equivocate keeps to the first value that it was asked for. */
  #liarSigns(type: VoteType, round: number, value: number, liar: number): boolean {
    if (this.#options.equivocate) return true
    const slot = `${type}/${round}/${liar}`
    const signed = this.#lies.get(slot) ?? value
    this.#lies.set(slot, signed)
    return signed === value
  }

  #vote(player: Player, type: VoteType, round: number, value: number, index: number): void {
    if (index === player.index) return
    const input = voteInput(type, round, value, index)
    this.#feed(player, input)
    if (this.#prng.chance(5)) this.#feed(player, input)
  }

  #fire(player: Player, kind: TimerKind, round: number): void {
    if (!player.timers.delete(`${kind}/${round}`)) return
    this.#feed(player, timeoutInput(kind, round))
  }

  /** One input and what the validator tells itself because of it, each drained before the next. */
  #feed(player: Player, input: Input): void {
    const queue = [input]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (isDecided(player)) return
      const effects = player.height.handle(next)
      this.watch(player, next, effects)
      for (const effect of effects) {
        const own = this.#run(player, effect)
        if (own !== null) queue.push(own)
      }
    }
  }

  /** The adversary decides what is sent again and what proof arrives: those effects lead nowhere. */
  #run(player: Player, effect: Effect): Input | null {
    switch (effect.kind) {
      case 'castVote': {
        const { type, round, blockId } = effect.vote
        const value = numberOf(blockId)
        this.ledger.signed(type, round, value, player.index)
        return voteInput(type, round, value, player.index)
      }
      case 'getValue': {
        const value = this.#newBlock()
        const { round } = effect
        const ready = { kind: 'valueReady', round, blockId: blockIdOf(value), time: NOW } as const
        if (!this.#prng.chance(10)) return ready
        player.unready.push(ready)
        return null
      }
      case 'propose': {
        const sent = { value: numberOf(effect.blockId), polRound: effect.polRound }
        this.#proposals[effect.round] = [sent]
        this.ledger.proposed(effect.round, sent)
        return proposalInput(effect.round, player.index, sent)
      }
      case 'checkBlock':
      case 'fetchBlock':
        return this.#asked(player, numberOf(effect.blockId))
      case 'schedule':
        player.timers.add(`${effect.timer.kind}/${effect.timer.round}`)
        return null
      case 'cancel':
        player.timers.delete(`${effect.timer.kind}/${effect.timer.round}`)
        return null
      case 'stepChanged':
        player.round = effect.round
        player.step = effect.step
        return null
      case 'decide':
        this.#decided(player, effect)
        return null
      default:
        return null
    }
  }

  #decided(player: Player, effect: Extract<Effect, { kind: 'decide' }>): void {
    const { round, blockId, certificate } = effect
    const signers = certificate.signatures.map(({ validatorIndex }) => validatorIndex)
    this.commits.push({ index: player.index, round, value: numberOf(blockId), signers })
    this.ledger.decided(round, numberOf(blockId), player.index)
  }

  /** The verdict comes at once or later; who lacks something says "invalid" before "valid". */
  #asked(player: Player, value: number): Input | null {
    const late = this.#prng.chance(15)
    const premature = this.#prng.chance(4)
    if (late || premature) player.unjudged.add(value)
    if (late) return null
    return this.#verdict(player, value, !premature)
  }

  #verdict(player: Player, value: number, able: boolean): Input {
    const valid = able && !this.#invalid.has(value)
    player.judged.set(value, valid || player.judged.get(value) === true)
    return judgedInput(value, valid)
  }

  #newBlock(): number {
    this.#blocks++
    return this.#blocks
  }
  #someBlock(): number {
    return this.#blocks === 0 ? this.#newBlock() : this.#prng.range(1, this.#blocks)
  }
  #someValue(): number {
    return this.#prng.chance(25) ? NIL : this.#prng.range(NIL, this.#blocks)
  }
  #pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.#prng.range(0, items.length - 1)]
  }
  #shuffled<T>(items: readonly T[]): T[] {
    const order = [...items]
    for (let i = order.length - 1; i > 0; i--) {
      const other = this.#prng.range(0, i)
      const item = order[i] as T
      order[i] = order[other] as T
      order[other] = item
    }
    return order
  }
}

const TIMER_KINDS = ['propose', 'prevote', 'precommit', 'rebroadcast'] as const

const isDecided = (player: Player): boolean => player.step === 'commit'

const timeoutInput = (kind: TimerKind, round: number): Input => ({
  kind: 'timeout',
  timer: { kind, height: HEIGHT, round: roundOf(round) },
})

/** In random order, as many as stay below a third of the power. */
export function chooseBelowThird(set: ValidatorSet, prng: Prng): number[] {
  const chosen: number[] = []
  let power = 0
  const start = prng.range(0, set.size - 1)
  for (let i = 0; i < set.size; i++) {
    const index = (start + i * 3) % set.size
    const tooMuch = 3 * (power + set.powerOf(index)) >= set.totalPower
    if (tooMuch || chosen.includes(index)) continue
    power += set.powerOf(index)
    chosen.push(index)
  }
  return chosen
}
