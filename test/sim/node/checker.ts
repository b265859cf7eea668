// What must never happen, checked with a view of everything at the moment it would happen.
import { type Block, payloadHashOf } from '../../../core/chain/block.ts'
import type { Certificate } from '../../../core/chain/certificate.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { Proposal, Vote, VoteType } from '../../../core/chain/vote.ts'
import { equalBytes, toHex } from '../../../core/primitives/bytes.ts'
import type { ConsensusState } from '../../../node/consensus/engine.ts'
import { storedValidatorSet } from '../../../node/executor/chainHead.ts'
import type { StateSummary } from '../../../node/storage/stateSummary.ts'
import { fail } from './failure.ts'

export type Committed = {
  readonly block: Block
  readonly certificate: Certificate
  readonly summary: StateSummary
  readonly included: readonly { readonly hash: Uint8Array }[]
}

type Agreed = Committed & { readonly node: number }
type Lock = { readonly round: number; readonly blockId: string }

/** Holds every vote ever signed: one that is not in here was forged. */
export class Checker {
  /** By height − 1: what the chain says. */
  readonly #sets: ValidatorSet[]
  /** Addresses of keys that may sign anything. */
  readonly #liars: ReadonlySet<string>
  readonly #expectedSet: (height: number) => ValidatorSet | null
  /** Who signed it, by type, height, round and value. */
  readonly #signed = new Map<string, Set<number>>()
  readonly #slots = new Map<string, string>()
  readonly #power = new Map<string, number>()
  readonly #locks = new Map<string, Lock>()
  readonly #agreed: Agreed[] = []
  readonly #included = new Set<string>()
  readonly #seen = new Map<number, ConsensusState>()
  /** Addresses of keys whose disks may have forgotten a lock. */
  readonly #rotten = new Set<string>()
  readonly #convicted = new Set<string>()
  maxRound = 0

  constructor(options: {
    readonly first: ValidatorSet
    /** Addresses of keys that may sign anything. */
    readonly liars: ReadonlySet<string>
    /** Null: the set does not change. */
    readonly expectedSet: (height: number) => ValidatorSet | null
  }) {
    this.#sets = [options.first, options.first.advance()]
    this.#liars = options.liars
    this.#expectedSet = options.expectedSet
  }

