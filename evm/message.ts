import type { Log } from '../core/chain/executedBlock.ts'
import { isReserved } from '../core/host/precompile.ts'
import { EMPTY_BYTES } from '../core/primitives/bytes.ts'
import type { AccessListEntry, Authorization } from './accessList.ts'
import { hasCode } from './account.ts'
import type { BlockEnvironment } from './blockEnvironment.ts'
import { applyAuthorizations } from './delegation.ts'
import type { Engine } from './engine.ts'
import { andThen, type Executive, type Fault, type TopResult } from './executive.ts'

/** A transaction once its fee is set aside and its nonce counted: what is left to run. */
export type Message = {
  readonly sender: Uint8Array
  readonly to: Uint8Array | null
  readonly value: bigint
  readonly data: Uint8Array
  readonly gasLimit: number
  readonly gasPrice: bigint
  readonly intrinsicGas: number
  readonly floorGas: number
  readonly accessList: readonly AccessListEntry[]
  readonly authorizations: readonly Authorization[]
}

export type MessageOutcome = {
  /** What is paid for, after refunds and at least the floor. */
  readonly gasUsed: number
  /** Before refunds: the least gas limit that this run could have had is never below it. */
  readonly gasSpent: number
  /** Null on success, else the EVM's words for the exception. */
  readonly error: string | null
  readonly fault: Fault | null
  readonly returnData: Uint8Array
  readonly logs: readonly Log[]
  readonly created: Uint8Array | null
  readonly destroyed: readonly Uint8Array[]
}

/** EIP-3529: at most a fifth of the gas comes back. */
const REFUND_QUOTIENT = 5

/** Whether nothing but value moves: there is no code to run at `to`. */
export const isPlainTransfer = (engine: Engine, message: Message): boolean => {
  const { to } = message
  // A tracer wants to see it.
  if (engine.tracer !== null) return false
  if (to === null || message.authorizations.length > 0 || isReserved(to)) return false
  const account = engine.flat.account(to)
  return account === null || !hasCode(account)
}

/** The sender can pay the value. */
export function runTransfer(engine: Engine, message: Message): MessageOutcome {
  const { sender, value } = message
  const { flat } = engine
  const from = flat.account(sender)
  if (from !== null && value > 0n) {
    flat.setAccount(sender, { ...from, balance: from.balance - value })
  }
  flat.credit(message.to as Uint8Array, value)
  return {
    gasUsed: Math.max(message.intrinsicGas, message.floorGas),
    gasSpent: message.intrinsicGas,
    error: null,
    fault: null,
    returnData: EMPTY_BYTES,
    logs: [],
    created: null,
    destroyed: [],
  }
}

/** Runs code. Touched accounts and the journal stay as they are until `finishMessage`. */
export function runMessage(
  engine: Engine,
  environment: BlockEnvironment,
  message: Message,
): MessageOutcome | Promise<MessageOutcome> {
  const { executive, flat } = engine
  warmUp(executive, environment, message)
  const { authorities, refund } = applyAuthorizations(flat, engine.chainId, message.authorizations)
  for (const authority of authorities) executive.warm(authority)
  const { sender: caller, to, value, data, gasPrice } = message
  const gas = message.gasLimit - message.intrinsicGas
  const result = executive.call(
    { caller, to, value, data, gas, gasPrice },
    environment,
    engine.tracer,
  )
  return andThen(result, (top) => outcomeOf(message, refund, top))
}

function outcomeOf(message: Message, refund: number, result: TopResult): MessageOutcome {
  const { error, fault, returnData, logs, created, destroyed } = result
  const gasSpent = message.intrinsicGas + result.gasUsed
  const refunds = refund + (error === null ? result.refund : 0)
  const refunded = gasSpent - Math.min(refunds, Math.floor(gasSpent / REFUND_QUOTIENT))
  const gasUsed = Math.max(refunded, message.floorGas)
  return { gasUsed, gasSpent, error, fault, returnData, logs, created, destroyed }
}

/** After fees are paid: removes destroyed and touched empty accounts, and forgets what was warm. */
export function finishMessage({ flat, executive }: Engine, outcome: MessageOutcome): void {
  for (const address of outcome.destroyed) {
    // What it was sent after its SELFDESTRUCT goes with it.
    flat.noteDestroyed(flat.account(address)?.balance ?? 0n)
    flat.deleteAccount(address)
  }
  executive.finish()
}

/** EIP-2929, EIP-3651, EIP-2930. */
function warmUp(executive: Executive, environment: BlockEnvironment, message: Message): void {
  executive.warm(message.sender)
  if (message.to !== null) executive.warm(message.to)
  executive.warm(environment.coinbase)
  executive.warmListed(message.accessList)
}
