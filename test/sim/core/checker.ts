// What must never happen, checked with a view of everything at the moment it would happen.
import type { Certificate } from '../../../core/chain/certificate.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { SignedProposal, Vote, VoteType } from '../../../core/chain/vote.ts'
import type { BlockId } from '../../../core/primitives/units.ts'
import { type SimBlock, voteKey } from './messages.ts'

export class SafetyViolation extends Error {
  override readonly name = 'SafetyViolation'
}

type Lock = { readonly round: number; readonly blockId: BlockId }

/** Holds every signature ever made: what is not in here was forged. */
export class Checker {
  readonly #validators: ValidatorSet
  readonly #liars: ReadonlySet<number>
  readonly #signed = new Set<string>()
  readonly #slots = new Map<string, string>()
  readonly #power = new Map<string, number>()
  readonly #locks = new Map<string, Lock>()
  readonly #decided = new Map<number, BlockId>()
  readonly #convicted = new Set<number>()

  constructor(validators: ValidatorSet, liars: ReadonlySet<number>) {
    this.#validators = validators
    this.#liars = liars
  }

  get decidedHeights(): number {
    return this.#decided.size
  }
  isSigned(vote: Omit<Vote, 'chainId'>): boolean {
    return this.#signed.has(voteKey(vote))
  }

  voteSigned(vote: Vote): void {
    const { type, height, round, blockId, validatorIndex } = vote
    const key = voteKey(vote)
    if (!this.#signed.has(key)) {
      this.#signed.add(key)
      const value = `${height}/${type}/${round}/${blockId}`
      // Liars can sign anything at any time: they count for everything from the start.
      if (!this.#liars.has(validatorIndex)) {
        const before = this.#power.get(value) ?? 0
        this.#power.set(value, before + this.#validators.powerOf(validatorIndex))
      }
    }
    if (this.#liars.has(validatorIndex)) return
    this.#once(`${validatorIndex}/${height}/${type}/${round}`, String(blockId))
    if (blockId === null) return
    if (type === 'precommit') this.#precommitted(vote, blockId)
    else this.#prevoted(vote, blockId)
  }

  proposalSigned({ height, round, blockId, polRound, validatorIndex }: SignedProposal): void {
    if (this.#liars.has(validatorIndex)) return
    this.#once(`${validatorIndex}/${height}/proposal/${round}`, `${blockId}/${polRound}`)
  }

  decided(node: number, block: SimBlock, certificate: Certificate): void {
    const first = this.#decided.get(block.height) ?? block.id
    this.#decided.set(block.height, first)
    if (first !== block.id)
      fail(`agreement: node ${node} decided ${block.id} at ${block.height}, others ${first}`)
    if (!block.valid) fail(`validity: node ${node} decided an invalid block at ${block.height}`)
    const { height, round, blockId } = certificate
    const signers = new Set<number>()
    let power = 0
    for (const { validatorIndex } of certificate.signatures) {
      if (signers.has(validatorIndex)) fail(`certificate of ${height} counts one signer twice`)
      signers.add(validatorIndex)
      power += this.#validators.powerOf(validatorIndex)
      if (!this.isSigned({ type: 'precommit', height, round, blockId, validatorIndex }))
        fail(`certificate of ${height} has a precommit that ${validatorIndex} never signed`)
    }
    if (3 * power <= 2 * this.#validators.totalPower)
      fail(`certificate of ${height} has power ${power}`)
  }

  /** Evidence against a validator was found: it must be one that lies. */
  convicted(validatorIndex: number): void {
    if (!this.#liars.has(validatorIndex)) fail(`honest validator ${validatorIndex} was convicted`)
    this.#convicted.add(validatorIndex)
  }
  get convictions(): number {
    return this.#convicted.size
  }

  #once(slot: string, content: string): void {
    const before = this.#slots.get(slot)
    if (before !== undefined && before !== content) fail(`signed twice: ${slot}`)
    this.#slots.set(slot, content)
  }

  #precommitted({ height, round, validatorIndex }: Vote, blockId: BlockId): void {
    if (!this.#couldBeQuorum('prevote', height, round, blockId))
      fail(`node ${validatorIndex} precommitted ${height}/${round} without a polka`)
    this.#locks.set(`${validatorIndex}/${height}`, { round, blockId })
  }

  /** L29: another value than the locked one needs a polka that is not older than the lock. */
  #prevoted({ height, round, validatorIndex }: Vote, blockId: BlockId): void {
    const lock = this.#locks.get(`${validatorIndex}/${height}`)
    if (lock === undefined || lock.blockId === blockId) return
    for (let at = lock.round; at < round; at++)
      if (this.#couldBeQuorum('prevote', height, at, blockId)) return
    fail(`node ${validatorIndex} prevoted ${height}/${round} against its lock of ${lock.round}`)
  }

  #couldBeQuorum(type: VoteType, height: number, round: number, blockId: BlockId): boolean {
    const honest = this.#power.get(`${height}/${type}/${round}/${blockId}`) ?? 0
    const lying = [...this.#liars].reduce((sum, one) => sum + this.#validators.powerOf(one), 0)
    return 3 * (honest + lying) > 2 * this.#validators.totalPower
  }
}

function fail(message: string): never {
  throw new SafetyViolation(message)
}
