import type { ActionReceipt } from '../../core/chain/action.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import type { CoreBackend } from '../coreBackend.ts'
import { actionReceiptOf } from '../format/core.ts'
import { fail, type Ok, type Outcome } from '../outcome.ts'
import { engineNamed } from '../views.ts'
import { bookSource } from './book.ts'
import type { Source } from './channel.ts'
import {
  EXCHANGE,
  FEED_EVENTS,
  openOrders,
  ordersJson,
  readBalances,
  readOrdersOfBook,
} from './feeds.ts'

/** A channel that somebody wants, by what it is about. */
export type Wanted =
  | { readonly channel: 'book'; readonly market: number; readonly level: 'L2' | 'L3' }
  | { readonly channel: 'trades'; readonly market: number }
  | {
      readonly channel: 'orders' | 'fills' | 'balances' | 'actions'
      readonly address: Uint8Array
    }

/** Fails where a snapshot does: there is no such market, or no exchange. */
export function sourceOf(core: CoreBackend, wanted: Wanted): Outcome<Source> {
  switch (wanted.channel) {
    case 'actions':
      return { ok: true, value: actionsSource(core) }
    case 'balances':
      return { ok: true, value: balancesSource(core, wanted.address) }
    default: {
      const exchange = engineNamed(core, EXCHANGE)
      if (exchange === null) return fail({ code: 'CORE_REJECTED', reject: 'UNKNOWN_ENGINE' })
      return 'market' in wanted
        ? marketSource(core, exchange, wanted)
        : { ok: true, value: accountSource(core, exchange, wanted) }
    }
  }
}

function marketSource(
  core: CoreBackend,
  exchange: Coprocessor,
  wanted: Extract<Wanted, { readonly market: number }>,
): Outcome<Source> {
  const { market } = wanted
  const book = bookSource(core, exchange, market)
  if (!book.ok || (wanted.channel === 'book' && wanted.level === 'L2')) return book
  const isBook = wanted.channel === 'book'
  const source = eventSource(exchange, {
    kinds: isBook ? FEED_EVENTS.l3 : FEED_EVENTS.trades,
    snapshot: isBook ? () => readOrdersOfBook(core, exchange, market) : nothing,
  })
  return { ok: true, value: source }
}

function accountSource(
  core: CoreBackend,
  exchange: Coprocessor,
  { channel, address }: Extract<Wanted, { readonly address: Uint8Array }>,
): Source {
  const snapshot = (): Outcome<unknown> => {
    const orders = openOrders(core, exchange, address)
    return orders.ok ? { ok: true, value: ordersJson(core, exchange, orders.value) } : orders
  }
  return channel === 'orders'
    ? eventSource(exchange, { kinds: FEED_EVENTS.orders, snapshot })
    : eventSource(exchange, { kinds: FEED_EVENTS.fills, snapshot: nothing })
}

const nothing = (): Ok<null> => ({ ok: true, value: null })
const ignore = (): void => undefined

/** The events of some kinds, as they were emitted. */
function eventSource(
  engine: Coprocessor,
  options: { readonly kinds: readonly string[]; readonly snapshot: Source['snapshot'] },
): Source {
  let gathered: string[] = []
  return {
    snapshot: options.snapshot,
    gather({ event, text }) {
      if (event.engine === engine.id && options.kinds.includes(event.event.kind))
        gathered.push(text())
    },
    gatherReceipt: ignore,
    flush() {
      if (gathered.length === 0) return null
      const text = `[${gathered.join(',')}]`
      gathered = []
      return text
    },
  }
}

/** All balances anew, whenever something that happened to the account changed one. */
function balancesSource(core: CoreBackend, address: Uint8Array): Source {
  let last = JSON.stringify(readBalances(core, address))
  return {
    snapshot: () => ({ ok: true, value: readBalances(core, address) }),
    gather: ignore,
    gatherReceipt: ignore,
    flush() {
      const text = JSON.stringify(readBalances(core, address))
      if (text === last) return null
      last = text
      return text
    },
  }
}

/** What became of the account's envelopes, signed by itself or by an agent. */
function actionsSource(core: CoreBackend): Source {
  let gathered: ActionReceipt[] = []
  return {
    snapshot: nothing,
    gather: ignore,
    gatherReceipt: (receipt) => gathered.push(receipt),
    flush() {
      if (gathered.length === 0) return null
      const receipts = gathered
      gathered = []
      return JSON.stringify(receipts.map((receipt) => actionReceiptOf(core, receipt, null)))
    },
  }
}
