import type { TimeoutOptions } from '../../consensus/index.ts'
import { type IsVerified, verifyCommitCertificate } from '../../consensus/verifyCertificate.ts'
import { type Block, blockCodec, blockIdOf } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import type { SignedVote } from '../../core/chain/vote.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import {
  type ChainHead,
  type DecideRequest,
  type ExecutionResult,
  storedValidatorSet,
} from '../executor/chainHead.ts'
import type { ExecutorClient } from '../executor/executorClient.ts'
import { type ConsensusMessage, heightOfMessage } from '../network/messages.ts'
import type { Logger } from '../observability/logger.ts'
import type { ConsensusMetrics } from '../observability/metrics.ts'
import type { ChainReader } from '../storage/chainReader.ts'
import { TaskQueue } from '../threads/taskQueue.ts'
import { Attendance } from './attendance.ts'
import { checkBlock, validityContextOf } from './blockValidity.ts'
import type { Clock } from './clock.ts'
import { divergedError } from './diverged.ts'
import { EarlyMessages } from './earlyMessages.ts'
import type { EvidencePool } from './evidencePool.ts'
import { ForkWatch } from './forkWatch.ts'
import { HeightSession } from './heightSession.ts'
import { knownPrecommits } from './knownPrecommits.ts'
import type { Commit, ConsensusNetwork, TransactionSource } from './ports.ts'
import { ProposalPace } from './proposalPace.ts'
import type { Signer } from './signer.ts'
import type { OpenedWal, WalFactory } from './walDirectory.ts'

export type EngineOptions = {
  readonly chainId: number
  readonly params: ConsensusParams
  readonly timeouts: TimeoutOptions
  /** `forkKey` of a fork that the operator knows of. */
  readonly acknowledgedFork?: string | null
}

export type EngineModules = {
  readonly signer: Signer | null
  readonly wal: WalFactory
  readonly network: ConsensusNetwork
  readonly executor: Pick<ExecutorClient, 'speculate' | 'decide'>
  readonly transactions: TransactionSource
  readonly evidence: EvidencePool
  readonly reader: Pick<ChainReader, 'certificate' | 'refresh'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: ConsensusMetrics
  /** After a height is durable; `reader` shows it already. */
  readonly onCommitted: (commit: Commit) => void
  /** A peer sent a message that it could only send after committing this height; unverified. */
  readonly onPeerHeight: (peerId: string, height: number) => void
  readonly onFatal: (error: Error) => void
}

export type ConsensusState = {
  readonly height: number
  readonly round: number
  readonly step: string
  readonly lockedRound: number
  readonly validRound: number
  readonly started: boolean
}

/** What the node needs of a consensus protocol; NexusBFT is the one there is. */
export type ConsensusEngine = {
  start(head: ChainHead): void
  stop(): Promise<void>
  /** A consensus message from a peer; returns at once. */
  receive(peerId: string, message: ConsensusMessage): void
  /** The mempool has something to propose; messages that wait for the next block start it unasked. */
  notifyPending(): void
  /**
   * A block that others decided, with its certificate. Resolves with what was wrong with it, or null. Where another
   * follows at once (`isLast` false) the height after it is not opened, which costs more than the block.
   */
  applyCertified(block: Block, certificate: Certificate, isLast?: boolean): Promise<string | null>
  /** An undecided block of the height in flight. */
  blockBytes(height: number, blockId: string): Uint8Array | null
  readonly state: ConsensusState
  readonly head: ChainHead
}

/** NexusBFT around its pure core: one writer over one bounded queue, one session per height. */
export class NexusBft implements ConsensusEngine {
  readonly #options: EngineOptions
  readonly #modules: EngineModules
  readonly #queue: TaskQueue
  readonly #forks: ForkWatch
  readonly #early = new EarlyMessages()
  readonly #pace: ProposalPace
  readonly #attendance = new Attendance()
  readonly #lastReply = new Map<string, number>()
  #session: HeightSession | null = null
  /** The session of the height before, which knows the votes it saw. */
  #previous: HeightSession | null = null
  #head: ChainHead | null = null
  #lastCommit: Certificate | null = null
  #proposedLast = false
  /** At the height in flight; null before the first. */
  #isValidator: boolean | null = null
  #committedAtMs = Number.NEGATIVE_INFINITY
  #cancelIdle: (() => void) | null = null
  #cancelRest: (() => void) | null = null

