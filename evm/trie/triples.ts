/** Three whole numbers an item; the memory of the longest list there was stays. */
export class Triples {
  #items = new Int32Array(3 * 64)
  count = 0

  add(first: number, second: number, third: number): void {
    const at = 3 * this.count++
    if (at === this.#items.length) {
      const larger = new Int32Array(2 * at)
      larger.set(this.#items)
      this.#items = larger
    }
    this.#items[at] = first
    this.#items[at + 1] = second
    this.#items[at + 2] = third
  }

  at(index: number, part: 0 | 1 | 2): number {
    return this.#items[3 * index + part] as number
  }

  clear(): void {
    this.count = 0
  }
}
