// The same rules as node/mempool in the plainest form: one list, sorted and summed again for every question.
import { toHex } from '../../core/primitives/bytes.ts'
import type { CommittedBlock, DropReason, PoolOptions } from '../../node/mempool/pool.ts'
import type { SelectionLimits } from '../../node/mempool/selection.ts'
import type { Account } from '../../node/mempool/senderQueue.ts'
import type { PooledTransaction } from '../../node/mempool/transaction.ts'

type Held = {
  readonly tx: PooledTransaction
  readonly order: number
  readonly addedAt: number
  skips: number
}
type Seen = { readonly account: Account; readonly at: number }

const cost = (tx: PooledTransaction): bigint => BigInt(tx.gasLimit) * tx.maxFeePerGas + tx.value
const senderOf = (tx: Pick<PooledTransaction, 'sender'>): string => toHex(tx.sender)

export class NaivePool {
  held: Held[] = []
  readonly drops: string[] = []
  readonly #options: PoolOptions
  readonly #accountOf: (address: Uint8Array) => Account
  readonly #seen = new Map<string, Seen>()
  #recent: string[] = []
  #order = 0
  #commits = 0
  baseFee: bigint

  constructor(options: PoolOptions, baseFee: bigint, accountOf: (address: Uint8Array) => Account) {
    this.#options = options
    this.baseFee = baseFee
    this.#accountOf = accountOf
  }

