import { assert } from '../../core/primitives/assert.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { BlockId, Height, Millis } from '../../core/primitives/units.ts'
import { backwards } from './backwards.ts'
import { type BisectCode, bisect, type TraceStep } from './bisect.ts'
import { crossCheck } from './crossCheck.ts'
import { type LightForkReport, reportOf } from './forkReport.ts'
import type { LightBlock } from './lightBlock.ts'
import { assertVerifyOptions, type LightClientOptions } from './options.ts'
import { type FetchedBlock, type LightProvider, Source, type SourceCode } from './source.ts'
import { LightStore } from './store.ts'
import { type TrustedState, trustedOf } from './trusted.ts'
import { type VerifyCode, verifySignatures } from './verify.ts'

export type LightClientModules = {
  readonly primary: LightProvider
  /** Without any, only the primary's own lies are found. */
  readonly witnesses: readonly LightProvider[]
  /** The own wall clock. */
  readonly now: () => Millis
}

export type LightClientCode =
  | SourceCode
  | VerifyCode
  /** The block of the trusted height is another than the trusted one. */
  | 'WRONG_ID'
  /** The primary lacks a height below one that it has. */
  | 'WITHHELD'
  /** None of the witnesses has confirmed the block. */
  | 'NO_WITNESS'
  /** Validators have signed two chains: see `fork`. The client stops. */
  | 'FORK'

/** A provider that the client does not ask any more, and why. */
export type Removed = { readonly name: string; readonly code: string }

type Witness = { readonly provider: LightProvider; readonly misses: number }

/** What a primary cannot help; after anything else the next witness takes its place. */
const BLAMELESS: ReadonlySet<LightClientCode> = new Set<LightClientCode>([
  'EXPIRED',
  'FROM_FUTURE',
  'NOT_FOUND',
  'TOO_MANY_FETCHES',
])

/**
 * Follows a chain from a trusted state: whatever it returns is signed by validators that the trust
 * leads to, and some witness agrees. One request at a time, the others wait.
 */
export class LightClient {
  readonly #options: LightClientOptions
  readonly #now: () => Millis
  readonly #store: LightStore
  readonly #needsWitness: boolean
  #primary: LightProvider
  #witnesses: readonly Witness[]
  #turn: Promise<unknown> = Promise.resolve()
  #fork: LightForkReport | null = null
  readonly #removed: Removed[] = []
  #fetches = 0

  /** From a state that is trusted already, such as that of the genesis at height 0. */
  constructor(trusted: TrustedState, modules: LightClientModules, options: LightClientOptions) {
    assertVerifyOptions(options)
    this.#options = options
    this.#now = modules.now
    this.#primary = modules.primary
    this.#witnesses = modules.witnesses.map((provider) => ({ provider, misses: 0 }))
    this.#needsWitness = modules.witnesses.length > 0
    this.#store = new LightStore(options.storeCapacity)
    this.#store.add({ state: trusted, block: null })
  }

  /** From a height and the id that its block must have, which come from somebody who is trusted. */
  static async start(
    trusted: { readonly height: Height; readonly id: BlockId },
    modules: LightClientModules,
    options: LightClientOptions,
  ): Promise<Result<LightClient, LightClientCode>> {
    const source = new Source(modules.primary, options)
    const fetched = await source.fetch(trusted.height)
    if (!fetched.ok) return fetched
    const { block, id } = fetched.value
    if (id !== trusted.id) return reject('WRONG_ID')
    const signed = verifySignatures(block, options.chainId)
    if (!signed.ok) return signed
    const client = new LightClient(trustedOf(block), modules, options)
    client.#store.add({ state: trustedOf(block), block })
    client.#fetches += source.fetches
    return ok(client)
  }

  /** The highest that is trusted. */
  get latest(): TrustedState {
    const latest = this.#store.latest
    assert(latest !== null, 'a client begins with something trusted')
    return latest.state
  }
  /** Set when the client has stopped. */
  get fork(): LightForkReport | null {
    return this.#fork
  }
  get removed(): readonly Removed[] {
    return this.#removed
  }
  /** Light blocks asked of all providers so far. */
  get fetches(): number {
    return this.#fetches
  }

