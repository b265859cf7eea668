import { type Block, blockCodec } from '../../core/chain/block.ts'
import { type Certificate, certificateCodec } from '../../core/chain/certificate.ts'
import { decode } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { Clock } from '../consensus/clock.ts'
import type { ConsensusEngine } from '../consensus/engine.ts'
import type { CertifiedBytes } from '../network/requests.ts'
import type { Logger } from '../observability/logger.ts'
import type { SyncMetrics } from '../observability/metrics.ts'
import { BlockWindow, type Slot } from './blockWindow.ts'
import { defaultPeerClaimsOptions, PeerClaims, type PeerClaimsOptions } from './peerClaims.ts'
import { Staleness } from './staleness.ts'

export type SyncNetwork = {
  /** Consecutive decided blocks from `from`; fewer than asked, or none, is an answer. Rejects on a timeout. */
  requestBlocks(peerId: string, from: number, count: number): Promise<readonly CertifiedBytes[]>
  penalize(peerId: string, code: string): void
  /** Who is connected. */
  peerIds(): readonly string[]
}

export type BlockSyncOptions = {
  /** One height behind is normal for a moment; after this long the block is asked for. */
  readonly graceMs: number
  readonly tickMs: number
  /** Answers under way or waiting, of at most LIMITS.syncFrameBytes each: 20 MiB. */
  readonly maxSlots: number
  /** Requests to a peer that has sent good blocks; to any other, one. */
  readonly perPeer: number
  /** The lowest heights, which all others wait for, are asked of somebody else after this long. */
  readonly slowMs: number
  /** What this node knows is old when the chain has been ahead of it for longer, or by more blocks. */
  readonly staleMs: number
  readonly farBlocks: number
  readonly claims: PeerClaimsOptions
}
export const defaultBlockSyncOptions: BlockSyncOptions = {
  graceMs: 150,
  tickMs: 50,
  maxSlots: 4,
  perPeer: 2,
  slowMs: 2_000,
  staleMs: 5_000,
  farBlocks: 1_024,
  claims: defaultPeerClaimsOptions,
}

type Modules = {
  readonly engine: Pick<ConsensusEngine, 'head' | 'applyCertified'>
  readonly network: SyncNetwork
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: SyncMetrics
}

/**
 * Fetches decided blocks from peers that claim more than we have, several runs of heights at a time from
 * several peers, and applies them in order. What a peer says is a hint and what it sends is checked: a fault
 * costs that peer, and its heights are asked of another.
 */
export class BlockSync {
  readonly #options: BlockSyncOptions
  readonly #modules: Modules
  readonly #claims: PeerClaims
  readonly #window: BlockWindow
  readonly #busy = new Map<string, number>()
  /** Null: not running. */
  #cancelTick: (() => void) | null = null
  #applying: Promise<void> | null = null
  #behindSinceMs: number | null = null
  #lastHeight = 0
  readonly #staleness = new Staleness()

  constructor(options: BlockSyncOptions, modules: Modules) {
    this.#options = options
    this.#modules = modules
    this.#claims = new PeerClaims(options.claims)
    const { maxSlots } = options
    this.#window = new BlockWindow({ maxSlots, slotBlocks: LIMITS.syncRequestBlocks })
  }

