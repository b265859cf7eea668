// A trading day in small: what makers and takers send, recorded against an engine so that every cancel names an
// order that is open when it arrives. Engines are deterministic: the same calls meet the same ids again.

import { type ExchangeState, exchange, type MarketSpec } from '../coprocessors/exchange/index.ts'
import { createArena } from '../core/arena/index.ts'
import { FETCH_AHEAD } from '../core/host/batch.ts'
import type { CallContext, EngineEvent, NextCalls } from '../core/host/coprocessor.ts'
import { assert } from '../core/primitives/assert.ts'
import type { Result } from '../core/primitives/result.ts'

export type FlowOptions = {
  readonly resting: number
  readonly accounts: number
  readonly calls: number
  readonly blockCalls: number
}

export type Fn = 'placeOrder' | 'cancel' | 'amend'
export type Call = { readonly fn: Fn; readonly account: number; readonly args: Args }
type Args = {
  readonly market: number
  readonly orderId?: number
  readonly side?: string
  readonly price?: number
  readonly size?: number
  readonly timeInForce?: string
  readonly clientId?: bigint
}

const TIME = 20_000 * 86_400_000
const MID = 100_000
const BASE = 2
/** Of each asset: together they stay below what the exchange may hold. */
export const fundsOf = (accounts: number): number => Math.floor(2 ** 52 / accounts)

export const benchMarket: MarketSpec = {
  base: BASE,
  quote: 0,
  tickSize: 10,
  lotSize: 1_000,
  minNotional: 1_000_000,
  maxOrder: 1_000_000,
  maxPrice: 2 ** 24,
  bandPercent: 50,
  referencePrice: MID,
  openOrderLimit: 2 ** 17,
  marketOrderLimit: 2 ** 20,
}

/** Deterministic; the benchmark must be the same every day. */
export function createRandom(seed: number): (below: number) => number {
  let x = seed
  return (below) => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) % below
  }
}

export type Bench = ReturnType<typeof createBench>

/** An engine with funded accounts, and a host that does no more than a host must. */
export function createBench(accounts: number) {
  const arena = createArena(exchange.schema)
  const state = arena.state
  const market = { ...benchMarket }
  exchange.genesis(state, { admin: 1, treasury: 1, burnShare: 500_000, markets: [market] })
  const events: EngineEvent[] = []
  const context = {
    height: 1,
    time: TIME,
    caller: 0,
    callerAddress: new Uint8Array(20),
    origin: 'core' as CallContext['origin'],
    source: 1,
    value: 0,
    emit: (event: EngineEvent) => void events.push(event),
    post: () => undefined,
    charge: () => true,
  }
  context.origin = 'engine'
  const each = fundsOf(accounts)
  for (let account = 1; account <= accounts; account++) {
    for (const asset of [0, BASE]) {
      const credited = exchange.internalFns.credit?.(
        state,
        { account, asset, amount: each },
        context,
      )
      assert(credited?.ok, 'a bench account is funded')
    }
    if (account % 1_000 === 0) arena.seal()
  }
  context.origin = 'core'
  arena.seal()
  events.length = 0
  const fns = exchange.publicFns as unknown as Fns
  const apply = applierOf(arena, context, fns)
  let fetched = 0
  /** As `runBatch` does: all of a block. Returns how many were refused. */
  const run = (calls: readonly Call[], units: readonly NextCalls[]): number => {
    let refused = 0
    for (let from = 0; from < calls.length; from += FETCH_AHEAD) {
      const to = Math.min(from + FETCH_AHEAD, calls.length)
      fetched ^= exchange.fetch?.(state, units.slice(from, to)) ?? 0
      for (let i = from; i < to; i++) if (!apply(calls[i] as Call).ok) refused++
    }
    return refused
  }
  return { arena, state, events, context, apply, run, fetched: () => fetched }
}

/** Calls as the host has them. */
export const unitsOf = (calls: readonly Call[]): readonly NextCalls[] =>
  calls.map(({ fn, account, args }) => {
    const id = exchange.publicFns[fn]?.id ?? 0
    return { account, calls: [{ fn: id, values: args }] }
  })

type Fns = Record<
  Fn,
  { apply(state: ExchangeState, args: object, context: CallContext): Result<Placed, string> }
>

type Placed = { readonly orderId: number; readonly open: number; readonly filled: number }

function applierOf(
  arena: ReturnType<typeof createArena<typeof exchange.schema>>,
  context: { caller: number } & CallContext,
  fns: Fns,
) {
  const { state } = arena
  return (call: Call): Result<Placed, string> => {
    context.caller = call.account
    const mark = arena.mark()
    const result = fns[call.fn].apply(state, call.args, context)
    if (!result.ok) arena.revertTo(mark)
    return result
  }
}

type Open = { readonly orderId: number; readonly account: number; readonly price: number }

const FNS = ['placeOrder', 'cancel', 'amend'] as const
const SIDES = ['buy', 'sell'] as const
const TIMES_IN_FORCE = ['GTC', 'IOC', 'POST_ONLY'] as const
const NUMBERS = 8

/**
 * Calls as numbers, made into objects shortly before they run, as the host does it. A million calls as objects would
 * be in every garbage collection of what is measured.
 */
