import { equalBytes } from '../../core/primitives/bytes.ts'
import type { Clock } from '../consensus/clock.ts'
import type { Logger } from '../observability/logger.ts'
import { type Anchor, type CheckedManifest, checkManifest } from '../snapshots/checkManifest.ts'
import { manifestIdOf } from '../snapshots/manifest.ts'
import { Restore, type RestoreOptions } from '../snapshots/restore.ts'
import { answerOf, type JoinNetwork } from './joinNetwork.ts'
import { keyOf, type Offer, offersOf } from './offers.ts'
import { defaultPartFetcherOptions, PartFetcher, type PartFetcherOptions } from './partFetcher.ts'
import { anchorAt, type TrustOptions } from './trust.ts'

export type StateSyncOptions = {
  readonly restore: RestoreOptions
  readonly trust: TrustOptions
  readonly fetcher: PartFetcherOptions
  /** After the first peer is there, time for others to connect: two are needed to catch a lie of one. */
  readonly gatherMs: number
  readonly retryMs: number
  /** Without any usable snapshot for this long, the node goes on without one. */
  readonly giveUpMs: number
}
export const defaultStateSyncTimes = {
  fetcher: defaultPartFetcherOptions,
  gatherMs: 1_000,
  retryMs: 1_000,
  giveUpMs: 60_000,
}

export type StateSyncModules = {
  readonly network: JoinNetwork
  readonly clock: Clock
  readonly log: Logger
  /** The process is to stop. */
  readonly signal: AbortSignal
}

const PROGRESS_MS = 2_000

/**
 * Brings an empty node to the height of a snapshot: peers offer, a light client says which roots are
 * certified, and every part is checked against them as it comes. A peer that lies is banned and the others are
 * used. Errors: TRUST_NEEDED, FORK_DETECTED, and those of this machine's disk.
 */
export class StateSync {
  readonly #options: StateSyncOptions
  readonly #modules: StateSyncModules
  /** Snapshots that turned out to be of no use. */
  readonly #refused = new Set<string>()
  /** Peers that could not show the blocks of what they offer; they are asked again with the next attempt. */
  readonly #unfounded = new Set<string>()
  /** Peers that let a question about light blocks run out: as witnesses they would be none, and hold the others up. */
  readonly #silent = new Set<string>()

  constructor(options: StateSyncOptions, modules: StateSyncModules) {
    this.#options = options
    this.#modules = modules
  }

