import { privateKeyToAccount } from 'viem/accounts'
import { beforeEach, describe, expect, it } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { EMPTY_ACCOUNT, encodeAccount } from '../../../evm/account.ts'
import { type DecodedTransaction, decodeTransaction } from '../../../evm/transaction.ts'
import { systemClock } from '../../../node/consensus/clock.ts'
import type { PooledAction } from '../../../node/mempool/action.ts'
import { digestOf } from '../../../node/mempool/batch.ts'
import { defaultPoolOptions } from '../../../node/mempool/pool.ts'
import { batchCodec, type ProposalBody } from '../../../node/network/messages.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { ActionDecoder } from '../../../node/transactions/actionDecoder.ts'
import { SenderRecovery } from '../../../node/transactions/senderRecovery.ts'
import { TransactionFlow } from '../../../node/transactions/transactionFlow.ts'
import { type ActionParts, signedAction, testEngines } from '../../support/signedActions.ts'
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
  const recovery = new SenderRecovery({ rules, engines: testEngines, threads: 0, eager: true })
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
        core: { blockGas: 3_000 },
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
        clock: { ...systemClock, wallMs: () => 1_000_000, monoMs: () => 1_000 },
        log: silentLogger,
        metrics: {
          lane: noop,
          admitted: noop,
          rejected: noop,
          evicted: noop,
          batchSent: noop,
          batchReceived: noop,
          batchFetched: noop,
          heldBack: noop,
        },
        onPending: () => void harness.pending++,
        onAdmitted: noop,
      },
    ),
  }
  return harness
}

const head = { summary: { time: 1_000_000 }, nextBaseFee: 7n, pendingMessages: [] } as never
const ENOUGH = Number.MAX_SAFE_INTEGER
const bodyOf = (flow: TransactionFlow): ProposalBody => ({
  ...flow.select(head, TEST_PARAMS, ENOUGH),
  messages: [],
  evidence: [],
  lastCommit: null,
})

