import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { type BaseFee, baseFeeOf, createEntry, type Entry, isAffordable } from './entry.ts'
import { EvictionOrder } from './evictionOrder.ts'
import { RecentHashes } from './recentHashes.ts'
import { type SelectionLimits, selectTransactions } from './selection.ts'
import { type Account, SenderQueue } from './senderQueue.ts'
import { keyOf, type PooledTransaction } from './transaction.ts'

/** Why a transaction is not taken. The notions are geth's, so that wallets know them. */
export type PoolCode =
  | 'ALREADY_KNOWN'
  | 'GAS_LIMIT_TOO_HIGH'
  | 'UNDERPRICED'
  | 'NONCE_TOO_LOW'
  | 'NONCE_GAP_TOO_LARGE'
  | 'INSUFFICIENT_FUNDS'
  | 'REPLACEMENT_UNDERPRICED'
  | 'SENDER_LIMIT'
  | 'POOL_FULL'

/** Why a transaction left the pool without being in a block. */
export type DropReason = 'REPLACED' | 'EVICTED' | 'EXPIRED' | 'STALE' | 'UNFUNDED' | 'SKIPPED'

export type PoolOptions = {
  readonly maxCount: number
  /** Sum of the signed bytes. */
  readonly maxBytes: number
  readonly maxPerSender: number
  /** How far a nonce may be ahead of the first free one. */
  readonly maxNonceGap: number
  /** A replacement offers this much more of both fees, in percent. */
  readonly replacementPercent: number
  /** Lowest fee cap that is taken in, in wei per gas. */
  readonly minimumFeeCap: bigint
  /** A transaction with a higher gas limit fits no block. */
  readonly blockGasLimit: number
  /** How long a transaction waits for its block, in milliseconds. */
  readonly lifetimeMs: number
  /** Hashes of committed transactions that are remembered; at least a block of them. */
  readonly recentHashes: number
  /** Blocks that may find a transaction invalid before it is given up. */
  readonly maxSkips: number
}

export const defaultPoolOptions: PoolOptions = {
  maxCount: 50_000,
  maxBytes: 64 << 20,
  maxPerSender: 4_096,
  maxNonceGap: 256,
  replacementPercent: 10,
  minimumFeeCap: 1n,
  blockGasLimit: 2 ** 32,
  lifetimeMs: 3 * 60 * 60 * 1_000,
  recentHashes: 65_536,
  maxSkips: 3,
}

export type PoolModules = {
  /** Nonce and balance after the last committed block; asked once per sender and block at most. */
  readonly accountOf: (address: Uint8Array) => Account
  readonly onDropped: (transaction: PooledTransaction, reason: DropReason) => void
}

export type AddOutcome = {
  /** Whether its nonce is next, or follows transactions that are here. */
  readonly executable: boolean
  readonly replaced: PooledTransaction | null
}

export type CommittedBlock = {
  readonly included: readonly Pick<PooledTransaction, 'hash' | 'sender' | 'nonce'>[]
  /** What the block named although it was invalid when its turn came. */
  readonly skipped: readonly Pick<PooledTransaction, 'hash'>[]
  /** Of the next block, in wei. */
  readonly baseFee: bigint
}

/**
 * Transactions that wait for a block, by sender and nonce, always judged by the last committed state.
 * Synchronous; time and account state are handed in. Counts and bytes never exceed their limits.
 */
export class TransactionPool {
  readonly #options: PoolOptions
  readonly #modules: PoolModules
  readonly #queues = new Map<string, SenderQueue>()
  readonly #entries = new Map<string, Entry>()
  readonly #recent: RecentHashes
  /** Null while there is room. */
  #evictionOrder: EvictionOrder | null = null
  /** Senders whose next transaction the next block could hold. */
  #ready = 0
  #bytes = 0
  #sequence = 0
  #commits = 0
  #baseFee: BaseFee

  constructor(options: PoolOptions & { readonly baseFee: bigint }, modules: PoolModules) {
    this.#options = options
    this.#modules = modules
    this.#baseFee = baseFeeOf(options.baseFee)
    this.#recent = new RecentHashes(options.recentHashes)
  }

  get size(): number {
    return this.#entries.size
  }
  get bytes(): number {
    return this.#bytes
  }
  /** Whether a block made now would hold a transaction. */
  get hasPending(): boolean {
    return this.#ready > 0
  }
  get(hash: Uint8Array): PooledTransaction | undefined {
    return this.#entries.get(keyOf(hash))?.transaction
  }
  has(hash: Uint8Array): boolean {
    return this.#entries.has(keyOf(hash))
  }
  /** Here, or in a block not long ago: nothing is learned from decoding it again. */
  isKnown(hash: Uint8Array): boolean {
    const key = keyOf(hash)
    return this.#entries.has(key) || this.#recent.has(key)
  }
  /** The nonce the sender's next transaction should have; null when none of this sender is here. */
  pendingNonce(address: Uint8Array): number | null {
    return this.#queues.get(keyOf(address))?.pendingNonce ?? null
  }

