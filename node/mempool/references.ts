import { concatBytes } from '../../core/primitives/bytes.ts'
import { type DecodeCode, decode } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { ResolvedBody } from '../consensus/ports.ts'
import { batchCodec, type ProposalBody } from '../network/messages.ts'
import { isAction, isTransaction, type Pooled } from './action.ts'
import { type Batch, BatchRoom, createBatch, digestOf, type EncodedBatch } from './batch.ts'
import type { BatchStore, StoredBatch } from './batchStore.ts'
import { keyOf } from './transaction.ts'

/** The part of a proposal's body that names transactions. `inline` holds batches that peers may lack. */
export type BodyReferences = Pick<ProposalBody, 'batches' | 'inline' | 'transactions'>

export type ReferenceOptions = {
  /** Milliseconds on the clock of the store. */
  readonly now: number
  /** An own batch younger than this may not have reached every peer yet. */
  readonly freshMs: number
  /** Own fresh batches are carried along up to this many bytes. */
  readonly maxFreshBytes: number
}

export const defaultReferenceOptions = { freshMs: 20, maxFreshBytes: 128 << 10 }

/**
 * Names transactions by the batches that brought them. Those that no batch here holds, or that would
 * need too many, are put into batches of their own and carried inline.
 */
export function referencesOf(
  transactions: readonly Pooled[],
  store: Pick<BatchStore, 'locate'>,
  options: ReferenceOptions,
): BodyReferences {
  const named: Batch[] = []
  const inline: Uint8Array[] = []
  const indexes = new Map<string, number>()
  const homeless: number[] = []
  let freshBytes = 0
  const indexOf = (batch: StoredBatch): number => {
    const known = indexes.get(batch.key)
    if (known !== undefined) return known
    if (named.length >= MAX_NAMED) return -1
    const size = batch.bytes.length
    if (isFresh(batch, options) && freshBytes + size <= options.maxFreshBytes) {
      freshBytes += size
      inline.push(batch.bytes)
    }
    indexes.set(batch.key, named.length)
    return named.push(batch) - 1
  }
  const references = transactions.map(({ hash }, at) => {
    const location = store.locate(hash)
    const batch = location === undefined ? -1 : indexOf(location.batch)
    if (location === undefined || batch < 0) homeless.push(at)
    return { batch, position: location?.position ?? 0 }
  })
  for (const group of groupsOf(homeless, transactions)) {
    const batch = createBatch(group.map((at) => transactions[at] as Pooled))
    for (const [position, at] of group.entries()) references[at] = { batch: named.length, position }
    named.push(batch)
    inline.push(batch.bytes)
  }
  return { batches: named.map((batch) => batch.digest), inline, transactions: references }
}

const isFresh = ({ origin, storedAt }: StoredBatch, { now, freshMs }: ReferenceOptions): boolean =>
  origin === 'local' && now - storedAt < freshMs

/** Indexes of transactions in groups that are each a legal batch. */
function groupsOf(indexes: readonly number[], transactions: readonly Pooled[]): number[][] {
  const groups: number[][] = []
  let room = new BatchRoom()
  for (const at of indexes) {
    const transaction = transactions[at] as Pooled
    const last = groups.at(-1)
    if (last !== undefined && room.fits(transaction)) last.push(at)
    else {
      groups.push([at])
      room = new BatchRoom()
    }
    room.take(transaction)
  }
  return groups
}

/**
 * Batches made for one block: two of them are never both half empty, so a block of 4 MiB needs 33 at
 * most and one of 50,000 transactions 13.
 */
const MAX_OWN = 64
const MAX_NAMED = LIMITS.blockBatches - MAX_OWN

export type Resolution =
  | { readonly kind: 'resolved'; readonly transactions: readonly Pooled[] }
  /** Batches that are named by a transaction and not here. */
  | { readonly kind: 'missing'; readonly digests: readonly Uint8Array[] }
  | { readonly kind: 'invalid'; readonly code: 'BAD_REFERENCE' | 'BAD_TRANSACTION' }

/** The transactions that a body names, in its order. */
export function resolveReferences(
  body: BodyReferences,
  get: (digest: Uint8Array) => Batch | undefined,
): Resolution {
  const batches = body.batches.map(get)
  const missing = new Set<number>()
  const transactions: Pooled[] = []
  for (const { batch: index, position } of body.transactions) {
    if (index >= batches.length) return { kind: 'invalid', code: 'BAD_REFERENCE' }
    const batch = batches[index]
    if (batch === undefined) {
      missing.add(index)
      continue
    }
    const transaction = batch.transactions[position]
    if (transaction === undefined) return { kind: 'invalid', code: 'BAD_REFERENCE' }
    if (transaction === null) return { kind: 'invalid', code: 'BAD_TRANSACTION' }
    transactions.push(transaction)
  }
  if (missing.size === 0) return { kind: 'resolved', transactions }
  return {
    kind: 'missing',
    digests: [...missing].map((index) => body.batches[index] as Uint8Array),
  }
}

export type InlineBatch = EncodedBatch & { readonly transactions: readonly Uint8Array[] }

/** The batches a body carries; each must be one that it names. */
export function inlineBatchesOf(
  body: BodyReferences,
): Result<readonly InlineBatch[], 'BAD_REFERENCE' | DecodeCode> {
  const named = new Set(body.batches.map(keyOf))
  const batches: InlineBatch[] = []
  for (const bytes of body.inline) {
    const digest = digestOf(bytes)
    if (!named.has(keyOf(digest))) return reject('BAD_REFERENCE')
    const decoded = decode(batchCodec, bytes)
    if (!decoded.ok) return decoded
    batches.push({ digest, bytes, transactions: decoded.value })
  }
  return ok(batches)
}

/** A block's two lists, each in the order given, and who signed what is in them: 20 bytes each. */
export function contentOf(transactions: readonly Pooled[]): ResolvedBody {
  const core = transactions.filter(isAction)
  const evm = transactions.filter(isTransaction)
  return {
    evm: evm.map(({ bytes }) => bytes),
    senders: concatBytes(...evm.map(({ sender }) => sender)),
    core: core.map(({ bytes }) => bytes),
    signers: concatBytes(...core.map(({ signer }) => signer)),
  }
}