export class Tape {
  #numbers = new Float64Array(2 ** 12 * NUMBERS)
  length = 0

  push({ fn, account, args }: Call): void {
    const at = this.length++ * NUMBERS
    if (at === this.#numbers.length) {
      const longer = new Float64Array(at * 2)
      longer.set(this.#numbers)
      this.#numbers = longer
    }
    const { orderId = 0, price = 0, size = 0, clientId = 0n } = args
    const side = SIDES.indexOf(args.side as (typeof SIDES)[number])
    const time = TIMES_IN_FORCE.indexOf(args.timeInForce as (typeof TIMES_IN_FORCE)[number])
    const numbers = [FNS.indexOf(fn), account, orderId, side, price, size, time, Number(clientId)]
    this.#numbers.set(numbers, at)
  }

  at(index: number): Call {
    const numbers = this.#numbers
    const from = index * NUMBERS
    const account = numbers[from + 1] as number
    const orderId = numbers[from + 2] as number
    const price = numbers[from + 4] as number
    const size = numbers[from + 5] as number
    const fn = FNS[numbers[from] as number]
    if (fn === 'cancel') return { fn, account, args: { market: 0, orderId } }
    if (fn === 'amend') {
      return { fn, account, args: { market: 0, orderId, clientId: 0n, price, size } }
    }
    const args = {
      market: 0,
      side: SIDES[numbers[from + 3] as number] as string,
      price,
      size,
      timeInForce: TIMES_IN_FORCE[numbers[from + 6] as number] as string,
      expiry: 0,
      clientId: BigInt(numbers[from + 7] as number),
      selfTrade: 'cancelMaker',
    }
    return { fn: 'placeOrder', account, args }
  }
}

/** Calls that fill the book, and the flow after it. */
export function recordFlow(options: FlowOptions): { readonly setup: Tape; readonly flow: Tape } {
  const bench = createBench(options.accounts)
  const random = createRandom(0x2545_f491)
  const book = createBookkeeper()
  const width = Math.min(2_000, 20 + options.resting / 8)
  const setup = new Tape()
  const flow = new Tape()
  let clientIds = 1n
  const send = (call: Call, into: Tape): void => {
    into.push(call)
    bench.events.length = 0
    const result = bench.apply(call)
    book.take(bench.events)
    if (call.fn === 'placeOrder' && result.ok && result.value.open > 0) {
      const { orderId } = result.value
      book.add({ orderId, account: call.account, price: call.args.price ?? 0 })
    }
    if (into.length % 5_000 === 0) bench.arena.seal()
  }
  const place = (kind: 'maker' | 'taker', into: Tape): void => {
    const account = 1 + random(options.accounts)
    const side = random(2) === 0 ? 'buy' : 'sell'
    const away = 1 + Math.floor((random(1_000) * random(1_000) * width) / 1_000_000)
    const offset = kind === 'maker' ? -away : width
    const price = MID + (side === 'buy' ? offset : -offset) + (side === 'buy' ? 0 : 1)
    const timeInForce = kind === 'maker' ? (random(2) === 0 ? 'POST_ONLY' : 'GTC') : 'IOC'
    const size = kind === 'maker' ? 10 + random(100) : 10 + random(180)
    const clientId = random(2) === 0 ? clientIds++ : 0n
    const args = {
      market: 0,
      side,
      price,
      size,
      timeInForce,
      expiry: 0,
      clientId,
      selfTrade: 'cancelMaker',
    }
    send({ fn: 'placeOrder', account, args }, into)
  }
  while (book.size() < options.resting) place('maker', setup)
  while (flow.length < options.calls) {
    const dice = random(100)
    const open = dice >= 10 && book.size() > 0 ? book.pick(random) : null
    if (dice < 10) place('taker', flow)
    else if (dice < 14 && open !== null) {
      const args = { market: 0, orderId: open.orderId, clientId: 0n, price: open.price, size: 10 }
      send({ fn: 'amend', account: open.account, args }, flow)
    } else if (book.size() > options.resting && open !== null) {
      send(
        { fn: 'cancel', account: open.account, args: { market: 0, orderId: open.orderId } },
        flow,
      )
    } else place('maker', flow)
  }
  return { setup, flow }
}

/** Which orders are open, with one of them at random in O(1). */
function createBookkeeper() {
  const open: Open[] = []
  const places = new Map<number, number>()
  const remove = (orderId: number): void => {
    const at = places.get(orderId)
    if (at === undefined) return
    const last = open.pop() as Open
    places.delete(orderId)
    if (last.orderId === orderId) return
    open[at] = last
    places.set(last.orderId, at)
  }
  return {
    size: () => open.length,
    pick: (random: (below: number) => number): Open => open[random(open.length)] as Open,
    add(order: Open): void {
      places.set(order.orderId, open.length)
      open.push(order)
    },
    take(events: readonly EngineEvent[]): void {
      for (const event of events) {
        if (event.kind === 'OrderCancelled') remove(event.orderId as number)
        if (event.kind === 'OrderFilled' && event.makerLeft === 0)
          remove(event.makerOrder as number)
      }
    },
  }
}
