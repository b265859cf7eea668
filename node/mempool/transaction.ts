/** What the pool needs to know of a transaction that was decoded and whose signature was recovered. */
export type PooledTransaction = {
  readonly hash: Uint8Array
  readonly sender: Uint8Array
  readonly nonce: number
  readonly gasLimit: number
  /** Wei. A transaction with one gas price has it as both fees. */
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly value: bigint
  /** What the user signed: what a block and a batch hold. */
  readonly bytes: Uint8Array
}

/** A map key: lower-case hex, by the fastest way there is in Node 24. */
export const keyOf = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).toString('hex')

/** The most a transaction can take from its sender, in wei. */
export const costOf = ({ gasLimit, maxFeePerGas, value }: PooledTransaction): bigint =>
  BigInt(gasLimit) * maxFeePerGas + value

/** What the proposer earns per gas, in wei (EIP-1559); negative when the fee cap is below the base fee. */
export function effectiveTipOf(transaction: PooledTransaction, baseFee: bigint): bigint {
  const { maxFeePerGas, maxPriorityFeePerGas } = transaction
  const isCapped = baseFee + maxPriorityFeePerGas > maxFeePerGas
  return isCapped ? maxFeePerGas - baseFee : maxPriorityFeePerGas
}

/**
 * The effective tip as a number, which orders five times faster. Tips above 2^53 wei that differ by
 * less than one part in 2^53 come out equal; order is a proposer's choice, so no node depends on it.
 */
export const priorityOf = (transaction: PooledTransaction, baseFee: bigint): number =>
  Number(effectiveTipOf(transaction, baseFee))
