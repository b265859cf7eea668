import { LRUCache } from 'lru-cache'
import { clientOf } from './connectionShares.ts'

export type ClientRate = {
  /** A unit is a cheap call. 0: no limit. */
  readonly unitsPerSecond: number
  /** What a client that was quiet may ask for at once. */
  readonly burstUnits: number
  /** Addresses that nobody counts. */
  readonly exempt: readonly string[]
}

/** What one client may still ask for. */
export type ClientBudget = {
  /** Takes the units, or says in how many milliseconds they will be there; 0: taken. */
  take(units: number): number
}

export const UNLIMITED: ClientBudget = { take: () => 0 }

/** Units of a method that uses the processor for long: a simulated call, a search for logs, a proof. */
export const HEAVY_UNITS = 20

/** Clients remembered; one that is forgotten starts with a full budget. */
const MAX_CLIENTS = 65_536

/**
 * How much every client may ask for, by the generic cell rate algorithm: one number for each, the
 * time at which all it was given would have been earned. An IPv6 client owns its whole /64.
 */
export class ClientBudgets {
  readonly #rate: ClientRate
  readonly #now: () => number
  readonly #exempt: ReadonlySet<string>
  readonly #earnedAtMs = new LRUCache<string, number>({ max: MAX_CLIENTS })

  /** `now` in milliseconds, monotonic. */
  constructor(rate: ClientRate, now: () => number) {
    this.#rate = rate
    this.#now = now
    this.#exempt = new Set(rate.exempt.map(clientOf))
  }

  /** Of the other end of a connection; null when it is gone already. */
  of(address: string | undefined): ClientBudget {
    if (this.#rate.unitsPerSecond === 0) return UNLIMITED
    const client = clientOf(address ?? '')
    if (this.#exempt.has(client)) return UNLIMITED
    return { take: (units) => this.#take(client, units) }
  }

  #take(client: string, units: number): number {
    const { unitsPerSecond, burstUnits } = this.#rate
    const now = this.#now()
    const earned = Math.max(now, this.#earnedAtMs.get(client) ?? now)
    const after = earned + (units * 1_000) / unitsPerSecond
    const waitMs = after - now - (burstUnits * 1_000) / unitsPerSecond
    if (waitMs > 0) return Math.ceil(waitMs)
    this.#earnedAtMs.set(client, after)
    return 0
  }
}
