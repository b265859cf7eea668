export type PeerClaimsOptions = {
  /** A claim that is not repeated is forgotten. */
  readonly lifetimeMs: number
  /** How long a peer that did not back its claim is not listened to; twice as long every time, at most the second. */
  readonly minPauseMs: number
  readonly maxPauseMs: number
}
export const defaultPeerClaimsOptions: PeerClaimsOptions = {
  lifetimeMs: 60_000,
  minPauseMs: 1_000,
  maxPauseMs: 60_000,
}

/** No chain reaches it; heights fit 48 bits on disk. */
const HIGHEST_CLAIM = 2 ** 40

type Claim = {
  height: number
  atMs: number
  /** It has sent blocks that were good. */
  isProven: boolean
  failures: number
  pausedUntilMs: number
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
    if (claim === undefined)
      this.#claims.set(peerId, {
        height: said,
        atMs: nowMs,
        isProven: false,
        failures: 0,
        pausedUntilMs: 0,
      })
    else if (said >= claim.height && nowMs >= claim.pausedUntilMs) {
      claim.height = said
      claim.atMs = nowMs
    }
  }

  forget(peerId: string): void {
    this.#claims.delete(peerId)
  }

  /** It sent good blocks. */
  proven(peerId: string): void {
    const claim = this.#claims.get(peerId)
    if (claim === undefined) return
    claim.isProven = true
    claim.failures = 0
  }

  /** It did not back its claim: the claim is void, and so are new ones for a while. */
  failed(peerId: string, nowMs: number): void {
    const claim = this.#claims.get(peerId)
    if (claim === undefined) return
    const { minPauseMs, maxPauseMs } = this.#options
    claim.height = 0
    claim.isProven = false
    claim.pausedUntilMs =
      nowMs + Math.min(maxPauseMs, minPauseMs * 2 ** Math.min(claim.failures, 20))
    claim.failures++
  }

  isProven(peerId: string): boolean {
    return this.#claims.get(peerId)?.isProven === true
  }

  /** 0: none that counts. */
  of(peerId: string, nowMs: number): number {
    const claim = this.#claims.get(peerId)
    return claim === undefined || nowMs - claim.atMs > this.#options.lifetimeMs ? 0 : claim.height
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
   * The highest claim that one liar alone cannot make: of a peer that has sent good blocks, or of two, or of
   * the only one that claims anything above `own`.
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
}
