/**
 * One long piece of work at a time, and between two of them a turn of the event loop: what came in
 * meanwhile and is quick is answered before the next one begins.
 */
export class Turns {
  #last: Promise<void> = Promise.resolve()
  #taken = 0

  async take<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last
    const mustWait = this.#taken > 0
    let done: () => void = () => undefined
    this.#last = new Promise((resolve) => {
      done = resolve
    })
    this.#taken++
    try {
      await before
      if (mustWait) await new Promise((resolve) => setImmediate(resolve))
      return await work()
    } finally {
      this.#taken--
      done()
    }
  }
}
