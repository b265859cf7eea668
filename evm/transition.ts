import type { FeeRecipient } from '../core/chain/params.ts'
import { ok, type Result, reject } from '../core/primitives/result.ts'
import { EMPTY_ACCOUNT, hasCode } from './account.ts'
import type { BlockEnvironment } from './blockEnvironment.ts'
import { isDelegation } from './delegation.ts'
import type { Engine } from './engine.ts'
import { andThen } from './executive.ts'
import {
  finishMessage,
  type MessageOutcome,
  plainRecipient,
  runMessage,
  runTransfer,
} from './message.ts'
import type { AccountEntry } from './state/entries.ts'
import { applyEdit, isStateEdit } from './stateEdits.ts'
import type { Ancestry } from './systemContracts.ts'
import type { DecodedTransaction } from './transaction.ts'

/** Why a well-formed transaction has no place in the block at its turn. */
export type StateCode =
  | 'FEE_CAP_BELOW_BASE_FEE'
  | 'BLOCK_GAS_EXHAUSTED'
  | 'NONCE_TOO_LOW'
  | 'NONCE_TOO_HIGH'
  | 'SENDER_NOT_EOA'
  | 'INSUFFICIENT_FUNDS'

export type FeeRules = {
  readonly baseFeeRecipient: FeeRecipient
  readonly tipRecipient: FeeRecipient
  readonly treasury: Uint8Array
  readonly proposer: Uint8Array
}

/** In wei. */
export type FeeTotals = { burned: bigint; treasury: bigint; proposer: bigint }

export type BlockContext = {
  readonly environment: BlockEnvironment
  readonly fees: FeeRules
  readonly totals: FeeTotals
  /** Absent: no block, or one without a past, is under way. */
  readonly ancestry?: Ancestry
}

export type AppliedTransaction = {
  readonly outcome: MessageOutcome
  /** In wei per gas: base fee and tip. */
  readonly effectiveGasPrice: bigint
}

/**
 * One transaction on the state (execution-specs `process_transaction`, Prague). A rejected one has
 * changed nothing. No promise with the nexus executive.
 */
export function applyTransaction(
  engine: Engine,
  context: BlockContext,
  transaction: DecodedTransaction,
  gasLeft: number,
): Applied | Promise<Applied> {
  const { flat } = engine
  const { sender, gasLimit } = transaction
  flat.startTransaction()
  const payer = flat.entry(sender)
  const code = objection(engine, context, transaction, { payer, gasLeft })
  if (code !== null) return reject(code)
  const { baseFeePerGas } = context.environment
  const tip = tipOf(transaction, baseFeePerGas)
  const gasPrice = baseFeePerGas + tip
  const before = payer.account ?? EMPTY_ACCOUNT
  const { storageRoot, codeHash } = before
  const balance = before.balance - BigInt(gasLimit) * gasPrice
  flat.write(payer, { nonce: before.nonce + 1, balance, storageRoot, codeHash })
  const { faucet } = engine
  const isEdit = isStateEdit(faucet, transaction)
  const isRefused = isEdit && faucet !== null && !applyEdit(engine, faucet, transaction.data)
  const recipient = plainRecipient(engine, transaction)
  const ran =
    recipient !== null
      ? runTransfer(engine, transaction, [payer, recipient])
      : runMessage(engine, context.environment, { ...transaction, gasPrice })
  return andThen(ran, (done) => {
    const outcome = isRefused ? { ...done, error: 'revert' } : done
    flat.creditEntry(payer, BigInt(gasLimit - outcome.gasUsed) * gasPrice)
    const gasUsed = BigInt(outcome.gasUsed)
    pay(engine, context, context.fees.baseFeeRecipient, gasUsed * baseFeePerGas)
    pay(engine, context, context.fees.tipRecipient, gasUsed * tip)
    if (recipient === null) finishMessage(engine, outcome)
    return ok({ outcome, effectiveGasPrice: gasPrice })
  })
}

type Applied = Result<AppliedTransaction, StateCode>

/** EIP-1559. Types 0 and 1 offer all of their price above the base fee. */
export function tipOf(
  transaction: Pick<DecodedTransaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'>,
  baseFeePerGas: bigint,
): bigint {
  const { maxFeePerGas, maxPriorityFeePerGas } = transaction
  if (maxFeePerGas - baseFeePerGas < maxPriorityFeePerGas) return maxFeePerGas - baseFeePerGas
  return maxPriorityFeePerGas
}

function objection(
  engine: Engine,
  context: BlockContext,
  transaction: DecodedTransaction,
  { payer, gasLeft }: { readonly payer: AccountEntry; readonly gasLeft: number },
): StateCode | null {
  if (transaction.maxFeePerGas < context.environment.baseFeePerGas) return 'FEE_CAP_BELOW_BASE_FEE'
  if (transaction.gasLimit > gasLeft) return 'BLOCK_GAS_EXHAUSTED'
  const { flat } = engine
  const { account } = payer
  const nonce = account?.nonce ?? 0
  if (transaction.nonce < nonce) return 'NONCE_TOO_LOW'
  if (transaction.nonce > nonce) return 'NONCE_TOO_HIGH'
  // EIP-3607, except for an account that only delegates (EIP-7702), and where no key is asked for.
  const isContract = account !== null && hasCode(account) && !isDelegation(flat.code(account))
  if (isContract && !transaction.isImpersonated) return 'SENDER_NOT_EOA'
  const most = BigInt(transaction.gasLimit) * transaction.maxFeePerGas + transaction.value
  return (account?.balance ?? 0n) < most ? 'INSUFFICIENT_FUNDS' : null
}

function pay(
  engine: Engine,
  { fees, totals }: BlockContext,
  recipient: FeeRecipient,
  amount: bigint,
): void {
  if (recipient === 'burn') {
    totals.burned += amount
    return
  }
  totals[recipient] += amount
  engine.flat.credit(fees[recipient], amount)
}
