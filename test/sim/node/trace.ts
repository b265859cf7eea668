/** What happened, by a number that is always at hand and a text that is made when somebody reads it. */
export type Label = { readonly hash: number; readonly text: () => string }

const texts = new Map<string, Label>()
const MAX_TEXTS = 1_000

/** Of a text that comes again and again. */
export function textLabel(text: string): Label {
  const known = texts.get(text)
  if (known !== undefined) return known
  if (texts.size >= MAX_TEXTS) texts.clear()
  const label = { hash: hashOf(text), text: () => text }
  texts.set(text, label)
  return label
}

export function mixed(...numbers: readonly number[]): number {
  let hash = 0x811c9dc5
  for (const number of numbers) hash = Math.imul(hash ^ number, 0x01000193) ^ (hash >>> 15)
  return hash
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

/** Everything that happened, folded into one number and, when asked for, kept as text. */
export class Trace {
  readonly lines: string[] | null
  #high = 0x811c9dc5
  #low = 0x9e3779b9

  constructor(keepLines: boolean) {
    this.lines = keepLines ? [] : null
  }

  add(atMs: number, line: string): void {
    this.#fold(atMs, hashOf(line))
    if (this.lines !== null) this.#keep(atMs, line)
  }

  /** A message arrived: most of what happens. */
  delivered(atMs: number, from: number, to: number, label: Label): void {
    this.#fold(atMs, label.hash ^ (from * 1024 + to))
    if (this.lines !== null) this.#keep(atMs, `${from} > ${to} ${label.text()}`)
  }

  /** Equal when the same happened at the same virtual times in the same order. */
  get hash(): string {
    const word = (value: number): string => (value >>> 0).toString(16).padStart(8, '0')
    return word(this.#high) + word(this.#low)
  }

  #fold(atMs: number, content: number): void {
    const high = Math.imul(this.#high ^ (atMs * 64), 0x01000193)
    this.#high = Math.imul(high ^ content, 0x01000193) ^ (high >>> 15)
    this.#low = Math.imul(this.#low + content, 0x85ebca6b) ^ (this.#low >>> 13)
  }

  #keep(atMs: number, line: string): void {
    this.lines?.push(`${atMs.toFixed(3).padStart(11)} ${line}`)
  }
}