const decoder = new ActionDecoder({ chainId: 3940, engines: testEngines })
function actionOf(parts: ActionParts = {}): PooledAction {
  const decoded = decoder.decode(signedAction(parts))
  if (!decoded.ok) throw new Error(decoded.code)
  return decoded.value
}
const receive = (harness: Harness, bytes: Uint8Array) =>
  harness.flow.receiveBatch(bytes, digestOf(bytes))

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
    expect(await receive(bob, alice.published[0] as Uint8Array)).toBe('accept')
    expect(bob.pending).toBe(1)
    const resolved = await bob.flow.resolve(bodyOf(alice.flow), 'alice')
    expect(resolved).toMatchObject({ evm: transactions.map(({ bytes }) => bytes), core: [] })
  })

  it('carries a fresh batch inline, and decodes it once though gossip brings it too', async () => {
    alice.flow.submit([await signed(0)])
    const body = bodyOf(alice.flow)
    expect(body.inline).toHaveLength(1)
    const resolving = bob.flow.resolve(body, 'alice')
    const gossip = receive(bob, alice.published[0] as Uint8Array)
    expect(await resolving).toMatchObject({ evm: [expect.any(Uint8Array)] })
    await gossip
    expect(bob.recovered).toBe(1)
    expect(await receive(bob, alice.published[0] as Uint8Array)).toBe('ignore')
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
      evm: [expect.anything()],
    })
    expect(bob.requested).toEqual(['alice', 'alice', 'alice'])
    expect(bob.flow.batchesOf([digestOf(bytes)]).map(toHex)).toEqual([toHex(bytes)])
  })

  it('refuses junk, and a batch with one bad transaction', async () => {
    expect(await receive(bob, Uint8Array.of(1, 2, 3))).toBe('reject')
    const good = (await signed(0)).bytes
    const bad = good.slice()
    bad[bad.length - 1] = (bad[bad.length - 1] as number) ^ 1
    const wrongType = Uint8Array.of(0x03, ...good.slice(1))
    expect(await receive(bob, encode(batchCodec, [good, wrongType]))).toBe('reject')
    expect(await bob.flow.signatoriesOf({ evm: [good, wrongType], core: [] })).toBeNull()
    const own = await bob.flow.signatoriesOf({ evm: [good], core: [] })
    expect(toHex(own?.senders as Uint8Array)).toBe(user.address.slice(2).toLowerCase())
  })

  it('answers INVALID to references that do not fit', async () => {
    alice.flow.submit([await signed(0)])
    const body = bodyOf(alice.flow)
    await bob.flow.resolve(body, 'alice')
    const beyond = { ...body, transactions: [{ batch: 0, position: 9 }] }
    const outside = { ...body, transactions: [{ batch: 5, position: 0 }] }
    expect(await bob.flow.resolve(beyond, 'alice')).toBe('INVALID')
    expect(await bob.flow.resolve(outside, 'alice')).toBe('INVALID')
    expect(await bob.flow.resolve({ ...body, inline: [Uint8Array.of(0)] }, 'alice')).toMatchObject({
      evm: [expect.anything()],
    })
  })

  it('drops what a block included', async () => {
    const transaction = await signed(0)
    alice.flow.submit([transaction])
    expect(alice.flow.hasPending()).toBe(true)
    const { hash, sender, nonce } = transaction
    alice.flow.committed(
      { included: [{ hash, sender, nonce }], skipped: [], actions: [] } as never,
      head,
    )
    expect(alice.flow.hasPending()).toBe(false)
    expect(decode(batchCodec, alice.published[0] as Uint8Array).ok).toBe(true)
  })

  it('takes an envelope the same way: one batch holds both, and a block keeps them apart', async () => {
    const transactions = await Promise.all([0, 1].map(signed))
    const actions = [1, 2].map((nonce) => actionOf({ nonce: 1_000_000 + nonce }))
    const bytes = encode(batchCodec, [
      ...transactions.map((transaction) => transaction.bytes),
      ...actions.map((action) => action.bytes),
    ])
    expect(await receive(alice, bytes)).toBe('accept')
    expect([alice.flow.pool.size, alice.flow.actions.size]).toEqual([2, 2])
    const body = bodyOf(alice.flow)
    expect(body.batches.map(toHex)).toEqual([toHex(digestOf(bytes))])
    bob.answer = [bytes]
    const resolved = await bob.flow.resolve(body, 'alice')
    expect(resolved).toEqual({
      evm: transactions.map((transaction) => transaction.bytes),
      senders: concatBytes(...transactions.map(({ sender }) => sender)),
      core: actions.map((action) => action.bytes),
      signers: concatBytes(...actions.map(({ signer }) => signer)),
    })
    const { evm, core, ...signatories } = resolved as Exclude<typeof resolved, string>
    expect(await bob.flow.signatoriesOf({ evm, core })).toEqual(signatories)
  })

  it('pushes envelopes of its own door, starts a block for them, and forgets them with it', async () => {
    const [first, second] = [actionOf({ nonce: 1_000_001 }), actionOf({ nonce: 1_000_002 })]
    const rival = actionOf({ nonce: 1_000_001, maxFee: 7 })
    const codes = alice.flow
      .submitActions([first, rival, second, first])
      .map((result) => (result.ok ? 'OK' : result.code))
    expect(codes).toEqual(['OK', 'NONCE_PENDING', 'OK', 'ALREADY_KNOWN'])
    expect([alice.pending, alice.published.length, alice.flow.hasPending()]).toEqual([1, 1, true])
    expect(await receive(bob, alice.published[0] as Uint8Array)).toBe('accept')
    expect(bob.pending).toBe(1)
    const result = { included: [], skipped: [], actions: [{ hash: first.hash, code: null }] }
    bob.flow.committed(result as never, head)
    expect(bob.flow.select(head, TEST_PARAMS, ENOUGH).core).toEqual([second.bytes])
    const refused = [{ hash: second.hash, code: 'INSUFFICIENT_FEE' }]
    bob.flow.committed({ ...result, actions: refused } as never, head)
    expect(bob.flow.hasPending()).toBe(false)
    const again = bob.flow.submitActions([first, second])
    expect(again.map((one) => one.ok)).toEqual([false, true])
  })

  it('judges a whole block by where each item stands', async () => {
    const [transaction, action] = [(await signed(0)).bytes, actionOf().bytes]
    const judge = async (evm: Uint8Array[], core: Uint8Array[]): Promise<boolean> =>
      (await bob.flow.signatoriesOf({ evm, core })) !== null
    expect(await judge([transaction], [action])).toBe(true)
    expect(await judge([action], [transaction])).toBe(false)
    expect(await judge([transaction, action], [])).toBe(false)
    expect(await judge([], [transaction, action])).toBe(false)
    expect(await judge([], [signedAction({ chainId: 1 })])).toBe(false)
  })

  it('leaves room for the messages that a block must carry', async () => {
    alice.flow.submit(await Promise.all([0, 1, 2].map(signed)))
    const chosen = (messages: readonly object[]): number =>
      alice.flow.select(
        { ...(head as object), pendingMessages: messages } as never,
        TEST_PARAMS,
        ENOUGH,
      ).evm.length
    const bulky = {
      kind: 'toEvm',
      block: 1,
      priority: 0,
      nonce: 0,
      source: new Uint8Array(20),
      target: new Uint8Array(20),
      mint: 0n,
      gasLimit: 1,
      params: new Uint8Array(50_000),
    }
    expect(chosen([])).toBe(3)
    expect(chosen(Array(18).fill(bulky))).toBe(3)
    expect(chosen(Array(19).fill(bulky))).toBe(0)
    expect(chosen(Array(25).fill(bulky))).toBe(0)
  })
})
