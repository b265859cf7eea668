import type { Log } from '../chain/executedBlock.ts'
import { abiEventOf, decodeAbi, encodeAbi } from '../host/abi.ts'
import type { EngineEvent, View } from '../host/coprocessor.ts'
import type { EngineHost, HostedFn } from '../host/engineHost.ts'
import { NEW_ACCOUNT_GAS } from '../host/gas.ts'
import { precompileOf } from '../host/precompile.ts'
import type { Runtime } from '../host/runtime.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import { type Selected, selectorsOf } from './selectors.ts'

/** Wei in a USDX unit: 18 decimals there, 6 here. */
export const NATIVE_SCALE = 10n ** 12n

export type EvmCall = {
  readonly engine: number
  readonly caller: Uint8Array
  readonly value: bigint
  readonly data: Uint8Array
  readonly isStatic: boolean
  /** Core gas. */
  readonly gasLimit: number
}

/** Gas is Core gas. A call that did not succeed has left nothing. */
export type EvmCallResult =
  | {
      readonly kind: 'success'
      readonly gas: number
      readonly returnData: Uint8Array
      readonly logs: readonly Log[]
      /** Of before the call, for the caller to forget or to revert to; null where nothing can have changed. */
      readonly mark: number | null
    }
  | { readonly kind: 'revert'; readonly gas: number; readonly code: string }
  | { readonly kind: 'outOfGas'; readonly gas: number }

/** Entry into engines by Solidity ABI: precompile calls, queued messages and their replay. */
export class EvmCalls {
  /** The block was executed before: what stood then stands again, whatever was refused beside it. */
  replaying = false
  readonly #runtime: Runtime
  readonly #selectors: ReadonlyMap<number, ReadonlyMap<number, Selected>>

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#selectors = new Map(runtime.hosts.map((host) => [host.engine.id, selectorsOf(host)]))
  }

  /** Runs the call on a gas meter of its own and adds what it used to the engine's. */
  enter(call: EvmCall): EvmCallResult {
    const host = this.#runtime.hostOf(call.engine)
    if (host === undefined) return refused('UNKNOWN_ENGINE', 0)
    const selected = this.#select(call)
    if (selected === undefined) return refused('UNKNOWN_FUNCTION', 0)
    return selected.kind === 'view'
      ? this.#read(host, selected.name, selected.view, call)
      : this.#change(host, selected.hosted, call)
  }

  #select({ engine, data }: EvmCall): Selected | undefined {
    if (data.length < 4) return undefined
    const selector = new DataView(data.buffer, data.byteOffset).getUint32(0)
    return this.#selectors.get(engine)?.get(selector)
  }

  #read(host: EngineHost, name: string, view: View, call: EvmCall): EvmCallResult {
    if (call.value !== 0n) return refused('NOT_PAYABLE', 0)
    if (view.gas > call.gasLimit) return outOfGas(call)
    const runtime = this.#runtime
    const args = decodeAbi(view.args, call.data.subarray(4), runtime.names)
    if (!args.ok) return refused(args.code, view.gas)
    const { height, time } = runtime.context
    const answer = runtime.guarded(host, name, () =>
      view.read(host.state, args.value as never, { height, time }),
    )
    runtime.addGas(host, view.gas)
    if (!answer.ok) return refused(answer.code, view.gas)
    const returnData = encodeAbi(view.result, answer.value, runtime.names)
    return { kind: 'success', gas: view.gas, returnData, logs: [], mark: null }
  }

  #change(host: EngineHost, hosted: HostedFn, call: EvmCall): EvmCallResult {
    const { fn } = hosted
    const value = coreUnitsOf(call.value)
    if (call.isStatic) return refused('STATIC_CALL', 0)
    if (call.value !== 0n && fn.payable !== true) return refused('NOT_PAYABLE', 0)
    if (typeof value === 'string') return refused(value, 0)
    const runtime = this.#runtime
    const { context } = runtime
    // No call takes more than what is left of the block, whatever it brings: gas bounds the journal.
    const limit = this.replaying ? call.gasLimit : Math.min(call.gasLimit, runtime.gasLeft)
    const isCut = limit < call.gasLimit
    if (!context.meter(fn.gas, limit)) return isCut ? refused('BLOCK_FULL', 0) : outOfGas(call)
    const mark = runtime.mark()
    const events = context.eventCount
    const applied = this.#apply(host, hosted, call, value)
    const gas = context.gasUsed
    runtime.addGas(host, gas)
    if (applied.ok) {
      const logs = this.#logsSince(events)
      return { kind: 'success', gas, returnData: applied.value, logs, mark }
    }
    runtime.revertTo(mark)
    if (applied.code !== 'OUT_OF_GAS') return refused(applied.code, gas)
    return isCut ? refused('BLOCK_FULL', gas) : outOfGas(call)
  }

  #apply(
    host: EngineHost,
    { name, fn }: HostedFn,
    call: EvmCall,
    value: number,
  ): Result<Uint8Array, string> {
    const runtime = this.#runtime
    const { context, names } = runtime
    const caller = this.#callerOf(call)
    if (!caller.ok) return caller
    const args = decodeAbi(fn.args, call.data.subarray(4), names)
    if (!args.ok) return args
    context.actFor(caller.value, call.caller, 'evm')
    context.value = value
    context.engine = call.engine
    const result = runtime.guarded(host, name, () =>
      fn.apply(host.state, args.value as never, context),
    )
    if (context.overrun) return reject('OUT_OF_GAS')
    if (!result.ok) return result
    const delivered = runtime.deliverWithin()
    if (context.overrun) return reject('OUT_OF_GAS')
    return delivered.ok ? ok(encodeAbi(fn.result, result.value, names)) : delivered
  }

  /** Whoever enters an engine has an account from then on; the ledger makes its own, where value comes in. */
  #callerOf({ engine, caller }: EvmCall): Result<number, string> {
    const { context, ledger, ledgerHost } = this.#runtime
    const known = ledger.idOf(ledgerHost.state, caller)
    if (known !== 0 || engine === ledger.engine) return ok(known)
    if (!context.charge(NEW_ACCOUNT_GAS)) return reject('OUT_OF_GAS')
    const account = ledger.ensureAccount(ledgerHost.state, caller)
    return account === 0 ? reject('TABLE_FULL') : ok(account)
  }

  #logsSince(first: number): readonly Log[] {
    const { context, names } = this.#runtime
    const { engines, events, count } = context.emitted
    const logs: Log[] = []
    for (let i = first; i < count; i++) {
      const engine = engines[i] as number
      const host = this.#runtime.hostOf(engine) as EngineHost
      const log = abiEventOf(host.engine, events[i] as EngineEvent, names)
      logs.push({ address: precompileOf(engine), ...log })
    }
    return logs
  }
}

const refused = (code: string, gas: number): EvmCallResult => ({ kind: 'revert', gas, code })
const outOfGas = ({ gasLimit }: EvmCall): EvmCallResult => ({ kind: 'outOfGas', gas: gasLimit })

/** Core units of a call's wei, or why they are none. */
function coreUnitsOf(wei: bigint): number | 'NOT_WHOLE_UNIT' | 'BALANCE_LIMIT' {
  if (wei === 0n) return 0
  if (wei % NATIVE_SCALE !== 0n) return 'NOT_WHOLE_UNIT'
  const units = wei / NATIVE_SCALE
  return units > BigInt(Number.MAX_SAFE_INTEGER) ? 'BALANCE_LIMIT' : Number(units)
}
