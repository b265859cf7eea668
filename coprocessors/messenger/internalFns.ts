import { ENGINE, type InternalFn } from '../../core/host/coprocessor.ts'
import type { SystemOutcome } from '../../core/host/corePort.ts'
import { precompileOf } from '../../core/host/precompile.ts'
import { assert } from '../../core/primitives/assert.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ok, reject } from '../../core/primitives/result.ts'
import { dequeue, enqueue, rowOf } from './queue.ts'
import { RULES } from './rules.ts'
import { KIND, type MessengerSchema } from './schema.ts'

type Status = SystemOutcome['status']

/** As `onCoreResult` tells it. */
const STATUS: { readonly [S in Status]: number } = { success: 0, revert: 1, outOfGas: 2 }

const NATIVE = new Uint8Array(20)

type Transfer = {
  readonly account: number
  readonly asset: number
  readonly amount: number
  readonly to: Uint8Array
  /** EVM units. */
  readonly units: bigint
  /** Null: the native coin. */
  readonly token: Uint8Array | null
}

/** The ledger sends value across. */
const toEvm: InternalFn<MessengerSchema, Transfer> = (state, transfer, context) => {
  assert(context.source === ENGINE.ledger, 'only the ledger sends value across')
  const { account, asset, amount, to, units, token } = transfer
  const nonce = enqueue(state, {
    kind: 'transfer',
    block: context.height,
    priority: RULES.transferPriority,
    source: token ?? NATIVE,
    target: to,
    gasLimit: RULES.transferGas,
    account,
    asset,
    amount,
    units,
  })
  return nonce === 0 ? reject('QUEUE_FULL') : ok(null)
}

type EvmCall = {
  readonly to: Uint8Array
  readonly data: Uint8Array
  readonly gasLimit: number
  readonly priority: number
}

/** An engine calls a contract; `msg.sender` is the engine's precompile. */
const callEvm: InternalFn<MessengerSchema, EvmCall> = (state, call, context) => {
  const { to, data, gasLimit, priority } = call
  if (data.length > LIMITS.messageBytes) return reject('MESSAGE_TOO_LONG')
  if (gasLimit > RULES.messageGas) return reject('GAS_TOO_HIGH')
  const source = precompileOf(context.source)
  const block = context.height
  const common = { block, priority, source, target: to, gasLimit, data }
  return enqueue(state, { kind: 'evmCall', ...common }) === 0 ? reject('QUEUE_FULL') : ok(null)
}

type Called = {
  readonly nonce: number
  readonly status: Status
  readonly returnData: Uint8Array
}

/** The host has run a call: its callback takes the place that it leaves. */
const called: InternalFn<MessengerSchema, Called> = (state, outcome, context) => {
  assert(context.origin === 'block', 'the host reports calls')
  const { nonce, status, returnData } = outcome
  const row = rowOf(state, nonce)
  const { columns } = state.messages
  assert(columns.kind.get(row) === KIND.call, 'what was called is a call')
  const callbackGas = columns.callbackGas.get(row)
  const common = {
    block: context.height,
    priority: columns.priority.get(row),
    source: columns.source.get(row),
    target: columns.target.get(row),
  }
  dequeue(state, row)
  context.emit({ kind: 'MessageExecuted', messageId: nonce, status })
  if (callbackGas === 0) return ok(null)
  const callback = enqueue(state, {
    kind: 'callback',
    ...common,
    gasLimit: callbackGas,
    messageId: nonce,
    status: STATUS[status],
    data: returnData.subarray(0, LIMITS.messageBytes),
  })
  assert(callback !== 0, 'a callback takes the place of its call')
  return ok(null)
}

/**
 * The EVM runs the message next. A transfer counts as arrived from here on: a contract that gets it
 * may send it back in the same call, when nothing else of the asset is in the EVM.
 */
const leaves: InternalFn<MessengerSchema, { readonly nonce: number }> = (
  state,
  { nonce },
  context,
) => {
  assert(context.origin === 'block', 'the host hands messages over')
  const row = rowOf(state, nonce)
  const { kind, account, asset, amount } = state.messages.columns
  if (kind.get(row) !== KIND.transfer) return ok(null)
  const args = { account: account.get(row), asset: asset.get(row), amount: amount.get(row) }
  context.post({ target: ENGINE.ledger, fn: 'arrived', args })
  return ok(null)
}

type Settled = { readonly nonce: number; readonly status: Status }

/** The EVM has run a message. A failed transfer returns; nothing else is tried again. */
const settled: InternalFn<MessengerSchema, Settled> = (state, { nonce, status }, context) => {
  assert(context.origin === 'block', 'the host reports outcomes')
  const row = rowOf(state, nonce)
  const { columns } = state.messages
  const kind = columns.kind.get(row)
  assert(kind !== KIND.call, 'what the EVM ran was for the EVM')
  const messageId = columns.messageId.get(row)
  const account = columns.account.get(row)
  const asset = columns.asset.get(row)
  const amount = columns.amount.get(row)
  dequeue(state, row)
  if (kind === KIND.transfer) {
    const args = { account, asset, amount }
    if (status !== 'success') context.post({ target: ENGINE.ledger, fn: 'recalled', args })
    context.emit({ kind: 'TransferSettled', account, asset, amount, status })
  } else {
    const event = kind === KIND.callback ? 'CallbackExecuted' : 'EvmCallExecuted'
    context.emit({ kind: event, messageId, status })
  }
  return ok(null)
}

export const internalFns = { toEvm, callEvm, called, leaves, settled }
