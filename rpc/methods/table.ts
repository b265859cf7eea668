import { assert } from '../../core/primitives/assert.ts'
import type { Method, MethodModules } from '../method.ts'
import { actionMethods } from './actions.ts'
import { blockMethods } from './blocks.ts'
import { channelMethods } from './channels.ts'
import { debugMethods } from './debug.ts'
import { devnetMethods } from './devnet.ts'
import { engineMethods } from './engines.ts'
import { executionMethods } from './execution.ts'
import { feeMethods } from './fees.ts'
import { lightMethods } from './light.ts'
import { logMethods } from './logs.ts'
import { nexusMethods } from './nexus.ts'
import { refusedMethods } from './refused.ts'
import { simulationMethods } from './simulation.ts'
import { stateMethods } from './state.ts'
import { subscriptionMethods } from './subscribe.ts'
import { transactionMethods } from './transactions.ts'
import { poolMethods } from './txpool.ts'
import { unlockedMethods } from './unlocked.ts'
import { web3Methods } from './web3.ts'

const AREAS = [
  web3Methods,
  blockMethods,
  transactionMethods,
  stateMethods,
  executionMethods,
  simulationMethods,
  debugMethods,
  poolMethods,
  refusedMethods,
  feeMethods,
  logMethods,
  subscriptionMethods,
  nexusMethods,
  lightMethods,
  engineMethods,
  actionMethods,
  channelMethods,
  unlockedMethods,
  devnetMethods,
]

/** Every method the server knows. A Map: no name reaches a prototype. */
export function methodsOf(modules: MethodModules): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>()
  for (const area of AREAS)
    for (const [name, entry] of Object.entries(area(modules))) {
      assert(!methods.has(name), 'a method has one implementation')
      methods.set(name, entry)
    }
  return methods
}
