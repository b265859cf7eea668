import { EVMError, type ExecResult, type Message } from '@ethereumjs/evm'
import type { Address } from '@ethereumjs/util'
import { equalBytes } from '../../core/primitives/bytes.ts'
import type { EngineGate } from '../engineGate.ts'
import type { FlatState } from '../state/flatState.ts'

const EXCEPTIONS = {
  revert: new EVMError(EVMError.errorMessages.REVERT),
  'out of gas': new EVMError(EVMError.errorMessages.OUT_OF_GAS),
  'insufficient balance': new EVMError(EVMError.errorMessages.INSUFFICIENT_BALANCE),
}

/** A call of an engine in the library's terms. */
export function callEngine(
  gate: EngineGate,
  flat: FlatState,
  message: Message & { readonly to: Address },
): ExecResult {
  const { codeAddress, caller, to, value, data, isStatic, delegatecall, gasRefund } = message
  const outcome = gate.call(flat, {
    codeAddress: codeAddress.bytes,
    caller: caller.bytes,
    value,
    data,
    isStatic,
    isDelegate: delegatecall || !equalBytes(to.bytes, codeAddress.bytes),
    gas: Number(message.gasLimit),
  })
  const { error, gasUsed, returnData, logs } = outcome
  return {
    returnValue: returnData,
    executionGasUsed: BigInt(gasUsed),
    ...(error === null ? {} : { exceptionError: EXCEPTIONS[error] }),
    gasRefund,
    logs: logs.map(({ address, topics, data: bytes }) => [address, [...topics], bytes]),
  }
}
