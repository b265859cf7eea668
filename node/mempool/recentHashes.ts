/** The newest keys that were put in, at most `capacity`; the oldest is forgotten first. */
export class RecentHashes {
  readonly #capacity: number
  readonly #keys = new Set<string>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#keys.size
  }
  has(key: string): boolean {
    return this.#keys.has(key)
  }
  add(key: string): void {
    if (this.#keys.has(key)) return
    this.#keys.add(key)
    if (this.#keys.size <= this.#capacity) return
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest)
      return
    }
  }
}
