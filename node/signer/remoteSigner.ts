import type { Proposal, SignedProposal, SignedVote, Vote } from '../../core/chain/vote.ts'
import { proposalDigest, voteDigest } from '../../core/chain/vote.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { isNexusError, NexusError } from '../../core/primitives/errors.ts'
import { addressOfPublicKey, signatures } from '../../core/primitives/signature.ts'
import type { SignedPlace } from '../consensus/lastSigned.ts'
import { doubleSignRefused, type GuardedSigner } from '../consensus/signer.ts'
import type { Logger } from '../observability/logger.ts'
import type { SignerMetrics } from '../observability/signerMetrics.ts'
import { formatSignerAddress, type SignerAddress } from './address.ts'
import { protocolError } from './channel.ts'
import { type Question, SignerConnection, unavailable } from './connection.ts'
import type { SignerAnswer, SignMessage } from './protocol.ts'

export type RemoteSignerOptions = {
  readonly address: SignerAddress
  readonly chainId: number
  readonly secret: Uint8Array
  /** For a signature. Consensus waits this long at most, once: then the connection is given up. */
  readonly timeoutMs: number
  /** For the first connection, on start. */
  readonly connectMs: number
  /** The key that the signer had before: a start need not wait for one that is away. */
  readonly knownKey?: Uint8Array | null
  readonly handshakeMs: number
  readonly pingMs: number
  readonly backoffMs: { readonly first: number; readonly most: number }
}

export const defaultRemoteSignerOptions = {
  handshakeMs: 2_000,
  pingMs: 1_000,
  backoffMs: { first: 50, most: 2_000 },
}

export type RemoteSignerModules = {
  readonly log: Logger
  readonly metrics: SignerMetrics
  /** Milliseconds on a clock that never steps back. */
  readonly now: () => number
}

/** Trying again does not help: somebody has to change a file. */
const PERMANENT = ['SIGNER_VERSION', 'SIGNER_SECRET_MISMATCH', 'SIGNER_CHAIN_MISMATCH'] as const

/**
 * A signer in another process. While it cannot be reached every request fails at once with
 * SIGNER_UNAVAILABLE, and it is sought again with growing pauses.
 */
export class RemoteSigner implements GuardedSigner {
  readonly publicKey: Uint8Array
  readonly address: Uint8Array
  readonly #options: RemoteSignerOptions
  readonly #modules: RemoteSignerModules
  #connection: SignerConnection | null = null
  #closed = false
  #wake: () => void = () => {}
  readonly #maintained: Promise<void>

  private constructor(
    options: RemoteSignerOptions,
    modules: RemoteSignerModules,
    publicKey: Uint8Array,
    first: SignerConnection | null,
  ) {
    this.#options = options
    this.#modules = modules
    this.publicKey = publicKey
    this.address = addressOfPublicKey(signatures.expand(publicKey))
    this.#maintained = this.#maintain(first)
  }

