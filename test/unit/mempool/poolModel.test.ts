import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import { TransactionPool } from '../../../node/mempool/pool.ts'
import type { Account } from '../../../node/mempool/senderQueue.ts'
import type { PooledTransaction } from '../../../node/mempool/transaction.ts'
import { NaivePool } from '../../support/naivePool.ts'
import {
  addressOf,
  nameOf,
  poolOptions,
  sketch,
  type TransactionSketch,
} from '../../support/poolTransactions.ts'

const SENDERS = [1, 2, 3, 4]
/** Small enough that every limit is met within a few commands. */
const options = poolOptions({
  maxCount: 9,
  maxBytes: 900,
  maxPerSender: 4,
  maxNonceGap: 3,
  minimumFeeCap: 2n,
  blockGasLimit: 300,
  lifetimeMs: 50,
  maxSkips: 2,
})

type Command =
  | {
      readonly kind: 'add'
      readonly offset: number
      readonly sketch: Omit<TransactionSketch, 'nonce'>
    }
  | {
      readonly kind: 'commit'
      /** Of the selection, from its start: included, then skipped. */
      readonly included: number
      readonly skipped: number
      /** Senders whose next nonce was used by something this pool never saw. */
      readonly foreign: readonly number[]
      readonly balances: readonly (readonly [number, number])[]
      readonly baseFee: number
    }
  /** Something sent before comes again, whatever became of it. */
  | { readonly kind: 'again'; readonly index: number }
  | { readonly kind: 'wait'; readonly ms: number }

const sender = fc.constantFrom(...SENDERS)
const balance = fc.oneof(fc.nat(3_000), fc.constantFrom(3_000, 20_000))
const add = fc.record({
  kind: fc.constant('add' as const),
  offset: fc.oneof({ weight: 5, arbitrary: fc.nat(3) }, fc.integer({ min: -2, max: 8 })),
  sketch: fc.record({
    sender,
    fee: fc.integer({ min: 1, max: 14 }),
    tip: fc.nat(6),
    value: fc.oneof(fc.constant(0), fc.nat(500)),
    gas: fc.constantFrom(100, 100, 200, 301),
    size: fc.constantFrom(60, 100, 250),
  }),
})
const commit = fc.record({
  kind: fc.constant('commit' as const),
  included: fc.nat(6),
  skipped: fc.nat(2),
  foreign: fc.array(sender, { maxLength: 1 }),
  balances: fc.array(fc.tuple(sender, balance), { maxLength: 2 }),
  baseFee: fc.nat(9),
})
const again = fc.record({ kind: fc.constant('again' as const), index: fc.nat(20) })
const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(60) })
const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: add },
    { weight: 3, arbitrary: commit },
    { weight: 1, arbitrary: again },
    { weight: 1, arbitrary: wait },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
)

/** A chain of accounts, the pool, and its twin, driven by the same commands. */
class World {
  readonly chain = new Map<string, { nonce: number; balance: bigint }>()
  readonly drops: string[] = []
  readonly answers: string[] = []
  readonly sent: PooledTransaction[] = []
  readonly pool: TransactionPool
  readonly twin: NaivePool
  now = 0
  #foreign = 0

  constructor() {
    for (const name of SENDERS)
      this.chain.set(toHex(addressOf(name)), { nonce: 0, balance: 9_000n })
    const accountOf = (address: Uint8Array): Account => ({ ...this.accountOf(address) })
    this.pool = new TransactionPool(
      { ...options, baseFee: 3n },
      { accountOf, onDropped: (tx, reason) => void this.drops.push(`${reason} ${nameOf(tx)}`) },
    )
    this.twin = new NaivePool(options, 3n, accountOf)
  }

  accountOf(address: Uint8Array): { nonce: number; balance: bigint } {
    return this.chain.get(toHex(address)) as { nonce: number; balance: bigint }
  }

  run(command: Command): void {
    switch (command.kind) {
      case 'add':
        this.#add(command)
        return
      case 'commit':
        this.#commit(command)
        return
      case 'again': {
        const tx = this.sent[command.index % this.sent.length]
        if (tx !== undefined) this.#send(tx)
        return
      }
      case 'wait':
        this.now += command.ms
        this.pool.expire(this.now)
        this.twin.expire(this.now)
        return
    }
  }

