import { toHex } from '../core/primitives/bytes.ts'

/** Where things are that are in a block; null for others. */
type Located = { location(hash: Uint8Array): object | null }

/** Calls that wait for a transaction (EIP-7966) or an action to be in a block. */
export class ReceiptWaiters {
  readonly #chain: Located
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(chain: Located) {
    this.#chain = chain
  }

  get size(): number {
    return this.#waiting.size
  }

  /** True once it is in a block; false after `timeoutMs`. */
  wait(hash: Uint8Array, timeoutMs: number): Promise<boolean> {
    if (this.#chain.location(hash) !== null) return Promise.resolve(true)
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
  head(hashes: readonly Uint8Array[]): void {
    if (this.#waiting.size === 0) return
    for (const hash of hashes)
      for (const done of [...(this.#waiting.get(toHex(hash)) ?? [])]) done()
  }
}
