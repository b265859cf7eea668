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
}
export const defaultPartFetcherOptions: PartFetcherOptions = {
  perPeer: 2,
  inFlight: 16,
  maxMisses: 3,
}

export type FetchOutcome = 'done' | 'NO_PEER' | 'BAD_MANIFEST' | 'STOPPED'

type Source = { readonly peerId: string; busy: number; misses: number }

/** Brings every part of one snapshot from the peers that have it; whoever sends a wrong one is banned. */
export class PartFetcher {
  readonly #options: PartFetcherOptions
  readonly #offer: Offer
  readonly #restore: Restore
  readonly #network: JoinNetwork
  readonly #onPart: (part: Part) => void
  readonly #sources: Source[]
  readonly #writing = new Set<Promise<void>>()
  /** Parts that were asked for, of those in order. */
  #asked = 0
  readonly #again: Part[] = []
  #flying = 0
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
      readonly clock: Pick<Clock, 'setTimer'>
    },
  ) {
    this.#options = options
    this.#offer = modules.offer
    this.#restore = modules.restore
    this.#network = modules.network
    this.#onPart = modules.onPart
    this.#sources = modules.offer.peers.map((peerId) => ({ peerId, busy: 0, misses: 0 }))
    modules.signal.addEventListener('abort', () => this.#end('STOPPED'))
  }

  /** Rejects only for a fault of this machine or program. */
  async run(): Promise<FetchOutcome> {
    this.#askMore()
    const outcome = await this.#done.promise
    // A part that is being written when it ends must not meet a closed database.
    await Promise.allSettled(this.#writing)
    return outcome
  }

  #askMore(): void {
    if (this.#ended) return
    if (this.#restore.missing === 0) this.#end('done')
    else if (this.#sources.length === 0) this.#end('NO_PEER')
    while (!this.#ended && this.#flying < this.#options.inFlight) {
      const source = this.#idlest()
      const part = source === null ? null : this.#nextPart()
      if (source === null || part === null) return
      this.#flying++
      source.busy++
      void this.#fetch(source, part)
    }
  }

  /** What failed before, then the next in order, which is that in which they become due. */
  #nextPart(): Part | null {
    const again = this.#again.pop()
    if (again !== undefined) return again
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
    try {
      const asked = this.#network.requestSnapshotPart(source.peerId, this.#offer.id, part.index + 1)
      const bytes = (await answerOf(asked)) ?? null
      if (this.#ended) return
      const isTaken = bytes !== null && (await this.#take(source, part, bytes))
      if (bytes === null) this.#missed(source)
      if (!isTaken) this.#again.push(part)
    } catch (error) {
      this.#ended = true
      this.#done.reject(error)
    } finally {
      source.busy--
      this.#flying--
      this.#askMore()
    }
  }

  async #take(source: Source, part: Part, bytes: Uint8Array): Promise<boolean> {
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
