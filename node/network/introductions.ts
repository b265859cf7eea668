import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { FrameCode } from './frames.ts'
import {
  type HandshakeMessage,
  type Hello,
  mismatchOf,
  PROTOCOL_VERSION,
  readHandshake,
  sendHandshake,
} from './handshake.ts'

export type IntroductionsOptions = {
  readonly protocolPrefix: string
  readonly handshakeMs: number
}

export type IntroductionsHandlers = {
  readonly own: () => Hello
  /** Why a connection that a peer of the same chain opened is not wanted, or null. */
  readonly judge: (connection: Connection, hello: Hello) => string | null
  /** Both sides know each other; called before any other byte of the connection is read. */
  readonly onIntroduced: (connection: Connection, hello: Hello) => void
  /** Not on the same chain, refused by either side, or silent. The connection must be closed. */
  readonly onRefused: (connection: Connection, code: string) => void
  readonly onPenalty: (connection: Connection, code: FrameCode | 'HANDSHAKE_REPEATED') => void
}

/**
 * The handshake of every connection. The dialer says hello, the listener answers with its own hello
 * or a refusal. The listener speaks of other things only after that answer, on the same connection,
 * so either side is introduced before the other's first message arrives.
 */
export class Introductions {
  readonly #options: IntroductionsOptions
  readonly #handlers: IntroductionsHandlers
  /** By connection id; the timer of a handshake that is still to come. */
  readonly #pending = new Map<string, NodeJS.Timeout>()

  constructor(options: IntroductionsOptions, handlers: IntroductionsHandlers) {
    this.#options = options
    this.#handlers = handlers
  }

  async listen(host: Libp2p): Promise<void> {
    await host.handle(this.#protocol, (stream, connection) => this.#answer(stream, connection), {
      // A second one is answered with a penalty rather than with silence.
      maxInboundStreams: 2,
      maxOutboundStreams: 1,
    })
  }

  /** A connection was opened, by either side. */
  begin(connection: Connection): void {
    const timer = setTimeout(() => {
      this.#pending.delete(connection.id)
      this.#handlers.onRefused(connection, 'HANDSHAKE_TIMEOUT')
    }, this.#options.handshakeMs)
    this.#pending.set(connection.id, timer)
    if (connection.direction === 'outbound') void this.#introduce(connection)
  }

  closed(connection: Connection): void {
    this.#settle(connection)
  }

  stop(): void {
    for (const timer of this.#pending.values()) clearTimeout(timer)
    this.#pending.clear()
  }

  // Without the chain in its name: a peer of another chain must be able to learn why it is refused.
  get #protocol(): string {
    return `${this.#options.protocolPrefix}/handshake/${PROTOCOL_VERSION}`
  }

  /** False when it was settled before. */
  #settle(connection: Connection): boolean {
    clearTimeout(this.#pending.get(connection.id))
    return this.#pending.delete(connection.id)
  }

  async #introduce(connection: Connection): Promise<void> {
    try {
      const signal = AbortSignal.timeout(this.#options.handshakeMs)
      const stream = await connection.newStream(this.#protocol, { signal })
      this.#read(stream, connection, (message) => {
        // The listener has judged and may speak already, so this side must listen.
        const code =
          message.kind === 'refusal' ? message.code : mismatchOf(this.#handlers.own(), message)
        close(stream)
        if (code !== null) this.#handlers.onRefused(connection, code)
        else if (message.kind === 'hello') this.#handlers.onIntroduced(connection, message)
      })
      sendHandshake(stream, { kind: 'hello', ...this.#handlers.own() })
    } catch {
      if (this.#settle(connection)) this.#handlers.onRefused(connection, 'HANDSHAKE_FAILED')
    }
  }

  #answer(stream: Stream, connection: Connection): void {
    if (connection.direction === 'outbound' || !this.#pending.has(connection.id)) {
      this.#handlers.onPenalty(connection, 'HANDSHAKE_REPEATED')
      return
    }
    this.#read(stream, connection, (message) => {
      if (message.kind === 'refusal') return this.#handlers.onRefused(connection, message.code)
      const code =
        mismatchOf(this.#handlers.own(), message) ?? this.#handlers.judge(connection, message)
      sendHandshake(
        stream,
        code === null ? { kind: 'hello', ...this.#handlers.own() } : { kind: 'refusal', code },
      )
      close(stream)
      if (code === null) this.#handlers.onIntroduced(connection, message)
      else this.#handlers.onRefused(connection, code)
    })
  }

  #read(
    stream: Stream,
    connection: Connection,
    onMessage: (message: HandshakeMessage) => void,
  ): void {
    readHandshake(stream, {
      onMessage: (message) => {
        if (this.#settle(connection)) onMessage(message)
      },
      onGarbage: (code) => {
        if (this.#settle(connection)) this.#handlers.onPenalty(connection, code)
      },
    })
  }
}

const close = (stream: Stream): void => {
  stream.close().catch(() => {})
}