  of(sender: string): Held[] {
    return this.held
      .filter(({ tx }) => senderOf(tx) === sender)
      .sort((a, b) => a.tx.nonce - b.tx.nonce)
  }
  #run(sender: string): Held[] {
    const start = this.#seen.get(sender)?.account.nonce ?? 0
    return this.of(sender).filter(({ tx }, index) => tx.nonce === start + index)
  }
  pendingNonce(sender: string): number | null {
    const { length } = this.of(sender)
    return length === 0
      ? null
      : (this.#seen.get(sender) as Seen).account.nonce + this.#run(sender).length
  }
  tip(tx: PooledTransaction, baseFee: bigint): bigint {
    if (tx.maxPriorityFeePerGas + baseFee <= tx.maxFeePerGas) return tx.maxPriorityFeePerGas
    return tx.maxFeePerGas - baseFee
  }

  select(limits: SelectionLimits): PooledTransaction[] {
    const lanes = [...new Set(this.held.map(({ tx }) => senderOf(tx)))].map((s) => this.#run(s))
    const chosen: PooledTransaction[] = []
    let [gas, bytes] = [limits.gasLimit, limits.maxBytes]
    const taken = (): number => chosen.reduce((sum, tx) => sum + tx.bytes.length + 4, 0)
    while (chosen.length < limits.maxCount && taken() < limits.targetBytes) {
      const heads = lanes.flatMap((lane) => {
        const [head] = lane
        return head !== undefined && head.tx.maxFeePerGas >= limits.baseFee ? [{ head, lane }] : []
      })
      heads.sort(
        (a, b) =>
          Number(this.tip(b.head.tx, limits.baseFee) - this.tip(a.head.tx, limits.baseFee)) ||
          a.head.order - b.head.order,
      )
      const [best] = heads
      if (best === undefined) break
      const { tx } = best.head
      if (tx.gasLimit > gas || tx.bytes.length + 4 > bytes) {
        best.lane.length = 0
        continue
      }
      best.lane.shift()
      chosen.push(tx)
      gas -= tx.gasLimit
      bytes -= tx.bytes.length + 4
    }
    return chosen
  }

  add(tx: PooledTransaction, now: number): string {
    const name = toHex(tx.hash)
    const sender = senderOf(tx)
    const options = this.#options
    if (this.held.some((held) => toHex(held.tx.hash) === name) || this.#recent.includes(name))
      return 'ALREADY_KNOWN'
    if (tx.gasLimit > options.blockGasLimit) return 'GAS_LIMIT_TOO_HIGH'
    if (tx.maxFeePerGas < options.minimumFeeCap) return 'UNDERPRICED'
    if (this.of(sender).length === 0 || this.#seen.get(sender)?.at !== this.#commits)
      this.#refresh(sender, tx.sender)
    const { account } = this.#seen.get(sender) as Seen
    if (tx.nonce < account.nonce) return 'NONCE_TOO_LOW'
    if (tx.nonce > account.nonce + this.#run(sender).length + options.maxNonceGap)
      return 'NONCE_GAP_TOO_LARGE'
    const own = this.of(sender)
    const rival = own.find((held) => held.tx.nonce === tx.nonce)
    const others = own.filter((held) => held !== rival)
    const sum = others.reduce((total, held) => total + cost(held.tx), cost(tx))
    if (sum > account.balance) return 'INSUFFICIENT_FUNDS'
    if (rival !== undefined) {
      const bump = (a: bigint, b: bigint): boolean =>
        a > b && a * 100n >= b * BigInt(100 + options.replacementPercent)
      const better =
        bump(tx.maxFeePerGas, rival.tx.maxFeePerGas) &&
        bump(tx.maxPriorityFeePerGas, rival.tx.maxPriorityFeePerGas)
      if (!better) return 'REPLACEMENT_UNDERPRICED'
    }
    const crowded = rival === undefined && own.length >= options.maxPerSender
    const last = own.at(-1)
    if (crowded && (last === undefined || last.tx.nonce < tx.nonce)) return 'SENDER_LIMIT'
    return this.#insert(tx, now, rival ?? (crowded ? last : undefined), rival !== undefined)
  }

  #insert(
    tx: PooledTransaction,
    now: number,
    leaving: Held | undefined,
    replaces: boolean,
  ): string {
    const before = this.held
    const newcomer = { tx, order: this.#order++, addedAt: now, skips: 0 }
    this.held = [...before.filter((held) => held !== leaving), newcomer]
    const victims: Held[] = []
    while (this.held.length > this.#options.maxCount || this.bytes > this.#options.maxBytes) {
      const victim = this.#worst()
      if (victim === newcomer) {
        this.held = before
        return 'POOL_FULL'
      }
      victims.push(victim)
      this.held = this.held.filter((held) => held !== victim)
    }
    if (leaving !== undefined) this.#note(leaving, replaces ? 'REPLACED' : 'EVICTED')
    for (const victim of victims) this.#note(victim, 'EVICTED')
    return this.#run(senderOf(tx)).includes(newcomer) ? 'executable' : 'queued'
  }

  get bytes(): number {
    return this.held.reduce((sum, { tx }) => sum + tx.bytes.length, 0)
  }

  #worst(): Held {
    const tails = [...new Set(this.held.map(({ tx }) => senderOf(tx)))].map((sender) => {
      const own = this.of(sender)
      const run = this.#run(sender)
      const tail = own.at(-1) as Held
      const tips = run.map(({ tx }) => Number(this.tip(tx, this.baseFee)))
      return { tail, rank: run.includes(tail) ? Math.min(...tips) : -1e99 }
    })
    tails.sort((a, b) => a.rank - b.rank || b.tail.order - a.tail.order)
    return (tails[0] as (typeof tails)[number]).tail
  }

  onCommitted({ included, skipped, baseFee }: CommittedBlock): void {
    this.#commits++
    const affected = new Map<string, Uint8Array>()
    for (const { hash, sender } of included) {
      this.#recent.push(toHex(hash))
      affected.set(toHex(sender), sender)
    }
    for (const { hash } of skipped) {
      const held = this.held.find(({ tx }) => toHex(tx.hash) === toHex(hash))
      if (held === undefined) continue
      held.skips++
      if (held.skips >= this.#options.maxSkips) this.#drop(held, 'SKIPPED')
      affected.set(senderOf(held.tx), held.tx.sender)
    }
    for (const [sender, address] of affected) this.#refresh(sender, address)
    this.baseFee = baseFee
  }

  expire(now: number): void {
    for (const sender of new Set(this.held.map(({ tx }) => senderOf(tx)))) {
      for (;;) {
        const tail = this.of(sender).at(-1)
        if (tail === undefined || tail.addedAt >= now - this.#options.lifetimeMs) break
        this.#drop(tail, 'EXPIRED')
      }
    }
  }

  #refresh(sender: string, address: Uint8Array): void {
    const account = this.#accountOf(address)
    this.#seen.set(sender, { account, at: this.#commits })
    for (const held of this.of(sender)) {
      if (held.tx.nonce >= account.nonce) continue
      if (this.#recent.includes(toHex(held.tx.hash)))
        this.held = this.held.filter((h) => h !== held)
      else this.#drop(held, 'STALE')
    }
    for (;;) {
      const own = this.of(sender)
      const sum = own.reduce((total, held) => total + cost(held.tx), 0n)
      if (sum <= account.balance) return
      this.#drop(own.at(-1) as Held, 'UNFUNDED')
    }
  }

  #drop(held: Held, reason: DropReason): void {
    this.held = this.held.filter((other) => other !== held)
    this.#note(held, reason)
  }
  #note(held: Held, reason: DropReason): void {
    this.drops.push(`${reason} ${toHex(held.tx.hash)}`)
  }
}
