/** What going back takes of a node. */
export type ChainPast = {
  /** Whether this chain can go back: nobody else relies on its blocks. */
  readonly isOwn: () => boolean
  /** Keeps what going back to this height needs; null: nothing but the usual. */
  readonly hold: (height: number | null) => Promise<void>
  /** Stops making blocks and goes back; where the chain stands then, which is where it stood if that height is not kept. */
  readonly rewind: (height: number) => Promise<ChainPlace>
  /** Makes blocks again. */
  readonly resume: () => void
}

export type ChainPlace = { readonly height: number; readonly time: number }

type Taken = { readonly id: number; readonly height: number; readonly aheadMs: number }

export type SnapshotModules = {
  readonly past: ChainPast
  /** What was accepted before is in a block. */
  readonly settled: () => Promise<void>
  readonly head: () => ChainPlace
  readonly aheadMs: () => number
  /** The chain is back; what waits for it is told, and the clock is as it was then. */
  readonly onRewound: (place: ChainPlace, aheadMs: number) => void
}

/** Places of the chain to come back to, in the memory of one node: a restart forgets them. */
export class ChainSnapshots {
  readonly #modules: SnapshotModules
  #taken: readonly Taken[] = []
  #lastId = 0
  /** One after the other: each begins where the one before left the chain. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(modules: SnapshotModules) {
    this.#modules = modules
  }

  /** The id. */
  take(): Promise<number> {
    return this.#inTurn(async () => {
      const { past, settled, head, aheadMs } = this.#modules
      await settled()
      const { height } = head()
      const id = ++this.#lastId
      const kept = this.#taken.slice(-MAX_SNAPSHOTS + 1)
      await this.#keep([...kept, { id, height, aheadMs: aheadMs() }], past)
      return id
    })
  }

  /** False: there is none of this id, or its height is not kept any more. It and later ones are gone. */
  revert(id: number): Promise<boolean> {
    return this.#inTurn(async () => {
      const { past, onRewound } = this.#modules
      const wanted = this.#taken.find((taken) => taken.id === id)
      if (wanted === undefined) return false
      const place = await past.rewind(wanted.height)
      onRewound(place, wanted.aheadMs)
      past.resume()
      await this.#keep(
        this.#taken.filter((taken) => taken.id < id),
        past,
      )
      return place.height === wanted.height
    })
  }

  async #keep(taken: readonly Taken[], past: ChainPast): Promise<void> {
    this.#taken = taken
    const heights = taken.map(({ height }) => height)
    await past.hold(heights.length === 0 ? null : Math.min(...heights))
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined)
    return result
  }
}

/** The oldest is forgotten beyond. */
const MAX_SNAPSHOTS = 10_000
