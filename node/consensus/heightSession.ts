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
import { EMPTY_BYTES, equalBytes } from '../../core/primitives/bytes.ts'
import { decode, encode } from '../../core/primitives/codec.ts'
import {
  type BlockId,
  type Height,
  heightOf,
  type Millis,
  millisOf,
  type Round,
} from '../../core/primitives/units.ts'
import type { ConsensusMessage } from '../network/messages.ts'
import { Admission } from './admission.ts'
import type { Attendance } from './attendance.ts'
import { Candidates, type CandidatesModules, type CandidatesOptions } from './candidates.ts'
import { disagreementError } from './diverged.ts'
import type { AssembledBlock, BlockEntry } from './heightBlocks.ts'
import { Promises } from './promises.ts'
import { wholeBodyOf } from './proposalBody.ts'
import { type DecidedHeight, TRANSFER_BYTES } from './proposalPace.ts'
import type { Signer } from './signer.ts'
import { Timers } from './timers.ts'
import { VotesSeen } from './votesSeen.ts'
import type { WalLog } from './walDirectory.ts'
import type { WalEntry } from './walFormat.ts'

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
  readonly attendance: Pick<Attendance, 'note' | 'isMissed' | 'isSilent'>
  /** Puts a task behind those that wait; the session ignores it once it has ended. */
  readonly enqueue: (task: () => Promise<void> | void) => void
}

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
  readonly #promises: Promises
  readonly #ownIndex: number | null
  readonly height: Height
  #started = false
  #ended = false
  #cancelRetry: (() => void) | null = null
  #decision: Decision | null = null
  /** When the round in flight began, and the proposal of round 0. */
  #roundBeganMs: number
  #firstProposal: BlockEntry | null = null
  /** Of proposals and polkas, so that one that comes again costs a comparison instead of a verification. */
  readonly #seen = new Map<string, Uint8Array>()
  /** Valid commits that came from outside; two for different blocks are a fork. */
  readonly commits: Certificate[] = []
  readonly #votes = new VotesSeen<SignedVote>()

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
    this.#roundBeganMs = modules.clock.monoMs()
    this.#admission = new Admission({ chainId, height: this.height, validators })
    this.#timers = new Timers(modules.clock, (timer) => this.#later(() => this.#expire(timer)))
    this.#promises = new Promises(
      { chainId, height: this.height, ownIndex: this.#ownIndex },
      { ...modules, admission: this.#admission, core: this.#core },
    )
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
    const first = this.#votes.firstOf(vote)
    const isSecond = first !== undefined && first.blockId !== vote.blockId
    const address = this.#addressOf(vote.validatorIndex)
    const isMissed = first === undefined && this.#modules.attendance.isMissed(address, this.height)
    if (!isSecond && !isMissed) return
    if (!this.#admission.admitVote(vote).ok) return
    if (isSecond) await this.#modules.evidence.add(duplicateVoteOf(first, vote))
    this.#attended(vote)
  }

  /** The first verified vote of each validator, round and type. */
  firstVotes(): readonly SignedVote[] {
    return this.#votes.firsts()
  }

  /** How the height went, for what is proposed next. */
  summary(nowMs: number): DecidedHeight {
    assert(this.#decision !== null, 'only a decided height is summed up')
    const { entry, certificate } = this.#decision
    const { evm = [], core = [] } = entry.assembled?.block.payload ?? {}
    return {
      bytes: bytesOf(this.#firstProposal ?? entry),
      transactions: evm.length + core.length,
      elapsedMs: nowMs - this.#roundBeganMs,
      isLate: this.#firstProposal !== null && certificate.round > 0,
    }
  }

  /** Whether a vote changes nothing, since it came before. */
  isKnown(vote: Omit<SignedVote, 'chainId'>): boolean {
    return vote.height === this.height && this.#votes.has(vote)
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

  /** What the log of a committed height still holds back is of no use to anybody. */
  endCommitted(): void {
    this.#stop()
    this.#modules.wal.discard()
  }

  async end(): Promise<void> {
    this.#stop()
    await this.#modules.wal.close()
  }

  #stop(): void {
    this.#ended = true
    this.#timers.clear()
    this.#cancelRetry?.()
    this.#candidates.end()
  }

  async #receiveVote(peerId: string, vote: SignedVote): Promise<void> {
    if (this.isKnown(vote)) return
    const admitted = this.#admission.admitVote(vote)
    if (!admitted.ok) return this.#refuse(peerId, admitted.code)
    this.#votes.add(vote)
    this.#attended(vote)
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
    const entry = this.#candidates.propose(header, body, peerId)
    if (entry === null) return
    if (proposal.round === 0) this.#firstProposal ??= entry
    await this.begin()
    await this.#feed({
      kind: 'proposal',
      proposal: admitted.value,
      time: header.time,
      receivedAt: millisOf(receivedAt),
    })
  }

  #addressOf(index: number): string {
    return this.#options.validators.hexAddresses[index] ?? ''
  }

  /** A verified vote came from its validator. */
  #attended({ validatorIndex }: SignedVote): void {
    const { attendance, clock } = this.#modules
    attendance.note(this.#addressOf(validatorIndex), this.height, clock.monoMs())
  }

  /** Waits but a moment for a proposer that has been silent for a while. */
  #timeoutOf(timer: Timer): Millis {
    const afterMs = timeoutOf(timer, this.#options.timeouts)
    if (timer.kind !== 'propose') return afterMs
    const { attendance, clock } = this.#modules
    const proposer = this.#addressOf(this.#admission.proposerOf(timer.round))
    const isSilent = attendance.isSilent(proposer, this.height, clock.monoMs())
    return isSilent ? millisOf(Math.ceil(afterMs / SILENT_SHARE)) : afterMs
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
      if (this.#candidates.unjudged.size > 0) inputs.push(...this.#vouched())
    }
  }

  /** Verdicts on blocks that this node cannot judge, of those for which there is a polka. */
  #vouched(): Input[] {
    const { round, hasPolka } = this.#core.view
    const rounds = Array.from({ length: round + 1 }, (_, at) => at as Round)
    return [...this.#candidates.unjudged]
      .filter((blockId) => rounds.some((at) => hasPolka(at, blockId)))
      .flatMap((blockId) => this.#candidates.vouched(blockId) ?? [])
      .map((verdict) => ({ kind: 'blockChecked', ...verdict }))
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
    for (const effect of this.#promises.takeUnsigned())
      if (this.#promises.isCurrent(effect)) await this.#runAll([effect])
  }

  /** Returns our own message, to be fed back. */
  async #run(effect: Effect): Promise<Input | null> {
    const { network } = this.#modules
    switch (effect.kind) {
      case 'castVote':
        return this.#promises.castVote(effect)
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
        this.#timers.schedule(effect.timer, this.#timeoutOf(effect.timer))
        return null
      case 'cancel':
        this.#timers.cancel(effect.timer)
        return null
      case 'rebroadcast':
        this.#promises.sendAgain(effect.votes, this.#options.timeouts.rebroadcast.baseMs)
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
        throw disagreementError(effect, this.height, this.#options.head)
      case 'evidence':
        await this.#modules.evidence.add(effect.evidence)
        return null
      case 'stepChanged':
        if (effect.step === 'propose') this.#roundBeganMs = this.#modules.clock.monoMs()
        this.#modules.metrics.stepChanged(this.height, effect.round, effect.step)
        return null
      default:
        return unreachable(effect)
    }
  }

  async #propose(effect: Extract<Effect, { kind: 'propose' }>): Promise<Input | null> {
    const entry = this.#candidates.get(effect.blockId)
    assert(entry !== undefined, 'a proposed block is here')
    const proposal = await this.#promises.signProposal(effect)
    if (proposal === null) return null
    this.#publishProposal(proposal)
    if (effect.round === 0) this.#firstProposal ??= entry
    this.#modules.metrics.proposed(entry.assembled?.bytes.length ?? 0)
    return {
      kind: 'proposal',
      proposal: this.#admission.ownProposal(proposal),
      time: entry.header.time,
      receivedAt: entry.header.time,
    }
  }

  #publishProposal(proposal: SignedProposal): void {
    const entry = this.#candidates.get(proposal.blockId)
    if (entry === undefined) return
    if (entry.body === null && entry.assembled === null) return
    const body = entry.body ?? wholeBodyOf((entry.assembled as AssembledBlock).block.payload)
    this.#modules.network.broadcast({ kind: 'proposal', proposal, header: entry.header, body })
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
    const { blockId, header } = this.#candidates.build(signer.address, round)
    return { kind: 'valueReady', round, blockId, time: header.time }
  }

  #decide(blockId: BlockId, certificate: Certificate): void {
    const entry = this.#candidates.get(blockId)
    assert(entry?.assembled != null, 'a decided block is here whole')
    assert(this.#decision === null, 'a height is decided once')
    this.#decision = { entry, certificate }
  }
}

/** Of a block that was only named: about as much as transfers have. */
const bytesOf = ({ assembled, body }: BlockEntry): number =>
  assembled?.bytes.length ?? (body?.transactions.length ?? 0) * TRANSFER_BYTES

/** From this round on a precommit also publishes the proposal and its polka: the hidden-lock remedy (Malachite #956). */
const HIDDEN_LOCK_ROUND = 2
const MAX_COMMITS = 16
/** Of a propose timeout, what a silent validator gets. */
const SILENT_SHARE = 8
/** Proposals and polkas of 128 validators over the window of counted rounds. */
const MAX_SEEN = 128 * 64
