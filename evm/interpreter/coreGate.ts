import { EVMError, type ExecResult, type Message } from '@ethereumjs/evm'
import type { Address } from '@ethereumjs/util'
import type { CoreCallOutcome, CorePort } from '../../core/host/corePort.ts'
import { precompileOf } from '../../core/host/precompile.ts'
import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES, equalBytes } from '../../core/primitives/bytes.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { EMPTY_ACCOUNT, hasCode } from '../account.ts'
import { ENGINE_CODE, engineIdOf } from '../precompiles.ts'
import type { FlatState } from '../state/flatState.ts'
import { keyOf } from '../state/keys.ts'

const REVERT = new EVMError(EVMError.errorMessages.REVERT)
const OUT_OF_GAS = new EVMError(EVMError.errorMessages.OUT_OF_GAS)
const INSUFFICIENT_BALANCE = new EVMError(EVMError.errorMessages.INSUFFICIENT_BALANCE)
const NO_ENGINES: ReadonlyMap<string, Uint8Array> = new Map()

/** NexusCore behind the interpreter: which engines answer, and how a call of their address reaches them. */
export class CoreGate {
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
   * One call, in the frame that the EVM has opened for it. Core's undo joins the state's undo log,
   * so whatever unwinds this frame, or one around it, unwinds Core too.
   */
  call(flat: FlatState, message: Message & { readonly to: Address }): ExecResult {
    const port = this.#port
    assert(port !== null && flat.isGuarded, 'a call of an engine can be undone')
    const { caller, codeAddress, value, gasLimit } = message
    const isDelegate = message.delegatecall || !equalBytes(message.to.bytes, codeAddress.bytes)
    // A delegated call carries its caller's value along without moving it.
    if (!isDelegate && value > 0n && !burn(flat, caller.bytes, value)) {
      return failure(message, INSUFFICIENT_BALANCE, 0n)
    }
    const mark = port.mark()
    flat.onRevert(() => port.revertTo(mark))
    const outcome = port.call({
      engine: engineIdOf(codeAddress.bytes),
      caller: caller.bytes,
      value: isDelegate ? 0n : value,
      // A view of the caller's memory, which changes when the caller goes on; the port may keep it.
      data: message.data.slice(),
      isStatic: message.isStatic,
      isDelegate,
      gasLimit: Number(gasLimit),
    })
    return resultOf(outcome, message)
  }

  /** Gives every engine without code its byte: one that a new version of the node brought along. */
  install(flat: FlatState): void {
    for (const address of this.engines.values()) {
      const account = flat.account(address)
      if (account === null || !hasCode(account)) flat.setCode(address, ENGINE_CODE)
    }
  }
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
  const account = flat.account(caller) ?? EMPTY_ACCOUNT
  if (account.balance < value) return false
  flat.setAccount(caller, { ...account, balance: account.balance - value })
  return true
}

function resultOf(outcome: CoreCallOutcome, message: Message): ExecResult {
  if (outcome.kind === 'outOfGas') return failure(message, OUT_OF_GAS, message.gasLimit)
  const executionGasUsed = BigInt(outcome.gasUsed)
  assert(executionGasUsed <= message.gasLimit, 'an engine uses no more gas than it was given')
  const { gasRefund } = message
  if (outcome.kind === 'revert') {
    return {
      returnValue: outcome.returnData,
      executionGasUsed,
      exceptionError: REVERT,
      gasRefund,
      logs: [],
    }
  }
  return {
    returnValue: outcome.returnData,
    executionGasUsed,
    gasRefund,
    logs: outcome.logs.map(({ address, topics, data }) => [address, [...topics], data]),
  }
}

const failure = (
  { gasRefund }: Message,
  exceptionError: EVMError,
  executionGasUsed: bigint,
): ExecResult => ({
  returnValue: EMPTY_BYTES,
  executionGasUsed,
  exceptionError,
  gasRefund,
  logs: [],
})
