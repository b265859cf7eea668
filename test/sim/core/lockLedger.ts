// What one height's honest validators signed, and what they may sign: agreement and the lock rules,
// checked at the moment of each signature. The Byzantine may sign anything, so they count for everything.
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { VoteType } from '../../../core/chain/vote.ts'
import { SafetyViolation } from './checker.ts'
import { NIL, type Sent } from './lockStepScript.ts'

type Slots = Map<number, number>
type Lock = { readonly round: number; readonly value: number }

export class LockLedger {
  readonly #set: ValidatorSet
  readonly #byzantine: ReadonlySet<number>
  readonly #byzantinePower: number
  readonly #votes = { prevote: [] as Slots[], precommit: [] as Slots[] }
  readonly #locks = new Map<number, Lock>()
  readonly #proposed = new Set<number>()
  #decision: number | null = null

  constructor(set: ValidatorSet, byzantine: ReadonlySet<number>) {
    this.#set = set
    this.#byzantine = byzantine
    this.#byzantinePower = [...byzantine].reduce((sum, index) => sum + set.powerOf(index), 0)
  }

  get decision(): number | null {
    return this.#decision
  }
  /** What each validator that runs the protocol signed in a slot, by index. */
  votes(type: VoteType, round: number): ReadonlyMap<number, number> {
    return this.#votes[type][round] ?? NONE
  }

  proposed(round: number, { value }: Sent): void {
    this.#proposed.add(round * 1_000 + value)
  }

  signed(type: VoteType, round: number, value: number, index: number): void {
    this.#votes[type][round] ??= new Map()
    const slots = this.#votes[type][round]
    const before = slots.get(index)
    slots.set(index, value)
    if (this.#byzantine.has(index)) return
    if (before !== undefined && before !== value)
      fail(`node ${index} signed two values in ${type} ${round}`)
    if (value === NIL) return
    if (type === 'prevote') this.#checkPrevote(round, value, index)
    else this.#checkPrecommit(round, value, index)
  }

  decided(round: number, value: number, index: number): void {
    if (this.#byzantine.has(index)) return
    if (!this.couldBeQuorum('precommit', round, value))
      fail(`node ${index} decided ${value} at ${round} without a quorum`)
    this.#decision ??= value
    if (this.#decision !== value)
      fail(`agreement: node ${index} decided ${value}, others ${this.#decision}`)
  }

  couldBeQuorum(type: VoteType, round: number, value: number): boolean {
    let power = this.#byzantinePower
    for (const [index, vote] of this.votes(type, round))
      if (vote === value && !this.#byzantine.has(index)) power += this.#set.powerOf(index)
    return this.#set.isQuorum(power)
  }

  /** cometbft#2218, #1203: the round's signed proposal is needed; L29: so is a polka not older than the lock. */
  #checkPrevote(round: number, value: number, index: number): void {
    if (!this.#proposed.has(round * 1_000 + value))
      fail(`node ${index} prevoted ${value} at ${round}, which nobody proposed there`)
    const lock = this.#locks.get(index)
    if (lock === undefined || lock.value === value) return
    for (let at = lock.round; at < round; at++) if (this.couldBeQuorum('prevote', at, value)) return
    fail(`node ${index} prevoted ${value} at ${round} against its lock of ${lock.round}`)
  }

  #checkPrecommit(round: number, value: number, index: number): void {
    if (!this.couldBeQuorum('prevote', round, value))
      fail(`node ${index} precommitted ${value} at ${round} without a polka`)
    this.#locks.set(index, { round, value })
  }
}

const NONE: Slots = new Map()

function fail(message: string): never {
  throw new SafetyViolation(message)
}
