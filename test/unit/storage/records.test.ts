import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MESSENGER_RULES } from '../../../coprocessors/messenger/index.ts'
import {
  type ExecutedBlock,
  executedBlockCodec,
  outlineOf,
} from '../../../core/chain/executedBlock.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import {
  ChangesetWriter,
  changesetIndexCodec,
  findChange,
  shardBitsFor,
  shardOf,
} from '../../../node/storage/changeset.ts'
import { crc32c } from '../../../node/storage/crc32c.ts'
import { executedRecordCodec, outlineOfRecord } from '../../../node/storage/executedRecord.ts'
import { PointerCache } from '../../../node/storage/pointerCache.ts'
import { stateSummaryCodec } from '../../../node/storage/stateSummary.ts'
import { bytesOf, executedBlock, receipt } from '../../support/chainArbitraries.ts'
import {
  expectCanonical,
  expectEveryTruncationFails,
  expectMutationsCanonical,
  expectRoundTrip,
  expectTrailingBytesFail,
} from '../../support/codecLaws.ts'
import { bytesFrom, ChainMaker, executedTransaction, transfer } from '../../support/storedChain.ts'

const record = new ChainMaker().next({ transactions: [transfer('a'), transfer('b')] })

describe('stateSummaryCodec', () => {
  it('has one encoding for one value', () => {
    const bytes = expectRoundTrip(stateSummaryCodec, record.summary)
    expectEveryTruncationFails(stateSummaryCodec, bytes)
    expectTrailingBytesFail(stateSummaryCodec, bytes)
    expectMutationsCanonical(stateSummaryCodec, bytes, [1, 0x80])
  })
})

describe('changesetIndexCodec', () => {
  it('has one encoding for one value', () => {
    const bytes = expectRoundTrip(changesetIndexCodec, {
      shardBits: 3,
      deleted: [Uint8Array.of(1), bytesFrom('k', 53)],
    })
    expectEveryTruncationFails(changesetIndexCodec, bytes)
    expectMutationsCanonical(changesetIndexCodec, bytes)
  })
})

describe('executedRecordCodec', () => {
  it('gives back any executed block, whatever of it is in the payload', () => {
    const gaps = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })
    const stranger = fc.uint8Array({ maxLength: 10 })
    fc.assert(
      fc.property(executedBlock, gaps, stranger, (block, isSkipped, other) => {
        const payload = block.transactions.flatMap(({ bytes }, i) =>
          isSkipped[i] === true ? [other, bytes] : [bytes],
        )
        const outline = { ok: true, value: outlineOf(block) }
        for (const known of [payload, []]) {
          const bytes = expectRoundTrip(executedRecordCodec(known), block)
          expect(decode(outlineOfRecord, bytes)).toEqual(outline)
        }
      }),
    )
  })

  it('refuses other encodings of its parts', () => {
    const { executed, block } = record
    const codec = executedRecordCodec(block.payload.evm)
    const bytes = encode(codec, executed)
    expectEveryTruncationFails(codec, bytes)
    expectEveryTruncationFails(outlineOfRecord, bytes)
    expectTrailingBytesFail(codec, bytes)
    // The place of a transaction in the payload is not unique when two are equal; all else is.
    expectMutationsCanonical(codec, bytes.slice(), [1, 0x80])
  })

  it('keeps blooms of every density', () => {
    fc.assert(
      fc.property(bytesOf(256), fc.nat(256), receipt, (noise, density, made) => {
        const logsBloom = noise.map((byte, i) => ((i * 97) % 256 < density ? byte | 1 : 0))
        const transaction = {
          ...executedTransaction(transfer('x'), 0),
          receipt: { ...made, logsBloom },
        }
        const block: ExecutedBlock = { ...record.executed, transactions: [transaction] }
        const bytes = expectRoundTrip(executedRecordCodec([]), block)
        expectCanonical(executedRecordCodec([]), bytes)
        expect(decode(outlineOfRecord, bytes)).toEqual({ ok: true, value: outlineOf(block) })
      }),
    )
  })

  it.each([
    ['as shown', executedBlockCodec],
    ['as stored', executedRecordCodec([])],
  ])('%s holds a full payload after all that Core queued, and no more', (_, codec) => {
    const one = executedTransaction(transfer('x'), 0)
    const encoded = (count: number): Uint8Array =>
      encode(codec, { ...record.executed, transactions: Array.from({ length: count }, () => one) })
    const full = LIMITS.blockTransactions + MESSENGER_RULES.perBlock
    const whole = decode(codec, encoded(full))
    expect(whole.ok && whole.value.transactions.length).toBe(full)
    // One writer trusts its caller, the other asserts the bound.
    const tooLong = (): void => expect(decode(codec, encoded(full + 1)).ok).toBe(true)
    expect(tooLong).toThrow()
  })

  it('takes a fifth of the bytes for a block of transfers', () => {
    const transactions = Array.from({ length: 500 }, (_, i) => transfer(`${i}`))
    const { executed } = new ChainMaker().next({ transactions })
    const stored = encode(executedRecordCodec(transactions), executed).length
    expect(stored).toBeLessThan(encode(executedBlockCodec, executed).length / 5)
    expect(stored / 500).toBeLessThan(100)
  })
})

