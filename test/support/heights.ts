import { headOf } from './sameChain.ts'
import { sleep } from './wait.ts'

/** Watches the head of a chain through whichever node answers and keeps the longest standstill. */
export class HeightWatch {
  readonly #urls: readonly string[]
  readonly #everyMs: number
  #height = -1
  #changedMs = performance.now()
  #longestMs = 0
  #isRunning = true
  readonly #loop: Promise<void>

  constructor(urls: readonly string[], everyMs = 50) {
    this.#urls = urls
    this.#everyMs = everyMs
    this.#loop = this.#run()
  }

  get height(): number {
    return this.#height
  }

  /** The longest time without a new block since the last call, the running one included. */
  takeLongestGapMs(): number {
    const nowMs = performance.now()
    const longest = Math.max(this.#longestMs, nowMs - this.#changedMs)
    this.#longestMs = 0
    this.#changedMs = nowMs
    return longest
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    await this.#loop
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      const heights = await Promise.all(this.#urls.map((url) => headOf(url).catch(() => -1)))
      const highest = Math.max(...heights)
      if (highest > this.#height) {
        const nowMs = performance.now()
        this.#longestMs = Math.max(this.#longestMs, nowMs - this.#changedMs)
        this.#changedMs = nowMs
        this.#height = highest
      }
      await sleep(this.#everyMs)
    }
  }
}