  start(): void {
    this.#cancelTick = this.#modules.clock.setTimer(() => {
      this.start()
      this.#tick()
    }, this.#options.tickMs)
  }

  /** What is asked may still be answered; nobody looks at it. */
  async stop(): Promise<void> {
    this.#cancelTick?.()
    this.#cancelTick = null
    await this.#applying
  }

  /** A message waits in queues, and who sent it may be gone by now: nobody would forget what it said. */
  noteHeight(peerId: string, committedHeight: number): void {
    if (!this.#modules.network.peerIds().includes(peerId)) return
    this.#claims.note(peerId, committedHeight, this.#now())
  }

  forget(peerId: string): void {
    this.#claims.forget(peerId)
    this.#window.releasePeer(peerId)
  }

  /**
   * Whether what this node knows is old: more than `staleMs`, or so many blocks that it will be. A
   * healthy node on a slow disk is some heights behind its peers all the time.
   */
  get catchingUp(): boolean {
    const { staleMs, farBlocks } = this.#options
    if (this.knownHeight - this.#own > farBlocks) return true
    return this.#staleness.ageMs(this.#own, this.#now()) > staleMs
  }

  /** What the chain has, as far as it can be believed: see `PeerClaims.believed`. */
  get knownHeight(): number {
    return this.#claims.believed(this.#own, this.#now())
  }

  /** What the chain may have: one liar can raise it, until it is asked for what it claims. See `PeerClaims.credible`. */
  get targetHeight(): number {
    return this.#claims.credible(this.#own, this.#now())
  }

  get #own(): number {
    return this.#modules.engine.head.summary.height
  }

  #now(): number {
    return this.#modules.clock.monoMs()
  }

  #tick(): void {
    const own = this.#own
    if (own !== this.#lastHeight) {
      this.#lastHeight = own
      this.#behindSinceMs = null
    }
    const known = this.knownHeight
    this.#staleness.note(own, known, this.#now())
    this.#modules.metrics.catchingUp(known - own)
    if (this.#claims.highest(this.#now()) <= own) {
      this.#behindSinceMs = null
      return
    }
    this.#behindSinceMs ??= this.#now()
    // While blocks are on their way the height moves, and there is nothing to wait for.
    const isUnderWay = this.#window.first !== undefined
    if (isUnderWay || this.#now() - this.#behindSinceMs >= this.#options.graceMs) this.#pump()
  }

  #pump(): void {
    if (this.#cancelTick === null) return
    this.#window.move(this.#own, this.#claims.highest(this.#now()))
    this.#hedge()
    for (const slot of this.#window.free()) {
      const peerId = this.#idlest(slot.from)
      if (peerId !== null) this.#ask(slot, peerId)
    }
    this.#applying ??= this.#applyReady().finally(() => {
      this.#applying = null
    })
  }

  /** A slow peer keeps the time of its request; its answer is no longer waited for. */
  #hedge(): void {
    const { first } = this.#window
    if (first === undefined || first.peerId === null || first.blocks !== null) return
    if (this.#now() - first.askedAtMs < this.#options.slowMs) return
    if (this.#idlest(first.from, first.peerId) === null) return
    this.#claims.slow(first.peerId, this.#now())
    this.#window.release(first)
  }

  /** Who is asked next for a height; peers that were slow only when there is nobody else. */
  #idlest(from: number, except: string | null = null): string | null {
    const free = this.#claims
      .above(from, this.#now())
      .filter((peerId) => peerId !== except)
      .map((peerId) => ({ peerId, busy: this.#busy.get(peerId) ?? 0 }))
      .filter(
        ({ peerId, busy }) => busy < (this.#claims.isProven(peerId) ? this.#options.perPeer : 1),
      )
    const quick = free.filter(({ peerId }) => !this.#claims.isSlow(peerId, this.#now()))
    const able = quick.length > 0 ? quick : free
    const least = Math.min(...able.map(({ busy }) => busy))
    const idle = able.filter(({ busy }) => busy === least)
    // By height, so that one peer is not asked first again and again.
    return idle[from % idle.length]?.peerId ?? null
  }

  #ask(slot: Slot, peerId: string): void {
    this.#window.ask(slot, peerId, this.#now())
    this.#busy.set(peerId, (this.#busy.get(peerId) ?? 0) + 1)
    void this.#request(slot, peerId).then((hasAnswered) => {
      const busy = (this.#busy.get(peerId) ?? 1) - 1
      if (busy > 0) this.#busy.set(peerId, busy)
      else this.#busy.delete(peerId)
      // Who had nothing may be asked again at the next tick: at once, a request that is refused without
      // waiting would be repeated for ever.
      if (hasAnswered) this.#pump()
    })
  }

  /** Whether there were any blocks. */
  async #request(slot: Slot, peerId: string): Promise<boolean> {
    const claimed = this.#claims.of(peerId, this.#now())
    const count = Math.min(slot.count, claimed - slot.from + 1)
    const blocks = await this.#modules.network
      .requestBlocks(peerId, slot.from, count)
      .catch((): null => null)
    const isAwaited = this.#window.isAsked(slot, peerId)
    if (blocks !== null && blocks.length > 0) {
      if (isAwaited) {
        this.#claims.prompt(peerId)
        this.#window.fill(slot, blocks)
      }
      return true
    }
    if (isAwaited) this.#window.release(slot)
    // What it had to send may have been committed here meanwhile, which says nothing about it.
    if (slot.from > this.#own) this.#unbacked(peerId, blocks !== null)
    return false
  }

  /**
   * It has no voice for a while. An honest peer may have pruned what it claims, so that saying so costs
   * little; what silence costs is the network's.
   */
  #unbacked(peerId: string, hasAnswered: boolean): void {
    this.#claims.failed(peerId, this.#now())
    if (hasAnswered) this.#modules.network.penalize(peerId, 'CLAIM_NOT_SERVED')
  }

  async #applyReady(): Promise<void> {
    for (let slot = this.#window.first; slot !== undefined; slot = this.#window.first) {
      const { peerId, blocks, from } = slot
      if (peerId === null || blocks === null || this.#cancelTick === null) return
      const before = this.#own
      const code = await this.#apply(from, blocks)
      if (this.#own > before)
        this.#modules.log.info('Blocks synced', { from: before + 1, count: this.#own - before })
      if (code === null) {
        this.#claims.proven(peerId, blocks.length >= LIMITS.syncRequestBlocks, this.#now())
        this.#window.done(slot)
      } else {
        this.#modules.network.penalize(peerId, code)
        this.#claims.failed(peerId, this.#now())
        this.#window.releasePeer(peerId)
      }
      this.#pump()
    }
  }

  /** What is wrong with one of the blocks, or null. Those before it are applied. */
  async #apply(from: number, blocks: readonly CertifiedBytes[]): Promise<string | null> {
    // All are read first: the engine must know which is the last.
    const { readable, code } = readCertified(from, blocks)
    for (const [i, { block, certificate }] of readable.entries()) {
      if (this.#cancelTick === null) return null
      if (from + i <= this.#own) continue
      const isLast = i === readable.length - 1
      const objection = await this.#modules.engine.applyCertified(block, certificate, isLast)
      if (objection !== null) return objection
      this.#modules.metrics.blockApplied()
    }
    return code
  }
}

type Certified = { readonly block: Block; readonly certificate: Certificate }

/** The blocks from a height on, up to the first that is none, and why that one is not. */
function readCertified(
  from: number,
  blocks: readonly CertifiedBytes[],
): { readonly readable: readonly Certified[]; readonly code: string | null } {
  const readable: Certified[] = []
  for (const [i, bytes] of blocks.entries()) {
    const block = decode(blockCodec, bytes.block)
    const certificate = decode(certificateCodec, bytes.certificate)
    if (!block.ok || !certificate.ok) return { readable, code: 'BAD_BLOCK_ENCODING' }
    if (block.value.header.height !== from + i) return { readable, code: 'WRONG_BLOCK' }
    readable.push({ block: block.value, certificate: certificate.value })
  }
  return { readable, code: null }
}
