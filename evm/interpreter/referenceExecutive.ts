import type { Common } from '@ethereumjs/common'
import type { ExecResult } from '@ethereumjs/evm'
import { Address, hexToBytes } from '@ethereumjs/util'
import { compareBytes, fromHex } from '../../core/primitives/bytes.ts'
import { ethereumBlockOf } from '../blockEnvironment.ts'
import type { EngineGate } from '../engineGate.ts'
import type { Executive, TopCall, TopResult } from '../executive.ts'
import type { FlatState } from '../state/flatState.ts'
import { NexusStateManager } from '../state/stateManager.ts'
import type { RunGuard } from '../vm/vm.ts'
import { memoize } from './common.ts'
import type { StepWatch } from './loop.ts'
import { createNexusEvm, type NexusEvm } from './nexusEvm.ts'

export type ReferenceExecutiveOptions = {
  readonly common: Common
  readonly flat: FlatState
  readonly gate: EngineGate
  readonly guard: RunGuard
  readonly ancestorHash: (number: number) => Uint8Array | null
  /** Told of every step, but for the STOP behind the end of a code. */
  readonly watch: StepWatch | null
}

/** `@ethereumjs/evm` behind the common type. It tells a tracer nothing. */
export async function createReferenceExecutive(
  options: ReferenceExecutiveOptions,
): Promise<Executive> {
  const { flat, ...rest } = options
  const { common, gate } = rest
  const manager = new NexusStateManager(flat)
  const evm = await createNexusEvm({ ...rest, stateManager: manager })
  memoize(common)
  return executiveOf(evm, manager, gate)
}

/** An EVM of the library, with our loop or without. */
export function executiveOf(
  evm: NexusEvm,
  manager: NexusStateManager,
  gate: EngineGate,
): Executive {
  const { warmJournal } = evm
  return {
    name: 'reference',
    precompiles: [...evm.precompiles.keys()].map(fromHex),
    enter(flat, port) {
      manager.flat = flat
      gate.open(port)
      warmJournal.engines = gate.engines
      warmJournal.cleanJournal()
      evm.transientStorage.clear()
    },
    warm: (address) => warmJournal.warm(address),
    warmListed(accessList) {
      for (const { address, storageKeys } of accessList) {
        warmJournal.warm(address, storageKeys, true)
      }
    },
    async call(call, environment) {
      const result = await evm.runCall({
        block: ethereumBlockOf(environment),
        gasPrice: call.gasPrice,
        caller: new Address(call.caller),
        gasLimit: BigInt(call.gas),
        ...(call.to === null ? {} : { to: new Address(call.to) }),
        value: call.value,
        data: call.data,
        skipNonceIncrement: true,
      })
      return resultOf(call, result.execResult, result.createdAddress)
    },
    finish: () => warmJournal.cleanup(),
    reportAccess: () => warmJournal.startReportingAccessList(),
    accessed: () =>
      [...(warmJournal.accessList ?? [])]
        .map(([address, slots]) => ({
          address: fromHex(address),
          storageKeys: [...slots].sort().map(fromHex),
        }))
        .sort((a, b) => compareBytes(a.address, b.address)),
  }
}

const resultOf = (call: TopCall, result: ExecResult, created: Address | undefined): TopResult => ({
  gasUsed: Number(result.executionGasUsed),
  refund: Number(result.gasRefund ?? 0n),
  error: result.exceptionError?.error ?? null,
  fault: null,
  returnData: result.returnValue,
  logs: (result.logs ?? []).map(([address, topics, data]) => ({ address, topics, data })),
  created: call.to === null ? (created?.bytes ?? null) : null,
  destroyed: destroyedBy(result),
})

/** EIP-6780: only what the same transaction created goes away. */
function destroyedBy(result: {
  readonly selfdestruct?: Map<string, string>
  readonly createdAddresses?: Set<string>
}): Uint8Array[] {
  return [...(result.selfdestruct?.keys() ?? [])]
    .filter((address) => result.createdAddresses?.has(address) === true)
    .map((address) => hexToBytes(address as `0x${string}`))
}
