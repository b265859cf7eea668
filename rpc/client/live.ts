import { isNexusError, NexusError } from '../../core/primitives/errors.ts'
import { Connection, type Notification } from './connection.ts'

export type ChannelMessage = {
  readonly channel: string
  /** The height that the message is about. */
  readonly sequence: number
  /** Sequence of the channel's message before. */
  readonly previous: number
  /** Of the block, in milliseconds. */
  readonly time: number
  readonly data: unknown
}

export type ChannelHandlers = {
  readonly onMessage: (message: ChannelMessage) => void
  /** At the start, and again whenever messages were missed for good: forget what you know. */
  readonly onSnapshot?: (snapshot: unknown, sequence: number) => void
  /** The node refused the channel when the connection came back; it is not tried again. */
  readonly onLost?: (error: unknown) => void
}

/** A function is asked anew each time the channel is joined: a guard that fired must be signed again. */
export type ChannelParams = Params | (() => Params | Promise<Params>)
type Params = { readonly [name: string]: unknown }

export type Subscription = {
  readonly channel: string
  /** All messages up to here have been handed over. */
  readonly sequence: number
  close(): Promise<void>
}

type Joined = {
  readonly subscription: string
  readonly sequence: number
  readonly outOfSync: boolean
  readonly snapshot: unknown
  readonly replay: readonly ChannelMessage[]
}

type Feed = {
  readonly channel: string
  readonly params: ChannelParams
  readonly handlers: ChannelHandlers
  /** Null while it is not subscribed. */
  id: string | null
  sequence: number | null
}

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000

/** A connection that comes back, with its subscriptions: none loses or repeats a message. */
export class Live {
  readonly #url: string
  readonly #feeds = new Set<Feed>()
  readonly #byId = new Map<string, Feed>()
  #connection: Promise<Connection> | null = null
  #open: Connection | null = null
  #retry: ReturnType<typeof setTimeout> | null = null
  #isClosed = false

  constructor(url: string) {
    this.#url = url
  }

  /** Null while there is none. */
  get connection(): Connection | null {
    return this.#open?.isOpen === true ? this.#open : null
  }

  connect(): Promise<Connection> {
    if (this.#isClosed) return Promise.reject(new NexusError({ code: 'CONNECTION_LOST' }))
    this.#connection ??= this.#dial()
    return this.#connection
  }

  /** Throws what the node says against it. */
  async subscribe(
    channel: string,
    params: ChannelParams,
    handlers: ChannelHandlers,
  ): Promise<Subscription> {
    const feed: Feed = { channel, params, handlers, id: null, sequence: null }
    const connection = await this.connect()
    await this.#join(connection, feed)
    this.#feeds.add(feed)
    return {
      channel,
      get sequence() {
        return feed.sequence ?? 0
      },
      close: () => this.#leave(feed),
    }
  }

  close(): void {
    this.#isClosed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#feeds.clear()
    this.#byId.clear()
    this.#open?.close()
  }

  async #dial(): Promise<Connection> {
    try {
      const connection = await Connection.open(this.#url, {
        onNotification: (notification) => this.#receive(notification),
        onClose: () => this.#lost(),
      })
      if (this.#isClosed) connection.close()
      this.#open = connection
      return connection
    } catch (error) {
      this.#connection = null
      throw error
    }
  }

  #lost(): void {
    this.#connection = null
    this.#open = null
    this.#byId.clear()
    for (const feed of this.#feeds) feed.id = null
    if (!this.#isClosed && this.#feeds.size > 0) this.#comeBack(FIRST_RETRY_MS)
  }

  #comeBack(delayMs: number): void {
    this.#retry = setTimeout(() => {
      this.#rejoin().catch(() => {
        if (!this.#isClosed && this.#open === null)
          this.#comeBack(Math.min(LAST_RETRY_MS, 2 * delayMs))
      })
    }, delayMs)
  }

  /** Throws only when the connection does not hold: `#lost` or the caller tries again. */
  async #rejoin(): Promise<void> {
    const connection = await this.connect()
    for (const feed of this.#feeds) if (feed.id === null) await this.#revive(connection, feed)
  }

  async #revive(connection: Connection, feed: Feed): Promise<void> {
    try {
      await this.#join(connection, feed)
    } catch (error) {
      if (isNexusError(error, 'CONNECTION_LOST')) throw error
      this.#feeds.delete(feed)
      feed.handlers.onLost?.(error)
    }
  }

  async #join(connection: Connection, feed: Feed): Promise<void> {
    const since = feed.sequence === null ? {} : { since: feed.sequence }
    const params = typeof feed.params === 'function' ? await feed.params() : feed.params
    const asked = [feed.channel, { ...params, ...since }]
    await connection.callThen('nexus_subscribe', asked, (answer) =>
      this.#joined(feed, answer as Joined),
    )
  }

  #joined(feed: Feed, { subscription, sequence, outOfSync, snapshot, replay }: Joined): void {
    const isFresh = feed.sequence === null || outOfSync
    feed.id = subscription
    feed.sequence = sequence
    this.#byId.set(subscription, feed)
    for (const message of replay) feed.handlers.onMessage(message)
    if (isFresh) feed.handlers.onSnapshot?.(snapshot, sequence)
  }

  #receive({ subscription, result }: Notification): void {
    const feed = this.#byId.get(subscription)
    const message = result as ChannelMessage
    if (feed === undefined || feed.sequence === null || message.sequence <= feed.sequence) return
    if (message.previous > feed.sequence) {
      void this.#resume(feed)
      return
    }
    feed.sequence = message.sequence
    feed.handlers.onMessage(message)
  }

  /** Something is missing between what we have and what came. */
  async #resume(feed: Feed): Promise<void> {
    const connection = this.#open
    const { id } = feed
    if (connection === null || id === null) return
    this.#byId.delete(id)
    feed.id = null
    // A connection that breaks here brings all feeds back when it is made anew.
    await connection.call('nexus_unsubscribe', [id]).catch(() => undefined)
    if (this.#feeds.has(feed)) await this.#revive(connection, feed).catch(() => undefined)
  }

  async #leave(feed: Feed): Promise<void> {
    this.#feeds.delete(feed)
    const { id } = feed
    if (id === null) return
    this.#byId.delete(id)
    feed.id = null
    await this.#open?.call('nexus_unsubscribe', [id]).catch(() => undefined)
  }
}
