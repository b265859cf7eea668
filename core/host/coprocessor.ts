import type { Schema, StateOf } from '../arena/schema.ts'
import type { ValidatorUpdate } from '../chain/validatorUpdates.ts'
import type { Result } from '../primitives/result.ts'
import type { Fields, Values } from './fields.ts'

/** Who made the host enter the engine. */
export type Origin = 'core' | 'evm' | 'engine' | 'block'

/** Within an engine's batch: what takes no liquidity first, then post-only, then the rest (spec/core §3). */
export type ActionClass = 'cancel' | 'postOnly' | 'other'

/** Stable numbers, part of the state format. An engine's precompile is at 0x0800 + id. */
export const ENGINE = { messenger: 0, ledger: 1, exchange: 2 } as const

/** All that an engine function knows besides its state and its arguments. Valid during the call only. */
export type CallContext = {
  readonly height: number
  /** Of the block, in milliseconds. */
  readonly time: number
  /** Ledger account id of the owner on whose behalf this runs; 0 where the block itself calls. */
  readonly caller: number
  readonly callerAddress: Uint8Array
  readonly origin: Origin
  /** Engine that posted, for origin `engine`. */
  readonly source: number
  /** Native coin sent along by an EVM call, in Core units; 0 otherwise. */
  readonly value: number
  /** Kept only if the call, and every frame around it, stands. */
  emit(event: EngineEvent): void
  /** Runs an internal function of another engine at the next barrier; dropped with the call. */
  post(post: Post): void
  /** Pays for work beyond the base gas. False: the limit is passed, reject with OUT_OF_GAS. */
  charge(gas: number): boolean
}

/** `kind` names an entry of the engine's `events`; the rest are its fields. */
export type EngineEvent = { readonly kind: string; readonly [field: string]: unknown }

export type Post = {
  readonly target: number
  /** Name of an internal function of the target. */
  readonly fn: string
  /** Plain data. */
  readonly args: { readonly [name: string]: unknown }
}

export type PublicFn<
  S extends Schema = Schema,
  A extends Fields = Fields,
  R extends Fields = Fields,
> = {
  /** Below 32, never reused. */
  readonly id: number
  readonly args: A
  readonly result: R
  /** Core gas of a call before what `charge` adds. A cancel costs the least. */
  readonly gas: number
  readonly class: ActionClass | ((args: Values<A>) => ActionClass)
  /** `owner`: never by an agent. */
  readonly authority: 'owner' | 'agent'
  /** Accepts native coin from an EVM call. */
  readonly payable?: boolean
  /** `evm`: contracts only; `core`: signed actions only. Both where absent. */
  readonly only?: 'evm' | 'core'
  /** The market an agent's scope must allow, and what the call may spend of its limit, in USDX units. */
  readonly market?: (args: Values<A>) => number
  readonly spend?: (args: Values<A>) => number
  /** Synchronous, deterministic, total. A reject leaves nothing: the host reverts what was done. */
  readonly apply: (
    state: StateOf<S>,
    args: Values<A>,
    context: CallContext,
  ) => Result<Values<R>, string>
}

/** Calls of one account that a batch runs next. */
export type NextCalls = {
  /** Ledger id. */
  readonly account: number
  readonly calls: readonly {
    readonly fn: number
    readonly values: { readonly [name: string]: unknown }
  }[]
}

/** Called by block hooks and by posts of other engines. */
export type InternalFn<S extends Schema = Schema, A = never> = (
  state: StateOf<S>,
  args: A,
  context: CallContext,
) => Result<null, string>

export type ViewContext = { readonly height: number; readonly time: number }

export type View<
  S extends Schema = Schema,
  A extends Fields = Fields,
  R extends Fields = Fields,
> = {
  readonly id: number
  readonly args: A
  readonly result: R
  /** For a contract that asks, before what grows with the answer. */
  readonly gas: number
  readonly read: (
    state: StateOf<S>,
    args: Values<A>,
    context: ViewContext,
  ) => Result<Values<R>, string>
}

export type Constraint<S extends Schema = Schema> = {
  readonly name: string
  /** `block`: O(1), checked after every block. `full`: walks the tables; on start, in tests and on demand. */
  readonly when: 'block' | 'full'
  /** What is wrong, in words, or null. */
  readonly check: (state: StateOf<S>) => string | null
}

/** One enshrined engine. Everything users see of it is derived from this table. */
export type Coprocessor<S extends Schema = Schema, P = never> = {
  readonly id: number
  /** Lower-case; names the RPC methods and the Solidity interface. */
  readonly name: string
  readonly version: number
  readonly schema: S
  // biome-ignore lint/suspicious/noExplicitAny: each function has argument types of its own.
  readonly publicFns: { readonly [name: string]: PublicFn<S, any, any> }
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly internalFns: { readonly [name: string]: InternalFn<S, any> }
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly views: { readonly [name: string]: View<S, any, any> }
  readonly events: { readonly [name: string]: Fields }
  /** Every code that a public function may reject with. */
  readonly codes: readonly string[]
  readonly constraints: readonly Constraint<S>[]
  /**
   * Reads what these calls will need and changes nothing: the processor waits for many reads at once as long as for one.
   * Total, since arguments were only decoded, and without effect on any result. The number means nothing, it keeps the reads alive.
   */
  readonly fetch?: (state: StateOf<S>, next: readonly NextCalls[]) => number
  readonly beginBlock?: (state: StateOf<S>, context: CallContext) => void
  /** Work with a budget: what does not fit waits for the next block. */
  readonly endBlock?: (state: StateOf<S>, context: CallContext) => void
  /**
   * The validators that the engine wants, whole, read after every block; null while it has no wish.
   * The chain's set follows from the height after the next on, at most a third of its power at a
   * time. Must be a set (`checkValidatorTarget`). At most one engine of a registry has this.
   */
  readonly validators?: (state: StateOf<S>) => readonly ValidatorUpdate[] | null
  readonly genesis: (state: StateOf<S>, params: P) => void
  /** Rewrites the state of an older version in place. */
  readonly migrate: (state: StateOf<S>, fromVersion: number) => void
}

/** Fixes the argument types of a public function from its descriptions. */
export const publicFn =
  <S extends Schema>() =>
  <A extends Fields, R extends Fields>(fn: PublicFn<S, A, R>): PublicFn<S, A, R> =>
    fn

export const view =
  <S extends Schema>() =>
  <A extends Fields, R extends Fields>(of: View<S, A, R>): View<S, A, R> =>
    of
