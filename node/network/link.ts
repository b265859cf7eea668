import { setTimeout } from 'node:timers/promises'
import type { Connection, Stream } from '@libp2p/interface'
import { encodeFrame, type Frame, type FrameFormat } from './frames.ts'
import type { Hello } from './handshake.ts'
import { abortNow, closeGently } from './host.ts'
import { InboundChannel } from './inboundChannel.ts'
import {
  type ConsensusMessage,
  type ProposalMessage,
  proposalFrames,
  type VoteMessage,
  voteFrames,
} from './messages.ts'
import type { NetworkOptions } from './options.ts'
import { OutboundChannel } from './outboundChannel.ts'
import { RequestClient } from './requestClient.ts'
import { RequestServer, type Server } from './requestServer.ts'
import { type Request, type Response, requestFrames, responseFrames } from './requests.ts'

/** The direct streams of a connection, each opened by the side that speaks on it. */
export type ChannelName = 'votes' | 'proposals' | 'requests'
export const CHANNEL_NAMES: readonly ChannelName[] = ['votes', 'proposals', 'requests']

export type LinkEvents = {
  readonly onConsensus: (link: Link, message: ConsensusMessage) => void
  /** The peer broke a rule; the code has a penalty. */
  readonly onPenalty: (link: Link, code: string) => void
  /** The connection cannot be used any more. */
  readonly onFailed: (link: Link, code: string) => void
  readonly onReceived: (kind: string, sizeBytes: number) => void
  readonly onSent: (kind: string, sizeBytes: number) => void
  readonly onDropped: (kind: string) => void
  readonly onQueued: (channel: string, change: number) => void
  readonly onFatal: (error: unknown) => void
}

export type LinkModules = {
  readonly server: Server
  readonly events: LinkEvents
  readonly nowMs: () => number
}

/** A frame made once for all peers. */
export type EncodedMessage = {
  readonly channel: 'votes' | 'proposals'
  readonly kind: string
  readonly frame: Uint8Array
}

export function encodeMessage(message: ConsensusMessage): EncodedMessage {
  return message.kind === 'proposal'
    ? { channel: 'proposals', kind: message.kind, frame: encodeFrame(proposalFrames, message) }
    : { channel: 'votes', kind: message.kind, frame: encodeFrame(voteFrames, message) }
}

/** One connection whose handshake is done, with its streams. */
export class Link {
  readonly connection: Connection
  readonly peerId: string
  readonly hello: Hello
  readonly client: RequestClient
  bytesReceived = 0
  bytesSent = 0
  readonly #options: NetworkOptions
  readonly #modules: LinkModules
  readonly #outbound: Readonly<Record<ChannelName, OutboundChannel>>
  readonly #inbound: { close(): void }[] = []
  #responses: OutboundChannel | null = null
  #server: RequestServer | null = null
  #released = false

