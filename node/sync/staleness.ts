type Mark = { readonly height: number; readonly atMs: number }

/** More would only say more finely how long ago the chain moved on. */
const MAX_MARKS = 512

/**
 * How old what a node knows is: when each height above its own became known. A number of blocks says
 * little about that, for a chain may make one in a second or a hundred.
 */
export class Staleness {
  /** Heights and times both rise. */
  #marks: Mark[] = []

  /** `known` is the height that the chain is believed to have. */
  note(own: number, known: number, nowMs: number): void {
    const passed = this.#marks.findIndex(({ height }) => height > own)
    this.#marks = passed < 0 ? [] : this.#marks.slice(passed)
    // What is not believed any more was never there.
    while ((this.#marks.at(-1)?.height ?? 0) > known) this.#marks.pop()
    const last = this.#marks.at(-1)?.height ?? own
    if (known > last && this.#marks.length < MAX_MARKS)
      this.#marks.push({ height: known, atMs: nowMs })
  }

  /** Milliseconds since the chain was first known to be above `own`; 0 when it is not. O(marks). */
  ageMs(own: number, nowMs: number): number {
    const first = this.#marks.find(({ height }) => height > own)
    return first === undefined ? 0 : nowMs - first.atMs
  }
}
