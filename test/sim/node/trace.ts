/** Everything that happened, folded into one number and, when asked for, kept as text. */
export class Trace {
  readonly lines: string[] | null
  #events = 0
  #high = 0x811c9dc5
  #low = 0x9e3779b9

  constructor(keepLines: boolean) {
    this.lines = keepLines ? [] : null
  }

  add(atMs: number, line: string): void {
    this.#events++
    let high = this.#high ^ (atMs * 64)
    let low = this.#low
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i)
      high = Math.imul(high ^ code, 0x01000193)
      low = Math.imul(low + code, 0x85ebca6b) ^ (low >>> 13)
    }
    this.#high = high
    this.#low = low
    this.lines?.push(`${atMs.toFixed(3).padStart(11)} ${line}`)
  }

  get events(): number {
    return this.#events
  }
  /** Equal when the same happened at the same virtual times in the same order. */
  get hash(): string {
    const word = (value: number): string => (value >>> 0).toString(16).padStart(8, '0')
    return word(this.#high) + word(this.#low)
  }
}
