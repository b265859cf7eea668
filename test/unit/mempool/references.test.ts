import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { isAction, type Pooled } from '../../../node/mempool/action.ts'
import { type Batch, batchOf, createBatch, digestOf } from '../../../node/mempool/batch.ts'
import { BatchStore } from '../../../node/mempool/batchStore.ts'
import {
  type BodyReferences,
  contentOf,
  inlineBatchesOf,
  referencesOf,
  resolveReferences,
} from '../../../node/mempool/references.ts'
import { keyOf } from '../../../node/mempool/transaction.ts'
import { batchCodec, type ProposalBody, proposalBodyCodec } from '../../../node/network/messages.ts'
import { nameOf, sketch, sketchAction } from '../../support/poolTransactions.ts'

/** Every third is an envelope. */
const tx = (value: number, size = 60): Pooled =>
  value % 3 === 2
    ? sketchAction({ nonce: value + 1, signer: value % 5, size })
    : sketch({ value, sender: value % 5, size })
const storeWith = (batches: readonly Batch[], origin: 'local' | 'peer' = 'peer'): BatchStore => {
  const options = { maxBytes: 1e9, maxCount: 1e9, retentionMs: 1 }
  const store = new BatchStore(options, { isPending: () => true })
  for (const batch of batches) store.add(batch, origin, 0)
  return store
}
const options = { now: 1_000, freshMs: 20, maxFreshBytes: 10_000 }

/** What a peer knows: batches it holds, and those a body carries, decoded as the decoder would. */
function peerView(
  held: readonly Batch[],
  body: BodyReferences,
  known: readonly Pooled[],
): (digest: Uint8Array) => Batch | undefined {
  const carried = inlineBatchesOf(body)
  if (!carried.ok) return expect.fail(`inline ${carried.code}`)
  const byBytes = new Map(known.map((transaction) => [keyOf(transaction.bytes), transaction]))
  const decoded = carried.value.map(({ transactions, ...encoded }) =>
    batchOf(
      encoded,
      transactions.map((raw) => byBytes.get(keyOf(raw)) ?? null),
    ),
  )
  const all = new Map([...held, ...decoded].map((batch) => [batch.key, batch]))
  return (digest) => all.get(keyOf(digest))
}

const wholeBody = (body: BodyReferences): ProposalBody => ({
  ...body,
  messages: [],
  evidence: [],
  lastCommit: null,
})

describe('naming and resolving', () => {
  const groups = fc.array(fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 6 }), {
    maxLength: 10,
  })
  const chosen = fc.uniqueArray(fc.nat(40), { maxLength: 30 })

  it('gives the same bytes and senders to a peer that holds some or all of the batches', () => {
    fc.assert(
      fc.property(groups, chosen, fc.integer(), (lists, wanted, mask) => {
        const batches = lists.map((values) => createBatch(values.map((value) => tx(value))))
        const unique = [...new Map(batches.map((batch) => [batch.key, batch])).values()]
        const transactions = wanted.map((value) => tx(value))
        const body = referencesOf(transactions, storeWith(batches), options)
        const encoded = encode(proposalBodyCodec, wholeBody(body))
        expect(decode(proposalBodyCodec, encoded)).toEqual({ ok: true, value: wholeBody(body) })
        const held = unique.filter((_, index) => ((mask >> index) & 1) === 1)
        const first = resolveReferences(body, peerView(held, body, transactions))
        const lacking = body.batches.filter(
          (digest) =>
            unique.some((b) => b.key === keyOf(digest)) &&
            !held.some((b) => b.key === keyOf(digest)),
        )
        if (lacking.length === 0) expect(first.kind).toBe('resolved')
        else {
          if (first.kind !== 'missing') return expect.fail(`${first.kind}, not missing`)
          expect(first.digests.map(keyOf).sort()).toEqual(lacking.map(keyOf).sort())
        }
        const full = resolveReferences(body, peerView(unique, body, transactions))
        if (full.kind !== 'resolved') return expect.fail(full.kind)
        expect(full.transactions.map(({ bytes }) => keyOf(bytes))).toEqual(
          transactions.map(({ bytes }) => keyOf(bytes)),
        )
        const [got, given] = [contentOf(full.transactions), contentOf(transactions)]
        expect(got).toEqual(given)
        const [core, evm] = [
          transactions.filter(isAction),
          transactions.filter((t) => !isAction(t)),
        ]
        expect(got.evm).toEqual(evm.map(({ bytes }) => bytes))
        expect(got.core).toEqual(core.map(({ bytes }) => bytes))
        expect(keyOf(got.signers)).toBe(core.map(({ signer }) => keyOf(signer)).join(''))
        expect(got.senders.length).toBe(20 * evm.length)
      }),
      { numRuns: 300 },
    )
  })

  it('names no batch twice and carries none that nobody asked for', () => {
    fc.assert(
      fc.property(groups, chosen, (lists, wanted) => {
        const batches = lists.map((values) => createBatch(values.map((value) => tx(value))))
        const body = referencesOf(
          wanted.map((value) => tx(value)),
          storeWith(batches),
          options,
        )
        expect(new Set(body.batches.map(keyOf)).size).toBe(body.batches.length)
        expect(new Set(body.transactions.map(({ batch }) => batch)).size).toBe(body.batches.length)
      }),
    )
  })
})

