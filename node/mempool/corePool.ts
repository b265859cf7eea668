import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { ExecutedAction } from '../executor/chainHead.ts'
import type { PooledAction } from './action.ts'
import { Heap } from './heap.ts'
import { RecentHashes } from './recentHashes.ts'
import { LENGTH_PREFIX_BYTES } from './selection.ts'
import { keyOf } from './transaction.ts'

/** Why an envelope is not taken. */
export type ActionPoolCode =
  | 'ALREADY_KNOWN'
  /** Another envelope under this signer and nonce waits already. */
  | 'NONCE_PENDING'
  | 'NONCE_OUT_OF_WINDOW'
  | 'EXPIRED'
  /** More than a whole block's gas before anything runs. */
  | 'GAS_TOO_HIGH'
  | 'SIGNER_LIMIT'
  | 'POOL_FULL'

/** Why an envelope left the pool without using its nonce. */
export type ActionDropReason =
  | 'EXPIRED'
  | 'REFUSED'
  | 'SKIPPED'
  /** Its signer uses up the nonce with a `noop` instead. */
  | 'VOIDED'

export type CorePoolOptions = {
  readonly maxCount: number
  /** Sum of the signed bytes. */
  readonly maxBytes: number
  readonly maxPerSigner: number
  readonly maxBytesPerSigner: number
  /** Core gas of a block. */
  readonly blockGas: number
  /** A nonce is later than the block's time less `nonceAgeMs` and earlier than it plus `nonceLeadMs`. */
  readonly nonceAgeMs: number
  readonly nonceLeadMs: number
  /** How long an envelope waits for its block, in milliseconds. */
  readonly lifetimeMs: number
  /** Hashes of committed envelopes that are remembered; at least a block of them. */
  readonly recentHashes: number
  /** Blocks without room for an envelope they name, before it is given up. */
  readonly maxSkips: number
}

const DAY_MS = 86_400_000

export const defaultCorePoolOptions: CorePoolOptions = {
  maxCount: 50_000,
  maxBytes: 64 << 20,
  maxPerSigner: 4_096,
  maxBytesPerSigner: 4 << 20,
  blockGas: 2 ** 32,
  // spec/core §2; both edges are outside.
  nonceAgeMs: 2 * DAY_MS,
  nonceLeadMs: DAY_MS,
  lifetimeMs: 10 * 60 * 1_000,
  recentHashes: 65_536,
  maxSkips: 3,
}

/** Two clocks, in milliseconds: one that never steps back, and the time the next block would have. */
export type PoolTime = { readonly monoMs: number; readonly blockMs: number }

export type ActionLimits = {
  /** Of the block being made, in milliseconds. */
  readonly blockMs: number
  /** Core gas: the sum of the calls' base gas, not of what they will use. */
  readonly gas: number
  /** Of the encoded list of envelopes, without its own count. */
  readonly maxBytes: number
  readonly maxCount: number
  /** The selection ends when it has come so far; the last one may be any size that fits. */
  readonly targetBytes: number
}

export type CommittedActions = {
  readonly actions: readonly ExecutedAction[]
  /** Of the committed block, in milliseconds. */
  readonly blockMs: number
}

type Signer = { readonly nonces: Map<number, Entry>; bytes: number }
type Entry = {
  readonly action: PooledAction
  readonly key: string
  readonly signerKey: string
  readonly addedAt: number
  /** Later blocks refuse it. */
  readonly lastBlockMs: number
  /** Blocks that named it and had no room. */
  skips: number
}

/**
 * Signed envelopes that wait for a block, first come, first served: fees buy no place, and a bot's
 * cancels wait behind nobody's tips. Nonces leave no order to keep, so whatever is here can be
 * included. Synchronous; counts and bytes never exceed their limits.
 */
export class CorePool {
  readonly #options: CorePoolOptions
  readonly #onDropped: (action: PooledAction, reason: ActionDropReason) => void
  /** In the order of arrival. */
  readonly #entries = new Map<string, Entry>()
  readonly #signers = new Map<string, Signer>()
  readonly #recent: RecentHashes
  /** What expires next is on top; holds entries that are gone until they come up. */
  #expiries = new Heap<Entry>(expiresBefore)
  #bytes = 0

  constructor(
    options: CorePoolOptions,
    modules: { readonly onDropped: (action: PooledAction, reason: ActionDropReason) => void },
  ) {
    this.#options = options
    this.#onDropped = modules.onDropped
    this.#recent = new RecentHashes(options.recentHashes)
  }

  get size(): number {
    return this.#entries.size
  }
  get bytes(): number {
    return this.#bytes
  }
  /** Places kept for envelopes that are gone. */
  get outdated(): number {
    return this.#expiries.size - this.#entries.size
  }
  get(hash: Uint8Array): PooledAction | undefined {
    return this.#entries.get(keyOf(hash))?.action
  }
  has(hash: Uint8Array): boolean {
    return this.#entries.has(keyOf(hash))
  }

