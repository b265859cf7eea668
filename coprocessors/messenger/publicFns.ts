import { type CallContext, publicFn } from '../../core/host/coprocessor.ts'
import { bytes, int, u8, u16 } from '../../core/host/fields.ts'
import { precompileOf } from '../../core/host/precompile.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { enqueue } from './queue.ts'
import { GAS, placesForCalls, RULES } from './rules.ts'
import { CHAIN, type MessengerSchema, type MessengerState } from './schema.ts'

const define = publicFn<MessengerSchema>()

const sendArgs = {
  engine: u16,
  calldata: bytes(LIMITS.messageBytes),
  /** EVM gas for the call, paid now and not given back. */
  gasLimit: int,
  priority: u8,
}

const common = {
  result: { messageId: int },
  gas: GAS.send,
  class: 'other',
  authority: 'owner',
  only: 'evm',
} as const

/** Queues a call by the sender into an engine for the next block, and a callback of 100,000 gas. */
const send = define({
  id: 0,
  args: sendArgs,
  ...common,
  apply: (state, args, context) =>
    queueCall(state, { ...args, callbackGas: RULES.callbackGas }, context),
})

/** The same with another gas limit for the callback; 0: none. */
const sendWithCallback = define({
  id: 1,
  args: { ...sendArgs, callbackGas: int },
  ...common,
  apply: queueCall,
})

export const publicFns = { send, sendWithCallback }

type Call = {
  readonly engine: number
  readonly calldata: Uint8Array
  readonly gasLimit: number
  readonly priority: number
  readonly callbackGas: number
}

function queueCall(
  state: MessengerState,
  call: Call,
  context: CallContext,
): Result<{ readonly messageId: number }, string> {
  const { engine, gasLimit, callbackGas, priority } = call
  if (engine >= LIMITS.coprocessors) return reject('UNKNOWN_ENGINE')
  if (gasLimit > RULES.messageGas || callbackGas > RULES.messageGas) return reject('GAS_TOO_HIGH')
  const ratio = state.chain.columns.gasRatio.get(CHAIN)
  const prepaid = Math.ceil((gasLimit + callbackGas) / ratio) + priority * GAS.perPriority
  if (!context.charge(prepaid)) return reject('OUT_OF_GAS')
  if (state.messages.count() >= placesForCalls(state.messages.capacity)) return reject('QUEUE_FULL')
  const messageId = enqueue(state, {
    kind: 'call',
    block: context.height,
    priority,
    source: context.callerAddress,
    target: precompileOf(engine),
    gasLimit,
    callbackGas,
    data: call.calldata,
  })
  if (messageId === 0) return reject('QUEUE_FULL')
  const { callerAddress: sender } = context
  context.emit({ kind: 'MessageQueued', sender, messageId, engine, priority, gasLimit })
  return ok({ messageId })
}
