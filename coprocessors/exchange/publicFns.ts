import { publicFn } from '../../core/host/coprocessor.ts'
import { int, u16, u32, u128 } from '../../core/host/fields.ts'
import { reject } from '../../core/primitives/result.ts'
import { amend } from './amend.ts'
import { cancel, cancelAll, scheduleCancel } from './cancel.ts'
import { selfTrade, side, status, timeInForce } from './events.ts'
import { GAS } from './limits.ts'
import { createMarket, setMarketStatus } from './markets.ts'
import { withdraw } from './money.ts'
import { placeOrder } from './place.ts'
import type { ExchangeSchema } from './schema.ts'

const placed = { orderId: int, filled: int, open: int, notional: int, fee: int }
const marketOf = ({ market }: { readonly market: number }): number => market
const of = publicFn<ExchangeSchema>()

export const publicFns = {
  placeOrder: of({
    id: 0,
    args: {
      market: u16,
      side,
      price: int,
      size: int,
      timeInForce,
      expiry: int,
      clientId: u128,
      selfTrade,
    },
    result: placed,
    gas: GAS.order,
    class: (args) => (args.timeInForce === 'POST_ONLY' ? 'postOnly' : 'other'),
    authority: 'agent',
    market: marketOf,
    apply: placeOrder,
  }),
  /** An IOC: `limit` is the worst price, from the slippage its sender accepts. */
  placeMarketOrder: of({
    id: 1,
    args: { market: u16, side, size: int, limit: int, clientId: u128, selfTrade },
    result: placed,
    gas: GAS.order,
    class: 'other',
    authority: 'agent',
    market: marketOf,
    apply: (state, { limit, ...order }, context) =>
      placeOrder(state, { ...order, price: limit, timeInForce: 'IOC', expiry: 0 }, context),
  }),
  cancel: of({
    id: 2,
    args: { market: u16, orderId: int },
    result: { size: int },
    gas: GAS.cancel,
    class: 'cancel',
    authority: 'agent',
    market: marketOf,
    apply: (state, { market, orderId }, context) =>
      orderId === 0
        ? reject('UNKNOWN_ORDER')
        : cancel(state, { market, orderId, clientId: 0n }, context),
  }),
  cancelByClientId: of({
    id: 3,
    args: { market: u16, clientId: u128 },
    result: { size: int },
    gas: GAS.cancel,
    class: 'cancel',
    authority: 'agent',
    market: marketOf,
    apply: (state, { market, clientId }, context) =>
      cancel(state, { market, orderId: 0, clientId }, context),
  }),
  /** In one market, or with 0xffff in all. */
  cancelAll: of({
    id: 4,
    args: { market: u16 },
    result: { cancelled: u32 },
    gas: GAS.cancel,
    class: 'cancel',
    authority: 'agent',
    market: marketOf,
    apply: cancelAll,
  }),
  scheduleCancel: of({
    id: 5,
    args: { time: int },
    result: {},
    gas: GAS.timer,
    class: 'cancel',
    authority: 'agent',
    apply: scheduleCancel,
  }),
  /** `orderId` 0: the order with this client id. `size` is what shall be open. */
  amend: of({
    id: 6,
    args: { market: u16, orderId: int, clientId: u128, price: int, size: int },
    result: placed,
    gas: GAS.order + GAS.cancel,
    class: 'other',
    authority: 'agent',
    market: marketOf,
    apply: amend,
  }),
  withdraw: of({
    id: 7,
    args: { asset: u16, amount: int },
    result: {},
    gas: GAS.withdraw,
    class: 'other',
    authority: 'owner',
    apply: withdraw,
  }),
  createMarket: of({
    id: 8,
    args: {
      base: u16,
      quote: u16,
      tickSize: int,
      lotSize: int,
      minNotional: int,
      maxOrder: int,
      maxPrice: int,
      bandPercent: u16,
      referencePrice: int,
      openOrderLimit: u32,
      marketOrderLimit: u32,
    },
    result: { market: u16 },
    gas: GAS.administration,
    class: 'other',
    authority: 'owner',
    apply: createMarket,
  }),
  setMarketStatus: of({
    id: 9,
    args: { market: u16, status },
    result: {},
    gas: GAS.administration,
    class: 'other',
    authority: 'owner',
    market: marketOf,
    apply: setMarketStatus,
  }),
}
