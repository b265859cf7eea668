import { type Coprocessor, ENGINE } from '../../core/host/coprocessor.ts'
import { assert } from '../../core/primitives/assert.ts'
import { constraints } from './constraints.ts'
import { endBlock } from './endBlock.ts'
import { events } from './events.ts'
import { fetch } from './fetch.ts'
import { type ExchangeParams, genesis } from './genesis.ts'
import { credit, setIssuer } from './money.ts'
import { publicFns } from './publicFns.ts'
import {
  defaultExchangeCapacities,
  type ExchangeCapacities,
  type ExchangeSchema,
  exchangeSchemaOf,
} from './schema.ts'
import { views } from './views.ts'

export type { ExchangeParams } from './genesis.ts'
export type { MarketSpec } from './markets.ts'
export type { ExchangeCapacities, ExchangeSchema, ExchangeState } from './schema.ts'

/** Every code of a public function; the first group is the spec's. */
export const EXCHANGE_CODES = [
  'UNKNOWN_MARKET',
  'MARKET_NOT_OPEN',
  'BAD_TICK',
  'BAD_LOT',
  'BELOW_MIN_NOTIONAL',
  'ABOVE_MAX_ORDER',
  'OUTSIDE_PRICE_BAND',
  'INSUFFICIENT_BALANCE',
  'POST_ONLY_WOULD_CROSS',
  'NO_LIQUIDITY',
  'FOK_NOT_FILLED',
  'SELF_TRADE',
  'DUPLICATE_CLIENT_ID',
  'UNKNOWN_ORDER',
  'NOT_OWNER',
  'TOO_MANY_ORDERS',
  'TABLE_FULL',
  'EXPIRED',
  'OUT_OF_GAS',
  'NOT_AUTHORIZED',
  'UNKNOWN_ACCOUNT',
  'BAD_AMOUNT',
  'BAD_MARKET',
  'TOO_SOON',
] as const

/** What clients need, with the types of every argument. */
export const exchangeTable = { id: ENGINE.exchange, name: 'exchange', publicFns, views } as const

/** The same engine with tables of other sizes, for tests of what happens when one is full. */
export const createExchange = (
  capacities: ExchangeCapacities,
): Coprocessor<ExchangeSchema, ExchangeParams> => ({
  ...exchangeTable,
  version: 1,
  schema: exchangeSchemaOf(capacities),
  internalFns: { credit, setIssuer },
  events,
  codes: EXCHANGE_CODES,
  constraints,
  fetch,
  endBlock,
  genesis,
  migrate: (_state, from) => assert(from === 1, 'version 1 has no predecessor'),
})

export const exchange = createExchange(defaultExchangeCapacities)
