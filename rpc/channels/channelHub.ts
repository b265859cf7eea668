import { fromHex, toHex } from '../../core/primitives/bytes.ts'
import type { CoreBackend, CoreEvent, CoreHeight } from '../coreBackend.ts'
import { randomId } from '../filters.ts'
import { EventTexts } from '../format/eventText.ts'
import { fail, type Outcome } from '../outcome.ts'
import { Channel, type ChannelName, type Listener, type Told } from './channel.ts'
import { defaultRingLimits, type RingLimits } from './ring.ts'
import { EventRoutes } from './routes.ts'
import { sourceOf, type Wanted } from './sources.ts'

export type ChannelLimits = {
  readonly ring: RingLimits
  /** Streams that are kept at a time, with or without listeners. */
  readonly channels: number
  /** Of all rings, in characters of JSON. */
  readonly characters: number
  /** A stream without listeners is forgotten after so many heights. */
  readonly idleHeights: number
}

export const defaultChannelLimits: ChannelLimits = {
  ring: defaultRingLimits,
  channels: 4_096,
  characters: 64 * 1_048_576,
  idleHeights: 1_000,
}

/** What a new subscriber starts from. */
export type Joined = {
  readonly id: string
  /** The height that `snapshot` or the last of `replay` is about. */
  readonly sequence: number
  /** The messages asked for with `since` are not here any more: begin with the snapshot. */
  readonly outOfSync: boolean
  readonly snapshot: unknown
  readonly replay: readonly string[]
}

/** All streams of the exchange and of accounts: one per market or account and kind, made when first asked for. */
export class ChannelHub {
  readonly #core: CoreBackend
  readonly #limits: ChannelLimits
  readonly #routes: EventRoutes
  #texts: EventTexts
  readonly #channels = new Map<string, Channel>()
  readonly #byMarket = new Map<number, Set<Channel>>()
  /** By ledger id, for events; by hex of the address, for receipts. */
  readonly #byAccount = new Map<number, Set<Channel>>()
  readonly #byAddress = new Map<string, Set<Channel>>()
  /** Addresses without an account as yet. */
  readonly #nameless = new Map<string, Uint8Array>()
  readonly #subscriptions = new Map<string, Channel>()
  #height: number

  constructor(core: CoreBackend, height: number, limits: ChannelLimits) {
    this.#core = core
    this.#limits = limits
    this.#routes = new EventRoutes(core.engines)
    this.#texts = new EventTexts(core.engines, core.names)
    this.#height = height
  }

  get size(): number {
    return this.#channels.size
  }
  get subscriptions(): number {
    return this.#subscriptions.size
  }

