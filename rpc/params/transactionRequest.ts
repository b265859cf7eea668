import type { CallMessage } from '../backend.ts'
import type { UnsignedTransaction } from '../devnetBackend.ts'
import { callMessage } from './call.ts'
import { safeInteger } from './hex.ts'
import { bad, MemberReader, membersOf, type Parser } from './parameter.ts'

/** A transaction that the node shall complete and sign; null is what the caller left open. */
export type TransactionRequest = {
  readonly from: Uint8Array
  readonly message: CallMessage
  readonly nonce: number | null
  readonly type: UnsignedTransaction['type']
}

const TYPES = [0, 1, 2, 4] as const

/** The object of eth_sendTransaction and eth_signTransaction. */
export const transactionRequest =
  (chainId: number): Parser<TransactionRequest> =>
  (json) => {
    const message = callMessage(chainId)(json)
    if (!message.ok) return message
    const members = membersOf(json)
    if (!members.ok) return members
    const reader = new MemberReader(members.value)
    const nonce = reader.read('nonce', safeInteger, null)
    const asked = reader.read('type', safeInteger, null)
    if (reader.problem !== null) return bad(reader.problem)
    const { from } = message.value
    if (from === null) return bad('missing from: the account that shall sign')
    const type = TYPES.find((one) => one === (asked ?? typeOf(message.value)))
    if (type === undefined) return bad(`transaction type ${asked} is not supported`)
    const problem = contradictionOf(message.value, type)
    if (problem !== null) return bad(problem)
    return { ok: true, value: { from, message: message.value, nonce, type } }
  }

/** What the members mean when no type is named. */
function typeOf({ gasPrice, accessList, authorizations }: CallMessage): number {
  if (authorizations.length > 0) return 4
  if (gasPrice === null) return 2
  return accessList.length > 0 ? 1 : 0
}

function contradictionOf(message: CallMessage, type: number): string | null {
  const { gasPrice, maxFeePerGas, maxPriorityFeePerGas, accessList, authorizations } = message
  if (type >= 2 && gasPrice !== null) return `gasPrice is no member of type ${type}`
  if (type < 2 && (maxFeePerGas ?? maxPriorityFeePerGas) !== null)
    return `maxFeePerGas and maxPriorityFeePerGas are no members of type ${type}`
  if (type === 0 && accessList.length > 0) return 'accessList is no member of type 0'
  if ((type === 4) !== authorizations.length > 0)
    return 'type 4 and an authorizationList go together'
  return null
}
