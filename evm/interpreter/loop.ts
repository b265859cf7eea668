import type { Common } from '@ethereumjs/common'
import { type EVM, EVMError, type EVMPerformanceLogger, getOpcodesForHF } from '@ethereumjs/evm'
import type { Address } from '@ethereumjs/util'
import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES, equalBytes } from '../../core/primitives/bytes.ts'
import { destroyCoins, type EngineGate } from '../engineGate.ts'
import { MAX_INITCODE_BYTES } from '../intrinsicGas.ts'
import type { NexusStateManager } from '../state/stateManager.ts'
import { wordOf } from '../state/word.ts'
import { ExecutionStopped, type RunGuard } from '../vm/vm.ts'
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

const STEPS_BETWEEN_CHECKS = 4_096
const STACK_LIMIT = 1_024
const STACK_UNDERFLOW = new EVMError(EVMError.errorMessages.STACK_UNDERFLOW)
const STACK_OVERFLOW = new EVMError(EVMError.errorMessages.STACK_OVERFLOW)
const REVERT = new EVMError(EVMError.errorMessages.REVERT)

export type InterpreterParts = {
  readonly common: Common
  readonly manager: NexusStateManager
  readonly journal: WarmJournal
  readonly gate: EngineGate
  readonly guard: RunGuard
  readonly watch: StepWatch | null
}

/** A step before it is taken; `stack` holds its items below `size`, top last, and is valid during the call only. */
export type WatchedStep = {
  /** 1 for the transaction's own frame. */
  readonly depth: number
  readonly pc: number
  readonly op: number
  readonly gas: number
  readonly stack: readonly bigint[]
  readonly size: number
}
/** For comparing what the interpreters do. */
export type StepWatch = (step: WatchedStep) => void

/**
 * The library's interpreter with our loop: frequent opcodes are our own and synchronous, calls,
 * creations and the rare ones stay the library's. Its own loop awaits every opcode and analyses the
 * code of every call anew.
 */
export function createInterpreterClass(
  Base: InterpreterClass,
  parts: InterpreterParts,
): InterpreterClass {
  const { common, manager, journal, guard, watch } = parts
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
    if (opcode === CREATE || opcode === CREATE2) await create(state, opcode)
    else if (opcodeInfo.isAsync) await entry.opHandler(state, common)
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
      if (watch !== null) {
        const { at: pc, gas, stack, size } = frame
        watch({ depth: frame.state.env.depth + 1, pc, op: opcode, gas, stack, size })
      }
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
        if (parts.gate.isEngine(to.bytes)) destroyCoins(flat, to.bytes)
      }
    }
  }
}

const CREATE = 0xf0
const CREATE2 = 0xf5

/** The library's handler, without its refusal of initcode that looks like EOF: no fork here knows EOF, so such code runs, and fails. */
async function create(state: RunState, opcode: number): Promise<void> {
  const [value, offset, length, salt] = state.stack.popN(opcode === CREATE ? 3 : 4)
  assert(value !== undefined && offset !== undefined && length !== undefined, 'operands are there')
  if (length > MAX_INITCODE_BYTES) {
    throw new EVMError(EVMError.errorMessages.INITCODE_SIZE_VIOLATION)
  }
  const gas = state.messageGasLimit
  assert(gas !== undefined, 'the gas handler has set it')
  const code = length === 0n ? EMPTY_BYTES : state.memory.read(Number(offset), Number(length), true)
  const created =
    salt === undefined
      ? await state.interpreter.create(gas, value, code)
      : await state.interpreter.create2(gas, value, code, wordOf(salt))
  state.stack.push(created)
}

/** By opcode, undefined where the library's is used. */
function operationTable(): readonly (Operation | undefined)[] {
  const table = new Array<Operation | undefined>(256).fill(undefined)
  for (const operations of [arithmetic, flow, environment, storage]) {
    for (const [opcode, own] of operations) table[opcode] = own
  }
  return table
}
