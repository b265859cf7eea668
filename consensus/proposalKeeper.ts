import { duplicateProposalOf, type Evidence } from '../core/chain/evidence.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import type { BlockId, Round } from '../core/primitives/units.ts'
import type { VerifiedProposal } from './verified.ts'

export type HeldProposal = {
  readonly proposal: VerifiedProposal
  /** Judged at arrival; a copy that comes later does not change it. */
  readonly timely: boolean
}
export type AddedProposal = { readonly added: boolean; readonly evidence: Evidence | null }

/**
 * The signed proposals of one height, all distinct ones of a round up to a limit, and what is known
 * about their blocks. A block without a signed proposal of the round is never voted for.
 */
export class ProposalKeeper {
  readonly #rounds = new Map<Round, HeldProposal[]>()
  readonly #verdicts = new Map<BlockId, boolean>()

  /** In order of arrival. */
  of(round: Round): readonly HeldProposal[] {
    return this.#rounds.get(round) ?? []
  }
  find(round: Round, blockId: BlockId): VerifiedProposal | undefined {
    return this.of(round).find(({ proposal }) => proposal.blockId === blockId)?.proposal
  }
  /** Undefined until the shell has judged the block. */
  verdict(blockId: BlockId): boolean | undefined {
    return this.#verdicts.get(blockId)
  }
  /** Valid is final; invalid is not, for the node may have lacked something it needed to judge. */
  judge(blockId: BlockId, valid: boolean): void {
    if (this.#verdicts.get(blockId) !== true) this.#verdicts.set(blockId, valid)
  }

  /** The second distinct proposal of a round is evidence; later ones convict nobody anew. */
  add(held: HeldProposal): AddedProposal {
    const { proposal } = held
    const known = this.#rounds.get(proposal.round) ?? []
    const repeated = known.some(
      ({ proposal: other }) =>
        other.blockId === proposal.blockId && other.polRound === proposal.polRound,
    )
    if (repeated || known.length >= LIMITS.proposalsPerRound)
      return { added: false, evidence: null }
    const first = known.length === 1 ? known[0] : undefined
    known.push(held)
    this.#rounds.set(proposal.round, known)
    return {
      added: true,
      evidence: first === undefined ? null : duplicateProposalOf(first.proposal, proposal),
    }
  }

  /** Proposals of rounds below a lock can no longer be voted for. */
  prune(before: Round): void {
    for (const round of this.#rounds.keys()) if (round < before) this.#rounds.delete(round)
  }
}
