import {
  createExchange,
  type ExchangeCapacities,
  type ExchangeSchema,
  type ExchangeState,
  type MarketSpec,
} from '../../coprocessors/exchange/index.ts'
import type { publicFns } from '../../coprocessors/exchange/publicFns.ts'
import { type Arena, createArena } from '../../core/arena/index.ts'
import type { CallContext, EngineEvent, Post } from '../../core/host/coprocessor.ts'
import type { Fields, Values } from '../../core/host/fields.ts'
import type { Result } from '../../core/primitives/result.ts'

type Fns = typeof publicFns
export type ArgsOf<K extends keyof Fns> = Fns[K] extends { args: infer A extends Fields }
  ? Values<A>
  : never
export type ResultOf<K extends keyof Fns> = Fns[K] extends { result: infer R extends Fields }
  ? Values<R>
  : never

export const ADMIN = 900
export const TREASURY = 901

export const smallCapacities: ExchangeCapacities = {
  orders: 64,
  balances: 64,
  timers: 16,
  assets: 8,
}

/** Prices of 100 ticks, lots of 10 base units, 3 quote units per tick and lot: nothing divides evenly. */
export const testMarket: MarketSpec = {
  base: 2,
  quote: 0,
  tickSize: 3,
  lotSize: 10,
  minNotional: 600,
  maxOrder: 1_000_000,
  maxPrice: 100_000,
  bandPercent: 50,
  referencePrice: 100,
  openOrderLimit: 20,
  marketOrderLimit: 50,
}

export type ExchangeWorld = {
  readonly arena: Arena<ExchangeSchema>
  readonly state: ExchangeState
  readonly events: EngineEvent[]
  readonly posts: Post[]
  /** What is left to charge; a call that passes it is rejected. */
  gas: number
  time: number
  /** As the host does: a reject is reverted and its events and posts dropped. */
  call<K extends keyof Fns>(fn: K, account: number, args: ArgsOf<K>): Result<ResultOf<K>, string>
  credit(account: number, asset: number, amount: number): Result<null, string>
  internal(fn: string, args: object, source: number): Result<null, string>
  endBlock(): void
  /** What the constraints say; empty is good. */
  problems(): string[]
}

export function createExchangeWorld(
  markets: readonly MarketSpec[] = [testMarket],
  capacities: ExchangeCapacities = smallCapacities,
  burnShare = 500_000,
): ExchangeWorld {
  const engine = createExchange(capacities)
  const arena = createArena(engine.schema, undefined, { journalEntries: 2 ** 18 })
  engine.genesis(arena.state, { admin: ADMIN, treasury: TREASURY, burnShare, markets })
  arena.seal()
  const world = {
    arena,
    state: arena.state,
    events: [] as EngineEvent[],
    posts: [] as Post[],
    gas: Number.MAX_SAFE_INTEGER,
    time: 20_000 * 86_400_000,
  }
  const contextOf = (caller: number, origin: CallContext['origin'], source = 0): CallContext => ({
    height: 1,
    time: world.time,
    caller,
    callerAddress: new Uint8Array(20),
    origin,
    source,
    value: 0,
    emit: (event) => void world.events.push(event),
    post: (post) => void world.posts.push(post),
    charge: (gas) => {
      world.gas -= gas
      return world.gas >= 0
    },
  })
  const attempt = <T>(run: () => Result<T, string>): Result<T, string> => {
    const mark = arena.mark()
    const [events, posts] = [world.events.length, world.posts.length]
    const result = run()
    if (!result.ok) {
      arena.revertTo(mark)
      world.events.length = events
      world.posts.length = posts
    }
    return result
  }
  const internal = (fn: string, args: object, source: number): Result<null, string> =>
    attempt(
      () =>
        engine.internalFns[fn]?.(arena.state, args, contextOf(0, 'engine', source)) ?? {
          ok: false,
          code: 'NO_FN',
        },
    )
  return Object.assign(world, {
    call: <K extends keyof Fns>(fn: K, account: number, args: ArgsOf<K>) =>
      attempt(
        () =>
          engine.publicFns[fn]?.apply(arena.state, args, contextOf(account, 'core')) as Result<
            ResultOf<K>,
            string
          >,
      ),
    credit: (account: number, asset: number, amount: number) =>
      internal('credit', { account, asset, amount }, 1),
    internal,
    endBlock: () => {
      engine.endBlock?.(arena.state, contextOf(0, 'block'))
      arena.seal()
    },
    problems: () => [
      ...engine.constraints.flatMap(({ name, check }) => {
        const said = check(arena.state)
        return said === null ? [] : [`${name}: ${said}`]
      }),
      ...arena.verifyDerived(),
    ],
  })
}

/** A resting-or-taking order with everything a test does not care about filled in. */
export function order(
  side: 'buy' | 'sell',
  price: number,
  size: number,
  rest: Partial<ArgsOf<'placeOrder'>> = {},
): ArgsOf<'placeOrder'> {
  return {
    market: 0,
    side,
    price,
    size,
    timeInForce: 'GTC',
    expiry: 0,
    clientId: 0n,
    selfTrade: 'cancelMaker',
    ...rest,
  }
}

/** The value of a call that must succeed. */
export function unwrap<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(`rejected with ${result.code}`)
  return result.value
}

export const codeOf = (result: Result<unknown, string>): string => (result.ok ? 'ok' : result.code)

export function balanceOf(world: ExchangeWorld, account: number, asset: number): [number, number] {
  const row = world.state.byAccount.find(account, asset)
  const { available, held } = world.state.balances.columns
  return row === 0 ? [0, 0] : [available.get(row), held.get(row)]
}