  /** With `since`: what was told after that sequence instead of a snapshot, as far as it is kept. */
  join(wanted: Wanted, since: number | null, listen: Listener): Outcome<Joined> {
    const opened = this.#open(wanted)
    if (!opened.ok) return opened
    const channel = opened.value
    const replay = since === null ? null : channel.ring.since(since, this.#height)
    const snapshot =
      replay === null ? channel.source.snapshot() : { ok: true as const, value: null }
    if (!snapshot.ok) return snapshot
    const id = randomId()
    channel.listeners.set(id, listen)
    this.#subscriptions.set(id, channel)
    return {
      ok: true,
      value: {
        id,
        sequence: this.#height,
        outOfSync: since !== null && replay === null,
        snapshot: snapshot.value,
        replay: replay ?? [],
      },
    }
  }

  leave(id: string): void {
    const channel = this.#subscriptions.get(id)
    if (channel === undefined) return
    this.#subscriptions.delete(id)
    channel.listeners.delete(id)
    channel.idleSince = this.#height
  }

  /** A height is committed, and views show it. */
  core(height: CoreHeight): void {
    this.#height = height.height
    if (this.#channels.size === 0) return
    this.#name()
    const touched = new Set<Channel>()
    for (const event of height.events) this.#gather(event, touched)
    this.#gatherReceipts(height, touched)
    for (const channel of touched) channel.flush(height)
    this.#forget()
    this.#economize()
  }

  /** The chain goes on from an earlier height: listeners are told what is otherwise, and nobody joins by an old sequence. */
  wentBack(place: Pick<CoreHeight, 'height' | 'time'>): void {
    this.#height = place.height
    // An id that an account got since may become another one's.
    this.#texts = new EventTexts(this.#core.engines, this.#core.names)
    this.#byAccount.clear()
    for (const hex of this.#byAddress.keys()) this.#nameless.set(hex, fromHex(hex))
    this.#name()
    for (const channel of this.#channels.values()) channel.wentBack(place)
  }

  #gather(event: CoreEvent, touched: Set<Channel>): void {
    const { market, accounts } = this.#routes.of(event)
    let text: string | null = null
    const told: Told = {
      event,
      text: () => {
        text ??= this.#texts.textOf(event)
        return text
      },
    }
    if (market !== null) gather(this.#byMarket.get(market), told, touched)
    for (const account of accounts) gather(this.#byAccount.get(account), told, touched)
  }

  /** A fee changes the balance of who paid it, and no event says so. */
  #gatherReceipts({ receipts }: CoreHeight, touched: Set<Channel>): void {
    if (this.#byAddress.size === 0) return
    for (const receipt of receipts) {
      const [owner, signer] = [toHex(receipt.owner), toHex(receipt.signer)]
      for (const address of owner === signer ? [owner] : [owner, signer])
        for (const channel of this.#byAddress.get(address) ?? []) {
          channel.source.gatherReceipt(receipt)
          touched.add(channel)
        }
    }
  }

  #open(wanted: Wanted): Outcome<Channel> {
    const { name, key } = nameOf(wanted)
    const known = this.#channels.get(key)
    if (known !== undefined) return { ok: true, value: known }
    if (this.#channels.size >= this.#limits.channels && !this.#evictIdle())
      return fail({
        code: 'LIMIT_EXCEEDED',
        problem: `more than ${this.#limits.channels} channels are open`,
        limit: this.#limits.channels,
      })
    const source = sourceOf(this.#core, wanted)
    if (!source.ok) return source
    const { ring } = this.#limits
    const channel = new Channel(name, { source: source.value, height: this.#height, ring })
    this.#channels.set(key, channel)
    if ('market' in wanted) add(this.#byMarket, wanted.market, channel)
    else {
      const hex = toHex(wanted.address)
      add(this.#byAddress, hex, channel)
      this.#nameless.set(hex, wanted.address)
      this.#name()
    }
    return { ok: true, value: channel }
  }

  /** Finds the ids of accounts that have come into being. */
  #name(): void {
    for (const [hex, address] of this.#nameless) {
      const account = this.#core.names.idOf(address)
      if (account === 0) continue
      this.#nameless.delete(hex)
      for (const channel of this.#byAddress.get(hex) ?? []) add(this.#byAccount, account, channel)
    }
  }

  #forget(): void {
    const oldest = this.#height - this.#limits.idleHeights
    for (const [key, channel] of this.#channels)
      if (channel.listeners.size === 0 && channel.idleSince < oldest) this.#close(key, channel)
  }

  #evictIdle(): boolean {
    let longest: readonly [string, Channel] | null = null
    for (const entry of this.#channels) {
      const [, channel] = entry
      if (channel.listeners.size > 0) continue
      if (longest === null || channel.idleSince < longest[1].idleSince) longest = entry
    }
    if (longest === null) return false
    this.#close(...longest)
    return true
  }

  /** The longest rings go first: their subscribers get a snapshot when they come back. */
  #economize(): void {
    const rings = [...this.#channels.values()].map(({ ring }) => ring)
    let characters = rings.reduce((sum, ring) => sum + ring.characters, 0)
    if (characters <= this.#limits.characters) return
    for (const ring of rings.sort((a, b) => b.characters - a.characters)) {
      if (characters <= this.#limits.characters) return
      characters -= ring.characters
      ring.clear()
    }
  }

  #close(key: string, channel: Channel): void {
    this.#channels.delete(key)
    for (const index of [this.#byMarket, this.#byAccount, this.#byAddress])
      drop(index as Map<unknown, Set<Channel>>, channel)
    for (const hex of this.#nameless.keys())
      if (!this.#byAddress.has(hex)) this.#nameless.delete(hex)
  }
}

function gather(
  channels: ReadonlySet<Channel> | undefined,
  told: Told,
  touched: Set<Channel>,
): void {
  if (channels === undefined) return
  for (const channel of channels) {
    channel.source.gather(told)
    touched.add(channel)
  }
}

function nameOf(wanted: Wanted): { readonly name: ChannelName; readonly key: string } {
  const name: ChannelName =
    'market' in wanted
      ? { ...wanted }
      : { channel: wanted.channel, address: `0x${toHex(wanted.address)}` }
  return { name, key: JSON.stringify(name) }
}

function add<K>(index: Map<K, Set<Channel>>, key: K, channel: Channel): void {
  const known = index.get(key)
  if (known === undefined) index.set(key, new Set([channel]))
  else known.add(channel)
}

function drop(index: Map<unknown, Set<Channel>>, channel: Channel): void {
  for (const [key, channels] of index) {
    channels.delete(channel)
    if (channels.size === 0) index.delete(key)
  }
}
