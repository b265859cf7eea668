export type PeerClaimsOptions = {
  /** A claim that is not repeated is forgotten. */
  readonly lifetimeMs: number
  /** How long a peer that did not back its claim is not listened to; twice as long every time, at most the second. */
  readonly minPauseMs: number
  readonly maxPauseMs: number
  /** A peer that sent a whole run of good blocks is believed for this long. */
  readonly creditMs: number
}
export const defaultPeerClaimsOptions: PeerClaimsOptions = {
  lifetimeMs: 60_000,
  minPauseMs: 1_000,
  maxPauseMs: 60_000,
  creditMs: 5_000,
}

/** No chain reaches it; heights fit 48 bits on disk. */
const HIGHEST_CLAIM = 2 ** 40

type Claim = {
  height: number
  atMs: number
  /** What it says, whether it backs it or not. */
  said: { height: number; atMs: number }
  /** It has sent blocks that were good. */
  isProven: boolean
  creditUntilMs: number
  failures: number
  pausedUntilMs: number
  /** Others are asked first. */
  slowUntilMs: number
  slowAnswers: number
}

/** The heights that peers say they have: hints, which only ever rise, grow old, and cost a peer that lies its voice for a while. */
export class PeerClaims {
  readonly #options: PeerClaimsOptions
  readonly #claims = new Map<string, Claim>()

  constructor(options: PeerClaimsOptions) {
    this.#options = options
  }

  note(peerId: string, height: number, nowMs: number): void {
    const claim = this.#claims.get(peerId)
    const said = Math.min(height, HIGHEST_CLAIM)
    if (claim === undefined) {
      this.#claims.set(peerId, newClaim(said, nowMs))
      return
    }
    if (said >= claim.said.height || this.#isOld(claim.said.atMs, nowMs))
      claim.said = { height: said, atMs: nowMs }
    if (said >= claim.height && nowMs >= claim.pausedUntilMs) {
      claim.height = said
      claim.atMs = nowMs
    }
  }

  forget(peerId: string): void {
    this.#claims.delete(peerId)
  }

  /** It sent good blocks. As many as can be asked for show that it is really ahead, which nobody can forge. */
  proven(peerId: string, isWholeRun: boolean, nowMs: number): void {
    const claim = this.#claims.get(peerId)
    if (claim === undefined) return
    claim.isProven = true
    claim.failures = 0
    if (isWholeRun) claim.creditUntilMs = nowMs + this.#options.creditMs
  }

  /** Somebody else was asked for what it was to send. */
  slow(peerId: string, nowMs: number): void {
    const claim = this.#claims.get(peerId)
    if (claim === undefined) return
    claim.slowUntilMs = nowMs + this.#pauseMs(claim.slowAnswers)
    claim.slowAnswers++
  }

  isSlow(peerId: string, nowMs: number): boolean {
    return nowMs < (this.#claims.get(peerId)?.slowUntilMs ?? 0)
  }

  /** It answered in time. */
  prompt(peerId: string): void {
    const claim = this.#claims.get(peerId)
    if (claim !== undefined) claim.slowAnswers = 0
  }

  /** It did not back its claim: the claim is void, and so are new ones for a while. */
  failed(peerId: string, nowMs: number): void {
    const claim = this.#claims.get(peerId)
    if (claim === undefined) return
    claim.height = 0
    claim.isProven = false
    claim.creditUntilMs = 0
    claim.pausedUntilMs = nowMs + this.#pauseMs(claim.failures)
    claim.failures++
  }

  isProven(peerId: string): boolean {
    return this.#claims.get(peerId)?.isProven === true
  }

  /** 0: none that counts. */
  of(peerId: string, nowMs: number): number {
    const claim = this.#claims.get(peerId)
    return claim === undefined || this.#isOld(claim.atMs, nowMs) ? 0 : claim.height
  }

  /** Peers that claim at least a height. */
  above(height: number, nowMs: number): string[] {
    return [...this.#claims.keys()].filter((peerId) => this.of(peerId, nowMs) >= height)
  }

  /** The highest claim of all: what is worth a request. */
  highest(nowMs: number): number {
    return Math.max(0, ...[...this.#claims.keys()].map((peerId) => this.of(peerId, nowMs)))
  }

  /**
   * The highest claim that may be true, for who must rather be too careful: of a peer that has sent good
   * blocks, or of two, or of the only one that claims anything above `own`.
   */
  credible(own: number, nowMs: number): number {
    const proven: number[] = []
    const others: number[] = []
    for (const [peerId, { isProven }] of this.#claims) {
      const height = this.of(peerId, nowMs)
      if (height > own) (isProven ? proven : others).push(height)
    }
    const sorted = others.sort((a, b) => b - a)
    const alone = proven.length === 0 ? sorted[0] : undefined
    return Math.max(own, ...proven, sorted[1] ?? alone ?? own)
  }

  /**
   * The height that the chain has as far as fewer than half of the peers may lie: what more than half of
   * them say, whether they can serve it or not; and what a peer says that shows it by whole runs of good
   * blocks, or that is the only one and has sent good ones.
   */
  believed(own: number, nowMs: number): number {
    const said = [...this.#claims.values()]
      .map((claim) => (this.#isOld(claim.said.atMs, nowMs) ? 0 : claim.said.height))
      .sort((a, b) => b - a)
    const ofMost = said.length < 2 ? own : (said[Math.floor(said.length / 2)] as number)
    const shown = [...this.#claims].filter(
      ([, claim]) => nowMs < claim.creditUntilMs || (claim.isProven && this.#claims.size === 1),
    )
    return Math.max(own, ofMost, ...shown.map(([peerId]) => this.of(peerId, nowMs)))
  }

  #isOld(atMs: number, nowMs: number): boolean {
    return nowMs - atMs > this.#options.lifetimeMs
  }

  #pauseMs(times: number): number {
    const { minPauseMs, maxPauseMs } = this.#options
    return Math.min(maxPauseMs, minPauseMs * 2 ** Math.min(times, 20))
  }
}

const newClaim = (height: number, atMs: number): Claim => ({
  height,
  atMs,
  said: { height, atMs },
  isProven: false,
  creditUntilMs: 0,
  failures: 0,
  pausedUntilMs: 0,
  slowUntilMs: 0,
  slowAnswers: 0,
})