describe('what a proposal carries inline', () => {
  const batch = createBatch([tx(1), tx(2)])
  const wanted = [tx(2)]
  const carriedAt = (now: number, origin: 'local' | 'peer', maxFreshBytes = 10_000): number =>
    referencesOf(wanted, storeWith([batch], origin), { now, freshMs: 20, maxFreshBytes }).inline
      .length

  it('is an own batch that has just left, not an older or a foreign one', () => {
    expect(carriedAt(19, 'local')).toBe(1)
    expect(carriedAt(20, 'local')).toBe(0)
    expect(carriedAt(0, 'peer')).toBe(0)
    expect(carriedAt(0, 'local', batch.bytes.length)).toBe(1)
    expect(carriedAt(0, 'local', batch.bytes.length - 1)).toBe(0)
  })

  it('is what no batch here holds, in legal batches', () => {
    const large = Array.from({ length: 7 }, (_, value) => tx(value, 100_000))
    const body = referencesOf(large, storeWith([]), options)
    expect(body.inline.length).toBe(4)
    for (const bytes of body.inline) expect(bytes.length).toBeLessThanOrEqual(LIMITS.batchBytes)
    const many = Array.from({ length: 2 * LIMITS.batchTransactions + 1 }, (_, value) =>
      tx(value, 33),
    )
    const crowd = referencesOf(many, storeWith([]), options)
    expect(crowd.inline.length).toBe(3)
    for (const bytes of crowd.inline) expect(decode(batchCodec, bytes).ok).toBe(true)
  })

  it('keeps the number of batches within its limit', () => {
    const many = Array.from({ length: LIMITS.blockBatches + 500 }, (_, value) => tx(value))
    const batches = many.map((transaction) => createBatch([transaction]))
    const body = referencesOf(many, storeWith(batches), options)
    expect(body.batches.length).toBeLessThanOrEqual(LIMITS.blockBatches)
    const resolved = resolveReferences(body, peerView(batches, body, many))
    if (resolved.kind !== 'resolved') return expect.fail(resolved.kind)
    expect(resolved.transactions.map(nameOf)).toEqual(many.map(nameOf))
  })

  it('fits the frame when all of the largest block is carried', () => {
    const size = 1_000
    const count = Math.floor(LIMITS.blockBytes / (size + 4))
    const body = referencesOf(
      Array.from({ length: count }, (_, value) => tx(value, size)),
      storeWith([]),
      options,
    )
    const bytes = encode(proposalBodyCodec, wholeBody(body)).length
    expect(bytes + LIMITS.certificateFrameBytes).toBeLessThan(LIMITS.proposalFrameBytes)
  })
})

describe('a body from a peer', () => {
  const batch = batchOf(createBatch([tx(1), tx(2)]), [tx(1), null])
  const get = (digest: Uint8Array): Batch | undefined =>
    keyOf(digest) === batch.key ? batch : undefined
  const bodyOf = (
    transactions: BodyReferences['transactions'],
    more: Partial<BodyReferences> = {},
  ): BodyReferences => ({
    batches: [batch.digest],
    inline: [],
    transactions,
    ...more,
  })

  it.each([
    ['names a batch it does not list', { batch: 1, position: 0 }, 'BAD_REFERENCE'],
    ['names a place past the end of a batch', { batch: 0, position: 2 }, 'BAD_REFERENCE'],
    ['names what is no transaction', { batch: 0, position: 1 }, 'BAD_TRANSACTION'],
  ])('is invalid when it %s', (_, reference, code) => {
    expect(resolveReferences(bodyOf([reference]), get)).toEqual({ kind: 'invalid', code })
  })

  it('is invalid rather than missing when both hold, so that nothing is fetched for it', () => {
    const absent = createBatch([tx(7)]).digest
    const names = [
      { batch: 1, position: 0 },
      { batch: 0, position: 9 },
    ]
    const body = bodyOf(names, { batches: [batch.digest, absent] })
    expect(resolveReferences(body, get)).toEqual({ kind: 'invalid', code: 'BAD_REFERENCE' })
  })

  it('needs no batch that none of its transactions is in', () => {
    const absent = createBatch([tx(7)]).digest
    const body = bodyOf([{ batch: 0, position: 0 }], { batches: [batch.digest, absent] })
    expect(resolveReferences(body, get)).toMatchObject({ kind: 'resolved' })
    const names = [
      { batch: 1, position: 0 },
      { batch: 1, position: 3 },
    ]
    expect(resolveReferences({ ...body, transactions: names }, get)).toEqual({
      kind: 'missing',
      digests: [absent],
    })
  })

  it('may carry only what it names, in the canonical encoding', () => {
    const { bytes, digest } = createBatch([tx(5)])
    expect(inlineBatchesOf(bodyOf([], { inline: [bytes] }))).toEqual({
      ok: false,
      code: 'BAD_REFERENCE',
    })
    const carried = inlineBatchesOf(bodyOf([], { inline: [bytes], batches: [digest] }))
    expect(carried).toEqual({ ok: true, value: [{ digest, bytes, transactions: [tx(5).bytes] }] })
    const longer = Uint8Array.of(...bytes, 0)
    const named = digestOf(longer)
    expect(inlineBatchesOf(bodyOf([], { inline: [longer], batches: [named] }))).toEqual({
      ok: false,
      code: 'TRAILING_BYTES',
    })
  })
})
