import type { ConsensusHeight, Effect, Input } from '../../consensus/index.ts'
import type { SignedProposal, SignedVote } from '../../core/chain/vote.ts'
import { assert } from '../../core/primitives/assert.ts'
import { isNexusError } from '../../core/primitives/errors.ts'
import type { Height } from '../../core/primitives/units.ts'
import type { Logger } from '../observability/logger.ts'
import type { Admission } from './admission.ts'
import type { Clock } from './clock.ts'
import type { ConsensusNetwork } from './ports.ts'
import type { Signer } from './signer.ts'
import type { WalLog } from './walDirectory.ts'

export type PromisesOptions = {
  readonly chainId: number
  readonly height: Height
  /** Null: an observer. */
  readonly ownIndex: number | null
}

export type PromisesModules = {
  readonly signer: Signer | null
  readonly wal: Pick<WalLog, 'flush'>
  readonly network: Pick<ConsensusNetwork, 'broadcast'>
  readonly admission: Pick<Admission, 'ownVote'>
  readonly core: Pick<ConsensusHeight, 'view'>
  readonly clock: Clock
  readonly log: Logger
}

type CastVote = Extract<Effect, { kind: 'castVote' }>
type Propose = Extract<Effect, { kind: 'propose' }>
type Unsigned = CastVote | Propose

/**
 * What this node signs at one height. A signature may leave once the log holds what led to it and the
 * signer has noted it, in that order: a crash in between replays to the same bytes, for which the signer
 * has the signature. The other way round it would refuse what the node comes to without its memory, and
 * where this vote is needed for a quorum the round, which nobody could leave, would be the last.
 */
export class Promises {
  readonly #options: PromisesOptions
  readonly #modules: PromisesModules
  /** What the signer could not be asked for. */
  #unsigned: Unsigned[] = []
  /** When the last vote left, on the monotonic clock. */
  #castAtMs = Number.NEGATIVE_INFINITY

  constructor(options: PromisesOptions, modules: PromisesModules) {
    this.#options = options
    this.#modules = modules
  }

  /** What waits for the signer; the caller runs what is still current again. */
  takeUnsigned(): readonly Unsigned[] {
    const effects = this.#unsigned
    this.#unsigned = []
    return effects
  }

  /** Signs and sends a vote; null where it has to wait, or is refused. */
  async castVote(effect: CastVote): Promise<Input | null> {
    const { signer, wal, network, admission, clock } = this.#modules
    assert(signer !== null, 'an observer never votes')
    if (this.#isBehind) {
      this.#unsigned.push(effect)
      return null
    }
    try {
      await wal.flush()
      const vote = await signer.signVote(effect.vote)
      network.broadcast({ kind: 'vote', vote })
      this.#castAtMs = clock.monoMs()
      return { kind: 'vote', vote: admission.ownVote(vote) }
    } catch (error) {
      return this.#abstain(effect, error)
    }
  }

  /**
   * Again, for those that missed them. Not what left within the last `spanMs`: where the round trip is
   * longer than that, most of what validators send would be votes that are on their way already.
   */
  sendAgain(votes: readonly SignedVote[], spanMs: number): void {
    const { network, clock } = this.#modules
    if (clock.monoMs() - this.#castAtMs < spanMs) return
    for (const vote of votes) network.broadcast({ kind: 'vote', vote })
  }

  /** Null where it has to wait, or is refused. */
  async signProposal(effect: Propose): Promise<SignedProposal | null> {
    const { signer, wal } = this.#modules
    const { chainId, height, ownIndex } = this.#options
    assert(signer !== null && ownIndex !== null, 'an observer never proposes')
    const { round, polRound, blockId } = effect
    try {
      await wal.flush()
      const slot = { chainId, height, round, validatorIndex: ownIndex }
      return await signer.signProposal({ ...slot, polRound, blockId })
    } catch (error) {
      return this.#abstain(effect, error)
    }
  }

  /** Without a signature the others decide. */
  #abstain(effect: Unsigned, error: unknown): null {
    const { log } = this.#modules
    const { height } = this.#options
    const round = effect.kind === 'propose' ? effect.round : effect.vote.round
    const step = effect.kind === 'propose' ? 'proposal' : effect.vote.type
    if (isNexusError(error, 'SIGNER_UNAVAILABLE')) {
      this.#unsigned.push(effect)
      log.debug('Not signed for now', { height, round, step, error })
      return null
    }
    // The last-signed state remembers what the WAL lost.
    if (!isNexusError(error, 'DOUBLE_SIGN_REFUSED')) throw error
    log.error('Refused by the double-sign guard', { height, round, step })
    return null
  }

  /**
   * A proposal of a step that is over helps nobody. A prevote does, until its round is: where one of
   * the others lies, they may need it to leave the round.
   */
  isCurrent(effect: Unsigned): boolean {
    const { round, step, decision } = this.#modules.core.view
    if (decision !== null) return false
    if (effect.kind === 'propose') return effect.round === round && step === 'propose'
    return effect.vote.round === round
  }

  /** A vote of this round waits for the signer, which signs nothing that comes before what it signed last. */
  get #isBehind(): boolean {
    this.#unsigned = this.#unsigned.filter((effect) => this.isCurrent(effect))
    return this.#unsigned.some(({ kind }) => kind === 'castVote')
  }
}
