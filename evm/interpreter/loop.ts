import type { Common } from '@ethereumjs/common'
import {
  type EVM,
  EVMError,
  type EVMPerformanceLogger,
  type ExecResult,
  getOpcodesForHF,
} from '@ethereumjs/evm'
import { codeAnalysisOf } from './codeAnalysis.ts'

export type RunState = NonNullable<ExecResult['runState']>
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

/**
 * The interpreter with a loop that waits only for opcodes that must be waited for. The library's
 * loop awaits every opcode and analyses the code of every call anew.
 */
export function createInterpreterClass(
  Base: InterpreterClass,
  common: Common,
  guard: RunGuard,
): InterpreterClass {
  const table = getOpcodesForHF(common).opcodeMap
  let steps = 0
  return class NexusInterpreter extends Base {
    override async run(code: Uint8Array): Promise<InterpreterResult> {
      const state = this._runState
      state.code = code
      const analysis = codeAnalysisOf(code)
      state.validJumps = analysis.jumps
      state.cachedPushes = analysis.pushes as RunState['cachedPushes']
      state.shouldDoJumpAnalysis = false
      const end = code.length
      try {
        while (state.programCounter < end) {
          if (++steps % STEPS_BETWEEN_CHECKS === 0 && guard.shouldStop?.() === true) {
            throw new ExecutionStopped()
          }
          const opcode = code[state.programCounter] as number
          const entry = table[opcode] as (typeof table)[number]
          const { opcodeInfo } = entry
          state.opCode = opcode
          let gas = opcodeInfo.feeBigInt
          if (opcodeInfo.dynamicGas) gas = await entry.gasHandler(state, gas, common)
          if (opcodeInfo.isInvalid) throw new EVMError(EVMError.errorMessages.INVALID_OPCODE)
          state.gasLeft -= gas
          if (state.gasLeft < 0n) {
            state.gasLeft = 0n
            throw new EVMError(EVMError.errorMessages.OUT_OF_GAS)
          }
          state.programCounter++
          if (opcodeInfo.isAsync) await entry.opHandler(state, common)
          else entry.opHandler(state, common)
        }
      } catch (error) {
        if (!(error instanceof EVMError)) throw error
        if (error.error !== EVMError.errorMessages.STOP) {
          return { runState: state, exceptionError: error }
        }
      }
      return { runState: state }
    }
  }
}
