import { assert } from '../../core/primitives/assert.ts'
import type { Judged, SenderRecovery } from '../transactions/senderRecovery.ts'

type Waiting = {
  readonly bytes: Uint8Array
  readonly resolve: (judged: Judged) => void
  readonly reject: (error: unknown) => void
}

/**
 * Judges together what came within one turn of the event loop, and what came while the turns before
 * were judged: then a thread does it. Answers keep the order of arrival, so nonces stay in theirs.
 */
export class SignedIntake {
  readonly #recovery: Pick<SenderRecovery, 'decode'>
  #waiting: Waiting[] = []
  #judging = 0
  /** The answers given last. */
  #answered: Promise<void> = Promise.resolve()

  constructor(recovery: Pick<SenderRecovery, 'decode'>) {
    this.#recovery = recovery
  }

  /** Null: nobody accepts it, whatever the state. */
  judge(bytes: Uint8Array): Promise<Judged> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject })
      if (this.#waiting.length === 1) setImmediate(() => this.#flush())
    })
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#judging < MAX_JUDGING) {
      this.#judging++
      this.#answered = this.#answer(this.#waiting.splice(0, MAX_TAKEN), this.#answered)
    }
  }

  /** Never rejects. */
  async #answer(taken: readonly Waiting[], before: Promise<void>): Promise<void> {
    try {
      const judging = this.#recovery.decode(taken.map(({ bytes }) => bytes))
      const [judged] = await Promise.all([judging, before])
      assert(judged.length === taken.length, 'each has one verdict')
      for (const [index, { resolve }] of taken.entries()) resolve(judged[index] ?? null)
    } catch (error) {
      for (const { reject } of taken) reject(error)
    } finally {
      this.#judging--
      this.#flush()
    }
  }
}

/** About 8 ms of one thread: nobody waits long behind a burst. */
const MAX_TAKEN = 128
/** The next ones wait at the thread, which is never idle between two. */
const MAX_JUDGING = 2
