import { balanceOf } from '../../coprocessors/ledger/balances.ts'
import {
  type LedgerCapacities,
  type LedgerParams,
  type LedgerSchema,
  type LedgerState,
  ledger,
  ledgerPort,
  ledgerSchemaOf,
} from '../../coprocessors/ledger/index.ts'
import { type Arena, createArena } from '../../core/arena/index.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import type { Fields, Values } from '../../core/host/fields.ts'
import { type ContextOptions, createContext, type RecordingContext } from './callContext.ts'

export const NOW = 1_800_000_000_000
export const DAY = 86_400_000

/** A user's address, above the reserved ones. */
export function userAddress(number: number): Uint8Array {
  const address = new Uint8Array(20).fill(0xa0)
  new DataView(address.buffer).setUint32(16, number)
  return address
}

export const [alice, bob, carol, treasury, issuer] = [1, 2, 3, 4, 5].map(userAddress) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
]

export const ledgerParams: LedgerParams = {
  assets: [
    {
      symbol: 'USDX',
      coreDecimals: 6,
      evmDecimals: 18,
      issuer: null,
      issuance: 'fixed',
      burning: 'nobody',
    },
    {
      symbol: 'NXS',
      coreDecimals: 6,
      evmDecimals: 18,
      issuer,
      issuance: 'issuer',
      burning: 'holders',
    },
  ],
  balances: [
    { address: alice, asset: 0, amount: 1_000_000_000 },
    { address: alice, asset: 1, amount: 500 },
    { address: bob, asset: 0, amount: 1_000 },
    { address: issuer, asset: 0, amount: 1_000_000 },
  ],
  fees: {
    gasPrice: { initial: 100, floor: 10, cap: 1_000_000 },
    treasury,
    burnedShare: 500_000,
    registrationFee: 1_000,
  },
  evmSupply: 10n ** 24n,
  depositEngines: [2],
}

export const smallCapacities: LedgerCapacities = {
  accounts: 64,
  assets: 8,
  balances: 128,
  signers: 32,
  agents: 64,
  grants: 64,
}

type PublicFns = typeof ledger.publicFns

/** A ledger on its own: calls as the host makes them, undone when they are refused. */
export type LedgerWorld = {
  readonly arena: Arena<LedgerSchema>
  readonly state: LedgerState
  /** `ok`, or the code. */
  call(
    fn: keyof PublicFns & string,
    args: object,
    from: Uint8Array,
    options?: Partial<ContextOptions>,
  ): string
  /** As an engine's or the host's post. */
  internal(fn: string, args: object, options?: Partial<ContextOptions>): string
  /** Of the last call. */
  last(): RecordingContext
  result(): unknown
  balance(of: Uint8Array, asset?: number): number
  view(name: string, args: object, time?: number): unknown
  /** Words for each constraint that is broken. */
  breaches(): readonly string[]
}

export function createLedgerWorld(
  params: LedgerParams = ledgerParams,
  capacities: LedgerCapacities = smallCapacities,
): LedgerWorld {
  const arena = createArena(ledgerSchemaOf(capacities), undefined, { journalEntries: 2 ** 16 })
  const { state } = arena
  ledger.genesis(state, params)
  arena.seal()
  let last = createContext()
  let result: unknown = null
  const contextOf = (from: Uint8Array, options: Partial<ContextOptions>) =>
    createContext({
      caller: ledgerPort.idOf(state, from),
      callerAddress: from,
      time: NOW,
      ...options,
    })
  return {
    arena,
    state,
    call(fn, args, from, options = {}) {
      last = contextOf(from, options)
      const mark = arena.mark()
      const outcome = fnOf(ledger, fn).apply(state, args as Values<Fields>, last)
      if (!outcome.ok) arena.revertTo(mark)
      result = outcome.ok ? outcome.value : null
      return outcome.ok ? 'ok' : outcome.code
    },
    internal(fn, args, options = {}) {
      last = createContext({ origin: 'engine', time: NOW, ...options })
      const mark = arena.mark()
      const outcome = ledger.internalFns[fn]?.(state, args, last)
      if (outcome === undefined) throw new Error(`no function ${fn}`)
      if (!outcome.ok) arena.revertTo(mark)
      return outcome.ok ? 'ok' : outcome.code
    },
    last: () => last,
    result: () => result,
    balance: (of, asset = 0) => balanceOf(state, ledgerPort.idOf(state, of), asset),
    view(name, args, time = NOW) {
      const outcome = ledger.views[name]?.read(state, args as Values<Fields>, { height: 1, time })
      return outcome?.ok ? outcome.value : outcome?.code
    },
    breaches: () =>
      ledger.constraints.flatMap(({ name, check }) => {
        const words = check(state)
        return words === null ? [] : [`${name}: ${words}`]
      }),
  }
}

function fnOf(engine: Coprocessor<LedgerSchema, LedgerParams>, name: string) {
  const fn = engine.publicFns[name]
  if (fn === undefined) throw new Error(`no function ${name}`)
  return fn
}
