import { toHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import type { TransactionView } from '../backend.ts'
import { pendingTransactionOf } from './transaction.ts'

/** EIP-55. */
export function checksummed(address: Uint8Array): string {
  const digits = toHex(address)
  const hash = toHex(keccak256(new TextEncoder().encode(digits)))
  const cased = [...digits].map((digit, i) =>
    Number.parseInt(hash.charAt(i), 16) >= 8 ? digit.toUpperCase() : digit,
  )
  return `0x${cased.join('')}`
}

export type ByNonce = Record<string, unknown>

/** Each with its nonce in decimal, of one sender. */
export const byNonce = (
  views: readonly TransactionView[],
  show: (view: TransactionView) => unknown,
): ByNonce => Object.fromEntries(views.map((view) => [view.nonce.toString(), show(view)]))

/** By sender as geth writes it, in order. */
export function bySender(
  views: readonly TransactionView[],
  show: (view: TransactionView) => unknown,
): Record<string, ByNonce> {
  const senders = Map.groupBy(views, ({ sender }) => checksummed(sender))
  return Object.fromEntries(
    [...senders]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([sender, own]) => [sender, byNonce(own, show)]),
  )
}

export const pooledOf = (view: TransactionView): unknown => pendingTransactionOf(view)

/** One line, as txpool_inspect has it. */
export const summaryOf = ({ to, value, gasLimit, maxFeePerGas }: TransactionView): string =>
  `${to === null ? 'contract creation' : checksummed(to)}: ${value} wei + ${gasLimit} gas × ${maxFeePerGas} wei`
