import type { Log } from '../core/chain/executedBlock.ts'
import type { CorePort } from '../core/host/corePort.ts'
import { precompileOf } from '../core/host/precompile.ts'
import { assert } from '../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../core/primitives/bytes.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import { hasCode } from './account.ts'
import { ENGINE_CODE, engineIdOf } from './precompiles.ts'
import type { FlatState } from './state/flatState.ts'
import { keyOf } from './state/keys.ts'

const NO_ENGINES: ReadonlyMap<string, Uint8Array> = new Map()

/** A call of an engine's address by code or by a transaction. */
export type EngineCall = {
  /** Where the call goes, and whose code it asks for: they differ for DELEGATECALL and CALLCODE. */
  readonly codeAddress: Uint8Array
  readonly caller: Uint8Array
  readonly value: bigint
  readonly data: Uint8Array
  readonly isStatic: boolean
  readonly isDelegate: boolean
  readonly gas: number
}

export type EngineOutcome = {
  readonly error: 'revert' | 'out of gas' | 'insufficient balance' | null
  readonly gasUsed: number
  readonly returnData: Uint8Array
  readonly logs: readonly Log[]
}

/** NexusCore behind an executive: which engines answer, and how a call of their address reaches them. */
export class EngineGate {
  #port: CorePort | null = null
  /** Addresses of the engines that answer, by key. */
  engines: ReadonlyMap<string, Uint8Array> = NO_ENGINES

  /** Null: no engine answers, and a call runs the code at its address, which fails. */
  open(port: CorePort | null): void {
    if (port !== this.#port) this.engines = port === null ? NO_ENGINES : enginesOf(port)
    this.#port = port
  }

  isEngine(address: Uint8Array): boolean {
    return this.#port?.has(engineIdOf(address)) === true
  }

  /**
   * One call, in the frame that the executive has opened for it. Core's undo joins the state's undo
   * log, so whatever unwinds this frame, or one around it, unwinds Core too.
   */
  call(flat: FlatState, call: EngineCall): EngineOutcome {
    const port = this.#port
    assert(port !== null && flat.isGuarded, 'a call of an engine can be undone')
    const { caller, value, isDelegate, gas } = call
    // A delegated call carries its caller's value along without moving it.
    if (!isDelegate && value > 0n && !burn(flat, caller, value)) {
      return failure('insufficient balance', 0)
    }
    const mark = port.mark()
    flat.onRevert(() => port.revertTo(mark))
    const outcome = port.call({
      engine: engineIdOf(call.codeAddress),
      caller,
      value: isDelegate ? 0n : value,
      // A view of the caller's memory, which changes when the caller goes on; the port may keep it.
      data: call.data.slice(),
      isStatic: call.isStatic,
      isDelegate,
      gasLimit: gas,
    })
    if (outcome.kind === 'outOfGas') return failure('out of gas', gas)
    const { gasUsed, returnData } = outcome
    assert(gasUsed <= gas, 'an engine uses no more gas than it was given')
    if (outcome.kind === 'revert') return { error: 'revert', gasUsed, returnData, logs: [] }
    return { error: null, gasUsed, returnData, logs: outcome.logs }
  }

  /** Gives every engine without code its byte: one that a new version of the node brought along. */
  install(flat: FlatState): void {
    for (const address of this.engines.values()) {
      const account = flat.account(address)
      if (account === null || !hasCode(account)) flat.setCode(address, ENGINE_CODE)
    }
  }
}

/** No engine's address ever holds coins: what a contract leaves to one is gone. */
export function destroyCoins(flat: FlatState, address: Uint8Array): void {
  const account = flat.account(address)
  if (account === null || account.balance === 0n) return
  flat.noteDestroyed(account.balance)
  flat.setAccount(address, { ...account, balance: 0n })
}

function enginesOf(port: CorePort): ReadonlyMap<string, Uint8Array> {
  const engines = new Map<string, Uint8Array>()
  for (let id = 0; id < LIMITS.coprocessors; id++) {
    if (!port.has(id)) continue
    const address = precompileOf(id)
    engines.set(keyOf(address), address)
  }
  return engines
}

/** What a payable function takes leaves the EVM at once: the engine's address never holds coins. */
function burn(flat: FlatState, caller: Uint8Array, value: bigint): boolean {
  const account = flat.account(caller)
  if (account === null || account.balance < value) return false
  flat.setAccount(caller, { ...account, balance: account.balance - value })
  return true
}

const failure = (error: EngineOutcome['error'], gasUsed: number): EngineOutcome => ({
  error,
  gasUsed,
  returnData: EMPTY_BYTES,
  logs: [],
})
