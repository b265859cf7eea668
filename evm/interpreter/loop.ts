import type { Common } from '@ethereumjs/common'
import { type EVM, EVMError, type EVMPerformanceLogger, getOpcodesForHF } from '@ethereumjs/evm'
import type { Address } from '@ethereumjs/util'
import { equalBytes } from '../../core/primitives/bytes.ts'
import type { FlatState } from '../state/flatState.ts'
import type { NexusStateManager } from '../state/stateManager.ts'
import type { CoreGate } from './coreGate.ts'
import { Frame, type RunState } from './frame.ts'
import type { Operation } from './operation.ts'
import { arithmetic } from './operations/arithmetic.ts'
import { environment } from './operations/environment.ts'
import { flow } from './operations/flow.ts'
import { storage } from './operations/storage.ts'
import type { WarmJournal } from './warmJournal.ts'

export type Interpreter = RunState['interpreter']
type InterpreterResult = { runState: RunState; exceptionError?: EVMError }
/** The library does not export its interpreter; this is what its constructor takes. */
export type InterpreterClass = new (
  evm: EVM,
  stateManager: EVM['stateManager'],
  blockchain: EVM['blockchain'],
  env: Interpreter['_env'],
  gasLeft: bigint,
  journal: EVM['journal'],
  performanceLogger: EVMPerformanceLogger,
) => Interpreter

/** Lets the caller of a simulation stop it: `shouldStop` is asked every `STEPS_BETWEEN_CHECKS` opcodes. */
export type RunGuard = { shouldStop: (() => boolean) | null }

/** Thrown through the interpreter when the guard stops it; never an EVM outcome. */
export class ExecutionStopped {
  readonly code = 'EXECUTION_STOPPED'
}

const STEPS_BETWEEN_CHECKS = 4_096
const STACK_LIMIT = 1_024
const STACK_UNDERFLOW = new EVMError(EVMError.errorMessages.STACK_UNDERFLOW)
const STACK_OVERFLOW = new EVMError(EVMError.errorMessages.STACK_OVERFLOW)
const REVERT = new EVMError(EVMError.errorMessages.REVERT)

export type InterpreterParts = {
  readonly common: Common
  readonly manager: NexusStateManager
  readonly journal: WarmJournal
  readonly core: CoreGate
  readonly guard: RunGuard
}

/**
 * The library's interpreter with our loop: frequent opcodes are our own and synchronous, calls,
 * creations and the rare ones stay the library's. Its own loop awaits every opcode and analyses the
 * code of every call anew.
 */
export function createInterpreterClass(
  Base: InterpreterClass,
  parts: InterpreterParts,
): InterpreterClass {
  const { common, manager, journal, guard } = parts
  const table = getOpcodesForHF(common).opcodeMap
  const operations = operationTable()
  let steps = 0

  async function runLibrary(frame: Frame, opcode: number): Promise<void> {
    const { state } = frame
    const entry = table[opcode] as (typeof table)[number]
    const { opcodeInfo } = entry
    state.opCode = opcode
    frame.save()
    let gas = opcodeInfo.feeBigInt
    if (opcodeInfo.dynamicGas) gas = await entry.gasHandler(state, gas, common)
    if (opcodeInfo.isInvalid) throw new EVMError(EVMError.errorMessages.INVALID_OPCODE)
    state.gasLeft -= gas
    if (state.gasLeft < 0n) frame.outOfGas()
    state.programCounter++
    if (opcodeInfo.isAsync) await entry.opHandler(state, common)
    else entry.opHandler(state, common)
    frame.load()
  }

  /** Runs our own opcodes until another one comes, whose number it returns, or the call ends (−1). */
  function runOwn(frame: Frame): number {
    const { code } = frame
    while (!frame.halted && frame.at < code.length) {
      if (++steps % STEPS_BETWEEN_CHECKS === 0 && guard.shouldStop?.() === true) {
        throw new ExecutionStopped()
      }
      const opcode = code[frame.at] as number
      const own = operations[opcode]
      if (own === undefined) return opcode
      if (frame.size < own.takes) throw STACK_UNDERFLOW
      if (frame.size + own.leaves - own.takes > STACK_LIMIT) throw STACK_OVERFLOW
      frame.gas -= own.fee
      if (frame.gas < 0) frame.outOfGas()
      frame.at++
      own.run(frame)
    }
    return -1
  }

  return class NexusInterpreter extends Base {
    override async run(code: Uint8Array): Promise<InterpreterResult> {
      const state = this._runState
      const frame = new Frame(state, code, manager.flat, journal)
      try {
        for (let opcode = runOwn(frame); opcode >= 0; opcode = runOwn(frame)) {
          await runLibrary(frame, opcode)
        }
        frame.save()
        if (frame.reverted) return { runState: state, exceptionError: REVERT }
      } catch (error) {
        if (!(error instanceof EVMError)) throw error
        if (error.error !== EVMError.errorMessages.STOP) {
          return { runState: state, exceptionError: error }
        }
      }
      return { runState: state }
    }

    /** The library's, with the coins counted that it makes vanish. */
    override async selfDestruct(to: Address): Promise<void> {
      const { flat } = manager
      const { address, createdAddresses } = this._env
      const isNew = createdAddresses?.has(address.toString()) === true
      if (isNew && equalBytes(to.bytes, address.bytes)) {
        flat.noteDestroyed(flat.account(address.bytes)?.balance ?? 0n)
      }
      try {
        await super.selfDestruct(to)
      } finally {
        if (parts.core.isEngine(to.bytes)) destroyCoins(flat, to.bytes)
      }
    }
  }
}

/** No engine's address ever holds coins: what a contract leaves to one is gone. */
function destroyCoins(flat: FlatState, address: Uint8Array): void {
  const account = flat.account(address)
  if (account === null || account.balance === 0n) return
  flat.noteDestroyed(account.balance)
  flat.setAccount(address, { ...account, balance: 0n })
}

/** By opcode, undefined where the library's is used. */
function operationTable(): readonly (Operation | undefined)[] {
  const table = new Array<Operation | undefined>(256).fill(undefined)
  for (const operations of [arithmetic, flow, environment, storage]) {
    for (const [opcode, own] of operations) table[opcode] = own
  }
  return table
}
