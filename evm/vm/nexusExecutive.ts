import type { Common } from '@ethereumjs/common'
import type { CorePort } from '../../core/host/corePort.ts'
import { assert } from '../../core/primitives/assert.ts'
import type { BlockEnvironment } from '../blockEnvironment.ts'
import { contractAddress } from '../contractAddress.ts'
import type { EngineGate } from '../engineGate.ts'
import type { Executive, TopCall, TopResult } from '../executive.ts'
import type { EngineHardfork } from '../forks.ts'
import type { FlatState } from '../state/flatState.ts'
import { bytesOfKey } from '../state/keys.ts'
import { wordOfBigint, wordOfBytes } from '../state/word.ts'
import type { Tracer } from '../tracer.ts'
import { AccessReport } from './accessReport.ts'
import { enterCall, enterCreation } from './calls.ts'
import { forkOf } from './fork.ts'
import { run } from './loop.ts'
import { precompilesOf } from './precompiles.ts'
import { Trace } from './trace.ts'
import { type RunGuard, Vm } from './vm.ts'

export type NexusExecutiveOptions = {
  readonly chainId: number
  readonly hardfork: EngineHardfork
  readonly common: Common
  readonly gate: EngineGate
  readonly guard: RunGuard
  /** How often a block runs before it is compiled. */
  readonly hotAfter: number
  readonly ancestorHash: (number: number) => Uint8Array | null
}

/** Our own interpreter behind the common type: never waits. */
export function createNexusExecutive(options: NexusExecutiveOptions): Executive {
  const { chainId, hardfork, common, gate, guard, ancestorHash, hotAfter } = options
  const precompiles = precompilesOf(common)
  const fork = forkOf(hardfork)
  const vm = new Vm({ chainId, fork, gate, precompiles, guard, ancestorHash, hotAfter })
  return {
    name: 'nexus',
    precompiles: [...precompiles.keys()].map(bytesOfKey),
    enter(flat: FlatState, port: CorePort | null) {
      gate.open(port)
      vm.enter(flat)
      vm.accessed = null
    },
    warm(address) {
      vm.flat.warm(vm.flat.entry(address))
    },
    warmListed(accessList) {
      const { flat, accessed } = vm
      for (const { address, storageKeys } of accessList) {
        const entry = flat.entry(address)
        flat.warm(entry)
        accessed?.account(entry)
        for (const key of storageKeys) {
          const slot = flat.slotEntry(entry, wordOfBytes(key))
          flat.warm(slot)
          accessed?.slot(entry, slot)
        }
      }
    },
    call: (call, environment, tracer) => runTop(vm, call, environment, tracer),
    finish() {
      vm.flat.sweepTouched()
      vm.accessed = null
    },
    reportAccess() {
      vm.accessed = new AccessReport()
    },
    accessed: () => vm.accessed?.list() ?? [],
  }
}

function runTop(
  vm: Vm,
  { caller, to, value, data, gas, gasPrice }: TopCall,
  environment: BlockEnvironment,
  tracer: Tracer | null,
): TopResult {
  const { flat } = vm
  const sender = flat.entry(caller)
  vm.start(environment)
  vm.trace = tracer === null ? null : new Trace(tracer, vm)
  vm.origin = sender.word
  vm.gasPrice = wordOfBigint(gasPrice)
  let created: Uint8Array | null = null
  if (to === null) {
    created = contractAddress(caller, (sender.account?.nonce ?? 0) - 1)
    const initcode = data
    enterCreation(vm, null, {
      ...{ kind: 'CREATE', caller: sender, address: created },
      ...{ value: wordOfBigint(value), initcode, gas },
    })
  } else {
    const target = flat.entry(to)
    enterCall(vm, null, {
      ...{ kind: 'CALL', target, self: target, caller: sender },
      ...{ value: wordOfBigint(value), input: data, gas },
      ...{ isStatic: false, outputAt: 0, outputSize: 0 },
    })
  }
  run(vm)
  const { ending } = vm
  assert(ending !== null, 'a run has an ending')
  vm.trace = null
  return {
    gasUsed: gas - ending.gas,
    refund: vm.refund,
    error: ending.error,
    fault: ending.fault,
    returnData: ending.output,
    logs: vm.logs,
    created,
    destroyed: vm.destroyed
      .filter((entry) => entry.createdAt === flat.transaction)
      .map(({ address }) => address),
  }
}
