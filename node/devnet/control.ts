import { assert } from '../../core/primitives/assert.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { DevnetAnswer, DevnetCode, DevnetRequest } from '../../rpc/index.ts'
import type { Clock } from '../consensus/clock.ts'
import type { TransactionSource } from '../consensus/ports.ts'
import { DevnetClock } from './devnetClock.ts'
import { type ChainPast, type ChainPlace, ChainSnapshots } from './snapshots.ts'

export type DevnetControlModules = {
  readonly clock: Clock
  /** Whether this validator alone decides blocks. */
  readonly isAlone: () => boolean
  readonly head: () => { readonly height: number; readonly time: number }
  /** There is a reason to begin a block. */
  readonly onWanted: () => void
  readonly past: ChainPast
}

type Mining = {
  left: number
  /** Between two blocks; null: what the clock says. */
  readonly intervalMs: number | null
  /** Blocks before this time were under way already. */
  readonly sinceMs: number
  readonly done: (answer: Result<DevnetAnswer, DevnetCode>) => void
}

/**
 * Time and blocks on demand, inside a node that is a chain of its own. Blocks are made, voted for and
 * certified as always; what changes is when, and what this validator's clock says.
 */
export class DevnetControl {
  readonly clock: DevnetClock
  readonly #modules: DevnetControlModules
  readonly #mining: Mining[] = []
  readonly #snapshots: ChainSnapshots
  #source: TransactionSource | null = null

  constructor(modules: DevnetControlModules) {
    this.#modules = modules
    this.clock = new DevnetClock(modules.clock)
    this.#snapshots = new ChainSnapshots({
      past: modules.past,
      settled: () => this.#settled(),
      head: modules.head,
      aheadMs: () => this.clock.aheadMs,
      onRewound: (place, aheadMs) => this.#rewound(place, aheadMs),
    })
  }

  /** A chain that was put ahead of time before a restart goes on there. */
  start(lastBlockMs: number): void {
    this.clock.reach(lastBlockMs + 1)
  }

  /** The transactions of a node that also makes a block when it is told to. */
  around(inner: TransactionSource): TransactionSource {
    this.#source = inner
    return {
      hasPending: () => this.#mining.length > 0 || inner.hasPending(),
      select: (head, params, targetBytes) => inner.select(head, params, targetBytes),
      resolve: (body, from) => inner.resolve(body, from),
      signatoriesOf: (payload) => inner.signatoriesOf(payload),
      committed: (result, head) => inner.committed(result, head),
    }
  }

  committed({ height, time }: { readonly height: number; readonly time: number }): void {
    this.clock.committed(time)
    const mining = this.#mining[0]
    if (mining === undefined || time < mining.sinceMs) return
    mining.left--
    if (mining.left > 0) {
      if (mining.intervalMs !== null) this.clock.pin(time + mining.intervalMs)
      return
    }
    this.#mining.shift()
    mining.done(ok({ height, aheadMs: this.clock.aheadMs }))
  }

  /** DEVNET_NOT_ALONE, CHAIN_IS_SHARED, TIME_NOT_AHEAD, TIME_TOO_FAR. Answers to `mine` when the blocks are committed. */
  request(request: DevnetRequest): Promise<Result<DevnetAnswer, DevnetCode>> {
    if (!this.#modules.isAlone()) return Promise.resolve(reject('DEVNET_NOT_ALONE'))
    if (this.#latestOf(request) > LAST_MS) return Promise.resolve(reject('TIME_TOO_FAR'))
    switch (request.kind) {
      case 'mine':
        return this.#mine(request.blocks, request.intervalMs)
      case 'advance':
        this.clock.advance(request.ms)
        return this.#now()
      case 'time':
        if (request.ms < this.clock.wallMs()) return Promise.resolve(reject('TIME_NOT_AHEAD'))
        this.clock.reach(request.ms)
        return this.#now()
      case 'nextBlockTime':
        if (request.ms <= this.#modules.head().time)
          return Promise.resolve(reject('TIME_NOT_AHEAD'))
        this.clock.pin(request.ms)
        return this.#now()
      case 'snapshot':
        return this.#goingBack(() => this.#snapshots.take())
      case 'revert':
        return this.#goingBack(async () => {
          const isBack = await this.#snapshots.revert(request.snapshot)
          return isBack ? request.snapshot : null
        })
    }
  }

  /** The latest time that a block could get by this. */
  #latestOf(request: DevnetRequest): number {
    switch (request.kind) {
      case 'mine':
        return this.clock.wallMs() + request.blocks * (request.intervalMs ?? 0)
      case 'advance':
        return this.clock.wallMs() + request.ms
      case 'time':
      case 'nextBlockTime':
        return request.ms
      case 'snapshot':
      case 'revert':
        return 0
    }
  }

  stop(): void {
    for (const { done } of this.#mining.splice(0)) done(reject('DEVNET_STOPS'))
  }

  async #goingBack(run: () => Promise<number | null>): Promise<Result<DevnetAnswer, DevnetCode>> {
    if (!this.#modules.past.isOwn()) return reject('CHAIN_IS_SHARED')
    const snapshot = await run()
    const { height } = this.#modules.head()
    return ok({ height, aheadMs: this.clock.aheadMs, snapshot })
  }

  /** What fits no block for now does not hold it up. */
  async #settled(): Promise<void> {
    for (let i = 0; i < MAX_SETTLING && this.#source?.hasPending() === true; i++)
      await this.#mine(1, null)
  }

  #rewound({ time }: ChainPlace, aheadMs: number): void {
    for (const { done } of this.#mining.splice(0)) done(reject('CHAIN_WENT_BACK'))
    this.clock.rewind(aheadMs)
    this.clock.reach(time + 1)
  }

  #mine(blocks: number, intervalMs: number | null): Promise<Result<DevnetAnswer, DevnetCode>> {
    assert(
      blocks > 0 && (intervalMs === null || intervalMs > 0),
      'blocks follow each other in time',
    )
    return new Promise((done) => {
      const sinceMs = this.clock.pinnedMs ?? 0
      this.#mining.push({ left: blocks, intervalMs, sinceMs, done })
      this.#modules.onWanted()
    })
  }

  #now(): Promise<Result<DevnetAnswer, DevnetCode>> {
    const { height } = this.#modules.head()
    return Promise.resolve(ok({ height, aheadMs: this.clock.aheadMs }))
  }
}

/** Blocks that a snapshot waits for, at most. */
const MAX_SETTLING = 8

/** The end of the year 9999: beyond, dates have no common form. */
const LAST_MS = 253_402_300_799_999
