const FIRST_WORDS = 1_024

/**
 * Collects 32-bit values and gives each once: by sorting, which takes the same time whatever values somebody
 * chooses, and a third of that of a `Set`, where those above 2^31 are objects.
 */
export class DistinctWords {
  #words = new Uint32Array(FIRST_WORDS)
  #end = 0
  /** So many different ones there are at least. */
  atLeast = 0

  add(value: number): void {
    if (this.#end === this.#words.length) this.#makeRoom()
    this.#words[this.#end++] = value
  }

  /** In ascending order. O(n log n). */
  sorted(): Uint32Array {
    this.#dropRepeated()
    return this.#words.slice(0, this.#end)
  }

  #makeRoom(): void {
    this.#dropRepeated()
    const words = this.#words
    if (this.#end * 2 <= words.length) return
    this.#words = new Uint32Array(words.length * 2)
    this.#words.set(words)
  }

  #dropRepeated(): void {
    const words = this.#words.subarray(0, this.#end).sort()
    let end = 0
    for (let i = 0; i < words.length; i++) {
      const word = words[i] as number
      if (end === 0 || word !== words[end - 1]) words[end++] = word
    }
    this.#end = end
    this.atLeast = end
  }
}
