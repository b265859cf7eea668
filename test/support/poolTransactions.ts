import { toHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { defaultPoolOptions, type PoolOptions } from '../../node/mempool/pool.ts'
import type { PooledTransaction } from '../../node/mempool/transaction.ts'

export type TransactionSketch = {
  readonly sender: number
  readonly nonce: number
  readonly fee: number
  readonly tip: number
  readonly value: number
  readonly gas: number
  readonly size: number
}

export const addressOf = (sender: number): Uint8Array => {
  const address = new Uint8Array(20)
  new DataView(address.buffer).setUint32(0, sender)
  return address
}

/** A transaction as the decoder would give it; the hash follows from all of its content. */
export function sketch(change: Partial<TransactionSketch> = {}): PooledTransaction {
  const full = { sender: 1, nonce: 0, fee: 10, tip: 1, value: 0, gas: 100, size: 100, ...change }
  const text = new TextEncoder().encode(JSON.stringify(full))
  const bytes = new Uint8Array(Math.max(full.size, 1))
  const hash = keccak256(text)
  bytes.set(hash.subarray(0, bytes.length))
  return {
    hash,
    sender: addressOf(full.sender),
    nonce: full.nonce,
    gasLimit: full.gas,
    maxFeePerGas: BigInt(full.fee),
    maxPriorityFeePerGas: BigInt(full.tip),
    value: BigInt(full.value),
    bytes,
  }
}

export const poolOptions = (change: Partial<PoolOptions> = {}): PoolOptions => ({
  ...defaultPoolOptions,
  ...change,
})

export const nameOf = ({ hash }: Pick<PooledTransaction, 'hash'>): string => toHex(hash)
