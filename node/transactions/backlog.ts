import type { Clock } from '../consensus/clock.ts'
import type { MempoolMetrics } from '../observability/metrics.ts'

/**
 * Keeps what waits for a block as short as what blocks clear in about a second. Beyond, whoever brings
 * more has to wait for an answer: taking it in costs every validator more than executing it does, and
 * a chain that takes in all it is offered has no time left to clear it.
 */
export class Backlog {
  readonly #clock: Pick<Clock, 'monoMs' | 'setTimer'>
  readonly #metrics: Pick<MempoolMetrics, 'heldBack'>
  #waiting = 0
  /** A second, over the last seconds. */
  #cleared = 0
  #committedAtMs: number
  #asking: Asking[] = []

  constructor(
    clock: Pick<Clock, 'monoMs' | 'setTimer'>,
    metrics: Pick<MempoolMetrics, 'heldBack'>,
  ) {
    this.#clock = clock
    this.#metrics = metrics
    this.#committedAtMs = clock.monoMs()
  }

  /** What may wait. */
  get limit(): number {
    return Math.max(LEAST, Math.ceil(this.#cleared * SECONDS))
  }

  /** Whether so many more may come in: at once, or in their turn; false when there was no room for long. */
  room(count: number): true | Promise<boolean> {
    if (this.#asking.length === 0 && this.#waiting < this.limit) return true
    return new Promise((resolve) => {
      const asking: Asking = { count, resolve, cancel: () => undefined }
      asking.cancel = this.#clock.setTimer(() => {
        this.#asking = this.#asking.filter((one) => one !== asking)
        this.#tell()
        resolve(false)
      }, MAX_WAIT_MS)
      this.#asking.push(asking)
      this.#tell()
    })
  }

  /** So many came in, from here or from a peer. */
  added(count: number): void {
    this.#waiting += count
  }

  /** A block held `included`; `waiting` could be in the next one. */
  committed({ included, waiting }: { readonly included: number; readonly waiting: number }): void {
    const now = this.#clock.monoMs()
    const seconds = Math.max(0.001, (now - this.#committedAtMs) / 1_000)
    this.#committedAtMs = now
    const weight = Math.min(1, seconds / SMOOTH_SECONDS)
    this.#cleared += (included / seconds - this.#cleared) * weight
    this.#waiting = waiting
    if (this.#asking.length === 0) return
    let room = this.limit - waiting
    while (room > 0 && this.#asking.length > 0) {
      const { count, resolve, cancel } = this.#asking.shift() as Asking
      cancel()
      room -= count
      resolve(true)
    }
    this.#tell()
  }

  /** Nobody is let in any more. */
  stop(): void {
    const asking = this.#asking
    this.#asking = []
    this.#tell()
    for (const { resolve, cancel } of asking) {
      cancel()
      resolve(false)
    }
  }

  #tell(): void {
    this.#metrics.heldBack(this.#asking.length)
  }
}

type Asking = {
  readonly count: number
  readonly resolve: (hasRoom: boolean) => void
  cancel: () => void
}

/** Always taken in, however slow blocks are. */
const LEAST = 1_000
const SECONDS = 1
const SMOOTH_SECONDS = 2
/** Then the client hears that the chain is busy. */
const MAX_WAIT_MS = 2_000
