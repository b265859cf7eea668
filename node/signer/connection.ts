import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { decode, encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { formatSignerAddress, type SignerAddress } from './address.ts'
import { Frames, protocolError, SealedChannel } from './channel.ts'
import { connectTo } from './endpoint.ts'
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
  type SignMessage,
  sameMac,
  transcriptOf,
} from './protocol.ts'

export type ConnectionOptions = {
  readonly address: SignerAddress
  readonly chainId: number
  readonly secret: Uint8Array
  /** From the first packet to an authenticated connection. */
  readonly handshakeMs: number
}

/** A request without its number. */
export type Question =
  | { readonly kind: 'sign'; readonly message: SignMessage }
  | { readonly kind: 'lastSigned' }
  | { readonly kind: 'ping' }

type Channel = SealedChannel<SignerRequest, SignerAnswer>

type Waiting = {
  readonly resolve: (answer: SignerAnswer) => void
  readonly reject: (error: NexusError) => void
}

/** One authenticated connection to a signer. It ends with the first failure, and is not used again. */
export class SignerConnection {
  readonly publicKey: Uint8Array
  /** Why it ended. Never rejects. */
  readonly ended: Promise<NexusError>
  readonly #socket: Socket
  readonly #channel: Channel
  readonly #waiting = new Map<number, Waiting>()
  #failure: NexusError | null = null
  #nextId = 0

  private constructor(socket: Socket, channel: Channel, publicKey: Uint8Array) {
    this.#socket = socket
    this.#channel = channel
    this.publicKey = publicKey
    this.ended = this.#receiveAll()
  }

  /**
   * Connects and authenticates both sides. Throws SIGNER_UNAVAILABLE, SIGNER_PROTOCOL,
   * SIGNER_SECRET_MISMATCH, SIGNER_CHAIN_MISMATCH, SIGNER_VERSION, SIGNER_BUSY.
   */
  static async open(options: ConnectionOptions): Promise<SignerConnection> {
    const socket = connectTo(options.address)
    socket.setNoDelay(true)
    // The frames' reader reports it; without a listener an error would end the process.
    socket.on('error', () => {})
    let late = false
    const deadline = setTimeout(() => {
      late = true
      socket.destroy()
    }, options.handshakeMs)
    try {
      const channel = await authenticate(new Frames(socket), options)
      const ready = await channel.receive()
      if (ready?.kind !== 'ready') throw protocolError('it does not say which key it has')
      return new SignerConnection(socket, channel, ready.publicKey)
    } catch (error) {
      socket.destroy()
      if (late) throw unavailable(`no answer within ${options.handshakeMs} ms`)
      if (error instanceof NexusError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw unavailable(`${formatSignerAddress(options.address)}: ${reason}`)
    } finally {
      clearTimeout(deadline)
    }
  }

  /**
   * The answer, or SIGNER_UNAVAILABLE: then the connection has ended, so that a late answer reaches
   * nobody.
   */
  async ask(question: Question, timeoutMs: number): Promise<SignerAnswer> {
    if (this.#failure !== null) throw this.#failure
    const id = this.#nextId
    this.#nextId = (id + 1) % 2 ** 32
    const answer = new Promise<SignerAnswer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
    })
    const timer = setTimeout(
      () => this.close(unavailable(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
    this.#channel.send({ ...question, id })
    try {
      return await answer
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  close(reason: NexusError = unavailable('the connection was closed')): void {
    this.#failure ??= reason
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
    this.#socket.destroy()
  }

  async #receiveAll(): Promise<NexusError> {
    try {
      for (;;) {
        const answer = await this.#channel.receive()
        if (answer === null) throw unavailable('the signer closed the connection')
        if (answer.kind === 'ready') throw protocolError('it says twice which key it has')
        this.#waiting.get(answer.id)?.resolve(answer)
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.close(error instanceof NexusError ? error : unavailable(reason))
    }
    return this.#failure ?? unavailable('the connection was closed')
  }
}

async function authenticate(
  frames: Frames,
  { chainId, secret }: ConnectionOptions,
): Promise<Channel> {
  const write = (message: Handshake): Uint8Array => {
    const body = encode(handshakeCodec, message)
    frames.write(body)
    return body
  }
  const nonce = Uint8Array.from(randomBytes(NONCE_LENGTH))
  const hello = write({ kind: 'hello', version: PROTOCOL_VERSION, chainId, nonce })
  const challenge = await readAnswer(frames, 'challenge')
  if (challenge.message.version !== PROTOCOL_VERSION) throw refusedBy('SIGNER_VERSION')
  const transcript = transcriptOf(hello, challenge.body)
  write({ kind: 'proof', mac: proofOf('node', secret, transcript) })
  const { message } = await readAnswer(frames, 'welcome')
  if (!sameMac(message.mac, proofOf('signer', secret, transcript)))
    throw refusedBy('SIGNER_SECRET_MISMATCH')
  const codecs = { out: requestCodec, in: answerCodec }
  return new SealedChannel(frames, codecs, { side: 'node', secret, transcript })
}

type MessageOf<K extends Handshake['kind']> = Extract<Handshake, { kind: K }>

async function readAnswer<K extends Handshake['kind']>(
  frames: Frames,
  kind: K,
): Promise<{ readonly message: MessageOf<K>; readonly body: Uint8Array }> {
  const body = await frames.read()
  if (body === null) throw unavailable('the signer closed the connection')
  const decoded = decode(handshakeCodec, body)
  if (decoded.ok && decoded.value.kind === 'refusal') throw refusedBy(decoded.value.code)
  if (!decoded.ok || decoded.value.kind !== kind) throw protocolError(`there is no ${kind}`)
  return { message: decoded.value as MessageOf<K>, body }
}

const REFUSALS: Readonly<Record<ConnectionRefusal, string>> = {
  SIGNER_VERSION: 'the signer speaks another version of the protocol',
  SIGNER_SECRET_MISMATCH: 'the signer and this node have different secrets',
  SIGNER_CHAIN_MISMATCH: 'the signer was started for another chain',
  SIGNER_BUSY: 'the signer serves another node',
}

const refusedBy = (code: ConnectionRefusal): NexusError =>
  new NexusError({ code }, { message: REFUSALS[code] })

export const unavailable = (reason: string): NexusError =>
  new NexusError(
    { code: 'SIGNER_UNAVAILABLE', reason },
    { message: `the signer cannot be asked: ${reason}` },
  )
