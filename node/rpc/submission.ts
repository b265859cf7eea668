import { LIMITS } from '../../core/primitives/limits.ts'
import type { Account } from '../../evm/account.ts'
import { isDelegation } from '../../evm/delegation.ts'
import type { DecodedTransaction, TransactionCode } from '../../evm/transaction.ts'
import type { RpcFailure } from '../../rpc/index.ts'
import { costOf, type PooledTransaction } from '../mempool/transaction.ts'
import type { SubmissionCode } from './gateway.ts'

/** What the latest state says about a sender. */
export type SenderState = {
  readonly account: Pick<Account, 'nonce' | 'balance'>
  /** Empty, or a contract's, or an EIP-7702 delegation. */
  readonly code: Uint8Array
  /** Base fee of the next block, in wei. */
  readonly baseFee: bigint
}

export const malformed = (code: TransactionCode, bytes: Uint8Array): RpcFailure =>
  code === 'TRANSACTION_TOO_LARGE'
    ? { code, size: bytes.length, limit: LIMITS.transactionBytes }
    : { code }

/** What is wrong with a transaction as of the latest block; the pool sees what waits before it. */
export function objectionTo(
  transaction: DecodedTransaction,
  { account, code, baseFee }: SenderState,
): RpcFailure | null {
  const { nonce, sender, maxFeePerGas, isImpersonated } = transaction
  // EIP-3607; a delegation of EIP-7702 leaves the key in charge.
  if (code.length > 0 && !isDelegation(code) && !isImpersonated) return { code: 'SENDER_NOT_EOA' }
  if (nonce < account.nonce) return { code: 'NONCE_TOO_LOW', next: account.nonce, nonce }
  if (maxFeePerGas < baseFee) return { code: 'FEE_BELOW_BASE_FEE', sender, maxFeePerGas, baseFee }
  const cost = costOf(transaction)
  return cost > account.balance
    ? { code: 'INSUFFICIENT_FUNDS', balance: account.balance, cost }
    : null
}

/** The pool's verdict in the words of RPC; `account` is that of the sender as the RPC thread sees it. */
export function poolObjection(
  code: SubmissionCode,
  transaction: PooledTransaction,
  account: Pick<Account, 'nonce' | 'balance'>,
): RpcFailure {
  const { nonce } = transaction
  switch (code) {
    case 'NONCE_TOO_LOW':
      return { code, next: account.nonce, nonce }
    case 'NONCE_GAP_TOO_LARGE':
      return { code: 'NONCE_TOO_HIGH', next: account.nonce, nonce }
    case 'INSUFFICIENT_FUNDS':
      return { code, balance: account.balance, cost: costOf(transaction) }
    default:
      return { code }
  }
}

/** What the node thread needs of a decoded transaction; every field less is less to copy. */
export const pooledOf = (transaction: DecodedTransaction): PooledTransaction => ({
  hash: transaction.hash,
  sender: transaction.sender,
  nonce: transaction.nonce,
  gasLimit: transaction.gasLimit,
  maxFeePerGas: transaction.maxFeePerGas,
  maxPriorityFeePerGas: transaction.maxPriorityFeePerGas,
  value: transaction.value,
  bytes: transaction.bytes,
})
