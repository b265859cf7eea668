import { assert } from '../../core/primitives/assert.ts'
import type { Method, MethodModules } from '../method.ts'
import { actionMethods } from './actions.ts'
import { blockMethods } from './blocks.ts'
import { channelMethods } from './channels.ts'
import { engineMethods } from './engines.ts'
import { executionMethods } from './execution.ts'
import { feeMethods } from './fees.ts'
import { lightMethods } from './light.ts'
import { logMethods } from './logs.ts'
import { nexusMethods } from './nexus.ts'
import { stateMethods } from './state.ts'
import { subscriptionMethods } from './subscribe.ts'
import { transactionMethods } from './transactions.ts'
import { web3Methods } from './web3.ts'

const AREAS = [
  web3Methods,
  blockMethods,
  transactionMethods,
  stateMethods,
  executionMethods,
  feeMethods,
  logMethods,
  subscriptionMethods,
  nexusMethods,
  lightMethods,
  engineMethods,
  actionMethods,
  channelMethods,
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
