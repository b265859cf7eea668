// What must never happen, checked with a view of everything at the moment it would happen.
import { type Block, payloadHashOf } from '../../../core/chain/block.ts'
import type { Certificate } from '../../../core/chain/certificate.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { Proposal, Vote } from '../../../core/chain/vote.ts'
import { equalBytes, toHex } from '../../../core/primitives/bytes.ts'
import type { ConsensusState } from '../../../node/consensus/engine.ts'
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
  readonly #validators: ValidatorSet
  /** Indexes in the set of validators that are run twice. */
  readonly #twins: ReadonlySet<number>
  readonly #signed = new Set<string>()
  readonly #slots = new Map<string, string>()
  readonly #power = new Map<string, number>()
  readonly #locks = new Map<string, Lock>()
  readonly #agreed: Agreed[] = []
  readonly #included = new Set<string>()
  readonly #seen = new Map<number, ConsensusState>()
  readonly #convicted = new Set<number>()
  maxRound = 0

  constructor(validators: ValidatorSet, twins: ReadonlySet<number>) {
    this.#validators = validators
    this.#twins = twins
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
    const key = voteKey(vote)
    // Sent again, as votes are for those that missed them: it was judged when it was new.
    if (this.#signed.has(key)) return
    this.#signed.add(key)
    const isTwin = this.#twins.has(validatorIndex)
    const value = `${type}/${height}/${round}/${blockId}`
    const power = isTwin ? 0 : this.#validators.powerOf(validatorIndex)
    this.#power.set(value, (this.#power.get(value) ?? 0) + power)
    if (isTwin) return
    this.#once(`${validatorIndex}/${type}/${height}/${round}`, String(blockId))
    if (blockId === null) return
    if (type === 'precommit') this.#precommitted(vote, blockId)
    else this.#prevoted(vote, blockId)
  }

  proposalSigned({ height, round, blockId, polRound, validatorIndex }: Proposal): void {
    if (this.#twins.has(validatorIndex)) return
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
  #convict(validatorIndex: number): void {
    if (!this.#twins.has(validatorIndex))
      fail('evidence', `honest validator ${validatorIndex} was convicted`)
    this.#convicted.add(validatorIndex)
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
    for (const { first } of payload.evidence) this.#convict(first.validatorIndex)
    for (const { hash } of included) {
      if (this.isIncluded(hash)) fail('transactions', `${toHex(hash)} ran twice`)
      this.#included.add(toHex(hash))
    }
    this.#agreed.push({ ...commit, node })
  }

  #checkCertificate({ height, round, blockId, signatures }: Certificate): void {
    const signers = new Set<number>()
    let power = 0
    for (const { validatorIndex } of signatures) {
      if (signers.has(validatorIndex)) fail('certificate', `of ${height} counts a signer twice`)
      signers.add(validatorIndex)
      power += this.#validators.powerOf(validatorIndex)
      const vote = { type: 'precommit', height, round, blockId, validatorIndex } as const
      if (!this.#signed.has(voteKey(vote)))
        fail('certificate', `of ${height} has a precommit that ${validatorIndex} never signed`)
    }
    if (3 * power <= 2 * this.#validators.totalPower)
      fail('certificate', `of ${height} has power ${power}`)
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
    for (let at = lock.round; at < round; at++) if (this.#couldBePolka(height, at, blockId)) return
    fail(
      'lock rule',
      `${validatorIndex} prevoted ${height}/${round} against its lock of ${lock.round}`,
    )
  }

  /** A twin may have signed anything. */
  #couldBePolka(height: number, round: number, blockId: string): boolean {
    const honest = this.#power.get(`prevote/${height}/${round}/${blockId}`) ?? 0
    const twins = [...this.#twins].reduce((sum, one) => sum + this.#validators.powerOf(one), 0)
    return 3 * (honest + twins) > 2 * this.#validators.totalPower
  }
}

const voteKey = (vote: Omit<Vote, 'chainId'>): string =>
  `${vote.type}/${vote.height}/${vote.round}/${vote.blockId}/${vote.validatorIndex}`
