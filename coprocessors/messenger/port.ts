import { encodeAbi, selectorOf } from '../../core/host/abi.ts'
import { ENGINE } from '../../core/host/coprocessor.ts'
import type { AccountNames } from '../../core/host/fieldCodec.ts'
import { address, bytes, type Fields, u8, u256, type Values } from '../../core/host/fields.ts'
import type { CrossMessage, MessengerPort } from '../../core/host/messengerPort.ts'
import { precompileOf, SYSTEM_ADDRESS } from '../../core/host/precompile.ts'
import { assert } from '../../core/primitives/assert.ts'
import { concatBytes, EMPTY_BYTES, fromHex } from '../../core/primitives/bytes.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { rowsInOrder } from './queue.ts'
import { RULES } from './rules.ts'
import { KIND, type MessengerSchema, type MessengerState } from './schema.ts'

const callbackArgs = { messageId: u256, status: u8, returndata: bytes(LIMITS.messageBytes) }
const mintArgs = { to: address, amount: u256 }

/** The arguments of both calls name no accounts. */
const noNames: AccountNames = { idOf: () => 0, addressOf: () => EMPTY_BYTES }

function calldata<F extends Fields>(name: string, fields: F, values: Values<F>): Uint8Array {
  return concatBytes(fromHex(selectorOf(name, fields)), encodeAbi(fields, values, noNames))
}

export const messengerPort: MessengerPort<MessengerSchema> = {
  engine: ENGINE.messenger,
  pending(state) {
    const messages: CrossMessage[] = []
    let gas = 0
    for (const row of rowsInOrder(state)) {
      gas += state.messages.columns.gasLimit.get(row)
      if (messages.length === RULES.perBlock || gas > RULES.gasPerBlock) break
      messages.push(messageAt(state, row))
    }
    return messages
  },
  *queued(state) {
    for (const row of rowsInOrder(state)) yield messageAt(state, row)
  },
}

function messageAt(state: MessengerState, row: number): CrossMessage {
  const { columns } = state.messages
  const common = {
    block: columns.block.get(row),
    priority: columns.priority.get(row),
    nonce: columns.nonce.get(row),
    gasLimit: columns.gasLimit.get(row),
  }
  const source = columns.source.get(row)
  const target = columns.target.get(row)
  const data = columns.data.get(row)
  switch (columns.kind.get(row)) {
    case KIND.call:
      return { kind: 'toCore', ...common, source, target, mint: 0n, params: data }
    case KIND.evmCall:
      return { kind: 'toEvm', ...common, source, target, mint: 0n, params: data }
    case KIND.callback: {
      const values = {
        messageId: BigInt(columns.messageId.get(row)),
        status: columns.status.get(row),
        returndata: data,
      }
      const params = calldata('onCoreResult', callbackArgs, values)
      const caller = precompileOf(ENGINE.messenger)
      return { kind: 'toEvm', ...common, source: caller, target: source, mint: 0n, params }
    }
    default:
      return { kind: 'toEvm', ...common, source: SYSTEM_ADDRESS, ...transferAt(state, row) }
  }
}

/** Native coin appears at its recipient; a token's own contract mints on behalf of the chain. */
function transferAt(
  state: MessengerState,
  row: number,
): Pick<CrossMessage, 'target' | 'mint' | 'params'> {
  const { kind, source, target, units } = state.messages.columns
  assert(kind.get(row) === KIND.transfer, 'a message has a known kind')
  const to = target.get(row)
  const token = source.get(row)
  const amount = units.get(row)
  return token.every((byte) => byte === 0)
    ? { target: to, mint: amount, params: EMPTY_BYTES }
    : { target: token, mint: 0n, params: calldata('mint', mintArgs, { to, amount }) }
}
