import type { ActionReceipt } from '../../core/chain/action.ts'
import type { CoreEvent, CoreHeight } from '../coreBackend.ts'
import type { Outcome } from '../outcome.ts'
import { Ring, type RingLimits } from './ring.ts'

/** Which channel: its name and, as users wrote them, what it is about. */
export type ChannelName = {
  readonly channel: string
  readonly [parameter: string]: string | number
}

/** An event, and its JSON text, written once for all channels that tell it. */
export type Told = { readonly event: CoreEvent; readonly text: () => string }

/** Where a channel's content comes from. */
export type Source = {
  /** The whole as of the last flush, JSON; null where a channel has nothing but events. */
  snapshot(): Outcome<unknown>
  /** Something of the height under way that may concern the channel. */
  gather(told: Told): void
  gatherReceipt(receipt: ActionReceipt): void
  /** JSON text of what the height that ends here changed; null: nothing to tell. */
  flush(): string | null
}

/** `id` is the subscription's. */
export type Listener = (id: string, text: string) => void

/**
 * One stream of messages, at most one for each height. A message's `sequence` is its height, so it
 * means the same on every node and after a restart; `previous` is that of the message before, so a
 * gap shows: somebody who has seen less than `previous` has missed something.
 */
export class Channel {
  readonly source: Source
  readonly listeners = new Map<string, Listener>()
  readonly #ringLimits: RingLimits
  readonly #name: ChannelName
  ring: Ring
  #last: number
  /** Height since which nobody listens. */
  idleSince: number

  constructor(
    name: ChannelName,
    modules: { readonly source: Source; readonly height: number; readonly ring: RingLimits },
  ) {
    this.#name = name
    this.source = modules.source
    this.#ringLimits = modules.ring
    this.ring = new Ring(modules.height, modules.ring)
    this.#last = modules.height
    this.idleSince = modules.height
  }

  /** What it told of later heights is not so any more. */
  wentBack(place: Pick<CoreHeight, 'height' | 'time'>): void {
    this.ring = new Ring(place.height, this.#ringLimits)
    this.#last = place.height
    this.idleSince = Math.min(this.idleSince, place.height)
    this.flush(place)
  }

  flush(height: Pick<CoreHeight, 'height' | 'time'>): void {
    const data = this.source.flush()
    if (data === null) return
    const { height: sequence, time } = height
    const head = JSON.stringify({ ...this.#name, sequence, previous: this.#last, time })
    const text = `${head.slice(0, -1)},"data":${data}}`
    this.#last = sequence
    this.ring.add(sequence, text)
    for (const [id, listen] of this.listeners) listen(id, text)
  }
}
