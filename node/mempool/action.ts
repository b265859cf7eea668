import type { PooledTransaction } from './transaction.ts'

/** What the pool needs to know of a signed Core envelope that was decoded and whose signer was recovered. */
export type PooledAction = {
  /** keccak256 of `bytes`. */
  readonly hash: Uint8Array
  readonly signer: Uint8Array
  /** Milliseconds; unused among the signer's recent ones. */
  readonly nonce: number
  /** Last block time it may run at, in milliseconds. */
  readonly expiresAfter: number | null
  readonly calls: number
  /** Core gas of all calls before what they add while they run. */
  readonly gas: number
  readonly bytes: Uint8Array
}

/** What travels in batches. */
export type Pooled = PooledTransaction | PooledAction

export const isAction = (item: Pooled): item is PooledAction => 'signer' in item
export const isTransaction = (item: Pooled): item is PooledTransaction => !isAction(item)
