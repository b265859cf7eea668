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
    const share = Math.ceil(this.#waiting.length / MAX_JUDGING)
    const count = Math.max(LEAST_TAKEN, Math.min(MOST_TAKEN, share))
    while (this.#waiting.length > 0 && this.#judging < MAX_JUDGING) {
      this.#judging++
      this.#answered = this.#answer(this.#waiting.splice(0, count), this.#answered)
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
const MOST_TAKEN = 128
/** Half a millisecond, below which a thread's turn costs as much as what is in it. */
const LEAST_TAKEN = 16
/**
 * Parts under way at once. Clients that wait for their answers send the next ones when they have them: in one
 * part they, this thread and those of the signatures would take turns, each idle while another works.
 */
const MAX_JUDGING = 4
