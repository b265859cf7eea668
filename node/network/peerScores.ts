/** What a peer loses for a fault. Faults that no honest peer can commit cost a disconnect at once. */
const PENALTIES: Readonly<Record<string, number>> = {
  // Bytes that no honest node writes.
  TRUNCATED: 20,
  TRAILING_BYTES: 20,
  OUT_OF_RANGE: 20,
  TOO_LONG: 20,
  BAD_TAG: 20,
  NOT_SORTED: 20,
  EMPTY_FRAME: 20,
  FRAME_TOO_LARGE: 20,
  MUXER_FRAME_TOO_LARGE: 20,
  BAD_GOSSIP: 20,
  BAD_BATCH: 20,
  NO_HANDSHAKE: 20,
  HANDSHAKE_REPEATED: 20,
  UNEXPECTED_RESPONSE: 20,
  UNREQUESTED_BATCH: 20,
  // Provable lies: one is enough for a ban.
  BAD_SIGNATURE: 50,
  UNKNOWN_SIGNER: 50,
  DUPLICATE_SIGNER: 50,
  NO_QUORUM: 50,
  WRONG_BLOCK: 50,
  BAD_BLOCK_ENCODING: 50,
  WRONG_PAYLOAD_HASH: 50,
  PROPOSAL_HEADER_MISMATCH: 50,
  CERTIFICATE_MISMATCH: 50,
  BAD_LIGHT_BLOCK: 50,
  BAD_SNAPSHOT: 50,
  BAD_SNAPSHOT_PART: 50,
  // What only a very unlucky peer cannot back.
  OFFER_NOT_SERVED: 10,
  // Lateness and load, which honest peers know too.
  RATE_LIMITED: 0.1,
  REQUEST_TIMEOUT: 0.5,
  CLAIM_NOT_SERVED: 0.5,
  WRONG_HEIGHT: 0.1,
  ROUND_TOO_FAR: 0.1,
}
const OTHER_PENALTY = 5

export type PeerScoreOptions = {
  /** A peer whose score is this low or lower is disconnected; banned at the lower one. Negative. */
  readonly disconnectAt: number
  readonly banAt: number
  readonly banMs: number
  /** A penalty counts half after this time. */
  readonly halfLifeMs: number
  /** Peers remembered; beyond, the one least recently penalized and not banned is forgotten. */
  readonly maxEntries: number
}

export const defaultPeerScoreOptions: PeerScoreOptions = {
  disconnectAt: -20,
  banAt: -50,
  banMs: 600_000,
  halfLifeMs: 600_000,
  maxEntries: 1_024,
}

export type PenaltyVerdict = 'keep' | 'disconnect' | 'ban'

type Entry = { score: number; atMs: number; bannedUntilMs: number; banCode: string }

/** Scores by peer id: 0 at best, decaying towards it. Outlives connections. */
export class PeerScores {
  readonly #options: PeerScoreOptions
  readonly #entries = new Map<string, Entry>()

  constructor(options: PeerScoreOptions) {
    this.#options = options
  }

  penalize(peerId: string, code: string, nowMs: number): PenaltyVerdict {
    const { disconnectAt, banAt, banMs } = this.#options
    const known = this.#entries.get(peerId)
    const bannedUntilMs = known?.bannedUntilMs ?? 0
    const score = this.scoreOf(peerId, nowMs) - (PENALTIES[code] ?? OTHER_PENALTY)
    const entry = { score, atMs: nowMs, bannedUntilMs, banCode: known?.banCode ?? code }
    if (score <= banAt && nowMs + banMs > bannedUntilMs) {
      entry.bannedUntilMs = nowMs + banMs
      entry.banCode = code
    }
    // Deleted first: insertion order is the order of the last penalty.
    this.#entries.delete(peerId)
    this.#entries.set(peerId, entry)
    this.#evict(nowMs)
    if (score <= banAt) return 'ban'
    return score <= disconnectAt ? 'disconnect' : 'keep'
  }

  scoreOf(peerId: string, nowMs: number): number {
    const entry = this.#entries.get(peerId)
    if (entry === undefined) return 0
    return entry.score * 0.5 ** ((nowMs - entry.atMs) / this.#options.halfLifeMs)
  }

  /** A served ban is forgotten with its score. */
  isBanned(peerId: string, nowMs: number): boolean {
    const until = this.#entries.get(peerId)?.bannedUntilMs ?? 0
    if (until === 0) return false
    if (nowMs < until) return true
    this.#entries.delete(peerId)
    return false
  }

  /** Of an operator, or of an earlier life: whatever the score is. */
  ban(peerId: string, untilMs: number, nowMs: number, banCode = 'OPERATOR'): void {
    const score = this.scoreOf(peerId, nowMs)
    this.#entries.delete(peerId)
    this.#entries.set(peerId, { score, atMs: nowMs, bannedUntilMs: untilMs, banCode })
    this.#evict(nowMs)
  }

  /** Forgets the ban and what led to it. False: there was none. */
  unban(peerId: string, nowMs: number): boolean {
    return this.isBanned(peerId, nowMs) && this.#entries.delete(peerId)
  }

  bans(
    nowMs: number,
  ): readonly { readonly id: string; readonly code: string; readonly untilMs: number }[] {
    return [...this.#entries]
      .filter(([, { bannedUntilMs }]) => bannedUntilMs > nowMs)
      .map(([id, { bannedUntilMs, banCode }]) => ({ id, code: banCode, untilMs: bannedUntilMs }))
  }

  #evict(nowMs: number): void {
    if (this.#entries.size <= this.#options.maxEntries) return
    const victim =
      [...this.#entries].find(([, entry]) => entry.bannedUntilMs <= nowMs)?.[0] ??
      this.#entries.keys().next().value
    if (victim !== undefined) this.#entries.delete(victim)
  }
}
