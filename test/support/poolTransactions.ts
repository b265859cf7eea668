import { ENVELOPE_TAG } from '../../core/chain/action.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import type { Pooled, PooledAction } from '../../node/mempool/action.ts'
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
  const hash = keccak256(text)
  const bytes = bytesOf(full.size, 2, hash)
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

/** `size` bytes that begin with the tag of their kind and are different for every hash. */
function bytesOf(size: number, tag: number, hash: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.max(size, 1))
  bytes.set(hash.subarray(0, bytes.length))
  bytes[0] = tag
  return bytes
}

export type ActionSketch = {
  readonly signer: number
  readonly nonce: number
  readonly expiresAfter: number | null
  readonly calls: number
  readonly gas: number
  readonly size: number
  readonly isNoop: boolean
  /** Sets apart what is the same otherwise. */
  readonly salt: number
}

/** An envelope as the decoder would describe it; the hash follows from all of its content. */
export function sketchAction(change: Partial<ActionSketch> = {}): PooledAction {
  const alike = {
    signer: 1,
    nonce: 1,
    expiresAfter: null,
    calls: 1,
    gas: 100,
    size: 150,
    isNoop: false,
    salt: 0,
  }
  const { signer, size, salt: _, ...shown } = { ...alike, ...change }
  const hash = keccak256(new TextEncoder().encode(JSON.stringify({ ...alike, ...change })))
  return { ...shown, hash, signer: addressOf(signer), bytes: bytesOf(size, ENVELOPE_TAG, hash) }
}

export const poolOptions = (change: Partial<PoolOptions> = {}): PoolOptions => ({
  ...defaultPoolOptions,
  ...change,
})

export const nameOf = ({ hash }: Pick<Pooled, 'hash'>): string => toHex(hash)
