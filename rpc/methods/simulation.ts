import { outlineOf } from '../../core/chain/executedBlock.ts'
import type { SimulatedCall } from '../../core/chain/trace.ts'
import type { RpcBackend } from '../backend.ts'
import { blockOf, fullTransactionsOf, transactionHashesOf } from '../format/block.ts'
import { data, quantity } from '../format/hex.ts'
import { logOf } from '../format/receipt.ts'
import type { SimulatedBlock } from '../inspection.ts'
import { heavy, type MethodModules, type MethodTable, method } from '../method.ts'
import { blockReference, existingHeightOf, LATEST } from '../params/block.ts'
import { optional, required } from '../params/parameter.ts'
import { simulationPayload } from '../params/simulation.ts'
import { revertReasonOf } from '../revertReason.ts'

/** Blocks of calls that nobody sent, one on the state of the other. */
export function simulationMethods({ backend }: MethodModules): MethodTable {
  const payload = required(simulationPayload(backend.identity.chainId))
  return {
    eth_simulateV1: heavy(
      method([payload, optional(blockReference, LATEST)], async ({ deadline }, wanted, at) => {
        const height = existingHeightOf(backend, at)
        if (!height.ok) return height
        const { blocks, validates, tracesTransfers, isFull } = wanted
        const simulated = await backend.inspection.simulateBlocks({
          ...{ height: height.value, blocks, validates, tracesTransfers, deadline },
        })
        if (!simulated.ok) return simulated
        return { ok: true, value: simulated.value.map((block) => shown(backend, block, isFull)) }
      }),
    ),
  }
}

function shown(backend: RpcBackend, { block, calls }: SimulatedBlock, isFull: boolean): object {
  const transactions = isFull
    ? fullTransactionsOf(block, backend)
    : transactionHashesOf(outlineOf(block))
  let logIndex = 0
  return {
    ...blockOf(block, transactions),
    calls: calls.map((call, transactionIndex) => {
      const logs = call.logs.map((log) =>
        logOf(log, { block, transactionIndex, logIndex: logIndex++ }),
      )
      return callOf(call, logs)
    }),
  }
}

const REVERTED = 3
const VM_ERROR = -32015

const callOf = (call: SimulatedCall, logs: readonly object[]): object => ({
  // Of a revert it is with the error, as geth has it.
  returnData: call.status === 'success' ? data(call.returnData) : '0x',
  logs,
  gasUsed: quantity(call.gasUsed),
  maxUsedGas: quantity(call.gasSpent),
  status: call.status === 'success' ? '0x1' : '0x0',
  ...(call.status === 'success' ? {} : { error: errorOf(call) }),
})

/** Inside a result, so not an error of the protocol; the specification fixes the numbers. */
function errorOf({ status, error, returnData }: SimulatedCall): object {
  if (status === 'error') return { code: VM_ERROR, message: error }
  const reason = revertReasonOf(returnData)
  const message = reason === null ? 'execution reverted' : `execution reverted: ${reason}`
  return { code: REVERTED, message, data: data(returnData) }
}
