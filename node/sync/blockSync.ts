import { type Block, blockCodec } from '../../core/chain/block.ts'
import { type Certificate, certificateCodec } from '../../core/chain/certificate.ts'
import { decode } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { Clock } from '../consensus/clock.ts'
import type { ConsensusEngine } from '../consensus/engine.ts'
import type { CertifiedBytes } from '../network/requests.ts'
import type { Logger } from '../observability/logger.ts'
import type { SyncMetrics } from '../observability/metrics.ts'

export type SyncNetwork = {
  /** Consecutive decided blocks from `from`; fewer than asked, or none, is an answer. Rejects on a timeout. */
  requestBlocks(peerId: string, from: number, count: number): Promise<readonly CertifiedBytes[]>
  penalize(peerId: string, code: string): void
}

export type BlockSyncOptions = {
  /** One height behind is normal for a moment; after this long the block is asked for. */
  readonly graceMs: number
  readonly tickMs: number
}
export const defaultBlockSyncOptions: BlockSyncOptions = { graceMs: 150, tickMs: 50 }

/**
 * Fetches decided blocks from peers that claim more than we have. A claim is a hint: it is dropped
 * when its peer cannot back it with a certified block, so a lie costs one request.
 */
export class BlockSync {
  readonly #options: BlockSyncOptions
  readonly #engine: Pick<ConsensusEngine, 'head' | 'applyCertified'>
  readonly #network: SyncNetwork
  readonly #clock: Clock
  readonly #log: Logger
  readonly #metrics: SyncMetrics
  readonly #claims = new Map<string, number>()
  #timer: NodeJS.Timeout | null = null
  #fetching: Promise<void> | null = null
  #behindSinceMs: number | null = null
  #lastHeight = 0

  constructor(
    options: BlockSyncOptions,
    modules: {
      readonly engine: Pick<ConsensusEngine, 'head' | 'applyCertified'>
      readonly network: SyncNetwork
      readonly clock: Clock
      readonly log: Logger
      readonly metrics: SyncMetrics
    },
  ) {
    this.#options = options
    this.#engine = modules.engine
    this.#network = modules.network
    this.#clock = modules.clock
    this.#log = modules.log
    this.#metrics = modules.metrics
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), this.#options.tickMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer ?? undefined)
    this.#timer = null
    await this.#fetching
  }

  noteHeight(peerId: string, committedHeight: number): void {
    const known = this.#claims.get(peerId) ?? 0
    if (committedHeight > known) this.#claims.set(peerId, committedHeight)
  }

  forget(peerId: string): void {
    this.#claims.delete(peerId)
  }

  /**
   * Whether what this node knows is old: far behind, or behind without moving. On a busy chain a
   * healthy node is a height or two behind its peers for moments, all the time.
   */
  get catchingUp(): boolean {
    const behind = this.targetHeight - this.#engine.head.summary.height
    if (behind > FAR_BEHIND) return true
    const waitedMs = this.#clock.monoMs() - (this.#behindSinceMs ?? this.#clock.monoMs())
    return behind > 1 && waitedMs > STUCK_MS
  }

  get targetHeight(): number {
    return Math.max(this.#engine.head.summary.height, ...this.#claims.values())
  }

  #tick(): void {
    const own = this.#engine.head.summary.height
    if (own !== this.#lastHeight) {
      this.#lastHeight = own
      this.#behindSinceMs = null
    }
    const behind = this.targetHeight - own
    this.#metrics.catchingUp(behind)
    if (behind <= 0) {
      this.#behindSinceMs = null
      return
    }
    this.#behindSinceMs ??= this.#clock.monoMs()
    const waitedMs = this.#clock.monoMs() - this.#behindSinceMs
    if (waitedMs < this.#options.graceMs) return
    this.#fetching ??= this.#fetch(own).finally(() => {
      this.#fetching = null
    })
  }

  async #fetch(own: number): Promise<void> {
    const peerId = this.#peerAbove(own)
    if (peerId === null) return
    const claimed = this.#claims.get(peerId) ?? own
    const count = Math.min(LIMITS.syncRequestBlocks, claimed - own)
    try {
      const blocks = await this.#network.requestBlocks(peerId, own + 1, count)
      const applied = await this.#apply(peerId, blocks)
      if (applied > 0) this.#log.info('Blocks synced', { from: own + 1, count: applied })
      // The claim is not backed: forget it until the peer makes another.
      else if (this.#engine.head.summary.height === own) this.#claims.delete(peerId)
    } catch {
      this.#claims.delete(peerId)
    }
  }

  async #apply(peerId: string, blocks: readonly CertifiedBytes[]): Promise<number> {
    let applied = 0
    for (const bytes of blocks) {
      if (this.#timer === null) return applied
      const parsed = parseCertified(bytes)
      const code = parsed.ok
        ? await this.#engine.applyCertified(parsed.value.block, parsed.value.certificate)
        : parsed.code
      if (code !== null) {
        this.#network.penalize(peerId, code)
        this.#claims.delete(peerId)
        return applied
      }
      applied++
      this.#metrics.blockApplied()
    }
    return applied
  }

  /** Rotates by height, so that one bad peer is not asked again and again. */
  #peerAbove(own: number): string | null {
    const able = [...this.#claims].filter(([, height]) => height > own).map(([id]) => id)
    return able[own % able.length] ?? null
  }
}

const FAR_BEHIND = 64
const STUCK_MS = 2_000

function parseCertified(
  bytes: CertifiedBytes,
): Result<{ readonly block: Block; readonly certificate: Certificate }, 'BAD_BLOCK_ENCODING'> {
  const block = decode(blockCodec, bytes.block)
  const certificate = decode(certificateCodec, bytes.certificate)
  if (!block.ok || !certificate.ok) return reject('BAD_BLOCK_ENCODING')
  return ok({ block: block.value, certificate: certificate.value })
}
