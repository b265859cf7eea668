import { toHex } from '../core/primitives/bytes.ts'
import type { RpcBackend } from './backend.ts'

/** Calls that wait for a transaction to be in a block (EIP-7966). */
export class ReceiptWaiters {
  readonly #backend: RpcBackend
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(backend: RpcBackend) {
    this.#backend = backend
  }

  get size(): number {
    return this.#waiting.size
  }

  /** True once the transaction is in a block; false after `timeoutMs`. */
  wait(hash: Uint8Array, timeoutMs: number): Promise<boolean> {
    if (this.#backend.location(hash) !== null) return Promise.resolve(true)
    const key = toHex(hash)
    return new Promise((resolve) => {
      const finish = (found: boolean): void => {
        clearTimeout(timer)
        const others = this.#waiting.get(key)
        others?.delete(done)
        if (others?.size === 0) this.#waiting.delete(key)
        resolve(found)
      }
      const done = (): void => finish(true)
      const timer = setTimeout(() => finish(false), timeoutMs)
      const waiters = this.#waiting.get(key) ?? new Set()
      waiters.add(done)
      this.#waiting.set(key, waiters)
    })
  }

  /** After each new block. */
  head(transactionHashes: readonly Uint8Array[]): void {
    if (this.#waiting.size === 0) return
    for (const hash of transactionHashes)
      for (const done of [...(this.#waiting.get(toHex(hash)) ?? [])]) done()
  }
}
