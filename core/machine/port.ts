import { rejectedError } from '../host/abi.ts'
import type { CoreCall, CoreCallOutcome, CorePort } from '../host/corePort.ts'
import { CROSS_GAS, CROSS_GAS_PER_BYTE } from '../host/gas.ts'
import type { Runtime } from '../host/runtime.ts'
import type { EvmCalls } from './evmCalls.ts'

/**
 * Engines as contracts reach them. Gas of a call: Core gas × `gasRatio`, 500, and 2 for each byte of
 * calldata and of what comes back. `assertOpen` halts where no contract may call.
 */
export function createPort(
  runtime: Runtime,
  calls: EvmCalls,
  options: { readonly gasRatio: number; readonly assertOpen: () => void },
): CorePort {
  const { gasRatio, assertOpen } = options
  return {
    has: (engine) => runtime.hostOf(engine) !== undefined,
    mark() {
      assertOpen()
      return runtime.mark()
    },
    revertTo(mark) {
      assertOpen()
      runtime.revertTo(mark)
    },
    call(call) {
      assertOpen()
      const entry = CROSS_GAS + CROSS_GAS_PER_BYTE * call.data.length
      if (call.gasLimit < entry) return { kind: 'outOfGas' }
      if (call.isDelegate) return reverted(call, entry, 'DELEGATE_CALL')
      const gasLimit = Math.floor((call.gasLimit - entry) / gasRatio)
      const result = calls.enter({ ...call, gasLimit })
      const gas = entry + result.gas * gasRatio
      if (result.kind === 'outOfGas') return { kind: 'outOfGas' }
      if (result.kind === 'revert') return reverted(call, gas, result.code)
      const { returnData, logs, mark } = result
      const gasUsed = gas + CROSS_GAS_PER_BYTE * returnData.length
      if (gasUsed > call.gasLimit) {
        if (mark !== null) runtime.revertTo(mark)
        return { kind: 'outOfGas' }
      }
      if (mark !== null) {
        runtime.forget(mark)
        const { engine, caller, value, data } = call
        const kept = { caller: caller.slice(), data: data.slice() }
        runtime.calls.push({ engine, value, gasLimit, ...kept })
      }
      return { kind: 'success', gasUsed, returnData, logs }
    },
  }
}

function reverted(call: CoreCall, gas: number, code: string): CoreCallOutcome {
  const returnData = rejectedError(code)
  const gasUsed = gas + CROSS_GAS_PER_BYTE * returnData.length
  return gasUsed > call.gasLimit ? { kind: 'outOfGas' } : { kind: 'revert', gasUsed, returnData }
}