  /** How many a block made now could hold, counted up to `limit`. O(senders + limit). */
  selectable(limit: number): number {
    let count = 0
    for (const { isReady, entries, executable } of this.#queues.values()) {
      if (!isReady) continue
      for (let i = 0; i < executable; i++) {
        if (count >= limit) return count
        if (!isAffordable(entries[i] as Entry, this.#baseFee)) break
        count++
      }
    }
    return count
  }

  /** How many have the nonce that is next or follow one that has, and how many wait for a nonce before theirs. O(senders). */
  counts(): { readonly pending: number; readonly queued: number } {
    let pending = 0
    for (const { executable } of this.#queues.values()) pending += executable
    return { pending, queued: this.size - pending }
  }
  /** The same in full by sender and nonce, at most `limit` in all. Null: of every sender. */
  contents(
    sender: Uint8Array | null,
    limit: number,
  ): { readonly pending: PooledTransaction[]; readonly queued: PooledTransaction[] } {
    const own = sender === null ? undefined : this.#queues.get(keyOf(sender))
    const queues = sender === null ? this.#queues.values() : own === undefined ? [] : [own]
    const pending: PooledTransaction[] = []
    const queued: PooledTransaction[] = []
    for (const { entries, executable } of queues) {
      for (const [index, { transaction }] of entries.entries()) {
        if (pending.length + queued.length >= limit) return { pending, queued }
        if (index < executable) pending.push(transaction)
        else queued.push(transaction)
      }
    }
    return { pending, queued }
  }

  /** The transactions a block should hold, in their order. They stay until a block is committed. */
  select(limits: SelectionLimits): PooledTransaction[] {
    return selectTransactions(this.#queues.values(), limits)
  }

  /** `now` in milliseconds on a clock that never steps back. */
  add(transaction: PooledTransaction, now: number): Result<AddOutcome, PoolCode> {
    const key = keyOf(transaction.hash)
    if (this.#entries.has(key) || this.#recent.has(key)) return reject('ALREADY_KNOWN')
    if (transaction.gasLimit > this.#options.blockGasLimit) return reject('GAS_LIMIT_TOO_HIGH')
    if (transaction.maxFeePerGas < this.#options.minimumFeeCap) return reject('UNDERPRICED')
    const queue = this.#queueOf(transaction.sender)
    const place = { key, queue, sequence: this.#sequence++, addedAt: now }
    const outcome = this.#addTo(queue, createEntry(transaction, place))
    this.#settle(queue)
    return outcome
  }

  /** Removes what the block used or made impossible; the rest is judged by the new state. */
  onCommitted({ included, skipped, baseFee }: CommittedBlock): void {
    this.#commits++
    this.#evictionOrder = null
    const nonces = new Map<SenderQueue, number>()
    for (const { hash, sender, nonce } of included) {
      const key = keyOf(hash)
      this.#recent.add(key)
      const queue = this.#entries.get(key)?.queue ?? this.#queues.get(keyOf(sender))
      if (queue === undefined) continue
      nonces.set(queue, Math.max(nonces.get(queue) ?? 0, nonce + 1))
    }
    for (const { hash } of skipped) {
      const entry = this.#entries.get(keyOf(hash))
      if (entry === undefined) continue
      entry.skips++
      if (entry.skips >= this.#options.maxSkips) this.#drop(entry, 'SKIPPED')
      if (!nonces.has(entry.queue)) nonces.set(entry.queue, 0)
    }
    for (const [queue, nonce] of nonces) this.#useNonces(queue, nonce)
    this.#baseFee = baseFeeOf(baseFee)
    for (const queue of this.#queues.values()) this.#settle(queue)
  }

  /** Drops what has waited too long, a sender's last nonce first; O(senders). */
  expire(now: number): void {
    const before = now - this.#options.lifetimeMs
    for (const queue of this.#queues.values()) {
      for (let { tail } = queue; tail !== undefined && tail.addedAt < before; { tail } = queue)
        this.#drop(tail, 'EXPIRED')
      this.#settle(queue)
    }
  }

  #queueOf(address: Uint8Array): SenderQueue {
    const key = keyOf(address)
    const known = this.#queues.get(key)
    if (known !== undefined) {
      if (known.accountAt !== this.#commits) this.#refresh(known)
      if (known.length > 0) return known
    }
    const account = this.#modules.accountOf(address)
    const queue = new SenderQueue(key, address, account, this.#commits)
    this.#queues.set(key, queue)
    return queue
  }

  #addTo(queue: SenderQueue, entry: Entry): Result<AddOutcome, PoolCode> {
    const { nonce } = entry.transaction
    const { maxNonceGap, maxPerSender } = this.#options
    if (nonce < queue.account.nonce) return reject('NONCE_TOO_LOW')
    if (nonce > queue.pendingNonce + maxNonceGap) return reject('NONCE_GAP_TOO_LARGE')
    const rival = queue.find(nonce)
    const spent = queue.cost + entry.cost - (rival?.cost ?? 0n)
    if (spent > queue.account.balance) return reject('INSUFFICIENT_FUNDS')
    if (rival !== undefined && !this.#outbids(entry.transaction, rival.transaction))
      return reject('REPLACEMENT_UNDERPRICED')
    // A transaction in the middle pushes out the last one, or a sender full of gaps could never fill them.
    const { tail } = queue
    const crowded = rival === undefined && queue.length >= maxPerSender
    if (crowded && (tail === undefined || tail.transaction.nonce < nonce))
      return reject('SENDER_LIMIT')
    const leaving = rival ?? (crowded ? tail : undefined)
    if (leaving !== undefined) this.#unlink(leaving)
    this.#link(entry)
    const victims = this.#makeRoom(entry)
    if (victims === null) {
      if (leaving !== undefined) this.#link(leaving)
      return reject('POOL_FULL')
    }
    if (leaving !== undefined)
      this.#modules.onDropped(leaving.transaction, rival === undefined ? 'EVICTED' : 'REPLACED')
    for (const victim of victims) this.#modules.onDropped(victim.transaction, 'EVICTED')
    const executable = nonce < queue.pendingNonce
    return ok({ executable, replaced: rival?.transaction ?? null })
  }

  #outbids(offer: PooledTransaction, held: PooledTransaction): boolean {
    const percent = BigInt(100 + this.#options.replacementPercent)
    const above = (a: bigint, b: bigint): boolean => a > b && a * 100n >= b * percent
    return (
      above(offer.maxFeePerGas, held.maxFeePerGas) &&
      above(offer.maxPriorityFeePerGas, held.maxPriorityFeePerGas)
    )
  }

  /** Evicts until the limits hold; when the newcomer itself would go, nothing changes: null. */
  #makeRoom(newcomer: Entry): readonly Entry[] | null {
    const { maxCount, maxBytes } = this.#options
    const victims: Entry[] = []
    while (this.#entries.size > maxCount || this.#bytes > maxBytes) {
      const victim = this.#orderOfEviction().worst() ?? newcomer
      this.#unlink(victim)
      if (victim === newcomer) {
        for (const entry of victims.reverse()) this.#link(entry)
        return null
      }
      victims.push(victim)
    }
    for (const { queue } of victims) if (queue !== newcomer.queue) this.#settle(queue)
    return victims
  }

  #orderOfEviction(): EvictionOrder {
    // Outdated places stay in the heap until they come up; a heap of mostly those is made anew.
    const outdated = (this.#evictionOrder?.size ?? 0) > 2 * this.#entries.size
    if (this.#evictionOrder === null || outdated)
      this.#evictionOrder = new EvictionOrder(this.#queues.values(), this.#baseFee)
    return this.#evictionOrder
  }

  #useNonces(queue: SenderQueue, nonce: number): void {
    const { balance, nonce: before } = queue.account
    const account = { balance, nonce: Math.max(before, nonce) }
    this.#forget(queue.advance(account, queue.accountAt))
    // A sender with nothing left needs no account: the next transaction asks for it.
    if (queue.length > 0) this.#refresh(queue)
  }

  /** Judges a queue by the account of the last committed block. */
  #refresh(queue: SenderQueue): void {
    this.#forget(queue.advance(this.#modules.accountOf(queue.address), this.#commits))
    for (let { tail } = queue; tail !== undefined; { tail } = queue) {
      if (queue.cost <= queue.account.balance) break
      this.#drop(tail, 'UNFUNDED')
    }
    this.#evictionOrder = null
    this.#settle(queue)
  }

  /** The entries are out of their queue already: their nonces are used. */
  #forget(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries.delete(entry.key)
      this.#bytes -= entry.size
      if (!this.#recent.has(entry.key)) this.#modules.onDropped(entry.transaction, 'STALE')
    }
  }

  #link(entry: Entry): void {
    const { queue, transaction } = entry
    queue.insert(entry)
    this.#entries.set(entry.key, entry)
    this.#bytes += entry.size
    this.#evictionOrder?.changed(queue, transaction.nonce)
  }

  #unlink(entry: Entry): void {
    const { queue, transaction } = entry
    queue.remove(entry)
    this.#entries.delete(entry.key)
    this.#bytes -= entry.size
    this.#evictionOrder?.changed(queue, transaction.nonce)
  }

  #drop(entry: Entry, reason: DropReason): void {
    this.#unlink(entry)
    this.#modules.onDropped(entry.transaction, reason)
  }

  /** After any change of a queue: an empty one is let go, and a ready one is known to be. */
  #settle(queue: SenderQueue): void {
    if (queue.length === 0) this.#queues.delete(queue.key)
    const next = queue.executable > 0 ? queue.entries[0] : undefined
    const isReady = next !== undefined && isAffordable(next, this.#baseFee)
    if (isReady !== queue.isReady) this.#ready += isReady ? 1 : -1
    queue.isReady = isReady
  }
}
