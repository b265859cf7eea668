import { RLP } from '@ethereumjs/rlp'
import { bigintToBytes, concatBytes, toHex } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { addressOfPrivateKey, signatures } from '../core/primitives/signature.ts'

export type Sender = { readonly privateKey: Uint8Array; readonly address: Uint8Array }

export type TransferRequest = {
  readonly chainId: number
  readonly nonce: number
  readonly gas: number
  readonly to: Uint8Array
  readonly value: bigint
  readonly data: Uint8Array
}

export type Signed = { readonly raw: string; readonly hash: string }

/** Far above any base fee of a devnet; what is not used is not paid. */
export const MAX_FEE = 100_000_000_000n
const TIP = 1_000_000n

/** Keys that are the same in every run, so that a second run finds its senders funded. */
export const sendersOf = (count: number): Sender[] =>
  Array.from({ length: count }, (_, i) => {
    const privateKey = keccak256(new TextEncoder().encode(`nexus bench ${i}`))
    return { privateKey, address: addressOfPrivateKey(privateKey) }
  })

/** An EIP-1559 transaction; 60 to 70 µs with the native curve, against 2 ms in a wallet library. */
export function signTransaction(sender: Sender, transfer: TransferRequest): Signed {
  const { chainId, nonce, gas, to, value, data } = transfer
  const fields = [chainId, nonce, TIP, MAX_FEE, gas, to, value, data, []]
  const digest = keccak256(typed(fields))
  const { signature, recovery } = signatures.sign(digest, sender.privateKey)
  const r = stripped(signature.subarray(0, 32))
  const s = stripped(signature.subarray(32))
  const raw = typed([...fields, recovery, r, s])
  return { raw: `0x${toHex(raw)}`, hash: `0x${toHex(keccak256(raw))}` }
}

const typed = (fields: Parameters<typeof RLP.encode>[0]): Uint8Array =>
  concatBytes(Uint8Array.of(2), RLP.encode(fields))

/** An integer in RLP has no leading zeros. */
function stripped(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (bytes[start] === 0) start++
  return bytes.subarray(start)
}

/** Calldata of `transfer(address,uint256)`. */
export const erc20Transfer = (to: Uint8Array, amount: bigint): Uint8Array =>
  concatBytes(
    Uint8Array.of(0xa9, 0x05, 0x9c, 0xbb),
    new Uint8Array(12),
    to,
    bigintToBytes(amount, 32),
  )
