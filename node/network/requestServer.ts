import { unreachable } from '../../core/primitives/assert.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { Height } from '../../core/primitives/units.ts'
import {
  type CertifiedBytes,
  fittingPrefix,
  type OfferedSnapshot,
  type Request,
  type Response,
  type ResponseBody,
} from './requests.ts'

type Awaitable<T> = T | Promise<T>

/** What a node gives to peers that ask. A rejection or a throw is a fault of ours and fatal. */
export type Server = {
  /** Those it has, in the order of the digests. */
  serveBatches(digests: readonly Uint8Array[]): Awaitable<readonly Uint8Array[]>
  /** Consecutive decided blocks from `from`; no more than `count`, and beyond `maxBytes` they are not sent. */
  serveBlocks(from: Height, count: number, maxBytes: number): Awaitable<readonly CertifiedBytes[]>
  /** A block that need not be decided. */
  serveBlock(height: Height, blockId: string): Awaitable<Uint8Array | null>
  /** Absent: it has nothing of the kind. */
  readonly join?: JoinServer
}

/** What helps a node that is not on the chain yet. */
export type JoinServer = {
  /** 0: the latest. */
  serveLightBlock(height: Height): Awaitable<Uint8Array | null>
  serveSnapshots(): Awaitable<readonly OfferedSnapshot[]>
  /** See `getSnapshotPart`. */
  serveSnapshotPart(snapshot: Uint8Array, part: number): Awaitable<Uint8Array | null>
}

export type RequestServerOptions = {
  /** Requests of one peer that wait for the one being served. */
  readonly maxWaiting: number
}

export type RequestServerModules = {
  readonly server: Server
  /** Resolves when the answer has been handed to the connection. */
  readonly respond: (response: Response) => Promise<void>
  readonly onFatal: (error: unknown) => void
}

/** Serves one peer, one request at a time: at most one answer of it is in memory. */
export class RequestServer {
  readonly #options: RequestServerOptions
  readonly #modules: RequestServerModules
  readonly #waiting: Request[] = []
  #serving = false
  #closed = false

  constructor(options: RequestServerOptions, modules: RequestServerModules) {
    this.#options = options
    this.#modules = modules
  }

  receive(request: Request): void {
    if (this.#closed) return
    if (this.#waiting.length >= this.#options.maxWaiting) {
      void this.#modules.respond({ kind: 'refused', id: request.id })
      return
    }
    this.#waiting.push(request)
    if (!this.#serving) void this.#serve()
  }

  close(): void {
    this.#closed = true
    this.#waiting.length = 0
  }

  async #serve(): Promise<void> {
    this.#serving = true
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        const body = await this.#answer(next)
        if (this.#closed) return
        await this.#modules.respond({ ...body, id: next.id })
      }
    } catch (error) {
      this.#modules.onFatal(error)
    } finally {
      this.#serving = false
    }
  }

  async #answer(request: Request): Promise<ResponseBody> {
    const { server } = this.#modules
    switch (request.kind) {
      case 'getBatches': {
        const batches = await server.serveBatches(request.digests)
        return { kind: 'batches', batches: fittingPrefix(batches, (batch) => [batch]) }
      }
      case 'getBlocks': {
        const count = Math.min(request.count, LIMITS.syncRequestBlocks)
        const blocks = await server.serveBlocks(request.from, count, LIMITS.syncFrameBytes)
        const fitting = fittingPrefix(blocks, ({ block, certificate }) => [block, certificate])
        return { kind: 'blocks', blocks: fitting.slice(0, count) }
      }
      case 'getBlock':
        return { kind: 'block', block: await server.serveBlock(request.height, request.blockId) }
      case 'getLightBlock': {
        const block = await server.join?.serveLightBlock(request.height)
        return { kind: 'lightBlock', block: block ?? null }
      }
      case 'listSnapshots': {
        const snapshots = (await server.join?.serveSnapshots()) ?? []
        return { kind: 'snapshots', snapshots: snapshots.slice(-LIMITS.snapshotsListed) }
      }
      case 'getSnapshotPart': {
        const bytes = await server.join?.serveSnapshotPart(request.snapshot, request.part)
        return { kind: 'snapshotPart', bytes: bytes ?? null }
      }
      default:
        return unreachable(request)
    }
  }
}