  /** The restored height; null when no peer had a usable snapshot in time, or the process is to stop. */
  async run(): Promise<number | null> {
    const { clock, log, signal } = this.#modules
    const started = clock.monoMs()
    await this.#gather()
    let toldNothing = false
    while (!signal.aborted) {
      const height = await this.#attempt()
      if (height !== null) {
        log.info('State restored', { height, ms: Math.round(clock.monoMs() - started) })
        return height
      }
      if (clock.monoMs() - started > this.#options.giveUpMs) {
        log.warn('No usable snapshot: syncing blocks instead', { ms: this.#options.giveUpMs })
        return null
      }
      if (!toldNothing) log.info('No usable snapshot yet', { peers: this.#peers().length })
      toldNothing = true
      await this.#sleep(this.#options.retryMs)
    }
    return null
  }

  async #gather(): Promise<void> {
    const { clock, signal } = this.#modules
    const { giveUpMs, gatherMs } = this.#options
    const deadline = clock.monoMs() + giveUpMs
    while (this.#peers().length === 0 && clock.monoMs() < deadline && !signal.aborted)
      await this.#sleep(POLL_MS)
    const enough = clock.monoMs() + gatherMs
    while (clock.monoMs() < enough && !signal.aborted) await this.#sleep(POLL_MS)
  }

  async #attempt(): Promise<number | null> {
    const offers = await offersOf(this.#modules.network)
    this.#unfounded.clear()
    for (const offer of offers) {
      if (this.#modules.signal.aborted) return null
      if (this.#refused.has(keyOf(offer))) continue
      if (await this.#use(offer)) return offer.height
    }
    return null
  }

  /** False: this offer leads nowhere, now or ever. */
  async #use(offer: Offer): Promise<boolean> {
    const { log } = this.#modules
    const { height } = offer
    const anchor = await this.#anchor(offer)
    if (anchor === null) return false
    const checked = await this.#manifest(offer, anchor)
    if (checked === null) return false
    const restore = await Restore.begin(this.#options.restore, { checked, anchor })
    log.info('State sync begins', {
      height,
      parts: restore.parts.length,
      bytes: restore.parts.reduce((sum, { bytes }) => sum + bytes, 0),
      peers: offer.peers.length,
    })
    const outcome = await this.#fetchParts(offer, restore).catch(async (error: unknown) => {
      await restore.abandon()
      throw error
    })
    if (outcome === 'done') {
      await restore.finish()
      return true
    }
    await restore.abandon()
    log.warn('Snapshot given up', { height, code: outcome })
    if (outcome === 'BAD_MANIFEST') this.#refuse(offer)
    return false
  }

  /** Who holds the snapshot is asked first, one after the other; everybody else confirms. */
  async #anchor(offer: Offer): Promise<Anchor | null> {
    const { network, log } = this.#modules
    for (const first of offer.peers.filter((peerId) => !this.#unfounded.has(peerId))) {
      const isWitness = (peerId: string): boolean => peerId !== first && !this.#silent.has(peerId)
      const peers = [first, ...this.#peers().filter(isWitness)]
      const heard = this.#notingSilence()
      const anchor = await anchorAt(offer.height, peers, heard, this.#options.trust)
      if (anchor.ok) return anchor.value
      log.warn('Height not certified', { height: offer.height, peerId: first, code: anchor.code })
      if (!UNFOUNDED.has(anchor.code)) continue
      // Else who offers many heights that nobody has would be asked for each of them, one after the other.
      this.#unfounded.add(first)
      if (anchor.code === 'NOT_FOUND') network.penalize(first, 'OFFER_NOT_SERVED')
    }
    return null
  }

  #notingSilence(): JoinNetwork {
    const { network } = this.#modules
    return {
      peerIds: () => network.peerIds(),
      requestSnapshots: (peerId) => network.requestSnapshots(peerId),
      requestSnapshotPart: (peerId, id, part) => network.requestSnapshotPart(peerId, id, part),
      penalize: (peerId, code) => network.penalize(peerId, code),
      requestLightBlock: async (peerId, height) => {
        this.#silent.add(peerId)
        const block = await network.requestLightBlock(peerId, height)
        this.#silent.delete(peerId)
        return block
      },
    }
  }

  async #manifest(offer: Offer, anchor: Anchor): Promise<CheckedManifest | null> {
    const { network, log } = this.#modules
    const { registry } = this.#options.restore.surroundings
    for (const peerId of offer.peers) {
      const bytes = await answerOf(network.requestSnapshotPart(peerId, offer.id, 0))
      if (bytes === undefined || bytes === null) continue
      if (!equalBytes(manifestIdOf(bytes), offer.id)) {
        network.penalize(peerId, 'BAD_SNAPSHOT')
        continue
      }
      const checked = checkManifest(bytes, anchor, registry)
      if (checked.ok) return checked.value
      log.warn('Snapshot is false', { height: offer.height, code: checked.code })
      this.#refuse(offer)
      return null
    }
    return null
  }

  /** Its id binds the manifest: everybody who offered it lied. */
  #refuse(offer: Offer): void {
    this.#refused.add(keyOf(offer))
    for (const peerId of offer.peers) this.#modules.network.penalize(peerId, 'BAD_SNAPSHOT')
  }

  #fetchParts(offer: Offer, restore: Restore): ReturnType<PartFetcher['run']> {
    const { network, clock, log, signal } = this.#modules
    let toldMs = clock.monoMs()
    const onPart = (): void => {
      if (clock.monoMs() - toldMs < PROGRESS_MS) return
      toldMs = clock.monoMs()
      const of = restore.parts.length
      log.info('State sync', { height: offer.height, parts: of - restore.missing, of })
    }
    const modules = { offer, restore, network, onPart, signal, clock }
    return new PartFetcher(this.#options.fetcher, modules).run()
  }

  #peers(): readonly string[] {
    return this.#modules.network.peerIds()
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#modules.clock.setTimer(resolve, ms)
    })
  }
}

const POLL_MS = 50
/** Who has a snapshot has the two blocks that certify it. */
const UNFOUNDED: ReadonlySet<string> = new Set(['NOT_FOUND', 'NO_ANSWER'])