  add(action: PooledAction, now: PoolTime): Result<null, ActionPoolCode> {
    const key = keyOf(action.hash)
    if (this.#entries.has(key) || this.#recent.has(key)) return reject('ALREADY_KNOWN')
    const signerKey = keyOf(action.signer)
    const signer = this.#signers.get(signerKey)
    const pending = signer?.nonces.get(action.nonce)
    if (pending !== undefined && !voids(action, pending.action)) return reject('NONCE_PENDING')
    const objection = this.#objectionTo(action, { signer, pending }, now.blockMs)
    if (objection !== null) return reject(objection)
    if (pending !== undefined) this.#drop(pending, 'VOIDED')
    const lastBlockMs = this.#lastBlockOf(action)
    this.#link({ action, key, signerKey, addedAt: now.monoMs, lastBlockMs, skips: 0 })
    return ok(null)
  }

  /**
   * What a block should hold, in the order of arrival. An envelope that does not fit ends its signer's
   * turn, not the selection. They stay until a block is committed. O(n).
   */
  select(limits: ActionLimits): PooledAction[] {
    const selected: PooledAction[] = []
    const ended = new Set<string>()
    let [gas, bytes] = [limits.gas, limits.maxBytes]
    const enough = limits.maxBytes - limits.targetBytes
    for (const { action, signerKey, lastBlockMs } of this.#entries.values()) {
      if (selected.length >= limits.maxCount || bytes < LEAST_BYTES || bytes <= enough) break
      if (lastBlockMs < limits.blockMs || ended.has(signerKey)) continue
      const size = action.bytes.length + LENGTH_PREFIX_BYTES
      if (action.gas > gas || size > bytes) {
        ended.add(signerKey)
        continue
      }
      selected.push(action)
      gas -= action.gas
      bytes -= size
    }
    return selected
  }

  /** Removes what the block was done with, and what no later block can hold. */
  onCommitted({ actions, blockMs }: CommittedActions): void {
    for (const { hash, code } of actions) this.#settle(keyOf(hash), code)
    for (;;) {
      const { top } = this.#expiries
      // Block times ascend by at least a millisecond.
      if (top === undefined || top.lastBlockMs > blockMs) break
      this.#expiries.pop()
      if (this.#entries.get(top.key) === top) this.#drop(top, 'EXPIRED')
    }
    if (this.outdated > this.#entries.size + MAX_OUTDATED)
      this.#expiries = new Heap(expiresBefore, [...this.#entries.values()])
  }

  /** Drops what has waited too long; O(1) when nothing has. */
  expire(monoMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.addedAt >= monoMs - this.#options.lifetimeMs) return
      this.#drop(entry, 'EXPIRED')
    }
  }

  /** What speaks against it; `pending` leaves when it comes. */
  #objectionTo(
    action: PooledAction,
    {
      signer,
      pending,
    }: { readonly signer: Signer | undefined; readonly pending: Entry | undefined },
    blockMs: number,
  ): ActionPoolCode | null {
    const { nonce, expiresAfter, gas, bytes } = action
    const options = this.#options
    if (nonce <= blockMs - options.nonceAgeMs || nonce >= blockMs + options.nonceLeadMs)
      return 'NONCE_OUT_OF_WINDOW'
    if (expiresAfter !== null && expiresAfter < blockMs) return 'EXPIRED'
    if (gas > options.blockGas) return 'GAS_TOO_HIGH'
    const count = pending === undefined ? 1 : 0
    const more = bytes.length - (pending?.action.bytes.length ?? 0)
    const own = { count: signer?.nonces.size ?? 0, bytes: signer?.bytes ?? 0 }
    if (own.count + count > options.maxPerSigner || own.bytes + more > options.maxBytesPerSigner)
      return 'SIGNER_LIMIT'
    const isFull =
      this.#entries.size + count > options.maxCount || this.#bytes + more > options.maxBytes
    return isFull ? 'POOL_FULL' : null
  }

  #lastBlockOf({ nonce, expiresAfter }: PooledAction): number {
    const lastOfNonce = nonce + this.#options.nonceAgeMs - 1
    return expiresAfter === null ? lastOfNonce : Math.min(expiresAfter, lastOfNonce)
  }

  #settle(key: string, code: string | null): void {
    const entry = this.#entries.get(key)
    if (code === null) {
      this.#recent.add(key)
      if (entry !== undefined) this.#unlink(entry)
      return
    }
    if (entry === undefined) return
    // Not its own fault: whoever proposed the block named more than it could hold.
    if (code === NO_ROOM && ++entry.skips < this.#options.maxSkips) return
    this.#drop(entry, code === NO_ROOM ? 'SKIPPED' : 'REFUSED')
  }

  #drop(entry: Entry, reason: ActionDropReason): void {
    this.#unlink(entry)
    this.#onDropped(entry.action, reason)
  }

  #link(entry: Entry): void {
    const { action, key, signerKey } = entry
    const signer = this.#signers.get(signerKey) ?? { nonces: new Map(), bytes: 0 }
    signer.nonces.set(action.nonce, entry)
    signer.bytes += action.bytes.length
    this.#signers.set(signerKey, signer)
    this.#entries.set(key, entry)
    this.#expiries.push(entry)
    this.#bytes += action.bytes.length
  }

  #unlink({ action, key, signerKey }: Entry): void {
    this.#entries.delete(key)
    this.#bytes -= action.bytes.length
    const signer = this.#signers.get(signerKey)
    if (signer === undefined) return
    signer.nonces.delete(action.nonce)
    signer.bytes -= action.bytes.length
    if (signer.nonces.size === 0) this.#signers.delete(signerKey)
  }
}

/** Once per nonce: otherwise replacing would be free. */
const voids = (action: PooledAction, pending: PooledAction): boolean =>
  action.isNoop && !pending.isNoop

const expiresBefore = (a: Entry, b: Entry): boolean => a.lastBlockMs < b.lastBlockMs

/** Admission's code for an envelope whose gas, or whose undo, a block has no room for. */
const NO_ROOM = 'BLOCK_FULL'
/** Below the shortest envelope with one call: nothing more fits. */
const LEAST_BYTES = 128
/** Outdated places a nearly empty pool may keep in its heap. */
const MAX_OUTDATED = 1_024
