import type { Coprocessor } from '../../core/host/coprocessor.ts'
import { toOutside } from '../../core/host/fieldCodec.ts'
import { toJson } from '../../core/host/fieldJson.ts'
import type { Fields, Values } from '../../core/host/fields.ts'
import type { CoreBackend } from '../coreBackend.ts'
import { data } from '../format/hex.ts'
import type { Outcome } from '../outcome.ts'
import { engineNamed, type JsonObject, readView } from '../views.ts'

/** The one file that knows the engines behind the channels: which of their events and views each shows. */
export const LEDGER = 'ledger'
export const EXCHANGE = 'exchange'

/** What a channel tells of the exchange's events; L3 is the book order by order. */
export const FEED_EVENTS = {
  trades: ['OrderFilled'],
  fills: ['OrderFilled'],
  orders: [
    'OrderAccepted',
    'OrderFilled',
    'OrderReduced',
    'OrderCancelled',
    'OrderExpired',
    'CancelScheduled',
  ],
  l3: ['OrderAccepted', 'OrderFilled', 'OrderReduced', 'OrderCancelled', 'OrderExpired'],
} as const satisfies { readonly [feed: string]: readonly string[] }

/** Levels a side; the view has no more. */
const DEPTH = 100
const PAGE = 100
/** An account has no more open orders; of a book's side only the best are shown one by one. */
const MAX_ORDERS = 10_000
const ALL_MARKETS = 0xffff
const SIDES = ['buy', 'sell'] as const

export const readBook = (
  core: CoreBackend,
  exchange: Coprocessor,
  market: number,
): Outcome<JsonObject> => readView(core, exchange, 'book', { market, depth: DEPTH })

type Order = Values<Fields> & { readonly orderId: number; readonly market: number }

/** Orders of an account, in all markets, by market and age. An address without account has none. */
export function openOrders(
  core: CoreBackend,
  exchange: Coprocessor,
  address: Uint8Array,
): Outcome<readonly Order[]> {
  const account = core.names.idOf(address)
  if (account === 0) return { ok: true, value: [] }
  return pages((last) => {
    const cursor = { cursorMarket: last?.market ?? 0, cursor: last?.orderId ?? 0 }
    return core.view(exchange.id, 'orders', { account, market: ALL_MARKETS, ...cursor })
  })
}

/** Single orders of a market, best first, and the number of the market's event that they include. */
export function readOrdersOfBook(
  core: CoreBackend,
  exchange: Coprocessor,
  market: number,
): Outcome<JsonObject> {
  const shown = readView(core, exchange, 'market', { market })
  if (!shown.ok) return shown
  const sides: JsonObject[][] = []
  for (const side of SIDES) {
    const orders = pages((last) =>
      core.view(exchange.id, 'bookOrders', {
        market,
        side,
        after: last?.orderId ?? 0,
        limit: PAGE,
      }),
    )
    if (!orders.ok) return orders
    sides.push(ordersJson(core, exchange, orders.value))
  }
  const [bids = [], asks = []] = sides
  return { ok: true, value: { sequence: shown.value.sequence ?? null, bids, asks } }
}

export function ordersJson(
  core: CoreBackend,
  exchange: Coprocessor,
  orders: readonly Order[],
): JsonObject[] {
  const fields = exchange.views.order?.result as Fields
  return orders.map((order) => toJson(fields, toOutside(fields, order, core.names)))
}

/** By engine. An engine that knows nothing of the account has nothing to say. */
export function readBalances(core: CoreBackend, address: Uint8Array): JsonObject {
  const wanted = { [LEDGER]: { owner: data(address) }, [EXCHANGE]: { account: data(address) } }
  const found: { [engine: string]: JsonObject[string] } = {}
  for (const [name, args] of Object.entries(wanted)) {
    const engine = engineNamed(core, name)
    const read = engine === null ? null : readView(core, engine, 'balances', args)
    found[name] = read?.ok === true ? (read.value.balances ?? []) : []
  }
  return found
}

function pages(
  read: (last: Order | undefined) => Outcome<Values<Fields>>,
): Outcome<readonly Order[]> {
  const all: Order[] = []
  for (;;) {
    const page = read(all.at(-1))
    if (!page.ok) return page
    const orders = page.value.orders as unknown as readonly Order[]
    all.push(...orders)
    if (orders.length < PAGE || all.length >= MAX_ORDERS) return { ok: true, value: all }
  }
}
