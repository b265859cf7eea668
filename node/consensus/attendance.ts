/**
 * Which validators take part. One that has been silent for a while gets little time for its proposals,
 * so that a dead validator costs the others a few milliseconds each time its turn comes, and not the
 * whole timeout. Timeouts are neutral to safety, and nodes need not agree on who is silent: the first
 * vote of a validator that is back, at any height, makes it an ordinary one again.
 */
export class Attendance {
  /** By address in hex: when a vote of it was seen last. */
  readonly #seen = new Map<string, { height: number; atMs: number }>()

  /** Begins with the set of a height: whoever is new in it counts as seen now, whoever left is forgotten. */
  begin(height: number, addresses: readonly string[], nowMs: number): void {
    const members = new Set(addresses)
    for (const address of this.#seen.keys()) if (!members.has(address)) this.#seen.delete(address)
    for (const address of members)
      if (!this.#seen.has(address)) this.#seen.set(address, { height, atMs: nowMs })
  }

  /** A verified vote of this validator came. */
  note(address: string, height: number, nowMs: number): void {
    const seen = this.#seen.get(address)
    if (seen === undefined || seen.height > height) return
    seen.height = height
    seen.atMs = nowMs
  }

  /** No vote of it for `SILENT_HEIGHTS` and `SILENT_MS`; false for one that is unknown. */
  isSilent(address: string, height: number, nowMs: number): boolean {
    const seen = this.#seen.get(address)
    if (seen === undefined) return false
    return seen.height + SILENT_HEIGHTS < height && seen.atMs + SILENT_MS < nowMs
  }

  /** It has missed some heights: its next vote is worth a verification even if it comes too late to count. */
  isMissed(address: string, height: number): boolean {
    const seen = this.#seen.get(address)
    return seen !== undefined && seen.height + MISSED_HEIGHTS < height
  }
}

const MISSED_HEIGHTS = 2
const SILENT_HEIGHTS = 8
const SILENT_MS = 2_000