  /**
   * Tries until `connectMs` are over; where the key is known, one that cannot be reached is not waited for.
   * Throws what the last attempt failed with: SIGNER_UNAVAILABLE, SIGNER_BUSY, SIGNER_PROTOCOL; and at once what
   * waiting does not cure: SIGNER_SECRET_MISMATCH, SIGNER_CHAIN_MISMATCH, SIGNER_VERSION.
   */
  static async open(
    options: RemoteSignerOptions,
    modules: RemoteSignerModules,
  ): Promise<RemoteSigner> {
    const { knownKey = null } = options
    const deadline = modules.now() + options.connectMs
    let pauseMs = options.backoffMs.first
    for (;;) {
      try {
        const first = await SignerConnection.open(options)
        return new RemoteSigner(options, modules, first.publicKey, first)
      } catch (error) {
        if (PERMANENT.some((code) => isNexusError(error, code))) throw error
        // A second node on one signer is a mistake that has to show; one whose signer is away is not.
        if (knownKey !== null && isNexusError(error, 'SIGNER_UNAVAILABLE')) {
          modules.log.error(
            'No signer: this validator follows and does not vote until it is back',
            {
              ...summaryOf(error),
              ...place(options),
            },
          )
          return new RemoteSigner(options, modules, knownKey, null)
        }
        if (modules.now() + pauseMs >= deadline) throw error
        modules.log.warn('Waiting for the signer', { ...summaryOf(error), ...place(options) })
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      pauseMs = Math.min(2 * pauseMs, options.backoffMs.most)
    }
  }

  async signVote(vote: Vote): Promise<SignedVote> {
    const { type, validatorIndex: _, ...fields } = vote
    const signature = await this.#sign({ kind: type, ...fields }, voteDigest(vote))
    return { ...vote, signature }
  }

  async signProposal(proposal: Proposal): Promise<SignedProposal> {
    const { validatorIndex: _, ...fields } = proposal
    const signature = await this.#sign({ kind: 'proposal', ...fields }, proposalDigest(proposal))
    return { ...proposal, signature }
  }

  async lastSigned(): Promise<SignedPlace> {
    const answer = await this.#ask({ kind: 'lastSigned' })
    if (answer.kind === 'lastSigned') return answer.last
    throw this.#drop(protocolError('it does not say what it signed last'))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#connection?.close()
    this.#wake()
    await this.#maintained
  }

  async #sign(message: SignMessage, digest: Uint8Array): Promise<Uint8Array> {
    const { metrics, now } = this.#modules
    const startedAt = now()
    const answer = await this.#ask({ kind: 'sign', message }).catch((error: unknown) => {
      metrics.failed('SIGNER_UNAVAILABLE')
      throw error
    })
    if (answer.kind === 'refused') {
      metrics.failed(answer.code)
      const { kind: step, height, round } = message
      if (answer.code === 'DOUBLE_SIGN_REFUSED')
        throw doubleSignRefused({ step, height, round }, answer.last)
      throw this.#drop(protocolError(`it refused a ${step}: ${answer.code}`))
    }
    if (answer.kind !== 'signature') throw this.#drop(protocolError('it did not sign'))
    // A signature that peers would hold against this node must not leave it.
    if (!signatures.verify(answer.signature, digest, this.publicKey))
      throw this.#drop(protocolError('its signature does not verify'))
    metrics.signed((now() - startedAt) / 1_000)
    return answer.signature
  }

  async #ask(question: Question): Promise<SignerAnswer> {
    if (this.#connection === null) throw unavailable('it is not connected')
    try {
      return await this.#connection.ask(question, this.#options.timeoutMs)
    } catch (error) {
      if (isNexusError(error, 'SIGNER_UNAVAILABLE')) throw error
      throw unavailable(error instanceof Error ? error.message : String(error))
    }
  }

  /** Ends a connection whose other side does not do as it should; for the caller it is not there. */
  #drop(reason: NexusError): NexusError {
    this.#modules.log.error('Signer misbehaves', { error: reason })
    this.#connection?.close(reason)
    return unavailable(reason.message)
  }

  async #maintain(first: SignerConnection | null): Promise<void> {
    const { log, metrics } = this.#modules
    let connection: SignerConnection | null = first
    if (first === null) metrics.connected(false)
    while (!this.#closed) {
      if (connection === null) connection = await this.#reconnect()
      if (connection === null) return
      this.#connection = connection
      metrics.connected(true)
      log.info('Signer connected', place(this.#options))
      const reason = await this.#watch(connection)
      this.#connection = null
      connection = null
      metrics.connected(false)
      if (!this.#closed) log.error('Signer lost: this validator does not vote', summaryOf(reason))
    }
  }

  /** Asks now and then, so that a signer that hangs is noticed before a vote waits for it. */
  async #watch(connection: SignerConnection): Promise<NexusError> {
    const { pingMs, timeoutMs } = this.#options
    const ping = setInterval(() => {
      connection.ask({ kind: 'ping' }, Math.max(pingMs, timeoutMs)).catch(() => {})
    }, pingMs)
    ping.unref()
    const reason = await connection.ended
    clearInterval(ping)
    return reason
  }

  /** Null: closed meanwhile. */
  async #reconnect(): Promise<SignerConnection | null> {
    const { backoffMs } = this.#options
    for (let pauseMs = backoffMs.first; ; pauseMs = Math.min(2 * pauseMs, backoffMs.most)) {
      await this.#pause(pauseMs)
      if (this.#closed) return null
      try {
        const connection = await SignerConnection.open(this.#options)
        if (!this.#closed && equalBytes(connection.publicKey, this.publicKey)) return connection
        connection.close()
        if (this.#closed) return null
        this.#modules.log.error('Signer has another key now', { publicKey: connection.publicKey })
      } catch (error) {
        this.#modules.log.warn('Signer cannot be reached', summaryOf(error))
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

const place = ({ address }: RemoteSignerOptions) => ({ address: formatSignerAddress(address) })

const summaryOf = (error: unknown) => ({
  code: error instanceof NexusError ? error.detail.code : 'INTERNAL_ERROR',
  reason: error instanceof Error ? error.message : String(error),
})
