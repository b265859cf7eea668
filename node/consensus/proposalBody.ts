import type { Payload } from '../../core/chain/block.ts'
import { encode } from '../../core/primitives/codec.ts'
import { DOMAIN, hash } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { batchCodec, type ProposalBody } from '../network/messages.ts'

/** A body that carries every transaction itself, for a block whose batches peers may no longer hold. */
export function wholeBodyOf(payload: Payload): ProposalBody {
  const groups = groupsOf([...payload.evm, ...payload.core])
  const inline = groups.map((group) => encode(batchCodec, group))
  const transactions = groups.flatMap((group, batch) =>
    group.map((_, position) => ({ batch, position })),
  )
  const { messages, evidence, lastCommit } = payload
  const batches = inline.map((bytes) => hash(DOMAIN.batch, bytes))
  return { batches, inline, transactions, messages, evidence, lastCommit }
}

/** Consecutive transactions in groups that are each a legal batch (a u32 prefix per transaction and one for the list). */
function groupsOf(transactions: readonly Uint8Array[]): Uint8Array[][] {
  const groups: Uint8Array[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const transaction of transactions) {
    const size = transaction.length + 4
    const last = groups.at(-1)
    if (
      last === undefined ||
      bytes + size > LIMITS.batchBytes ||
      last.length >= LIMITS.batchTransactions
    ) {
      groups.push([transaction])
      bytes = 4 + size
    } else {
      last.push(transaction)
      bytes += size
    }
  }
  return groups
}
