import { table } from '../../core/arena/schema.ts'
import { type Coprocessor, publicFn, view } from '../../core/host/coprocessor.ts'
import {
  account,
  address,
  bool,
  bytes,
  bytes32,
  choice,
  int,
  list,
  signed,
  text,
  u8,
  u16,
  u32,
  u128,
  u256,
} from '../../core/host/fields.ts'
import { asEngine } from '../../core/host/registry.ts'
import { ok } from '../../core/primitives/result.ts'

const schema = { rows: table({ capacity: 16, columns: { value: 'int' } }) }
const fn = publicFn<typeof schema>()
const read = view<typeof schema>()

const side = choice('buy', 'sell')
const level = { price: int, size: int, orders: u32 } as const
const nothing = {} as const

/** Every kind of field, names that Solidity keeps for itself, lists in lists, a wide result. */
export const sampleEngine: Coprocessor = asEngine({
  id: 10,
  name: 'sample',
  version: 3,
  schema,
  publicFns: {
    placeOrder: fn({
      id: 0,
      args: { market: u16, side, price: int, size: int, clientId: u128, from: account } as const,
      result: { orderId: int, filled: int, status: choice('open', 'filled') } as const,
      gas: 300,
      class: 'other',
      authority: 'agent',
      apply: () => ok({ orderId: 1, filled: 0, status: 'open' as const }),
    }),
    placeMany: fn({
      id: 1,
      args: {
        market: u16,
        orders: list(
          { side, price: int, memo: text(20), tags: list({ tag: bytes32 }, 3) } as const,
          10,
        ),
      } as const,
      result: { orderIds: list({ orderId: int }, 10) } as const,
      gas: 500,
      class: 'postOnly',
      authority: 'agent',
      apply: () => ok({ orderIds: [] }),
    }),
    depositNative: fn({
      id: 2,
      args: nothing,
      result: nothing,
      gas: 100,
      class: 'other',
      authority: 'owner',
      payable: true,
      only: 'evm',
      apply: () => ok({}),
    }),
    voidNonce: fn({
      id: 3,
      args: { reference: int } as const,
      result: nothing,
      gas: 50,
      class: 'cancel',
      authority: 'agent',
      only: 'core',
      apply: () => ok({}),
    }),
    everything: fn({
      id: 31,
      args: {
        flag: bool,
        small: u8,
        delta: signed,
        wide: u256,
        where: address,
        data: bytes(100),
        note: text(300),
      } as const,
      result: { delta: signed, data: bytes(100) } as const,
      gas: 700,
      class: 'other',
      authority: 'owner',
      apply: (_, { delta, data }) => ok({ delta, data }),
    }),
  },
  internalFns: {},
  views: {
    book: read({
      id: 0,
      args: { market: u16, depth: u8 } as const,
      result: { sequence: int, bids: list(level, 100), asks: list(level, 100) } as const,
      gas: 1_000,
      read: () => ok({ sequence: 0, bids: [], asks: [] }),
    }),
    market: read({
      id: 1,
      args: { market: u16 } as const,
      result: {
        base: u16,
        quote: u16,
        tickSize: int,
        lotSize: int,
        minNotional: int,
        maxOrder: int,
        band: u32,
        limit: u32,
        status: choice('open', 'halted'),
        owner: account,
      } as const,
      gas: 200,
      read: () =>
        ok({
          base: 1,
          quote: 0,
          tickSize: 1,
          lotSize: 1,
          minNotional: 1,
          maxOrder: 1,
          band: 1,
          limit: 1,
          status: 'open' as const,
          owner: 1,
        }),
    }),
  },
  events: {
    OrderAccepted: { owner: account, market: u16, orderId: int, side },
    transferred: {
      sender: account,
      receiver: account,
      agent: address,
      token: address,
      amount: int,
    },
    noted: { note: text(40), change: signed },
    emptied: {},
  },
  codes: ['POST_ONLY_WOULD_CROSS', 'NO_LIQUIDITY', 'TABLE_FULL'],
  constraints: [],
  genesis: () => undefined,
  migrate: () => undefined,
})