  /** The verified block of a height, or of the primary's latest. The code says what is missing. */
  verify(height: Height | 'latest'): Promise<Result<LightBlock, LightClientCode>> {
    const result = this.#turn.then(() => this.#verify(height))
    this.#turn = result.catch(() => undefined)
    return result
  }

  async #verify(height: Height | 'latest'): Promise<Result<LightBlock, LightClientCode>> {
    for (;;) {
      if (this.#fork !== null) return reject('FORK')
      const primary = new Source(this.#primary, this.#options)
      const result = await this.#verifyWith(primary, height)
      this.#fetches += primary.fetches
      if (result.ok || BLAMELESS.has(result.code) || this.#fork !== null) return result
      if (result.code === 'NO_WITNESS') return result
      const [next, ...others] = this.#witnesses
      if (next === undefined) return result
      this.#removed.push({ name: this.#primary.name, code: result.code })
      this.#primary = next.provider
      this.#witnesses = others
    }
  }

  async #verifyWith(
    primary: Source,
    height: Height | 'latest',
  ): Promise<Result<LightBlock, LightClientCode>> {
    const known = height === 'latest' ? null : this.#store.at(height)
    if (known?.block) return ok(known.block)
    const target = await primary.fetch(height)
    if (!target.ok) return target
    const { block } = target.value
    const stored = this.#store.at(block.header.height)?.block
    if (stored) return ok(stored)
    const from = this.#store.below(block.header.height)
    return from === null
      ? this.#backwards(block.header.height, primary)
      : this.#forwards(from.state, target.value, primary)
  }

  async #backwards(height: Height, primary: Source): Promise<Result<LightBlock, LightClientCode>> {
    const above = this.#store.above(height)
    // A trusted state without a block names no ancestor, and nothing is below a genesis.
    if (above === null) return reject('NOT_FOUND')
    const { chainId } = this.#options
    const reached = await backwards(above, height, primary, chainId)
    if (reached.ok) this.#store.add({ state: trustedOf(reached.value), block: reached.value })
    return reached
  }

  async #forwards(
    from: TrustedState,
    { block }: FetchedBlock,
    primary: Source,
  ): Promise<Result<LightBlock, LightClientCode>> {
    const task = { from, target: block, source: primary }
    const trace = await bisect(task, this.#options, this.#now)
    if (!trace.ok) return withheld(trace.code)
    const confirmed = await this.#askWitnesses(from, trace.value, primary)
    if (!confirmed.ok) return confirmed
    for (const step of trace.value) this.#store.add(step)
    return ok(block)
  }

  /** All are asked, so that a fork shows whoever confirms. */
  async #askWitnesses(
    from: TrustedState,
    trace: readonly TraceStep[],
    primary: Source,
  ): Promise<Result<null, 'FORK' | 'NO_WITNESS'>> {
    let confirmations = 0
    const kept: Witness[] = []
    for (const { provider, misses } of this.#witnesses) {
      const witness = new Source(provider, this.#options)
      const compared = { from, trace, primary, witness }
      const verdict = await crossCheck(compared, this.#options, this.#now)
      this.#fetches += witness.fetches
      if (verdict.kind === 'fork') {
        this.#fork = reportOf(verdict.fork, this.#options.chainId)
        return reject('FORK')
      }
      if (verdict.kind === 'agrees') {
        confirmations++
        kept.push({ provider, misses: 0 })
      } else if (verdict.kind === 'behind' && misses + 1 < this.#options.maxMisses) {
        kept.push({ provider, misses: misses + 1 })
      } else {
        const code = verdict.kind === 'behind' ? 'BEHIND' : verdict.code
        this.#removed.push({ name: provider.name, code })
      }
    }
    this.#witnesses = kept
    return this.#needsWitness && confirmations === 0 ? reject('NO_WITNESS') : ok(null)
  }
}

/** A height between that its provider does not have: it has the target, so it should. */
const withheld = (code: BisectCode): Result<never, LightClientCode> =>
  reject(code === 'NOT_FOUND' ? 'WITHHELD' : code)
