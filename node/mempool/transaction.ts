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