  /** The set of a height; of one that nobody may work on yet there is none. */
  setAt(height: number): ValidatorSet {
    return (
      this.#sets[height - 1] ?? fail('validators', `somebody is at ${height} before its parent`)
    )
  }
  get setChanges(): number {
    const sizes = this.#sets.map(({ validators }) =>
      validators.map(({ publicKey, power }) => `${toHex(publicKey)}/${power}`).join(),
    )
    return sizes.filter((one, i) => i > 0 && one !== sizes[i - 1]).length
  }

  get height(): number {
    return this.#agreed.length
  }
  get convictions(): number {
    return this.#convicted.size
  }
  isIncluded(hash: Uint8Array): boolean {
    return this.#included.has(toHex(hash))
  }
  /** The highest round of a height that followed one of these, and that one another of them. */
  roundsAfter(heights: ReadonlySet<number>): number {
    const rounds = this.#agreed
      .map(({ certificate }) => certificate)
      .filter(({ height }) => heights.has(height - 1) && heights.has(height - 2))
    return Math.max(0, ...rounds.map(({ round }) => round))
  }

  /** A signature left the signer. */
  voteSigned(vote: Vote): void {
    const { type, height, round, blockId, validatorIndex } = vote
    // Sent again, as votes are for those that missed them: it was judged when it was new.
    if (!this.#note(vote)) return
    const isLiar = this.#isLiar(height, validatorIndex)
    const value = nameOf(vote)
    const power = isLiar ? 0 : this.setAt(height).powerOf(validatorIndex)
    this.#power.set(value, (this.#power.get(value) ?? 0) + power)
    if (isLiar) return
    this.#once(`${validatorIndex}/${type}/${height}/${round}`, String(blockId))
    if (blockId === null) return
    if (type === 'precommit') this.#precommitted(vote, blockId)
    else this.#prevoted(vote, blockId)
  }

  /** By a key that may sign anything, beside what its node says. */
  liarSigned(vote: Vote): void {
    this.#note(vote)
  }

  /** False: it is known. */
  #note(vote: Vote): boolean {
    const value = nameOf(vote)
    const signers = this.#signed.get(value)
    if (signers === undefined) this.#signed.set(value, new Set([vote.validatorIndex]))
    else if (signers.has(vote.validatorIndex)) return false
    else signers.add(vote.validatorIndex)
    return true
  }

  proposalSigned({ height, round, blockId, polRound, validatorIndex }: Proposal): void {
    if (this.#isLiar(height, validatorIndex)) return
    if (this.setAt(height).proposerIndex(round) !== validatorIndex)
      fail('validators', `${validatorIndex} proposes out of turn at ${height}/${round}`)
    this.#once(`${validatorIndex}/proposal/${height}/${round}`, `${blockId}/${polRound}`)
  }

  /** After anything a node did. */
  observed(node: number, state: ConsensusState): void {
    const { height, round, lockedRound, validRound } = state
    if (validRound < lockedRound)
      fail('valid round', `node ${node} is locked at ${lockedRound}, valid at ${validRound}`)
    if (lockedRound > round)
      fail('valid round', `node ${node} is locked at ${lockedRound} in round ${round}`)
    const before = this.#seen.get(node)
    const isBack =
      before !== undefined &&
      (height < before.height ||
        (height === before.height && (round < before.round || lockedRound < before.lockedRound)))
    if (isBack) fail('monotone', `node ${node} went back to ${height}/${round} lock ${lockedRound}`)
    this.#seen.set(node, state)
    this.maxRound = Math.max(this.maxRound, round)
  }

  /** A process died: its next one may be behind in rounds, and never in heights. */
  died(node: number): void {
    const before = this.#seen.get(node)
    if (before !== undefined)
      this.#seen.set(node, { ...before, round: 0, lockedRound: -1, validRound: -1 })
  }
  /** What these keys promised may be forgotten; what they signed is not. */
  rotten(addresses: readonly Uint8Array[]): void {
    for (const address of addresses) this.#rotten.add(toHex(address))
  }
  /** Its data are gone. */
  wiped(node: number): void {
    this.#seen.delete(node)
  }

  committed(node: number, commit: Committed): void {
    const { block, certificate, summary } = commit
    const { height } = block.header
    const agreed = this.#agreed[height - 1]
    if (agreed === undefined) {
      this.#first(node, commit)
      return
    }
    const [own, others] = [agreed.summary, summary].map(({ blockId }) => blockId)
    if (own !== others)
      fail('agreement', `node ${node} committed ${others} at ${height}, node ${agreed.node} ${own}`)
    if (!equalBytes(agreed.summary.stateRoot, summary.stateRoot))
      fail('state root', `nodes ${node} and ${agreed.node} differ after ${height}`)
    this.#checkCertificate(certificate)
  }

  /** Evidence is in a block: it must be of one who signs twice. */
  #convict({ height, validatorIndex }: Vote | Proposal): void {
    if (!this.#isLiar(height, validatorIndex))
      fail('evidence', `honest validator ${validatorIndex} of ${height} was convicted`)
    this.#convicted.add(toHex(this.setAt(height).addresses[validatorIndex] as Uint8Array))
  }

  #isLiar(height: number, validatorIndex: number): boolean {
    const address = this.setAt(height).addresses[validatorIndex]
    return address !== undefined && this.#liars.has(toHex(address))
  }

  #first(node: number, commit: Committed): void {
    const { block, certificate, summary, included } = commit
    const { header, payload } = block
    const { height } = header
    const parent = this.#agreed.at(-1)
    if (height !== this.#agreed.length + 1)
      fail('monotone', `node ${node} committed ${height} after ${this.#agreed.length}`)
    if (parent !== undefined) {
      if (header.previousBlockId !== parent.summary.blockId)
        fail('validity', `block ${height} does not follow its parent`)
      if (header.time <= parent.summary.time)
        fail('monotone', `the time of block ${height} is not after its parent's`)
      if (!equalBytes(header.stateRoot, parent.summary.stateRoot))
        fail('validity', `block ${height} names another state root`)
    }
    if (!equalBytes(payloadHashOf(payload), header.payloadHash))
      fail('validity', `block ${height} has another payload`)
    this.#checkCertificate(certificate)
    if (certificate.blockId !== summary.blockId) fail('certificate', `of ${height} is of another`)
    for (const { first } of payload.evidence) this.#convict(first)
    for (const { hash } of included) {
      if (this.isIncluded(hash)) fail('transactions', `${toHex(hash)} ran twice`)
      this.#included.add(toHex(hash))
    }
    if (this.setAt(height).indexOf(header.proposer) < 0)
      fail('validators', `block ${height} is of one who is no validator`)
    this.#agreed.push({ ...commit, node })
    this.#noteSets(summary)
  }

  /** A set is announced two heights ahead, and less than a third of each may lie. */
  #noteSets({ height, validators, nextValidators }: StateSummary): void {
    const [next, after] = [validators, nextValidators].map(storedValidatorSet) as [
      ValidatorSet,
      ValidatorSet,
    ]
    if (!equalBytes(next.hash, this.setAt(height + 1).hash))
      fail('validators', `the set of ${height + 1} is not what block ${height - 1} announced`)
    const expected = this.#expectedSet(height + 2)
    if (expected !== null && !equalBytes(after.hash, expected.hash))
      fail('validators', `the set of ${height + 2} is not what was asked for`)
    this.#sets.push(after)
    if (3 * this.#liarPower(after) >= after.totalPower)
      throw new Error(`the plan gives liars a third of height ${height + 2}`)
  }

  #liarPower(set: ValidatorSet): number {
    return set.addresses.reduce(
      (sum, address, i) => sum + (this.#liars.has(toHex(address)) ? set.powerOf(i) : 0),
      0,
    )
  }

  #checkCertificate({ height, round, blockId, signatures }: Certificate): void {
    const set = this.setAt(height)
    const precommitted = this.#signed.get(nameOf({ type: 'precommit', height, round, blockId }))
    const signers = new Set<number>()
    let power = 0
    for (const { validatorIndex } of signatures) {
      if (signers.has(validatorIndex)) fail('certificate', `of ${height} counts a signer twice`)
      signers.add(validatorIndex)
      power += set.powerOf(validatorIndex)
      if (precommitted?.has(validatorIndex) !== true)
        fail('certificate', `of ${height} has a precommit that ${validatorIndex} never signed`)
    }
    if (!set.isQuorum(power)) fail('certificate', `of ${height} has power ${power}`)
  }

  #once(slot: string, content: string): void {
    const before = this.#slots.get(slot)
    if (before !== undefined && before !== content)
      fail('double sign', `${slot}: ${before} and ${content}`)
    this.#slots.set(slot, content)
  }

  #precommitted({ height, round, validatorIndex }: Vote, blockId: string): void {
    if (!this.#couldBePolka(height, round, blockId))
      fail('lock rule', `${validatorIndex} precommitted ${height}/${round} without a polka`)
    this.#locks.set(`${validatorIndex}/${height}`, { round, blockId })
  }

  /** L29: another value than the locked one needs a polka that is not older than the lock. */
  #prevoted({ height, round, validatorIndex }: Vote, blockId: string): void {
    const lock = this.#locks.get(`${validatorIndex}/${height}`)
    if (lock === undefined || lock.blockId === blockId) return
    const address = this.setAt(height).addresses[validatorIndex]
    if (address !== undefined && this.#rotten.has(toHex(address))) return
    for (let at = lock.round; at < round; at++) if (this.#couldBePolka(height, at, blockId)) return
    fail(
      'lock rule',
      `${validatorIndex} prevoted ${height}/${round} against its lock of ${lock.round}`,
    )
  }

  /** A liar may have signed anything. */
  #couldBePolka(height: number, round: number, blockId: string): boolean {
    const value = { type: 'prevote', height, round, blockId } as const
    const honest = this.#power.get(nameOf(value)) ?? 0
    const set = this.setAt(height)
    return set.isQuorum(honest + this.#liarPower(set))
  }
}

const nameOf = (vote: {
  readonly type: VoteType
  readonly height: number
  readonly round: number
  readonly blockId: string | null
}): string => `${vote.type}/${vote.height}/${vote.round}/${vote.blockId}`
