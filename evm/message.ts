import { Address, hexToBytes } from '@ethereumjs/util'
import type { Log } from '../core/chain/executedBlock.ts'
import { isReserved } from '../core/host/precompile.ts'
import { EMPTY_BYTES } from '../core/primitives/bytes.ts'
import type { AccessListEntry, Authorization } from './accessList.ts'
import { hasCode } from './account.ts'
import type { EthereumBlock } from './blockEnvironment.ts'
import { applyAuthorizations } from './delegation.ts'
import type { Engine } from './engine.ts'

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
  if (to === null || message.authorizations.length > 0 || isReserved(to)) return false
  const account = engine.manager.flat.account(to)
  return account === null || !hasCode(account)
}

/** The sender can pay the value. */
export function runTransfer(engine: Engine, message: Message): MessageOutcome {
  const { sender, value } = message
  const { flat } = engine.manager
  const from = flat.account(sender)
  if (from !== null && value > 0n) {
    flat.setAccount(sender, { ...from, balance: from.balance - value })
  }
  flat.credit(message.to as Uint8Array, value)
  return {
    gasUsed: Math.max(message.intrinsicGas, message.floorGas),
    gasSpent: message.intrinsicGas,
    error: null,
    returnData: EMPTY_BYTES,
    logs: [],
    created: null,
    destroyed: [],
  }
}

/** Runs code. Touched accounts and the journal stay as they are until `finishMessage`. */
export async function runMessage(
  engine: Engine,
  block: EthereumBlock,
  message: Message,
): Promise<MessageOutcome> {
  const { evm, manager } = engine
  warmUp(engine, block, message)
  const { authorities, refund } = applyAuthorizations(
    manager.flat,
    engine.chainId,
    message.authorizations,
  )
  for (const authority of authorities) evm.warmJournal.warm(authority)
  const result = await evm.runCall({
    block,
    gasPrice: message.gasPrice,
    caller: new Address(message.sender),
    gasLimit: BigInt(message.gasLimit - message.intrinsicGas),
    ...(message.to === null ? {} : { to: new Address(message.to) }),
    value: message.value,
    data: message.data,
    skipNonceIncrement: true,
  })
  const { execResult } = result
  const gasSpent = message.intrinsicGas + Number(execResult.executionGasUsed)
  const refunds = refund + Number(execResult.gasRefund ?? 0n)
  const refunded = gasSpent - Math.min(refunds, Math.floor(gasSpent / REFUND_QUOTIENT))
  const { exceptionError: exception } = execResult
  return {
    gasUsed: Math.max(refunded, message.floorGas),
    gasSpent,
    error: exception === undefined ? null : exception.error,
    returnData: execResult.returnValue,
    logs: (execResult.logs ?? []).map(([address, topics, data]) => ({ address, topics, data })),
    created: result.createdAddress?.bytes ?? null,
    destroyed: destroyedBy(execResult),
  }
}

/** EIP-6780: only what the same transaction created goes away. */
function destroyedBy(result: {
  readonly selfdestruct?: Map<string, string>
  readonly createdAddresses?: Set<string>
}): Uint8Array[] {
  return [...(result.selfdestruct?.keys() ?? [])]
    .filter((address) => result.createdAddresses?.has(address) === true)
    .map((address) => hexToBytes(address as `0x${string}`))
}

/** After fees are paid: removes destroyed and touched empty accounts, and forgets what was warm. */
export async function finishMessage(engine: Engine, outcome: MessageOutcome): Promise<void> {
  const { flat } = engine.manager
  for (const address of outcome.destroyed) {
    // What it was sent after its SELFDESTRUCT goes with it.
    flat.noteDestroyed(flat.account(address)?.balance ?? 0n)
    flat.deleteAccount(address)
  }
  await engine.evm.warmJournal.cleanup()
}

/** EIP-2929, EIP-3651, EIP-2930. */
function warmUp(engine: Engine, block: EthereumBlock, message: Message): void {
  const { warmJournal } = engine.evm
  warmJournal.warm(message.sender)
  if (message.to !== null) warmJournal.warm(message.to)
  warmJournal.warm(block.header.coinbase.bytes)
  for (const { address, storageKeys } of message.accessList) {
    warmJournal.warm(address, storageKeys, true)
  }
}
