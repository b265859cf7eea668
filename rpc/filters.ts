import { randomBytes } from 'node:crypto'
import type { RpcBackend } from './backend.ts'
import type { Deadline } from './deadline.ts'
import { data, quantityOfBytes } from './format/hex.ts'
import type { LogView } from './format/receipt.ts'
import { LogMatcher, type LogRange, searchLogs } from './logSearch.ts'
import type { RpcLimits } from './options.ts'
import { fail, type Outcome } from './outcome.ts'
import { type BlockParameter, heightOf } from './params/block.ts'
import type { LogFilter } from './params/logFilter.ts'

type Filter =
  /** The next height to report. Changes are read from the chain when asked for: a filter holds no logs. */
  | { readonly kind: 'blocks'; next: number }
  | {
      readonly kind: 'logs'
      next: number
      readonly wanted: LogFilter
      readonly matcher: LogMatcher
    }
  | { readonly kind: 'pendingTransactions'; hashes: string[] }

type Entry = { readonly filter: Filter; askedMs: number }

/** What a filter of pending transactions keeps between two questions; the oldest go first. */
const MAX_HASHES = 10_000

/** Filters that are polled: bounded in number, and forgotten when nobody asks. */
export class Filters {
  readonly #backend: RpcBackend
  readonly #limits: RpcLimits
  readonly #entries = new Map<string, Entry>()

  constructor(backend: RpcBackend, limits: RpcLimits) {
    this.#backend = backend
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  installBlocks(): Outcome<string> {
    return this.#install({ kind: 'blocks', next: this.#backend.height() + 1 })
  }
  installPendingTransactions(): Outcome<string> {
    return this.#install({ kind: 'pendingTransactions', hashes: [] })
  }
  installLogs(wanted: LogFilter): Outcome<string> {
    const next = this.#backend.height() + 1
    const matcher = new LogMatcher(wanted.criteria)
    return this.#install({ kind: 'logs', next, wanted, matcher })
  }

  uninstall(id: string): boolean {
    return this.#entries.delete(id)
  }

  /** What came since the last question. */
  async changes(id: string, deadline: Deadline): Promise<Outcome<readonly unknown[]>> {
    const filter = this.#take(id)
    if (filter === null) return fail({ code: 'FILTER_NOT_FOUND' })
    switch (filter.kind) {
      case 'blocks':
        return { ok: true, value: this.#newBlocks(filter) }
      case 'pendingTransactions': {
        const { hashes } = filter
        filter.hashes = []
        return { ok: true, value: hashes }
      }
      case 'logs':
        return this.#newLogs(filter, deadline)
    }
  }

  /** All logs of a log filter, as eth_getLogs would answer. */
  async logs(id: string, deadline: Deadline): Promise<Outcome<readonly LogView[]>> {
    const filter = this.#take(id)
    if (filter?.kind !== 'logs') return fail({ code: 'FILTER_NOT_FOUND' })
    const range = rangeOf(this.#backend, filter.wanted)
    if (!range.ok) return range
    const { matcher } = filter
    return searchLogs(this.#backend, {
      matcher,
      range: range.value,
      limits: this.#limits,
      deadline,
    })
  }

  pendingTransactions(hashes: readonly Uint8Array[]): void {
    if (this.#entries.size === 0) return
    const texts = hashes.map(data)
    for (const { filter } of this.#entries.values()) {
      if (filter.kind !== 'pendingTransactions') continue
      filter.hashes.push(...texts)
      if (filter.hashes.length > MAX_HASHES) filter.hashes = filter.hashes.slice(-MAX_HASHES)
    }
  }

  /** The chain goes on from an earlier height: its next blocks are new. */
  wentBack(height: number): void {
    for (const { filter } of this.#entries.values())
      if (filter.kind !== 'pendingTransactions') filter.next = Math.min(filter.next, height + 1)
  }

  /** Drops what nobody asked for. To be called now and then. */
  expire(): void {
    const oldestMs = performance.now() - this.#limits.filterMs
    for (const [id, { askedMs }] of this.#entries) if (askedMs < oldestMs) this.#entries.delete(id)
  }

  #install(filter: Filter): Outcome<string> {
    if (this.#entries.size >= this.#limits.filters) this.expire()
    if (this.#entries.size >= this.#limits.filters)
      return fail({
        code: 'LIMIT_EXCEEDED',
        problem: `more than ${this.#limits.filters} filters are installed`,
        limit: this.#limits.filters,
      })
    const id = randomId()
    this.#entries.set(id, { filter, askedMs: performance.now() })
    return { ok: true, value: id }
  }

  #take(id: string): Filter | null {
    const entry = this.#entries.get(id)
    if (entry === undefined) return null
    entry.askedMs = performance.now()
    return entry.filter
  }

  /** At most `limits.logBlocks` at a time; the rest comes with the next question. */
  #newBlocks(filter: Extract<Filter, { kind: 'blocks' }>): string[] {
    const last = Math.min(this.#backend.height(), filter.next + this.#limits.logBlocks - 1)
    const hashes: string[] = []
    for (; filter.next <= last; filter.next++) {
      const header = this.#backend.header(filter.next)
      if (header !== null) hashes.push(data(header.hash))
    }
    return hashes
  }

  async #newLogs(
    filter: Extract<Filter, { kind: 'logs' }>,
    deadline: Deadline,
  ): Promise<Outcome<readonly LogView[]>> {
    const { matcher, wanted, next } = filter
    const last = Math.min(this.#backend.height(), next + this.#limits.logBlocks - 1)
    const range = intersect({ from: next, to: last }, wanted)
    // Moved on before the search yields: two questions at a time must not both get the same logs.
    filter.next = last + 1
    if (range.from > range.to) return { ok: true, value: [] }
    const found = await searchLogs(this.#backend, {
      matcher,
      range,
      limits: this.#limits,
      deadline,
    })
    if (!found.ok) filter.next = next
    return found
  }
}

/** geth's ids: 16 random bytes, so that nobody asks for another one's, as QUANTITY. */
export const randomId = (): string => quantityOfBytes(randomBytes(16))

/** The committed heights that a filter is about. */
export function rangeOf(backend: RpcBackend, { blocks }: LogFilter): Outcome<LogRange> {
  if (blocks.kind === 'block') {
    const height = backend.heightOfHash(blocks.hash)
    return height === null
      ? fail({ code: 'BLOCK_NOT_FOUND' })
      : { ok: true, value: { from: height, to: height } }
  }
  const [from, to] = [heightOf(backend, blocks.from), heightOf(backend, blocks.to)]
  if (isReversed(blocks.from, blocks.to, from, to)) return invalid('invalid block range params')
  if (from === null || to === null) return invalid('block range extends beyond current head block')
  return { ok: true, value: { from, to } }
}

function isReversed(
  from: BlockParameter,
  to: BlockParameter,
  fromHeight: number | null,
  toHeight: number | null,
): boolean {
  if (from.kind === 'number' && to.kind === 'number') return from.number > to.number
  return fromHeight !== null && toHeight !== null && fromHeight > toHeight
}

const invalid = (problem: string) => fail({ code: 'INVALID_PARAMS', problem })

/** New logs are wanted within the numbers that the filter names, if it names any. */
function intersect(range: LogRange, { blocks }: LogFilter): LogRange {
  if (blocks.kind === 'block') return { from: 1, to: 0 }
  const { from, to } = blocks
  return {
    from: from.kind === 'number' ? Math.max(range.from, Number(from.number)) : range.from,
    to: to.kind === 'number' ? Math.min(range.to, Number(to.number)) : range.to,
  }
}
