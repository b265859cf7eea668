import type { Proposal, SignedProposal, SignedVote, Vote } from '../../core/chain/vote.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { Logger } from '../observability/logger.ts'
import type { Clock } from './clock.ts'
import type { SignedPlace } from './lastSigned.ts'
import type { GuardedSigner } from './signer.ts'

/** Where this node and its peers stand. */
export type GateView = {
  /** No peer is needed: this validator alone is a quorum. */
  readonly alone: boolean
  readonly height: number
  /** The highest that a peer claims, and at least `height`. */
  readonly target: number
  readonly peers: number
}

export type GateModules = {
  readonly clock: Clock
  readonly log: Logger
  readonly view: () => GateView
  /** Throws when signing now could be signing twice. */
  readonly check: () => Promise<void>
  readonly onFatal: (error: unknown) => void
}

const POLL_MS = 20
/**
 * A height that nobody can show blocks for must not keep a validator from voting. Several requests for
 * blocks time out before: block sync forgets such claims itself, and on a machine that is merely slow a
 * validator whose memory was lost must not come to vote at a height that is long past.
 */
const STALLED_MS = 60_000

/**
 * Lets nothing be signed until this node knows where the chain stands: a node whose data was lost or
 * restored from an old copy would else vote at heights that it voted at before. It is open once a
 * peer is connected and no peer is more than one height ahead, or none shows a block for a minute; then the
 * newest blocks are searched for signatures nobody here made, and it stays open.
 */
export class StartGate implements GuardedSigner {
  readonly publicKey: Uint8Array
  readonly address: Uint8Array
  readonly #signer: GuardedSigner
  #isOpen = false
  #cancel: (() => void) | null = null
  #stopped = false
  #last = { height: -1, sinceMs: 0 }

  constructor(signer: GuardedSigner) {
    this.#signer = signer
    this.publicKey = signer.publicKey
    this.address = signer.address
  }

  /** Begins to look; until then, and until it opens, every request is SIGNER_UNAVAILABLE. */
  start(modules: GateModules): void {
    const { clock, log, view, check, onFatal } = modules
    if (this.#stopped) return
    if (!this.#isReady(view(), clock.monoMs())) {
      this.#cancel = clock.setTimer(() => this.start(modules), POLL_MS)
      return
    }
    check().then(
      () => {
        this.#isOpen = true
        log.info('Signing starts', { height: view().height + 1 })
      },
      (error: unknown) => {
        if (!isUnavailable(error)) return onFatal(error)
        if (!this.#stopped) this.#cancel = clock.setTimer(() => this.start(modules), POLL_MS)
      },
    )
  }

  signVote(vote: Vote): Promise<SignedVote> {
    return this.#isOpen ? this.#signer.signVote(vote) : Promise.reject(notYet())
  }

  signProposal(proposal: Proposal): Promise<SignedProposal> {
    return this.#isOpen ? this.#signer.signProposal(proposal) : Promise.reject(notYet())
  }

  lastSigned(): Promise<SignedPlace> {
    return this.#signer.lastSigned()
  }

  get canRewind(): boolean {
    return this.#signer.rewind !== undefined
  }
  async rewind(height: number): Promise<void> {
    await this.#signer.rewind?.(height)
  }

  async close(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#signer.close()
  }

  #isReady({ alone, height, target, peers }: GateView, nowMs: number): boolean {
    if (alone) return true
    if (peers === 0 || height !== this.#last.height) this.#last = { height, sinceMs: nowMs }
    if (peers === 0) return false
    return target - height <= 1 || nowMs - this.#last.sinceMs > STALLED_MS
  }
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof NexusError && error.detail.code === 'SIGNER_UNAVAILABLE'

const notYet = (): NexusError =>
  new NexusError(
    { code: 'SIGNER_UNAVAILABLE', reason: 'the height of the chain is not known yet' },
    { message: 'nothing is signed until this node knows how far the chain is' },
  )
