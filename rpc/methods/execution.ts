import type { AccountOverride, BlockOverrides, CallMessage, CallRequest } from '../backend.ts'
import { data, quantity } from '../format/hex.ts'
import { accessListOf } from '../format/transaction.ts'
import { type Call, heavy, type MethodModules, type MethodTable, method } from '../method.ts'
import type { Outcome } from '../outcome.ts'
import { type BlockParameter, blockReference, existingHeightOf, LATEST } from '../params/block.ts'
import { callMessage } from '../params/call.ts'
import { blockOverrides, NO_BLOCK_OVERRIDES, stateOverrides } from '../params/overrides.ts'
import { optional, required } from '../params/parameter.ts'

/** Running the EVM without a transaction. */
export function executionMethods({ backend }: MethodModules): MethodTable {
  const message = required(callMessage(backend.identity.chainId))
  const block = optional(blockReference, LATEST)
  const overrides = optional(stateOverrides, NO_ACCOUNTS)
  const inBlock = optional(blockOverrides, NO_BLOCK_OVERRIDES)
  const requestOf = (
    call: Call,
    wanted: CallMessage,
    at: BlockParameter,
    changes: Changes,
  ): Outcome<CallRequest> => {
    const height = existingHeightOf(backend, at)
    if (!height.ok) return height
    const { deadline } = call
    return { ok: true, value: { message: wanted, height: height.value, ...changes, deadline } }
  }
  return {
    eth_call: heavy(
      method(
        [message, block, overrides, inBlock],
        async (call, wanted, at, stateChanges, blockChanges) => {
          const request = requestOf(call, wanted, at, {
            stateOverrides: stateChanges,
            blockOverrides: blockChanges,
          })
          if (!request.ok) return request
          const output = await backend.call(request.value)
          return output.ok ? { ok: true, value: data(output.value) } : output
        },
      ),
    ),
    eth_estimateGas: heavy(
      method(
        [message, block, overrides, inBlock],
        async (call, wanted, at, stateChanges, blockChanges) => {
          const request = requestOf(call, wanted, at, {
            stateOverrides: stateChanges,
            blockOverrides: blockChanges,
          })
          if (!request.ok) return request
          const gas = await backend.estimateGas(request.value)
          return gas.ok ? { ok: true, value: quantity(gas.value) } : gas
        },
      ),
    ),
    eth_createAccessList: heavy(
      method([message, block, overrides], async (call, wanted, at, stateChanges) => {
        const request = requestOf(call, wanted, at, {
          stateOverrides: stateChanges,
          blockOverrides: NO_BLOCK_OVERRIDES,
        })
        if (!request.ok) return request
        const result = await backend.createAccessList(request.value)
        if (!result.ok) return result
        const { accessList, gasUsed, error } = result.value
        const shown = { accessList: accessListOf(accessList), gasUsed: quantity(gasUsed) }
        return { ok: true, value: error === null ? shown : { ...shown, error } }
      }),
    ),
  }
}

const NO_ACCOUNTS: readonly AccountOverride[] = []

type Changes = {
  readonly stateOverrides: readonly AccountOverride[]
  readonly blockOverrides: BlockOverrides
}