describe('ChangesetWriter', () => {
  it('finds every key in its shard and no other key anywhere', () => {
    const entry = fc.record({
      key: fc.oneof(bytesOf(21), bytesOf(53)),
      height: fc.oneof(fc.nat(100), fc.constant(2 ** 48 - 1), fc.constant(2 ** 32)),
      bits: fc.nat(8),
      value: fc.option(fc.uint8Array({ maxLength: 60 })),
    })
    const entries = fc.uniqueArray(entry, { maxLength: 90, selector: ({ key }) => key.join() })
    fc.assert(
      fc.property(entries, bytesOf(21), (changes, absent) => {
        const writer = new ChangesetWriter(changes.length)
        for (const { key, height, bits, value } of changes)
          writer.add(key, crc32c(key), { pointer: { height, shardBits: bits }, value })
        const shards = new Map(
          [...writer.shards()].map(({ shard, value }) => [shard, value.slice(0, -4)]),
        )
        for (const { key, height, bits, value } of changes) {
          const shard = shards.get(shardOf(crc32c(key), writer.shardBits)) ?? new Uint8Array(0)
          expect(findChange(shard, key)).toEqual({ pointer: { height, shardBits: bits }, value })
        }
        if (changes.some(({ key }) => key.join() === absent.join())) return
        for (const shard of shards.values()) expect(findChange(shard, absent)).toBeNull()
      }),
    )
  })

  it('reads no entry outside a cut shard', () => {
    const writer = new ChangesetWriter(1)
    const key = bytesFrom('key', 21)
    writer.add(key, crc32c(key), {
      pointer: { height: 5, shardBits: 0 },
      value: bytesFrom('v', 30),
    })
    const [shard] = [...writer.shards()].map(({ value }) => value.slice(0, -4))
    for (let length = 0; length < (shard?.length ?? 0); length++)
      expect(findChange((shard as Uint8Array).slice(0, length), key)).toBeNull()
  })

  it('makes shards of about 32 changes, at most 256', () => {
    expect([0, 1, 32, 33, 64, 65, 1_000, 8_192, 100_000].map(shardBitsFor)).toEqual([
      0, 0, 0, 1, 1, 2, 5, 8, 8,
    ])
  })
})

describe('PointerCache', () => {
  it('never gives a pointer of another key, and the last one of its own', () => {
    const operation = fc.record({
      key: fc.integer({ min: 0, max: 40 }),
      height: fc.oneof(fc.nat(1_000), fc.constant(2 ** 48 - 1)),
      isSet: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const cache = new PointerCache(8)
        const model = new Map<number, number>()
        for (const { key: index, height, isSet } of operations) {
          const key = bytesFrom('key', index % 2 === 0 ? 21 : 53)
          key[(index * 7) % key.length] = index
          // Many keys share a bucket.
          const hash = index % 3
          if (isSet) {
            cache.set(key, hash, { height, shardBits: index % 9 })
            model.set(index, height)
            expect(cache.get(key, hash)).toEqual({ height, shardBits: index % 9 })
          } else {
            const found = cache.get(key, hash)
            if (found !== null) expect(found.height).toBe(model.get(index))
          }
        }
      }),
    )
  })
})