  #add({ offset, sketch: content }: Extract<Command, { kind: 'add' }>): void {
    const address = addressOf(content.sender)
    const base = this.twin.pendingNonce(toHex(address)) ?? this.accountOf(address).nonce
    const tx = sketch({ ...content, nonce: Math.max(0, base + offset) })
    this.sent.push(tx)
    this.#send(tx)
  }

  #send(tx: PooledTransaction): void {
    const result = this.pool.add(tx, this.now)
    const answer = result.ok ? (result.value.executable ? 'executable' : 'queued') : result.code
    expect(answer).toBe(this.twin.add(tx, this.now))
    this.answers.push(answer)
  }

  #commit(command: Extract<Command, { kind: 'commit' }>): void {
    const selected = this.select(1_000, 1_000, 50)
    const included: { hash: Uint8Array; sender: Uint8Array; nonce: number }[] = []
    for (const tx of selected.slice(0, command.included)) {
      const account = this.accountOf(tx.sender)
      // A block skips what does not fit the chain's state, as execution does.
      if (tx.nonce !== account.nonce) continue
      account.nonce++
      included.push(tx)
    }
    for (const name of command.foreign) {
      const account = this.accountOf(addressOf(name))
      const tx = sketch({ sender: name, nonce: account.nonce++, value: ++this.#foreign, gas: 99 })
      included.push(tx)
    }
    for (const [name, amount] of command.balances)
      this.accountOf(addressOf(name)).balance = BigInt(amount)
    const skipped = selected.slice(command.included, command.included + command.skipped)
    const block = { included, skipped, baseFee: BigInt(command.baseFee) }
    this.pool.onCommitted(block)
    this.twin.onCommitted(block)
  }

  select(gasLimit: number, maxBytes: number, maxCount: number): PooledTransaction[] {
    const { baseFee } = this.twin
    return this.pool.select({ baseFee, gasLimit, maxBytes, maxCount, targetBytes: maxBytes })
  }

  check(): void {
    const { pool, twin } = this
    expect(pool.size).toBe(twin.held.length)
    expect(pool.bytes).toBe(twin.bytes)
    expect(twin.held.every(({ tx }) => pool.get(tx.hash) === tx)).toBe(true)
    expect(pool.size <= options.maxCount && pool.bytes <= options.maxBytes).toBe(true)
    for (const name of SENDERS) {
      const address = addressOf(name)
      expect(pool.pendingNonce(address)).toBe(twin.pendingNonce(toHex(address)))
      expect(twin.of(toHex(address)).length).toBeLessThanOrEqual(options.maxPerSender)
    }
    for (const limits of [
      { gasLimit: 1e6, maxBytes: 1e6, maxCount: 1e6, targetBytes: 1e6 },
      { gasLimit: 500, maxBytes: 400, maxCount: 3, targetBytes: 400 },
      { gasLimit: 300, maxBytes: 1e6, maxCount: 1e6, targetBytes: 1e6 },
      { gasLimit: 1e6, maxBytes: 1e6, maxCount: 1e6, targetBytes: 350 },
    ]) {
      const chosen = pool.select({ ...limits, baseFee: twin.baseFee })
      expect(chosen.map(nameOf)).toEqual(
        twin.select({ ...limits, baseFee: twin.baseFee }).map(nameOf),
      )
      if (limits.maxCount === 1e6 && limits.gasLimit === 1e6 && limits.targetBytes === 1e6)
        expect(pool.hasPending).toBe(chosen.length > 0)
    }
    // Several drops of one command may come in another order.
    expect([...this.drops].sort()).toEqual([...twin.drops].sort())
  }
}

describe('TransactionPool', () => {
  it('agrees with its naive twin after every command', () => {
    const drops = new Set<string>()
    const answers = new Set<string>()
    fc.assert(
      fc.property(commands, (list) => {
        const world = new World()
        for (const command of list) {
          world.run(command)
          world.check()
        }
        for (const drop of world.drops) drops.add(drop.split(' ')[0] as string)
        for (const answer of world.answers) answers.add(answer)
      }),
      { numRuns: 400 },
    )
    // The commands reach every way in and out, or the comparison would say little.
    expect([...drops].sort()).toEqual(DROP_REASONS)
    expect([...answers].sort()).toEqual(ANSWERS)
  })
})

const DROP_REASONS = ['EVICTED', 'EXPIRED', 'REPLACED', 'SKIPPED', 'STALE', 'UNFUNDED']
const ANSWERS = [
  'ALREADY_KNOWN',
  'GAS_LIMIT_TOO_HIGH',
  'INSUFFICIENT_FUNDS',
  'NONCE_GAP_TOO_LARGE',
  'NONCE_TOO_LOW',
  'POOL_FULL',
  'REPLACEMENT_UNDERPRICED',
  'SENDER_LIMIT',
  'UNDERPRICED',
  'executable',
  'queued',
]
