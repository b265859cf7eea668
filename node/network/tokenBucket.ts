export type Rate = { readonly perSecond: number; readonly burst: number }

/** Tokens refill with time up to the burst. Taking may go into debt, which must be waited out. */
export class TokenBucket {
  readonly #rate: Rate
  #tokens: number
  #atMs: number

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#atMs = nowMs
  }

  /** Milliseconds until the debt is paid; 0 when there is none. */
  take(amount: number, nowMs: number): number {
    const { perSecond, burst } = this.#rate
    const refill = ((nowMs - this.#atMs) * perSecond) / 1_000
    this.#atMs = nowMs
    this.#tokens = Math.min(burst, this.#tokens + refill) - amount
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1_000) / perSecond)
  }
}
