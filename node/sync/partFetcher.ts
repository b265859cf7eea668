import type { Clock } from '../consensus/clock.ts'
import type { Part } from '../snapshots/manifest.ts'
import type { Restore } from '../snapshots/restore.ts'
import { answerOf, type JoinNetwork } from './joinNetwork.ts'
import type { Offer } from './offers.ts'

export type PartFetcherOptions = {
  /** Asked of one peer at a time. */
  readonly perPeer: number
  /** Asked of all peers together: at most 4 MiB each. */
  readonly inFlight: number
  /** A peer that answers so many requests with nothing is not asked any more. */
  readonly maxMisses: number
  /** A part that one peer has been asked for so long is asked of another too, when nothing else is left to ask for. */
  readonly slowMs: number
}
export const defaultPartFetcherOptions: PartFetcherOptions = {
  perPeer: 2,
  inFlight: 16,
  maxMisses: 3,
  slowMs: 2_000,
}

export type FetchOutcome = 'done' | 'NO_PEER' | 'BAD_MANIFEST' | 'STOPPED'

type Source = { readonly peerId: string; busy: number; misses: number }
type Flight = { readonly part: Part; readonly source: Source; readonly sinceMs: number }

/** Brings every part of one snapshot from the peers that have it; whoever sends a wrong one is banned. */
export class PartFetcher {
  readonly #options: PartFetcherOptions
  readonly #offer: Offer
  readonly #restore: Restore
  readonly #network: JoinNetwork
  readonly #onPart: (part: Part) => void
  readonly #sources: Source[]
  readonly #clock: Pick<Clock, 'setTimer' | 'monoMs'>
  readonly #writing = new Set<Promise<void>>()
  /** Parts that were asked for, of those in order. */
  #asked = 0
  readonly #again: Part[] = []
  readonly #flights = new Set<Flight>()
  /** Taken, or being taken. */
  readonly #taken = new Set<Part>()
  readonly #done = Promise.withResolvers<FetchOutcome>()
  #ended = false

  constructor(
    options: PartFetcherOptions,
    modules: {
      readonly offer: Offer
      readonly restore: Restore
      readonly network: JoinNetwork
      readonly onPart: (part: Part) => void
      readonly signal: AbortSignal
      readonly clock: Pick<Clock, 'setTimer' | 'monoMs'>
    },
  ) {
    this.#options = options
    this.#offer = modules.offer
    this.#restore = modules.restore
    this.#network = modules.network
    this.#onPart = modules.onPart
    this.#clock = modules.clock
    this.#sources = modules.offer.peers.map((peerId) => ({ peerId, busy: 0, misses: 0 }))
    modules.signal.addEventListener('abort', () => this.#end('STOPPED'))
  }

  /** Rejects only for a fault of this machine or program. */
  async run(): Promise<FetchOutcome> {
    this.#askMore()
    const stopLooking = this.#lookForSlow()
    const outcome = await this.#done.promise.finally(stopLooking)
    // A part that is being written when it ends must not meet a closed database.
    await Promise.allSettled(this.#writing)
    return outcome
  }

  #askMore(): void {
    if (this.#ended) return
    if (this.#restore.missing === 0) this.#end('done')
    else if (this.#sources.length === 0) this.#end('NO_PEER')
    while (!this.#ended && this.#flights.size < this.#options.inFlight) {
      const source = this.#idlest()
      if (source === null) return
      const part = this.#nextPart() ?? this.#slowest(source)
      if (part === null) return
      void this.#fetch(source, part)
    }
  }

  /** What has been asked of others for too long. */
  #slowest(by: Source): Part | null {
    const since = this.#clock.monoMs() - this.#options.slowMs
    const late = [...this.#flights].find(({ part, source, sinceMs }) => {
      if (sinceMs > since || source === by || this.#taken.has(part)) return false
      return [...this.#flights].every((other) => other.part !== part || other.source !== by)
    })
    return late?.part ?? null
  }

  #lookForSlow(): () => void {
    let cancel = (): void => {}
    const look = (): void => {
      this.#askMore()
      if (!this.#ended) cancel = this.#clock.setTimer(look, this.#options.slowMs / 4)
    }
    cancel = this.#clock.setTimer(look, this.#options.slowMs / 4)
    return () => cancel()
  }

  /** What failed before, then the next in order, which is that in which they become due. */
  #nextPart(): Part | null {
    for (let again = this.#again.pop(); again !== undefined; again = this.#again.pop())
      if (!this.#taken.has(again)) return again
    const next = this.#restore.parts[this.#asked]
    if (next === undefined || !this.#restore.isDue(next)) return null
    this.#asked++
    return next
  }

  #idlest(): Source | null {
    const free = this.#sources.filter(({ busy }) => busy < this.#options.perPeer)
    return free.sort((a, b) => a.busy - b.busy || a.misses - b.misses)[0] ?? null
  }

  async #fetch(source: Source, part: Part): Promise<void> {
    const flight = { part, source, sinceMs: this.#clock.monoMs() }
    this.#flights.add(flight)
    source.busy++
    try {
      const asked = this.#network.requestSnapshotPart(source.peerId, this.#offer.id, part.index + 1)
      const bytes = (await answerOf(asked)) ?? null
      if (this.#ended || this.#taken.has(part)) return
      const isTaken = bytes !== null && (await this.#take(source, part, bytes))
      if (bytes === null) this.#missed(source)
      if (!isTaken) this.#again.push(part)
    } catch (error) {
      this.#ended = true
      this.#done.reject(error)
    } finally {
      source.busy--
      this.#flights.delete(flight)
      this.#askMore()
    }
  }

  async #take(source: Source, part: Part, bytes: Uint8Array): Promise<boolean> {
    this.#taken.add(part)
    const accepted = this.#restore.accept(part, bytes)
    const writing = accepted.then(
      () => {},
      () => {},
    )
    this.#writing.add(writing)
    const code = await accepted
    this.#writing.delete(writing)
    if (code === 'SNAPSHOT_INCOMPLETE') this.#end('BAD_MANIFEST')
    else if (code === null) {
      source.misses = 0
      this.#onPart(part)
    } else {
      this.#taken.delete(part)
      this.#network.penalize(source.peerId, 'BAD_SNAPSHOT_PART')
      this.#remove(source)
    }
    return code === null
  }

  /** It may have removed the snapshot, or be slow: no lie, but of no use here. */
  #missed(source: Source): void {
    source.misses++
    if (source.misses >= this.#options.maxMisses) this.#remove(source)
  }

  #remove(source: Source): void {
    const at = this.#sources.indexOf(source)
    if (at >= 0) this.#sources.splice(at, 1)
  }

  #end(outcome: FetchOutcome): void {
    this.#ended = true
    this.#done.resolve(outcome)
  }
}
