import {
  ConsensusHeight,
  type Effect,
  type Input,
  inputCodec,
  replay,
  type TimeoutOptions,
  type Timer,
  timeoutOf,
} from '../../consensus/index.ts'
import { blockIdOf } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import { duplicateVoteOf } from '../../core/chain/evidence.ts'
import type { SignedProposal, SignedVote } from '../../core/chain/vote.ts'
import { assert, unreachable } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES, equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { decode, encode } from '../../core/primitives/codec.ts'
import { isNexusError, NexusError } from '../../core/primitives/errors.ts'
import {
  type BlockId,
  type Height,
  heightOf,
  millisOf,
  type Round,
} from '../../core/primitives/units.ts'
import type { ConsensusMessage } from '../network/messages.ts'
import { Admission } from './admission.ts'
import { Candidates, type CandidatesModules, type CandidatesOptions } from './candidates.ts'
import type { AssembledBlock, BlockEntry } from './heightBlocks.ts'
import { wholeBodyOf } from './proposalBody.ts'
import type { Signer } from './signer.ts'
import { Timers } from './timers.ts'
import type { WalEntry, WalLog } from './wal.ts'

/** Record types of the WAL. Numbered for ever. */
export const WAL_INPUT = 1
export const WAL_BLOCK = 2

export type SessionOptions = Omit<CandidatesOptions, 'height'> & {
  readonly timeouts: TimeoutOptions
}

export type SessionModules = Omit<CandidatesModules, 'logBlock' | 'later'> & {
  /** Null: an observer, which follows and never votes. */
  readonly signer: Signer | null
  readonly wal: WalLog
  /** Puts a task behind those that wait; the session ignores it once it has ended. */
  readonly enqueue: (task: () => Promise<void> | void) => void
}

type Unsigned = Extract<Effect, { kind: 'castVote' | 'propose' }>

export type Decision = { readonly entry: BlockEntry; readonly certificate: Certificate }

/**
 * One height of consensus: runs the pure core's effects in their order. What a signature promises is
 * flushed to the WAL before it is made; own messages are fed back before anything else.
 */
export class HeightSession {
  readonly #options: SessionOptions
  readonly #modules: SessionModules
  readonly #core: ConsensusHeight
  readonly #admission: Admission
  readonly #candidates: Candidates
  readonly #timers: Timers
  readonly #ownIndex: number | null
  readonly height: Height
  #started = false
  #ended = false
  #cancelRetry: (() => void) | null = null
  #decision: Decision | null = null
  /** Signatures seen, so that a rebroadcast costs a comparison instead of a verification. */
  readonly #seen = new Map<string, Uint8Array>()
  /** Valid commits that came from outside; two for different blocks are a fork. */
  readonly commits: Certificate[] = []
  /** The first verified vote of each validator, round and type. */
  readonly #firstVotes = new Map<string, SignedVote>()
  /** What the signer could not be asked for. */
  #unsigned: Unsigned[] = []

