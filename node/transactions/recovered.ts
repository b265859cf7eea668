import { ENVELOPE_TAG } from '../../core/chain/action.ts'
import {
  bool,
  type Codec,
  fixedBytes,
  int,
  list,
  optional,
  struct,
  u16,
  union,
} from '../../core/primitives/codec.ts'
import { HASH_LENGTH } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ADDRESS_LENGTH } from '../../core/primitives/signature.ts'
import { decodeTransaction, type TransactionRules } from '../../evm/transaction.ts'
import type { PooledAction } from '../mempool/action.ts'
import type { ActionDecoder } from './actionDecoder.ts'

/** What is dear to find out about signed bytes: all of an envelope's description, the rest of a transaction is cheap. */
export type Recovered =
  | { readonly kind: 'transaction'; readonly sender: Uint8Array; readonly hash: Uint8Array }
  | ({ readonly kind: 'action' } & Omit<PooledAction, 'bytes'>)

const address = fixedBytes(ADDRESS_LENGTH)
const hash = fixedBytes(HASH_LENGTH)

/** Between threads of one node: bytes cross faster than objects. Null: not acceptable. */
export const recoveredCodec: Codec<readonly (Recovered | null)[]> = list(
  optional(
    union<Recovered>({
      transaction: { tag: 0, codec: struct({ sender: address, hash }) },
      action: {
        tag: 1,
        codec: struct({
          hash,
          signer: address,
          nonce: int,
          expiresAfter: optional(int),
          calls: u16,
          gas: int,
          isNoop: bool,
        }),
      },
    }),
  ),
  LIMITS.batchTransactions,
)

export type Decoders = { readonly rules: TransactionRules; readonly actions: ActionDecoder }

/** An envelope and a transaction are told apart by their first byte. */
export function recover(bytes: Uint8Array, { rules, actions }: Decoders): Recovered | null {
  if (bytes[0] === ENVELOPE_TAG) {
    const decoded = actions.decode(bytes)
    if (!decoded.ok) return null
    const { bytes: _, ...action } = decoded.value
    return { kind: 'action', ...action }
  }
  const decoded = decodeTransaction(bytes, rules)
  if (!decoded.ok) return null
  const { sender, hash } = decoded.value
  return { kind: 'transaction', sender, hash }
}
