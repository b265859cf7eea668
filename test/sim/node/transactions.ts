// What clients of the echo machine sign: a transaction without a signature, who and which nonce.
import { keccak256 } from '../../../core/primitives/hash.ts'
import { ADDRESS_LENGTH } from '../../../core/primitives/signature.ts'
import type { DecodedTransaction } from '../../../evm/transaction.ts'
import type { PooledTransaction } from '../../../node/mempool/transaction.ts'

/** EIP-1559's type byte, so that nobody takes it for an envelope. */
const TYPE = 2
const HEAD_BYTES = 6
export const CLIENT_BALANCE = 10n ** 24n

export function clientAddress(client: number): Uint8Array {
  const address = new Uint8Array(ADDRESS_LENGTH).fill(0xc1)
  address[0] = client
  return address
}

export function echoTransaction(client: number, nonce: number, padding: number): PooledTransaction {
  const bytes = new Uint8Array(HEAD_BYTES + padding)
  bytes[0] = TYPE
  bytes[1] = client
  new DataView(bytes.buffer).setUint32(2, nonce)
  return pooledOf(bytes)
}

function pooledOf(bytes: Uint8Array): PooledTransaction {
  return {
    hash: keccak256(bytes),
    sender: clientAddress(bytes[1] as number),
    nonce: new DataView(bytes.buffer, bytes.byteOffset).getUint32(2),
    gasLimit: 21_000,
    maxFeePerGas: 1_000n,
    maxPriorityFeePerGas: 1n,
    value: 0n,
    bytes,
  }
}

/** Null: no node may take it in. */
export function decodeEcho(bytes: Uint8Array): PooledTransaction | null {
  return bytes.length < HEAD_BYTES || bytes[0] !== TYPE ? null : pooledOf(bytes)
}

/** In the place of the recovery of signatures, which a batch and a block go through. */
export const echoRecovery = {
  decode: async (transactions: readonly Uint8Array[]) =>
    transactions.map((bytes) => decodeEcho(bytes) as DecodedTransaction | null),
}
