// The same rules as node/mempool/corePool.ts in the plainest form: one list, walked for every question.
import { toHex } from '../../core/primitives/bytes.ts'
import type { PooledAction } from '../../node/mempool/action.ts'
import type {
  ActionLimits,
  CommittedActions,
  CorePoolOptions,
  PoolTime,
} from '../../node/mempool/corePool.ts'

type Held = { readonly action: PooledAction; readonly addedAt: number; skips: number }

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

export class NaiveCorePool {
  held: Held[] = []
  readonly drops: string[] = []
  #done: string[] = []
  readonly #options: CorePoolOptions

  constructor(options: CorePoolOptions) {
    this.#options = options
  }

  get bytes(): number {
    return sum(this.held.map(({ action }) => action.bytes.length))
  }

  add(action: PooledAction, { monoMs, blockMs }: PoolTime): string {
    const options = this.#options
    const name = toHex(action.hash)
    if (this.held.some((one) => toHex(one.action.hash) === name) || this.#done.includes(name))
      return 'ALREADY_KNOWN'
    const own = this.held.filter((one) => toHex(one.action.signer) === toHex(action.signer))
    const pending = own.find((one) => one.action.nonce === action.nonce)
    if (pending !== undefined && (pending.action.isNoop || !action.isNoop)) return 'NONCE_PENDING'
    const age = blockMs - action.nonce
    if (age >= options.nonceAgeMs || -age >= options.nonceLeadMs) return 'NONCE_OUT_OF_WINDOW'
    if (this.#isLate(action, blockMs)) return 'EXPIRED'
    if (action.gas > options.blockGas) return 'GAS_TOO_HIGH'
    const others = this.held.filter((one) => one !== pending)
    const withIt = [...own.filter((one) => one !== pending).map((one) => one.action), action]
    const ownBytes = sum(withIt.map(({ bytes }) => bytes.length))
    if (withIt.length > options.maxPerSigner || ownBytes > options.maxBytesPerSigner)
      return 'SIGNER_LIMIT'
    const bytes = sum([...others.map((one) => one.action), action].map((one) => one.bytes.length))
    if (others.length + 1 > options.maxCount || bytes > options.maxBytes) return 'POOL_FULL'
    if (pending !== undefined) this.drops.push(`VOIDED ${toHex(pending.action.hash)}`)
    this.held = others
    this.held.push({ action, addedAt: monoMs, skips: 0 })
    return 'OK'
  }

  select({ blockMs, gas, maxBytes, maxCount, targetBytes }: ActionLimits): PooledAction[] {
    const chosen: PooledAction[] = []
    const ended: string[] = []
    for (const { action } of this.held) {
      const signer = toHex(action.signer)
      if (this.#isLate(action, blockMs) || ended.includes(signer)) continue
      const taken = sum(chosen.map(({ bytes }) => bytes.length + 4))
      if (chosen.length === maxCount || taken >= targetBytes) break
      const all = [...chosen, action]
      const fits =
        sum(all.map((one) => one.gas)) <= gas &&
        sum(all.map(({ bytes }) => bytes.length + 4)) <= maxBytes
      if (fits) chosen.push(action)
      else ended.push(signer)
    }
    return chosen
  }

  onCommitted({ actions, blockMs }: CommittedActions): void {
    for (const { hash, code } of actions) {
      const name = toHex(hash)
      const held = this.held.find((one) => toHex(one.action.hash) === name)
      if (code === null) this.#done.push(name)
      if (held === undefined) continue
      if (code === 'BLOCK_FULL') {
        held.skips++
        if (held.skips < this.#options.maxSkips) continue
      }
      this.held = this.held.filter((one) => one !== held)
      if (code === 'BLOCK_FULL') this.drops.push(`SKIPPED ${name}`)
      else if (code !== null) this.drops.push(`REFUSED ${name}`)
    }
    // The next block is later than this one.
    this.#dropWhere(({ action }) => this.#isLate(action, blockMs + 1))
  }

  expire(monoMs: number): void {
    this.#dropWhere(({ addedAt }) => monoMs - addedAt > this.#options.lifetimeMs)
  }

  #isLate({ nonce, expiresAfter }: PooledAction, blockMs: number): boolean {
    if (expiresAfter !== null && expiresAfter < blockMs) return true
    return nonce <= blockMs - this.#options.nonceAgeMs
  }

  #dropWhere(isOver: (held: Held) => boolean): void {
    for (const { action } of this.held.filter(isOver))
      this.drops.push(`EXPIRED ${toHex(action.hash)}`)
    this.held = this.held.filter((held) => !isOver(held))
  }
}
