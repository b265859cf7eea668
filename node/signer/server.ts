import { randomBytes } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { decode, encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { GuardedSigner } from '../consensus/signer.ts'
import type { Logger } from '../observability/logger.ts'
import type { SignerAddress } from './address.ts'
import { Frames, protocolError, SealedChannel } from './channel.ts'
import { openEndpoint } from './endpoint.ts'
import {
  answerCodec,
  type ConnectionRefusal,
  type Handshake,
  handshakeCodec,
  NONCE_LENGTH,
  PROTOCOL_VERSION,
  proofOf,
  requestCodec,
  type SignerAnswer,
  type SignerRequest,
  sameMac,
  transcriptOf,
} from './protocol.ts'
import { answerTo } from './signing.ts'

export type SignerServerOptions = {
  readonly address: SignerAddress
  readonly chainId: number
  readonly secret: Uint8Array
  /** For the handshake of a connection. */
  readonly handshakeMs: number
  /** A client that says nothing for this long has lost its place to another one. */
  readonly leaseMs: number
  /** Connections that have not shown the secret yet; beyond, the oldest is closed. */
  readonly maxUnproven: number
}

export const defaultSignerServerOptions = { handshakeMs: 2_000, leaseMs: 5_000, maxUnproven: 8 }

export type SignerServerModules = {
  readonly signer: GuardedSigner
  readonly log: Logger
  /** The last-signed state cannot be written: nothing may be signed by this process any more. */
  readonly onFatal: (error: unknown) => void
}

type Channel = SealedChannel<SignerAnswer, SignerRequest>

/**
 * Signs for one client at a time, which must know the secret. A second one is refused with
 * SIGNER_BUSY while the first lives: two nodes with one validator are a mistake, and the guard, which
 * would keep them from signing twice, would still let them take each other's turns.
 */
export class SignerServer {
  readonly #options: SignerServerOptions
  readonly #modules: SignerServerModules
  readonly #server: Server
  readonly #unproven = new Set<Socket>()
  #client: Socket | null = null
  #address: SignerAddress

  private constructor(options: SignerServerOptions, modules: SignerServerModules) {
    this.#options = options
    this.#modules = modules
    this.#address = options.address
    this.#server = createServer((socket) => void this.#serve(socket))
  }

  /** Throws SIGNER_SOCKET and what `assertPrivateDirectory` throws. */
  static async listen(
    options: SignerServerOptions,
    modules: SignerServerModules,
  ): Promise<SignerServer> {
    const server = new SignerServer(options, modules)
    server.#address = await openEndpoint(server.#server, options.address)
    return server
  }

  /** With the port that was chosen, when it was left open. */
  get address(): SignerAddress {
    return this.#address
  }

  /** Ends all connections; a request that is being answered is answered to nobody, and guarded all the same. */
  close(): Promise<void> {
    for (const socket of [...this.#unproven, ...(this.#client === null ? [] : [this.#client])])
      socket.destroy()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  async #serve(socket: Socket): Promise<void> {
    const { log, onFatal } = this.#modules
    socket.on('error', () => {})
    socket.setNoDelay(true)
    this.#admit(socket)
    const deadline = setTimeout(() => socket.destroy(), this.#options.handshakeMs)
    try {
      const channel = await this.#authenticate(socket)
      clearTimeout(deadline)
      if (channel !== null) await this.#answerAll(socket, channel)
    } catch (error) {
      if (!(error instanceof NexusError)) log.debug('Connection ended', { error })
      else if (error.detail.code === 'SIGNER_PROTOCOL') log.warn('Connection dropped', { error })
      else onFatal(error)
    } finally {
      clearTimeout(deadline)
      this.#unproven.delete(socket)
      if (this.#client === socket) {
        this.#client = null
        log.info('Node disconnected')
      }
      // What was written last, such as a refusal, leaves first.
      socket.end(() => socket.destroy())
    }
  }

  #admit(socket: Socket): void {
    this.#unproven.add(socket)
    const [oldest] = this.#unproven
    if (this.#unproven.size > this.#options.maxUnproven) oldest?.destroy()
  }

  /** Null: the connection was refused. The client proves itself first, so that nobody else learns a thing. */
  async #authenticate(socket: Socket): Promise<Channel | null> {
    const { secret, chainId, leaseMs } = this.#options
    const frames = new Frames(socket)
    const write = (message: Handshake): Uint8Array => {
      const body = encode(handshakeCodec, message)
      frames.write(body)
      return body
    }
    const refuse = (code: ConnectionRefusal): null => {
      this.#modules.log.warn('Connection refused', { code })
      write({ kind: 'refusal', code })
      return null
    }
    const hello = await readHandshake(frames, 'hello')
    if (hello === null) return null
    if (hello.message.version !== PROTOCOL_VERSION) return refuse('SIGNER_VERSION')
    const nonce = Uint8Array.from(randomBytes(NONCE_LENGTH))
    const challenge = write({ kind: 'challenge', version: PROTOCOL_VERSION, nonce })
    const transcript = transcriptOf(hello.body, challenge)
    const proof = await readHandshake(frames, 'proof')
    if (proof === null) return null
    if (!sameMac(proof.message.mac, proofOf('node', secret, transcript)))
      return refuse('SIGNER_SECRET_MISMATCH')
    if (hello.message.chainId !== chainId) return refuse('SIGNER_CHAIN_MISMATCH')
    if (this.#client !== null) return refuse('SIGNER_BUSY')
    this.#client = socket
    this.#unproven.delete(socket)
    socket.setTimeout(leaseMs, () => socket.destroy())
    write({ kind: 'welcome', mac: proofOf('signer', secret, transcript) })
    const codecs = { out: answerCodec, in: requestCodec }
    return new SealedChannel(frames, codecs, { side: 'signer', secret, transcript })
  }

  /** One request after the other: the next is not read before this one is answered. */
  async #answerAll(socket: Socket, channel: Channel): Promise<void> {
    const { signer, log } = this.#modules
    const { chainId } = this.#options
    log.info('Node connected', { remote: socket.remoteAddress ?? 'local' })
    channel.send({ kind: 'ready', publicKey: signer.publicKey })
    for (;;) {
      const request = await channel.receive()
      if (request === null) return
      const answer = await answerTo(request, { signer, chainId })
      if (answer.kind === 'refused' && request.kind === 'sign') {
        const { kind: step, height, round } = request.message
        log.error('Signature refused', { code: answer.code, step, height, round })
      }
      channel.send(answer)
    }
  }
}

type MessageOf<K extends Handshake['kind']> = Extract<Handshake, { kind: K }>

/** Null at the end of the stream. Throws SIGNER_PROTOCOL. */
async function readHandshake<K extends Handshake['kind']>(
  frames: Frames,
  kind: K,
): Promise<{ readonly message: MessageOf<K>; readonly body: Uint8Array } | null> {
  const body = await frames.read()
  if (body === null) return null
  const decoded = decode(handshakeCodec, body)
  if (!decoded.ok || decoded.value.kind !== kind) throw protocolError(`there is no ${kind}`)
  return { message: decoded.value as MessageOf<K>, body }
}
