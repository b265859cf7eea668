/** A binary heap: the element that comes before all others is on top. */
export class Heap<T> {
  readonly #before: (a: T, b: T) => boolean
  readonly #items: T[]

  /** Takes the array over and orders it in O(n). */
  constructor(before: (a: T, b: T) => boolean, items: T[] = []) {
    this.#before = before
    this.#items = items
    for (let at = (items.length >> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  get size(): number {
    return this.#items.length
  }
  get top(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.#before(item, items[above] as T)) break
      items[at] = items[above] as T
      at = above
    }
    items[at] = item
  }

  pop(): T | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (items.length > 0) {
      items[0] = last as T
      this.#sink(0)
    }
    return top
  }

  /** Restores the order after the top itself was changed in place. */
  settleTop(): void {
    if (this.#items.length > 1) this.#sink(0)
  }

  #sink(from: number): void {
    const items = this.#items
    const item = items[from] as T
    let at = from
    for (;;) {
      let below = 2 * at + 1
      if (below >= items.length) break
      const right = below + 1
      if (right < items.length && this.#before(items[right] as T, items[below] as T)) below = right
      if (!this.#before(items[below] as T, item)) break
      items[at] = items[below] as T
      at = below
    }
    items[at] = item
  }
}
