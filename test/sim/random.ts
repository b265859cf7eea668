/**
 * sfc32. Every random choice of a simulation comes from one of these. Streams that are split off by
 * name are independent: another draw in one does not shift the others.
 */
export class Random {
  readonly #seed: number
  #a: number
  #b: number
  #c: number
  #d = 1

  constructor(seed: number, stream = '') {
    this.#seed = seed
    let mixed = 0x811c9dc5
    for (const character of stream) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193)
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) ^ mixed
    this.#c = 0x243f6a88
    for (let i = 0; i < 15; i++) this.u32()
  }

  split(stream: string): Random {
    return new Random(this.#seed, stream)
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  /** Uniform in [min, max], both integers; the modulo bias is irrelevant here. */
  range(min: number, max: number): number {
    return min + (this.u32() % (max - min + 1))
  }

  chance(percent: number): boolean {
    return this.u32() % 100 < percent
  }

  pick<T>(items: readonly T[]): T {
    return items[this.range(0, items.length - 1)] as T
  }

  /** Milliseconds with an exponential tail of about this mean, in steps of 1/64: no function that engines may round differently. */
  tail(meanMs: number): number {
    if (meanMs === 0) return 0
    const draw = this.u32()
    const halvings = Math.clz32(draw) + (this.u32() & 0xff) / 256
    return Math.floor(halvings * meanMs * 64 * 0.7) / 64
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.u32() & 0xff)
  }

  shuffled<T>(items: readonly T[]): T[] {
    const order = [...items]
    for (let i = order.length - 1; i > 0; i--) {
      const other = this.range(0, i)
      ;[order[i], order[other]] = [order[other] as T, order[i] as T]
    }
    return order
  }
}
