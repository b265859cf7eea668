/** The newest keys that were put in, at most `capacity`; the oldest is forgotten first. */
export class RecentHashes {
  readonly #capacity: number
  readonly #keys = new Set<string>()
  /** A ring: finding the oldest in the set itself would walk over all that were deleted. */
  readonly #ring: string[] = []
  #oldest = 0

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
    if (this.#ring.length < this.#capacity) {
      this.#ring.push(key)
      return
    }
    this.#keys.delete(this.#ring[this.#oldest] as string)
    this.#ring[this.#oldest] = key
    this.#oldest = (this.#oldest + 1) % this.#capacity
  }
}
