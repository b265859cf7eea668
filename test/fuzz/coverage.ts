// V8's own block coverage: which parts of our sources an input reached for the first time.
import { type Profiler, Session } from 'node:inspector'

const root = new URL('../../', import.meta.url).href

/** Tells when inputs reach code that none before them reached. Asking costs some milliseconds. */
export class Coverage {
  readonly #session = new Session()
  readonly #seen = new Set<string>()

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })
  }

  /** Blocks of our sources reached since the last question and never before. */
  newBlocks(): number {
    let count = 0
    for (const { url, functions } of this.#take()) {
      if (!url.startsWith(root) || url.includes('/node_modules/') || url.includes('/test/'))
        continue
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count: reached } of ranges) {
          const block = `${url}:${startOffset}-${endOffset}`
          if (reached === 0 || this.#seen.has(block)) continue
          this.#seen.add(block)
          count++
        }
    }
    return count
  }

  get blocks(): number {
    return this.#seen.size
  }

  stop(): void {
    this.#session.disconnect()
  }

  #take(): Profiler.ScriptCoverage[] {
    let taken: Profiler.ScriptCoverage[] = []
    // The session answers before `post` returns: it is this thread's own inspector.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error
      taken = answer.result
    })
    return taken
  }
}
