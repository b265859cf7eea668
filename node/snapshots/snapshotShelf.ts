import { lightBlockCodec } from '../../consensus/light/index.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { decode, encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import type { Clock } from '../consensus/clock.ts'
import type { JoinServer } from '../network/requestServer.ts'
import type { OfferedSnapshot } from '../network/requests.ts'
import { TokenBucket } from '../network/tokenBucket.ts'
import type { ChainReader } from '../storage/chainReader.ts'
import { lightBlockOf } from './anchors.ts'
import { manifestCodec, manifestIdOf, type Part, partsOf } from './manifest.ts'
import { readManifest, readPart, snapshotHeights } from './snapshotFiles.ts'

type Shelved = {
  readonly height: Height
  readonly id: Uint8Array
  readonly manifest: Uint8Array
  readonly parts: readonly Part[]
}

const MIB = 1024 * 1024
const SERVED = { perSecond: 64 * MIB, burst: 16 * MIB }

/** The snapshots of a node and its light blocks, for peers that join. Memory: the manifests, at most 5 MiB each. */
export class SnapshotShelf implements JoinServer {
  readonly #root: string
  readonly #reader: ChainReader
  readonly #clock: Clock
  readonly #rate: TokenBucket
  #shelved: ReadonlyMap<string, Shelved> = new Map()

  constructor(root: string, reader: ChainReader, clock: Clock) {
    this.#root = root
    this.#reader = reader
    this.#clock = clock
    this.#rate = new TokenBucket(SERVED, clock.monoMs())
    this.refresh()
  }

  /** After a snapshot was published or removed. */
  refresh(): void {
    const shelved = snapshotHeights(this.#root).flatMap((height) => this.#load(height))
    this.#shelved = new Map(shelved.map((one) => [toHex(one.id), one]))
  }

  serveLightBlock(height: Height): Uint8Array | null {
    const wanted = height === 0 ? this.#reader.height : height
    const block = lightBlockOf(this.#reader, wanted)
    return block === null ? null : encode(lightBlockCodec, block)
  }

  serveSnapshots(): readonly OfferedSnapshot[] {
    return [...this.#shelved.values()].map(({ height, id }) => ({ height, id }))
  }

  /** All who ask share one rate, so that those who join cannot take the line from those who vote. */
  async serveSnapshotPart(snapshot: Uint8Array, part: number): Promise<Uint8Array | null> {
    const shelved = this.#shelved.get(toHex(snapshot))
    if (shelved === undefined) return null
    const wanted = shelved.parts[part - 1]
    if (part > 0 && wanted === undefined) return null
    const waitMs = this.#rate.take(wanted?.bytes ?? shelved.manifest.length, this.#clock.monoMs())
    if (waitMs > 0) await new Promise<void>((resolve) => this.#clock.setTimer(resolve, waitMs))
    return wanted === undefined ? shelved.manifest : this.#read(shelved, wanted)
  }

  #load(height: number): Shelved[] {
    try {
      const manifest = readManifest(this.#root, height)
      const decoded = decode(manifestCodec, manifest)
      if (!decoded.ok) return []
      const parts = partsOf(decoded.value)
      return [{ height: heightOf(height), id: manifestIdOf(manifest), manifest, parts }]
    } catch (error) {
      return nothingIfGone(error, [])
    }
  }

  #read({ height }: Shelved, part: Part): Uint8Array | null {
    try {
      return readPart(this.#root, height, part)
    } catch (error) {
      return nothingIfGone(error, null)
    }
  }
}

/** A newer snapshot may have taken its place while it was asked for. */
function nothingIfGone<T>(error: unknown, nothing: T): T {
  if (error instanceof NexusError && error.detail.code === 'SNAPSHOT_MISSING') return nothing
  throw error
}
