import type { SignedTransaction, TransactionView } from '../backend.ts'
import { quantity } from '../format/hex.ts'
import { byNonce, bySender, pooledOf, summaryOf } from '../format/pool.ts'
import { type Method, type MethodModules, type MethodTable, method } from '../method.ts'
import { address } from '../params/hex.ts'
import { required } from '../params/parameter.ts'

/** What waits in the pool of this node. Lists end at `limits.poolTransactions`. */
export function poolMethods({ backend, options }: MethodModules): MethodTable {
  const { inspection } = backend
  const limit = options.limits.poolTransactions
  const viewsOf = (signed: readonly SignedTransaction[]): TransactionView[] =>
    signed.map((transaction) => backend.transaction(transaction))
  const all = (show: (view: TransactionView) => unknown): Method =>
    method([], async () => {
      const { pending, queued } = await inspection.poolContent({ sender: null, limit })
      const value = {
        pending: bySender(viewsOf(pending), show),
        queued: bySender(viewsOf(queued), show),
      }
      return { ok: true, value }
    })
  return {
    txpool_status: method([], async () => {
      const { pending, queued } = await inspection.poolCounts()
      return { ok: true, value: { pending: quantity(pending), queued: quantity(queued) } }
    }),
    txpool_content: all(pooledOf),
    txpool_inspect: all(summaryOf),
    txpool_contentFrom: method([required(address)], async (_, sender) => {
      const { pending, queued } = await inspection.poolContent({ sender, limit })
      const value = {
        pending: byNonce(viewsOf(pending), pooledOf),
        queued: byNonce(viewsOf(queued), pooledOf),
      }
      return { ok: true, value }
    }),
  }
}
