import type { BlockOutline, ExecutedBlock } from '../core/chain/executedBlock.ts'
import type { RpcBackend } from './backend.ts'
import { randomId } from './filters.ts'
import { headerOf } from './format/block.ts'
import { data } from './format/hex.ts'
import { pendingTransactionOf } from './format/transaction.ts'
import { notificationText } from './jsonRpc.ts'
import type { LogCriteria } from './logSearch.ts'
import { LogMatcher } from './logSearch.ts'
import { fail, type Outcome } from './outcome.ts'

export type Wanted =
  | { readonly kind: 'newHeads' }
  | { readonly kind: 'logs'; readonly criteria: LogCriteria }
  | { readonly kind: 'newPendingTransactions'; readonly isFull: boolean }
  | { readonly kind: 'syncing' }

type Subscription =
  | Exclude<Wanted, { readonly kind: 'logs' }>
  | { readonly kind: 'logs'; readonly matcher: LogMatcher }

/** A subscription to a channel of NexusCore: how it ends by the client's will, and with the connection. */
export type Feed = { readonly leave: () => void; readonly lose: () => void }

/** One WebSocket connection as subscriptions see it. */
export class Subscriber {
  readonly #send: (text: string) => void
  readonly #limit: number
  readonly subscriptions = new Map<string, Subscription>()
  readonly #feeds = new Map<string, Feed>()
  #isOpen = true

  /** `send` must not throw, whatever became of the connection. */
  constructor(send: (text: string) => void, limit: number) {
    this.#send = send
    this.#limit = limit
  }

  /** Of both kinds. */
  get size(): number {
    return this.subscriptions.size + this.#feeds.size
  }

  subscribe(wanted: Wanted): Outcome<string> {
    const room = this.room()
    if (!room.ok) return room
    const id = randomId()
    const { kind } = wanted
    this.subscriptions.set(
      id,
      kind === 'logs' ? { kind, matcher: new LogMatcher(wanted.criteria) } : wanted,
    )
    return { ok: true, value: id }
  }

  /** Whether one more subscription is allowed. */
  room(): Outcome<null> {
    if (!this.#isOpen) return fail({ code: 'NOTIFICATIONS_UNSUPPORTED' })
    if (this.size < this.#limit) return { ok: true, value: null }
    return fail({
      code: 'LIMIT_EXCEEDED',
      problem: `more than ${this.#limit} subscriptions on a connection`,
      limit: this.#limit,
    })
  }

  unsubscribe(id: string): boolean {
    return this.subscriptions.delete(id)
  }

  notify(id: string, resultJson: string): void {
    if (this.subscriptions.has(id)) this.#send(notificationText('eth_subscription', id, resultJson))
  }

  addFeed(id: string, feed: Feed): void {
    this.#feeds.set(id, feed)
  }
  /** Ended by the client. */
  leaveFeed(id: string): boolean {
    const feed = this.#feeds.get(id)
    if (feed === undefined) return false
    this.#feeds.delete(id)
    feed.leave()
    return true
  }
  tellFeed(id: string, resultJson: string): void {
    this.#send(notificationText('nexus_subscription', id, resultJson))
  }

  /** The connection is gone. */
  close(): void {
    this.#isOpen = false
    this.subscriptions.clear()
    const feeds = [...this.#feeds.values()]
    this.#feeds.clear()
    for (const feed of feeds) feed.lose()
  }

  *ofKind<K extends Wanted['kind']>(
    kind: K,
  ): Generator<readonly [id: string, subscription: Extract<Subscription, { readonly kind: K }>]> {
    for (const [id, subscription] of this.subscriptions)
      if (subscription.kind === kind)
        yield [id, subscription as Extract<Subscription, { readonly kind: K }>]
  }
}

/** Sends what happens to those who asked for it; a block is put into words once for all. */
export class SubscriptionHub {
  readonly #backend: RpcBackend
  readonly #subscribers = new Set<Subscriber>()

  constructor(backend: RpcBackend) {
    this.#backend = backend
  }

  add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber)
  }
  remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber)
    subscriber.close()
  }

  get size(): number {
    let count = 0
    for (const { size } of this.#subscribers) count += size
    return count
  }

  head({ header }: BlockOutline): void {
    this.#broadcast('newHeads', () => JSON.stringify(headerOf(header)))
    // Read as a whole for whoever wants its logs, and else not at all.
    let block: ExecutedBlock | null = null
    for (const [subscriber, id, { matcher }] of this.#each('logs')) {
      block ??= this.#backend.block(header.number)
      if (block === null) return
      for (const log of matcher.logsOf(block)) subscriber.notify(id, JSON.stringify(log))
    }
  }

  syncing(isCatchingUp: boolean): void {
    this.#broadcast('syncing', () => JSON.stringify(isCatchingUp))
  }

  async pendingTransactions(hashes: readonly Uint8Array[]): Promise<void> {
    const listeners = [...this.#each('newPendingTransactions')]
    if (listeners.length === 0) return
    const full = listeners.some(([, , { isFull }]) => isFull)
    for (const hash of hashes) {
      const short = JSON.stringify(data(hash))
      // Asked for at once: what is in a block by now is told as a block.
      const signed = full ? await this.#backend.pendingTransaction(hash) : null
      const long =
        signed === null
          ? null
          : JSON.stringify(pendingTransactionOf(this.#backend.transaction(signed)))
      for (const [subscriber, id, { isFull }] of listeners) {
        if (!isFull) subscriber.notify(id, short)
        else if (long !== null) subscriber.notify(id, long)
      }
    }
  }

  #broadcast(kind: 'newHeads' | 'syncing', word: () => string): void {
    let text: string | null = null
    for (const [subscriber, id] of this.#each(kind)) {
      text ??= word()
      subscriber.notify(id, text)
    }
  }

  *#each<K extends Wanted['kind']>(
    kind: K,
  ): Generator<
    readonly [Subscriber, id: string, subscription: Extract<Subscription, { readonly kind: K }>]
  > {
    for (const subscriber of this.#subscribers)
      for (const [id, subscription] of subscriber.ofKind(kind)) yield [subscriber, id, subscription]
  }
}