  constructor(options: EngineOptions, modules: EngineModules) {
    this.#options = options
    this.#modules = modules
    const { chainId, acknowledgedFork = null } = options
    this.#forks = new ForkWatch({ chainId, acknowledged: acknowledgedFork }, modules)
    const { params, timeouts } = options
    this.#pace = new ProposalPace({
      maxBytes: params.maxBlockBytes,
      budgetMs: timeouts.propose.baseMs,
    })
    this.#queue = new TaskQueue({ capacity: QUEUE_CAPACITY, onFatal: modules.onFatal })
  }

  get head(): ChainHead {
    assert(this.#head !== null, 'the engine is started before it is asked')
    return this.#head
  }

  get state(): ConsensusState {
    const height = this.head.summary.height + 1
    const session = this.#session
    if (session === null)
      return { height, round: 0, step: 'propose', lockedRound: -1, validRound: -1, started: false }
    const { round, step, lockedRound, validRound } = session.view
    return { height, round, step, lockedRound, validRound, started: session.started }
  }

  /** That wait for their height. */
  get earlyMessages(): number {
    return this.#early.count
  }

  /** Peers may ask where the chain stands before consensus starts. */
  standAt(head: ChainHead): void {
    this.#head = head
  }

  /** `rests`: an idle chain waits its interval before the next block, as if the last one were made now. */
  start(head: ChainHead, rests = false): void {
    this.standAt(head)
    if (rests) this.#committedAtMs = this.#modules.clock.monoMs()
    const { height } = head.summary
    this.#lastCommit = height === 0 ? null : this.#modules.reader.certificate(height)
    this.#queue.push(() => this.#openHeight())
  }

  async stop(): Promise<void> {
    this.#cancelIdle?.()
    this.#cancelRest?.()
    await this.#queue.stop()
    await this.#session?.end()
    this.#session = null
  }

  receive(peerId: string, message: ConsensusMessage): void {
    // Votes are sent again and again: one that is known must not take the place of one that is not.
    if (message.kind === 'vote' && this.#session?.isKnown(message.vote)) return
    const receivedAt = this.#modules.clock.wallMs()
    const accepted = this.#queue.pushBounded(() => this.#dispatch(peerId, message, receivedAt))
    if (!accepted) this.#modules.metrics.dropped(message.kind)
    this.#modules.metrics.queueLength(this.#queue.length)
  }

  notifyPending(): void {
    if (this.#session === null || this.#session.started) return
    this.#queue.push(() => this.#beginIfPending())
  }

  blockBytes(height: number, blockId: string): Uint8Array | null {
    return this.#session?.height === height ? this.#session.blockBytes(blockId) : null
  }

  applyCertified(block: Block, certificate: Certificate, isLast = true): Promise<string | null> {
    return new Promise((resolve) => {
      this.#queue.push(async () => {
        const code = await this.#applyCertified(block, certificate)
        if (this.#session === null && (isLast || code !== null)) await this.#nextHeight()
        resolve(code)
      })
    })
  }

  async #dispatch(peerId: string, message: ConsensusMessage, receivedAt: number): Promise<void> {
    const height = heightOfMessage(message)
    if (height === null || this.#session === null) return
    const current = this.#session.height
    if (height < current) return this.#receiveLate(peerId, height, message)
    if (height > current) {
      this.#modules.onPeerHeight(peerId, height - 1)
      this.#early.add(height, current, { peerId, message, receivedAt })
      return
    }
    if (message.kind === 'proposal') await this.#inspect(peerId, message.body.lastCommit)
    await this.#session.receive(peerId, message, receivedAt)
    await this.#finishIfDecided()
  }

  async #receiveLate(peerId: string, height: Height, message: ConsensusMessage): Promise<void> {
    if (message.kind === 'vote') {
      this.#modules.metrics.voteLate(message.vote.type)
      if (this.#previous?.height === height) await this.#previous.receiveLate(message.vote)
    }
    if (message.kind === 'commitCertificate') await this.#inspect(peerId, message.certificate)
    this.#helpLate(peerId, height)
  }

  /** A commit of a height that is decided here. */
  async #inspect(peerId: string, certificate: Certificate | null): Promise<void> {
    if (certificate === null || certificate.blockId === this.head.summary.blockId) return
    const code = await this.#forks.inspect(
      { certificate, header: null },
      this.#votesOf(certificate),
    )
    if (code !== null) this.#modules.network.penalize(peerId, code)
  }

  #votesOf({ height }: Certificate): readonly SignedVote[] {
    return this.#previous?.height === height ? this.#previous.firstVotes() : []
  }

  readonly #knownPrecommits = (certificate: Certificate): IsVerified => {
    const session = this.#previous?.height === certificate.height ? this.#previous : null
    return knownPrecommits(certificate, this.#lastCommit, session)
  }

  /** Tells a new peer where we stand. */
  greet(peerId: string): void {
    this.#modules.network.send(peerId, this.#statusMessage())
  }

  /** Whether the block committed last was made by this node. */
  get proposedLast(): boolean {
    return this.#proposedLast
  }

  /** A peer still works on a height that is decided here: tell it, so that it fetches the block. */
  #helpLate(peerId: string, height: number): void {
    const now = this.#modules.clock.monoMs()
    // One behind is the ordinary case of a vote that crossed our commit.
    const graceMs = height === this.head.summary.height ? LATE_GRACE_MS : 0
    if (now - this.#committedAtMs < graceMs) return
    if (now - (this.#lastReply.get(peerId) ?? Number.NEGATIVE_INFINITY) < LATE_REPLY_MS) return
    // Peers come and go under any name; whoever is forgotten may be answered once too soon.
    if (this.#lastReply.size >= MAX_REPLIES) this.#lastReply.clear()
    this.#lastReply.set(peerId, now)
    this.#modules.network.send(peerId, this.#statusMessage())
  }

  #statusMessage(): ConsensusMessage {
    const { height, round } = this.state
    return { kind: 'status', height: heightOf(height - 1), round: round as never }
  }

  async #openHeight(): Promise<void> {
    const { head } = this
    const height = heightOf(head.summary.height + 1)
    const validators = storedValidatorSet(head.summary.validators)
    const { wal, entries } = this.#noteMembership(height, validators)
      ? await this.#modules.wal.open(height)
      : NO_WAL
    this.#attendance.begin(height, validators.hexAddresses, this.#modules.clock.monoMs())
    const session = new HeightSession(
      {
        ...this.#options,
        head,
        validators,
        nextValidators: storedValidatorSet(head.summary.nextValidators),
        lastCommit: this.#lastCommit,
        knownPrecommits: this.#knownPrecommits,
      },
      {
        ...this.#modules,
        wal,
        pace: this.#pace,
        attendance: this.#attendance,
        enqueue: (task) =>
          this.#queue.push(async () => {
            await task()
            await this.#finishIfDecided()
          }),
      },
    )
    this.#session = session
    await session.recover(entries)
    await this.#finishIfDecided()
    if (this.#session !== session) return
    for (const early of this.#early.take(height))
      this.#queue.push(() => this.#dispatch(early.peerId, early.message, early.receivedAt))
    await this.#beginIfPending()
    // Where we alone are enough, beginning decides, and the height after it has its own timer by now.
    if (this.#session === session) this.#armIdleTimer(session)
  }

  /** Whether this node votes at a height: its key is in the set, which may be otherwise at the next. */
  #noteMembership(height: Height, validators: ValidatorSet): boolean {
    const { signer, metrics, log } = this.#modules
    const index = signer === null ? -1 : validators.indexOf(signer.address)
    const ownPower = validators.powerOf(index)
    const { size, totalPower } = validators
    metrics.validatorSet({ size, totalPower, ownPower })
    const isValidator = index >= 0
    if (signer !== null && isValidator !== this.#isValidator)
      log.info(isValidator ? 'This node votes' : 'This node observes', {
        ...{ height, ownPower, totalPower },
        validator: toHex(signer.address),
      })
    this.#isValidator = isValidator
    return isValidator
  }

  async #beginIfPending(): Promise<void> {
    const session = this.#session
    if (session === null || session.started || !this.#hasWork()) return
    const restMs = this.#pace.restMs(this.#modules.clock.monoMs())
    if (restMs > 0) return this.#rest(restMs)
    await session.begin()
    await this.#finishIfDecided()
  }

  /** Begins later, unless a proposal comes first. */
  #rest(forMs: number): void {
    this.#cancelRest ??= this.#modules.clock.setTimer(() => {
      this.#cancelRest = null
      this.#queue.push(() => this.#beginIfPending())
    }, Math.ceil(forMs))
  }

  /** Messages between the domains wait for the next block, which must carry them whoever proposes it. */
  #hasWork(): boolean {
    return this.head.pendingMessages.length > 0 || this.#modules.transactions.hasPending()
  }

  /** An idle chain makes a block each interval, counted from the last commit. */
  #armIdleTimer(session: HeightSession): void {
    this.#cancelIdle?.()
    const sinceCommit = this.#modules.clock.monoMs() - this.#committedAtMs
    const afterMs = Math.max(0, this.#options.params.emptyBlockIntervalMs - sinceCommit)
    this.#cancelIdle = this.#modules.clock.setTimer(() => {
      this.#queue.push(async () => {
        if (this.#session !== session) return
        await session.begin()
        await this.#finishIfDecided()
      })
    }, afterMs)
  }

  async #finishIfDecided(): Promise<void> {
    const decision = this.#session?.decision
    if (this.#session == null || decision == null) return
    const session = this.#session
    const { entry, certificate } = decision
    assert(entry.assembled !== null, 'a decided block is here whole')
    const { bytes, signatories } = entry.assembled
    assert(signatories !== null, 'a decided block is valid here')
    const { round } = certificate
    const { signer } = this.#modules
    this.#proposedLast = signer !== null && equalBytes(entry.header.proposer, signer.address)
    const result = await this.#commit({
      height: session.height,
      blockId: entry.blockId,
      block: bytes,
      ...signatories,
      certificate,
    })
    const now = this.#modules.clock.monoMs()
    this.#pace.decided(session.summary(now), now)
    this.#modules.metrics.decided({
      height: session.height,
      round,
      bytes: bytes.length,
      transactions: result.included.length,
    })
    session.endCommitted()
    await this.#nextHeight()
    for (const commit of session.commits)
      await this.#forks.inspect({ certificate: commit, header: null }, session.firstVotes())
  }

  async #commit(request: DecideRequest): Promise<ExecutionResult> {
    const { executor, reader, clock, transactions } = this.#modules
    const { head, result, commitSeconds } = await executor.decide(request)
    const { certificate } = request
    this.#head = head
    this.#lastCommit = certificate
    this.#committedAtMs = clock.monoMs()
    reader.refresh()
    transactions.committed(result, head)
    this.#noteUpdates(request.height, result)
    this.#modules.onCommitted({ head, certificate, result, commitSeconds })
    return result
  }

  #noteUpdates(height: number, { validatorUpdates }: ExecutionResult): void {
    for (const { publicKey, power } of validatorUpdates)
      this.#modules.log.info('Validator set changes', {
        atHeight: height + 2,
        publicKey: toHex(publicKey),
        power,
      })
  }

  async #nextHeight(): Promise<void> {
    this.#previous = this.#session ?? this.#previous
    this.#session = null
    await this.#modules.wal.removeBelow(heightOf(this.head.summary.height + 1))
    await this.#openHeight()
  }

  /** A block of a height that is decided here, or too far ahead to be of use. */
  #inspectOld({ header }: Block, certificate: Certificate): Promise<string | null> {
    const isTheirs =
      certificate.height === header.height && certificate.blockId === blockIdOf(header)
    if (!isTheirs) return Promise.resolve('CERTIFICATE_MISMATCH')
    return this.#forks.inspect({ certificate, header }, this.#votesOf(certificate))
  }

  /** The certificate is judged first: a valid one for a block that is invalid here means that we are wrong. */
  async #applyCertified(block: Block, certificate: Certificate): Promise<string | null> {
    const { head } = this
    if (block.header.height !== head.summary.height + 1) return this.#inspectOld(block, certificate)
    const blockId = blockIdOf(block.header)
    if (certificate.blockId !== blockId || certificate.height !== block.header.height)
      return 'CERTIFICATE_MISMATCH'
    const validators = storedValidatorSet(head.summary.validators)
    const verified = verifyCommitCertificate(certificate, validators, this.#options.chainId)
    if (!verified.ok) return verified.code
    const { lastCommit } = block.payload
    if (lastCommit !== null)
      await this.#forks.inspect(
        { certificate: lastCommit, header: null },
        this.#votesOf(lastCommit),
      )
    const signatories = await this.#modules.transactions.signatoriesOf(block.payload)
    const bytes = encode(blockCodec, block)
    const nextValidators = storedValidatorSet(head.summary.nextValidators)
    const context = validityContextOf(
      {
        ...{ ...this.#options, head, validators, nextValidators },
        knownPrecommits: this.#knownPrecommits,
      },
      this.#modules.evidence,
      { transactionsDecode: signatories !== null, vouched: true },
    )
    const verdict = checkBlock(block, bytes.length, context)
    if (!verdict.ok) {
      // A payload that does not belong to the certified header is the sender's fault, anything else is ours.
      if (verdict.code === 'WRONG_PAYLOAD_HASH') return verdict.code
      throw divergedError(block.header, head, verdict.code)
    }
    this.#proposedLast = false
    const { height } = block.header
    assert(signatories !== null, 'a valid block holds nothing unacceptable')
    await this.#commit({ height, blockId, block: bytes, ...signatories, certificate })
    this.#session?.endCommitted()
    this.#previous = this.#session ?? this.#previous
    this.#session = null
    return null
  }
}

/** Early and late messages of every peer for a few rounds; beyond, the network is faster than we are. */
const QUEUE_CAPACITY = 4_096
/**
 * An observer promises nothing, so it has nothing to remember; and what a former key of this node
 * promised at the same height is no concern of another key.
 */
const NO_WAL: OpenedWal = {
  wal: {
    append: () => undefined,
    flush: async () => undefined,
    close: async () => undefined,
    discard: () => undefined,
  },
  entries: [],
}
const LATE_GRACE_MS = 200
const LATE_REPLY_MS = 100
const MAX_REPLIES = 1_024
