import type { Log } from '../core/chain/executedBlock.ts'
import { isReserved } from '../core/host/precompile.ts'
import { EMPTY_BYTES } from '../core/primitives/bytes.ts'
import type { AccessListEntry, Authorization } from './accessList.ts'
import { hasCode } from './account.ts'
import type { BlockEnvironment } from './blockEnvironment.ts'
import { applyAuthorizations } from './delegation.ts'
import type { Engine } from './engine.ts'
import { andThen, type Executive, type Fault, type TopResult } from './executive.ts'
import type { AccountEntry } from './state/entries.ts'

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

type Transfer = Pick<Message, 'value' | 'intrinsicGas' | 'floorGas'>

/** The recipient, if nothing but value moves because there is no code to run. */
export function plainRecipient(
  engine: Engine,
  { to, authorizations }: Pick<Message, 'to' | 'authorizations'>,
): AccountEntry | null {
  // A tracer wants to see it.
  if (engine.tracer !== null) return null
  if (to === null || authorizations.length > 0 || isReserved(to)) return null
  const entry = engine.flat.entry(to)
  return entry.account === null || !hasCode(entry.account) ? entry : null
}

/** The sender can pay the value. */
export function runTransfer(
  { flat }: Engine,
  { value, intrinsicGas, floorGas }: Transfer,
  [from, to]: readonly [AccountEntry, AccountEntry],
): MessageOutcome {
  if (from.account !== null && value > 0n) flat.addBalance(from, -value)
  flat.creditEntry(to, value)
  return {
    gasUsed: Math.max(intrinsicGas, floorGas),
    gasSpent: intrinsicGas,
    error: null,
    fault: null,
    returnData: EMPTY_BYTES,
    logs: [],
    created: null,
    destroyed: [],
  }
}

/** Whichever of the two it takes. */
export function runEither(
  engine: Engine,
  environment: BlockEnvironment,
  message: Message,
): MessageOutcome | Promise<MessageOutcome> {
  const recipient = plainRecipient(engine, message)
  if (recipient === null) return runMessage(engine, environment, message)
  return runTransfer(engine, message, [engine.flat.entry(message.sender), recipient])
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
