import { assert } from '../../core/primitives/assert.ts'

/** Markets are numbered from 0 in order of creation; `ALL_MARKETS` is none of them. */
export const MAX_MARKETS = 256
export const ALL_MARKETS = 0xffff

/** An order id is a tag times this plus its row, so no capacity of the order table may be larger. */
export const ORDER_ROWS = 2 ** 20
/** The tag is the order's sequence modulo this: the id is a number below 2^53. */
export const ORDER_TAGS = 2 ** 33

/**
 * In ticks. With a price band of at most `bandPercent`, price × (100 + band) and reference × (100 + band)
 * stay below 2^40 × 1,100 < 2^51.
 */
export const MAX_PRICE = 2 ** 40
export const MAX_BAND_PERCENT = 1_000
/** In one market. Cancel-all is one call, and must fit the gas of a block: 100 for each order. */
export const MAX_OPEN_ORDERS_PER_ACCOUNT = 2 ** 17

/** Rates and shares are in millionths. */
export const MILLION = 1_000_000

export const DAY_MS = 86_400_000
/** A dead-man switch closer than this would race with the block that carries it. */
export const MIN_CANCEL_DELAY_MS = 5_000

/** Orders that expiry and dead-man switches may take out at the end of one block: about 2 ms. */
export const END_BLOCK_ORDERS = 2_000
/** Assets whose fees are paid out at the end of one block. */
export const END_BLOCK_PAYOUTS = 16

/** Rows that one view may visit, whatever it was asked for. */
export const VIEW_ROWS = 10_000

/**
 * Core gas, on the scale of all engines: 1 is about 10 ns of execution and state root. A cancel writes an order and a
 * balance, an order adds a level and an event, and each maker order that a taker meets writes an order and two balances.
 */
export const GAS = {
  cancel: 100,
  order: 200,
  level: 50,
  maker: 200,
  timer: 100,
  withdraw: 400,
  administration: 2_000,
  view: 100,
  pageView: 5_000,
  bookView: 20_000,
} as const

assert(ORDER_ROWS * ORDER_TAGS <= 2 ** 53, 'an order id is an exact number')
assert(MAX_PRICE * (100 + MAX_BAND_PERCENT) < 2 ** 53, 'a price band is an exact number')
