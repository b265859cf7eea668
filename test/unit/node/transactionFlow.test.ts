import { privateKeyToAccount } from 'viem/accounts'
import { beforeEach, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { EMPTY_ACCOUNT, encodeAccount } from '../../../evm/account.ts'
import { type DecodedTransaction, decodeTransaction } from '../../../evm/transaction.ts'
import { digestOf } from '../../../node/mempool/batch.ts'
import { defaultPoolOptions } from '../../../node/mempool/pool.ts'
import { batchCodec, type ProposalBody } from '../../../node/network/messages.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { SenderRecovery } from '../../../node/transactions/senderRecovery.ts'
import { TransactionFlow } from '../../../node/transactions/transactionFlow.ts'
import { TEST_PARAMS } from '../../support/testChain.ts'

const user = privateKeyToAccount(`0x${'05'.repeat(32)}`)
const rules = { chainId: 3940, blockGasLimit: 30_000_000 }

async function signed(nonce: number): Promise<DecodedTransaction> {
  const raw = await user.signTransaction({
    chainId: 3940,
    nonce,
    to: `0x${'42'.repeat(20)}`,
    value: 1n,
    gas: 21_000n,
    maxFeePerGas: 100n,
    maxPriorityFeePerGas: 1n,
  })
  const decoded = decodeTransaction(fromHex(raw), rules)
  if (!decoded.ok) throw new Error(decoded.code)
  return decoded.value
}

type Harness = {
  readonly flow: TransactionFlow
  readonly published: Uint8Array[]
  readonly requested: string[]
  pending: number
  recovered: number
  /** What a peer answers to a request for batches. */
  answer: readonly Uint8Array[] | null
}

function createHarness(): Harness {
  const published: Uint8Array[] = []
  const requested: string[] = []
  const recovery = new SenderRecovery({ rules, threads: 0 })
  const account = encodeAccount({ ...EMPTY_ACCOUNT, balance: 10n ** 18n })
  const noop = (): void => {}
  const harness: Harness = {
    published,
    requested,
    pending: 0,
    recovered: 0,
    answer: null,
    flow: new TransactionFlow(
      {
        maxBlockGas: rules.blockGasLimit,
        baseFee: 7n,
        pool: defaultPoolOptions,
      },
      {
        network: {
          publishBatch: (bytes) => void published.push(bytes),
          requestBatches: async (peerId) => {
            requested.push(peerId)
            if (harness.answer === null) throw new Error('timeout')
            return harness.answer
          },
          penalize: noop,
        },
        recovery: {
          decode: (transactions) => {
            harness.recovered += transactions.length
            return recovery.decode(transactions)
          },
        },
        reader: {
          evmStore: () => ({ height: 0 as never, get: () => account, release: noop }),
        },
        clock: { wallMs: () => 0, monoMs: () => 1_000 },
        log: silentLogger,
        metrics: {
          lane: noop,
          admitted: noop,
          rejected: noop,
          evicted: noop,
          batchSent: noop,
          batchReceived: noop,
          batchFetched: noop,
        },
        onPending: () => void harness.pending++,
        onAdmitted: noop,
      },
    ),
  }
  return harness
}

const head = { nextBaseFee: 7n } as never
const bodyOf = (flow: TransactionFlow): ProposalBody => ({
  ...flow.select(head, TEST_PARAMS),
  core: [],
  messages: [],
  evidence: [],
  lastCommit: null,
})

let alice: Harness
let bob: Harness
beforeEach(() => {
  alice = createHarness()
  bob = createHarness()
})

describe('TransactionFlow', () => {
  it('pushes what it accepts in a batch, and the receiver can build the same block from names', async () => {
    const transactions = await Promise.all([0, 1, 2].map(signed))
    expect(alice.flow.submit(transactions).every((result) => result.ok)).toBe(true)
    expect(alice.pending).toBe(1)
    expect(alice.published).toHaveLength(1)
    expect(await bob.flow.receiveBatch(alice.published[0] as Uint8Array)).toBe('accept')
    expect(bob.pending).toBe(1)
    const resolved = await bob.flow.resolve(bodyOf(alice.flow), 'alice')
    expect(resolved).toMatchObject({ transactions: transactions.map(({ bytes }) => bytes) })
  })

  it('carries a fresh batch inline, and decodes it once though gossip brings it too', async () => {
    alice.flow.submit([await signed(0)])
    const body = bodyOf(alice.flow)
    expect(body.inline).toHaveLength(1)
    const resolving = bob.flow.resolve(body, 'alice')
    const gossip = bob.flow.receiveBatch(alice.published[0] as Uint8Array)
    expect(await resolving).toMatchObject({ transactions: [expect.any(Uint8Array)] })
    await gossip
    expect(bob.recovered).toBe(1)
    expect(await bob.flow.receiveBatch(alice.published[0] as Uint8Array)).toBe('ignore')
  })

  it('fetches a batch that it misses from the proposer, and says so when it is not to be had', async () => {
    alice.flow.submit([await signed(0)])
    const [bytes] = alice.published as [Uint8Array]
    const named = { ...bodyOf(alice.flow), inline: [] }
    expect(await bob.flow.resolve(named, 'alice')).toBe('MISSING')
    bob.answer = []
    expect(await bob.flow.resolve(named, 'alice')).toBe('MISSING')
    bob.answer = [bytes]
    expect(await bob.flow.resolve(named, 'alice')).toMatchObject({
      transactions: [expect.anything()],
    })
    expect(bob.requested).toEqual(['alice', 'alice', 'alice'])
    expect(bob.flow.batchesOf([digestOf(bytes)]).map(toHex)).toEqual([toHex(bytes)])
  })

  it('refuses junk, and a batch with one bad transaction', async () => {
    expect(await bob.flow.receiveBatch(Uint8Array.of(1, 2, 3))).toBe('reject')
    const good = (await signed(0)).bytes
    const bad = good.slice()
    bad[bad.length - 1] = (bad[bad.length - 1] as number) ^ 1
    const wrongType = Uint8Array.of(0x03, ...good.slice(1))
    expect(await bob.flow.receiveBatch(encode(batchCodec, [good, wrongType]))).toBe('reject')
    expect(await bob.flow.sendersOf([good, wrongType])).toBeNull()
    expect(toHex((await bob.flow.sendersOf([good])) as Uint8Array)).toBe(
      user.address.slice(2).toLowerCase(),
    )
  })

  it('answers INVALID to references that do not fit', async () => {
    alice.flow.submit([await signed(0)])
    const body = bodyOf(alice.flow)
    await bob.flow.resolve(body, 'alice')
    const beyond = { ...body, evm: [{ batch: 0, position: 9 }] }
    const outside = { ...body, evm: [{ batch: 5, position: 0 }] }
    expect(await bob.flow.resolve(beyond, 'alice')).toBe('INVALID')
    expect(await bob.flow.resolve(outside, 'alice')).toBe('INVALID')
    expect(await bob.flow.resolve({ ...body, inline: [Uint8Array.of(0)] }, 'alice')).toMatchObject({
      transactions: [expect.anything()],
    })
  })

  it('drops what a block included', async () => {
    const transaction = await signed(0)
    alice.flow.submit([transaction])
    expect(alice.flow.hasPending()).toBe(true)
    const { hash, sender, nonce } = transaction
    alice.flow.committed({ included: [{ hash, sender, nonce }], skipped: [] } as never, head)
    expect(alice.flow.hasPending()).toBe(false)
    expect(decode(batchCodec, alice.published[0] as Uint8Array).ok).toBe(true)
  })
})
