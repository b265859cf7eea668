import { type Coprocessor, ENGINE } from '../../core/host/coprocessor.ts'
import { account, address, choice, int, text, u8, u16 } from '../../core/host/fields.ts'
import { assert } from '../../core/primitives/assert.ts'
import { constraints } from './constraints.ts'
import { internalFns } from './internalFns.ts'
import { publicFns } from './publicFns.ts'
import { CHAIN, type MessengerSchema, messengerSchema } from './schema.ts'
import { views } from './views.ts'

export { messengerPort } from './port.ts'
export { placesForCalls, RULES as MESSENGER_RULES } from './rules.ts'
export { type MessengerSchema, type MessengerState, messengerSchemaOf } from './schema.ts'

/** EVM gas per Core gas, as the host uses it. */
export type MessengerParams = { readonly gasRatio: number }

const VERSION = 1
const status = choice('success', 'revert', 'outOfGas')

export const messenger: Coprocessor<MessengerSchema, MessengerParams> = {
  id: ENGINE.messenger,
  name: 'messenger',
  version: VERSION,
  schema: messengerSchema,
  publicFns,
  internalFns,
  views,
  events: {
    MessageQueued: {
      sender: address,
      messageId: int,
      engine: u16,
      priority: u8,
      gasLimit: int,
    },
    MessageExecuted: { messageId: int, status },
    CallbackExecuted: { messageId: int, status },
    EvmCallExecuted: { messageId: int, status },
    TransferSettled: { account, asset: u16, amount: int, status },
    /** By the host: a post between engines left nothing, and its value went back. */
    PostRefused: { source: u16, target: u16, code: text(32) },
  },
  codes: ['GAS_TOO_HIGH', 'MESSAGE_TOO_LONG', 'OUT_OF_GAS', 'QUEUE_FULL', 'UNKNOWN_ENGINE'],
  constraints,
  genesis(state, { gasRatio }) {
    assert(state.chain.allocate() === CHAIN, 'genesis begins with nothing')
    state.chain.columns.nextNonce.set(CHAIN, 1)
    state.chain.columns.gasRatio.set(CHAIN, gasRatio)
  },
  migrate: (_state, fromVersion) => assert(fromVersion === VERSION, 'there is one version'),
}