  constructor(connection: Connection, hello: Hello, options: NetworkOptions, modules: LinkModules) {
    this.connection = connection
    this.peerId = connection.remotePeer.toString()
    this.hello = hello
    this.#options = options
    this.#modules = modules
    this.#outbound = {
      votes: this.#outboundChannel('votes'),
      proposals: this.#outboundChannel('proposals'),
      requests: this.#outboundChannel('requests'),
    }
    this.client = new RequestClient(options.requests, this.peerId, (request) =>
      this.#outbound.requests.send(encodeFrame(requestFrames, request), request.kind),
    )
  }

  get released(): boolean {
    return this.#released
  }

  /** Opens our streams; what is sent before they are open waits for them. */
  async open(protocolOf: (channel: ChannelName) => string): Promise<void> {
    try {
      await Promise.all(
        CHANNEL_NAMES.map(async (channel) => {
          const signal = AbortSignal.timeout(this.#options.handshakeMs)
          const stream = await this.connection.newStream(protocolOf(channel), { signal })
          if (channel === 'requests') this.#readResponses(stream)
          this.#outbound[channel].attach(stream)
        }),
      )
    } catch {
      this.#fail('STREAM_FAILED')
    }
  }

  /** A stream that the peer opened to speak on. */
  accept(channel: ChannelName, stream: Stream): void {
    switch (channel) {
      case 'votes':
        this.#read<VoteMessage>(stream, voteFrames, channel, ({ message }) =>
          this.#modules.events.onConsensus(this, message),
        )
        return
      case 'proposals':
        this.#read<ProposalMessage>(stream, proposalFrames, channel, ({ message }) =>
          this.#modules.events.onConsensus(this, message),
        )
        return
      case 'requests':
        this.#serveOn(stream)
    }
  }

  send({ channel, kind, frame }: EncodedMessage): void {
    this.#outbound[channel].send(frame, kind)
  }

  /** At once: unsent bytes are lost. */
  abort(code: string): void {
    this.release()
    if (this.connection.status === 'open') abortNow(this.connection, code)
  }

  /** Takes over what waits to be sent on another connection of the same peer, answers excepted. */
  inherit(previous: Link): void {
    for (const channel of ['votes', 'proposals'] as const)
      for (const { frame, kind } of previous.#outbound[channel].takeWaiting())
        this.#outbound[channel].send(frame, kind)
  }

  /** Another connection took over: what is still on the way, in either direction, has a moment to arrive. */
  async retire(): Promise<void> {
    await setTimeout(this.#options.retireMs, undefined, { ref: false })
    this.release()
    await closeGently(this.connection)
  }

  /** Nothing of it is heard or used any more; the connection itself is closed by others. */
  release(): void {
    if (this.#released) return
    this.#released = true
    for (const channel of Object.values(this.#outbound)) channel.close()
    for (const channel of this.#inbound) channel.close()
    this.#responses?.close()
    this.#server?.close()
    this.client.close()
  }

  #fail(code: string): void {
    if (!this.#released) this.#modules.events.onFailed(this, code)
  }

  #outboundChannel(name: ChannelName | 'responses'): OutboundChannel {
    const { events } = this.#modules
    return new OutboundChannel(this.#options.queues[name], {
      onSent: (kind, sizeBytes) => {
        this.bytesSent += sizeBytes
        events.onSent(kind, sizeBytes)
      },
      onDropped: (kind) => events.onDropped(kind),
      onFailed: (code) => this.#fail(code),
      onQueued: (change) => events.onQueued(name, change),
    })
  }

  #read<T>(
    stream: Stream,
    format: FrameFormat<T>,
    rates: ChannelName | 'responses',
    onFrame: (frame: Frame<T>) => void,
  ): void {
    const { events, nowMs } = this.#modules
    const options = { format, rates: this.#options.rates[rates], nowMs }
    const channel = new InboundChannel<T>(stream, options, {
      onFrame: (frame) => {
        this.bytesReceived += frame.sizeBytes
        events.onReceived(frame.kind, frame.sizeBytes)
        onFrame(frame)
      },
      onGarbage: (code) => events.onPenalty(this, code),
      onLimited: () => events.onPenalty(this, 'RATE_LIMITED'),
    })
    if (this.#released) channel.close()
    this.#inbound.push(channel)
  }

  #readResponses(stream: Stream): void {
    this.#read<Response>(stream, responseFrames, 'responses', ({ message }) => {
      if (!this.client.receive(message)) this.#modules.events.onPenalty(this, 'UNEXPECTED_RESPONSE')
    })
  }

  #serveOn(stream: Stream): void {
    const { server, events } = this.#modules
    const responses = this.#outboundChannel('responses')
    this.#responses = responses
    responses.attach(stream)
    const requests = new RequestServer(this.#options.requests, {
      server,
      respond: (response) => {
        responses.send(encodeFrame(responseFrames, response), response.kind)
        return responses.whenIdle()
      },
      onFatal: events.onFatal,
    })
    this.#server = requests
    this.#read<Request>(stream, requestFrames, 'requests', ({ message }) =>
      requests.receive(message),
    )
  }
}
