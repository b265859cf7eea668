import { account, choice, int, u16, u128 } from '../../core/host/fields.ts'

export const SIDES = ['buy', 'sell'] as const
export type Side = (typeof SIDES)[number]

export const TIMES_IN_FORCE = ['GTC', 'IOC', 'FOK', 'POST_ONLY', 'GTT'] as const
export type TimeInForce = (typeof TIMES_IN_FORCE)[number]

export const SELF_TRADES = ['cancelMaker', 'cancelTaker', 'cancelBoth', 'decrement'] as const
export type SelfTrade = (typeof SELF_TRADES)[number]

export const STATUSES = ['open', 'postOnly', 'cancelOnly', 'halted'] as const
export type MarketStatus = (typeof STATUSES)[number]

/** `immediate`: the rest of an IOC. `scheduled`: the dead-man switch. `amended`: another order took its place. */
export const CANCEL_REASONS = ['user', 'selfTrade', 'immediate', 'scheduled', 'amended'] as const
export type CancelReason = (typeof CANCEL_REASONS)[number]

export const side = choice(...SIDES)
export const timeInForce = choice(...TIMES_IN_FORCE)
export const selfTrade = choice(...SELF_TRADES)
export const status = choice(...STATUSES)

/**
 * `sequence` counts the events of one market without gaps. Sizes are lots, prices ticks, fees units of what the
 * side received. A refused order leaves no event: its receipt carries the code.
 */
export const events = {
  OrderAccepted: {
    market: u16,
    sequence: int,
    orderId: int,
    account,
    side,
    price: int,
    size: int,
    timeInForce,
    clientId: u128,
  },
  /** `sequence` is the trade id. `makerLeft` is what the maker's order keeps open. */
  OrderFilled: {
    market: u16,
    sequence: int,
    takerSide: side,
    price: int,
    size: int,
    makerOrder: int,
    maker: account,
    makerFee: int,
    makerLeft: int,
    takerOrder: int,
    taker: account,
    takerFee: int,
  },
  OrderCancelled: {
    market: u16,
    sequence: int,
    orderId: int,
    account,
    size: int,
    reason: choice(...CANCEL_REASONS),
  },
  OrderExpired: { market: u16, sequence: int, orderId: int, account, size: int },
  /** Made smaller in its place: by its owner, or by `decrement`. */
  OrderReduced: { market: u16, sequence: int, orderId: int, account, size: int },
  MarketCreated: { market: u16, base: u16, quote: u16 },
  MarketStatusChanged: { market: u16, status },
  CancelScheduled: { account, time: int },
  Credited: { account, asset: u16, amount: int },
  Withdrawn: { account, asset: u16, amount: int },
  FeesPaid: { asset: u16, treasury: int, burned: int },
} as const
