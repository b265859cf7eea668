export type RingLimits = {
  /** Heights back from the newest that a subscriber may ask for. */
  readonly heights: number
  /** Of one channel, in characters of JSON; the newest message is kept whatever its size. */
  readonly characters: number
}

export const defaultRingLimits: RingLimits = { heights: 1_000, characters: 1_048_576 }

type Message = { readonly sequence: number; readonly text: string }

/** The newest messages of a channel. `sequence` rises, and is the height that the message is about. */
export class Ring {
  readonly #limits: RingLimits
  readonly #messages: Message[] = []
  #characters = 0
  #covered: number

  /** Everything after `sequence` will be added. */
  constructor(sequence: number, limits: RingLimits) {
    this.#covered = sequence
    this.#limits = limits
  }

  get characters(): number {
    return this.#characters
  }

  add(sequence: number, text: string): void {
    this.#messages.push({ sequence, text })
    this.#characters += text.length
    const { heights, characters } = this.#limits
    while (
      this.#messages.length > 1 &&
      (this.#characters > characters || (this.#messages[0]?.sequence ?? 0) <= sequence - heights)
    )
      this.#dropOldest()
  }

  /** All messages after `sequence`, or null when some of them are gone or it is not yet reached. */
  since(sequence: number, newest: number): readonly string[] | null {
    if (sequence < this.#covered || sequence > newest) return null
    return this.#messages.filter((message) => message.sequence > sequence).map(({ text }) => text)
  }

  clear(): void {
    while (this.#messages.length > 0) this.#dropOldest()
  }

  #dropOldest(): void {
    const oldest = this.#messages.shift()
    if (oldest === undefined) return
    this.#characters -= oldest.text.length
    this.#covered = oldest.sequence
  }
}