  constructor(options: SessionOptions, modules: SessionModules) {
    this.#options = options
    this.#modules = modules
    this.height = heightOf(options.head.summary.height + 1)
    const { validators, chainId, params } = options
    const index = modules.signer === null ? -1 : validators.indexOf(modules.signer.address)
    this.#ownIndex = index < 0 ? null : index
    this.#core = new ConsensusHeight({
      chainId,
      height: this.height,
      validators,
      ownIndex: this.#ownIndex,
      precisionMs: params.precisionMs,
      messageDelayMs: params.messageDelayMs,
      hiddenLockRound: HIDDEN_LOCK_ROUND,
    })
    this.#admission = new Admission({ chainId, height: this.height, validators })
    this.#timers = new Timers(modules.clock, (timer) => this.#later(() => this.#expire(timer)))
    this.#candidates = new Candidates(
      { ...options, height: this.height },
      {
        ...modules,
        logBlock: (bytes) => modules.wal.append(WAL_BLOCK, bytes),
        later: (judge) =>
          this.#later(async () => {
            const verdict = judge()
            if (verdict !== null) await this.#feed({ kind: 'blockChecked', ...verdict })
          }),
      },
    )
  }

  /** A vote that came after the decision can still convict its sender; anything else in it is of no use. */
  async receiveLate(vote: SignedVote): Promise<void> {
    const first = this.#firstVotes.get(slotOf(vote))
    if (first === undefined || first.blockId === vote.blockId) return
    if (this.#admission.admitVote(vote).ok)
      await this.#modules.evidence.add(duplicateVoteOf(first, vote))
  }

  /** The first verified vote of each validator, round and type. */
  firstVotes(): readonly SignedVote[] {
    return [...this.#firstVotes.values()]
  }

  get decision(): Decision | null {
    return this.#decision
  }
  get started(): boolean {
    return this.#started
  }
  get view(): ConsensusHeight['view'] {
    return this.#core.view
  }
  get isValidator(): boolean {
    return this.#ownIndex !== null
  }

  /** Feeds what the WAL remembers of this height, then does what was left undone. */
  async recover(entries: readonly WalEntry[]): Promise<void> {
    const inputs: Input[] = []
    for (const { type, payload } of entries) {
      if (type === WAL_BLOCK) await this.#candidates.restore(payload)
      else {
        assert(type === WAL_INPUT, 'a WAL record type is known')
        const input = decode(inputCodec, payload)
        assert(input.ok, 'a checksummed WAL record is canonical')
        inputs.push(input.value)
      }
    }
    if (inputs.length === 0) return
    this.#started = true
    this.#modules.log.info('Replaying the WAL', { height: this.height, inputs: inputs.length })
    await this.#runAll(replay(this.#core, inputs))
  }

  /** Enters round 0. */
  async begin(): Promise<void> {
    if (this.#started || this.#ended) return
    this.#started = true
    await this.#feed({ kind: 'start' })
  }

  /** A consensus message of this height, from the network. `receivedAt` is the wall clock on arrival. */
  async receive(peerId: string, message: ConsensusMessage, receivedAt: number): Promise<void> {
    if (this.#ended) return
    switch (message.kind) {
      case 'vote':
        return this.#receiveVote(peerId, message.vote)
      case 'proposal':
        return this.#receiveProposal(peerId, message, receivedAt)
      case 'polkaCertificate': {
        const { round, blockId } = message.certificate
        const key = `polka/${round}/${blockId}`
        if (this.#seen.has(key)) return
        const admitted = this.#admission.admitPolka(message.certificate)
        if (!admitted.ok) return this.#refuse(peerId, admitted.code)
        this.#remember(key, EMPTY_BYTES)
        await this.begin()
        return this.#feed({ kind: 'polkaCertificate', certificate: admitted.value })
      }
      case 'commitCertificate': {
        const admitted = this.#admission.admitCommit(message.certificate)
        if (!admitted.ok) return this.#refuse(peerId, admitted.code)
        if (this.commits.length < MAX_COMMITS) this.commits.push(message.certificate)
        await this.begin()
        return this.#feed({ kind: 'commitCertificate', certificate: admitted.value })
      }
      case 'roundCertificate':
        for (const vote of message.certificate.votes) await this.#receiveVote(peerId, vote)
        return
      case 'status':
        return
      default:
        return unreachable(message)
    }
  }

  /** The block of an id, for a peer that holds a certificate without it. */
  blockBytes(blockId: string): Uint8Array | null {
    return this.#candidates.get(blockId as BlockId)?.assembled?.bytes ?? null
  }

  async end(): Promise<void> {
    this.#ended = true
    this.#timers.clear()
    this.#cancelRetry?.()
    this.#candidates.end()
    await this.#modules.wal.close()
  }

  async #receiveVote(peerId: string, vote: SignedVote): Promise<void> {
    const key = `${vote.type}/${vote.round}/${vote.validatorIndex}/${vote.blockId}`
    const seen = this.#seen.get(key)
    if (seen !== undefined && equalBytes(seen, vote.signature)) return
    const admitted = this.#admission.admitVote(vote)
    if (!admitted.ok) return this.#refuse(peerId, admitted.code)
    this.#remember(key, vote.signature)
    const slot = slotOf(vote)
    if (this.#firstVotes.size < MAX_SEEN && !this.#firstVotes.has(slot))
      this.#firstVotes.set(slot, vote)
    await this.begin()
    await this.#feed({ kind: 'vote', vote: admitted.value })
  }

  async #receiveProposal(
    peerId: string,
    message: Extract<ConsensusMessage, { kind: 'proposal' }>,
    receivedAt: number,
  ): Promise<void> {
    const { proposal, header, body } = message
    const key = `proposal/${proposal.round}/${proposal.blockId}`
    const seen = this.#seen.get(key)
    if (seen !== undefined && equalBytes(seen, proposal.signature)) return
    if (blockIdOf(header) !== proposal.blockId)
      return this.#refuse(peerId, 'PROPOSAL_HEADER_MISMATCH')
    const admitted = this.#admission.admitProposal(proposal, this.#core.view.round)
    if (!admitted.ok) return this.#refuse(peerId, admitted.code)
    this.#remember(key, proposal.signature)
    if (!this.#candidates.propose(header, body, peerId)) return
    await this.begin()
    await this.#feed({
      kind: 'proposal',
      proposal: admitted.value,
      time: header.time,
      receivedAt: millisOf(receivedAt),
    })
  }

  #remember(key: string, signature: Uint8Array): void {
    if (this.#seen.size < MAX_SEEN) this.#seen.set(key, signature)
  }

  #refuse(peerId: string, code: string): void {
    this.#modules.metrics.rejected(code)
    this.#modules.network.penalize(peerId, code)
  }

  /** Runs a task on the consensus queue unless the height has ended by then. */
  #later(task: () => Promise<void> | void): void {
    this.#modules.enqueue(async () => {
      if (!this.#ended) await task()
    })
  }

  /** Logs an input, steps the core, runs its effects in order; our own messages come next, before anything that waits. */
  async #feed(input: Input): Promise<void> {
    const inputs: Input[] = [input]
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      this.#modules.wal.append(WAL_INPUT, encode(inputCodec, next))
      for (const effect of this.#core.handle(next)) {
        const own = await this.#run(effect)
        if (own !== null) inputs.push(own)
      }
    }
  }

  async #runAll(effects: readonly Effect[]): Promise<void> {
    for (const effect of effects) {
      const own = await this.#run(effect)
      if (own !== null) await this.#feed(own)
    }
  }

  /** The signer is asked again with each rebroadcast: were all signers lost in one round, nobody would ever leave it. */
  async #expire(timer: Timer): Promise<void> {
    await this.#feed({ kind: 'timeout', timer })
    if (timer.kind !== 'rebroadcast') return
    const effects = this.#unsigned
    this.#unsigned = []
    for (const effect of effects) if (this.#isCurrent(effect)) await this.#runAll([effect])
  }

  /**
   * A proposal of a step that is over helps nobody. A prevote does, until its round is: where one of
   * the others lies, they may need it to leave the round.
   */
  #isCurrent(effect: Unsigned): boolean {
    const { round, step, decision } = this.#core.view
    if (decision !== null) return false
    if (effect.kind === 'propose') return effect.round === round && step === 'propose'
    return effect.vote.round === round
  }

  /** A vote of this round waits for the signer, which signs nothing that comes before what it signed last. */
  get #isBehind(): boolean {
    this.#unsigned = this.#unsigned.filter((effect) => this.#isCurrent(effect))
    return this.#unsigned.some(({ kind }) => kind === 'castVote')
  }

  /** Returns our own message, to be fed back. */
  async #run(effect: Effect): Promise<Input | null> {
    const { network } = this.#modules
    switch (effect.kind) {
      case 'castVote':
        return this.#castVote(effect)
      case 'propose':
        return this.#propose(effect)
      case 'getValue':
        return this.#getValue(effect.round)
      case 'checkBlock':
        return this.#checkBlock(effect.blockId)
      case 'fetchBlock':
        this.#candidates.fetch(effect.blockId)
        return null
      case 'schedule':
        this.#timers.schedule(effect.timer, timeoutOf(effect.timer, this.#options.timeouts))
        return null
      case 'cancel':
        this.#timers.cancel(effect.timer)
        return null
      case 'rebroadcast':
        for (const vote of effect.votes) network.broadcast({ kind: 'vote', vote })
        return null
      case 'publishPolka':
        network.broadcast({ kind: 'polkaCertificate', certificate: effect.certificate })
        return null
      case 'publishProposal':
        this.#publishProposal(effect.proposal)
        return null
      case 'publishRoundCertificate':
        network.broadcast({ kind: 'roundCertificate', certificate: effect.certificate })
        return null
      case 'decide':
        this.#decide(effect.blockId, effect.certificate)
        return null
      case 'disagreement':
        throw this.#disagreementError(effect)
      case 'evidence':
        await this.#modules.evidence.add(effect.evidence)
        return null
      case 'stepChanged':
        this.#modules.metrics.stepChanged(this.height, effect.round, effect.step)
        return null
      default:
        return unreachable(effect)
    }
  }

  async #castVote(effect: Extract<Effect, { kind: 'castVote' }>): Promise<Input | null> {
    const { signer, wal, network } = this.#modules
    assert(signer !== null, 'an observer never votes')
    if (this.#isBehind) {
      this.#unsigned.push(effect)
      return null
    }
    try {
      const vote = await this.#promised(() => signer.signVote(effect.vote), wal)
      network.broadcast({ kind: 'vote', vote })
      return { kind: 'vote', vote: this.#admission.ownVote(vote) }
    } catch (error) {
      return this.#abstain(effect, error)
    }
  }

  /** Without a signature the others decide. */
  #abstain(effect: Unsigned, error: unknown): null {
    const { log } = this.#modules
    const round = effect.kind === 'propose' ? effect.round : effect.vote.round
    const step = effect.kind === 'propose' ? 'proposal' : effect.vote.type
    if (isNexusError(error, 'SIGNER_UNAVAILABLE')) {
      this.#unsigned.push(effect)
      log.debug('Not signed for now', { height: this.height, round, step, error })
      return null
    }
    // The last-signed state remembers what the WAL lost.
    if (!isNexusError(error, 'DOUBLE_SIGN_REFUSED')) throw error
    log.error('Refused by the double-sign guard', { height: this.height, round, step })
    return null
  }

  async #propose(effect: Extract<Effect, { kind: 'propose' }>): Promise<Input | null> {
    const { signer, wal } = this.#modules
    assert(signer !== null && this.#ownIndex !== null, 'an observer never proposes')
    const { round, polRound, blockId } = effect
    const entry = this.#candidates.get(blockId)
    assert(entry !== undefined, 'a proposed block is here')
    try {
      const unsigned = {
        chainId: this.#options.chainId,
        height: this.height,
        round,
        polRound,
        blockId,
        validatorIndex: this.#ownIndex,
      }
      const proposal = await this.#promised(() => signer.signProposal(unsigned), wal)
      this.#publishProposal(proposal)
      this.#modules.metrics.proposed(entry.assembled?.bytes.length ?? 0)
      return {
        kind: 'proposal',
        proposal: this.#admission.ownProposal(proposal),
        time: entry.header.time,
        receivedAt: entry.header.time,
      }
    } catch (error) {
      return this.#abstain(effect, error)
    }
  }

  /**
   * A signature may leave once the log holds what led to it and the signer has noted it, in that
   * order: a crash in between replays to the same bytes, for which the signer has the signature. The
   * other way round it would refuse what the node comes to without its memory, and where this vote is
   * needed for a quorum the round, which nobody could leave, would be the last.
   */
  async #promised<T>(sign: () => Promise<T>, wal: WalLog): Promise<T> {
    await wal.flush()
    return sign()
  }

  #publishProposal(proposal: SignedProposal): void {
    const entry = this.#candidates.get(proposal.blockId)
    if (entry === undefined) return
    if (entry.body === null && entry.assembled === null) return
    const body = entry.body ?? wholeBodyOf((entry.assembled as AssembledBlock).block.payload)
    this.#modules.network.broadcast({ kind: 'proposal', proposal, header: entry.header, body })
  }

  /** More than two thirds committed a block that is invalid here: whatever the reason, this node must not go on. */
  #disagreementError(effect: Extract<Effect, { kind: 'disagreement' }>): NexusError {
    const { blockId, round } = effect
    const { summary } = this.#options.head
    return new NexusError(
      {
        code: 'STATE_DIVERGED',
        height: this.height,
        round,
        blockId,
        ownStateRoot: toHex(summary.stateRoot),
        ownEvmRoot: toHex(summary.roots.evmRoot),
        ownCoreRoot: toHex(summary.roots.coreRoot),
      },
      {
        message: `Validators committed block ${blockId} at height ${this.height}, which is invalid on this node. Its state differs from the network's; it stops so that nothing is built on it.`,
      },
    )
  }

  #checkBlock(blockId: BlockId): Input | null {
    const verdict = this.#candidates.check(blockId)
    return verdict === null ? null : { kind: 'blockChecked', ...verdict }
  }

  /** Builds a block; waits only where the clock is not past the previous block's time. */
  #getValue(round: Round): Input | null {
    const { clock, signer } = this.#modules
    assert(signer !== null, 'an observer never proposes')
    const behindMs = this.#options.head.summary.time + 1 - clock.wallMs()
    if (behindMs > 0) {
      const retry = async (): Promise<void> => {
        const ready = this.#getValue(round)
        if (ready !== null) await this.#feed(ready)
      }
      this.#cancelRetry = clock.setTimer(() => this.#later(retry), behindMs)
      return null
    }
    const { blockId, header } = this.#candidates.build(signer.address)
    return { kind: 'valueReady', round, blockId, time: header.time }
  }

  #decide(blockId: BlockId, certificate: Certificate): void {
    const entry = this.#candidates.get(blockId)
    assert(entry?.assembled != null, 'a decided block is here whole')
    assert(this.#decision === null, 'a height is decided once')
    this.#decision = { entry, certificate }
  }
}

const slotOf = ({ type, round, validatorIndex }: SignedVote): string =>
  `${type}/${round}/${validatorIndex}`

/** From this round on a precommit also publishes the proposal and its polka: the hidden-lock remedy (Malachite #956). */
const HIDDEN_LOCK_ROUND = 2
const MAX_COMMITS = 16
/** Votes and proposals of 128 validators over the window of counted rounds. */
const MAX_SEEN = 3 * 128 * 64
