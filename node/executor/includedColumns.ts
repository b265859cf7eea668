import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import { ADDRESS_LENGTH } from '../../core/primitives/signature.ts'
import type { ExecutionResult, IncludedTransaction } from './chainHead.ts'

/** The included transactions of a block between threads: three arrays are cloned, not two for each transaction. */
export type IncludedColumns = {
  readonly hashes: Uint8Array
  readonly senders: Uint8Array
  readonly nonces: Float64Array
}

/** An execution result on its way to another thread. */
export type PackedResult = Omit<ExecutionResult, 'included'> & {
  readonly included: IncludedColumns
}

export function packIncluded(included: readonly IncludedTransaction[]): IncludedColumns {
  const hashes = new Uint8Array(included.length * HASH_LENGTH)
  const senders = new Uint8Array(included.length * ADDRESS_LENGTH)
  const nonces = new Float64Array(included.length)
  for (const [i, { hash, sender, nonce }] of included.entries()) {
    hashes.set(hash, i * HASH_LENGTH)
    senders.set(sender, i * ADDRESS_LENGTH)
    nonces[i] = nonce
  }
  return { hashes, senders, nonces }
}

/** The same transactions, over the memory of the columns. */
export function unpackIncluded({
  hashes,
  senders,
  nonces,
}: IncludedColumns): IncludedTransaction[] {
  return Array.from(nonces, (nonce, i) => ({
    hash: hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH),
    sender: senders.subarray(i * ADDRESS_LENGTH, (i + 1) * ADDRESS_LENGTH),
    nonce,
  }))
}
