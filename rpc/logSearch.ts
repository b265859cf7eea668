import type { ExecutedBlock, Log } from '../core/chain/executedBlock.ts'
import { toHex } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import type { RpcBackend } from './backend.ts'
import { type Deadline, isPast, turn } from './deadline.ts'
import { firstLogIndexes, type LogView, logOf } from './format/receipt.ts'
import type { RpcLimits } from './options.ts'
import { type Failed, fail, type Outcome } from './outcome.ts'

/** Which logs somebody wants. An empty list of addresses, or of topics at a position, matches all. */
export type LogCriteria = {
  readonly addresses: readonly Uint8Array[]
  readonly topics: readonly (readonly Uint8Array[])[]
}

/** Heights that may hold logs of some criteria, in order, from where a search stands to before `next`. */
export type LogCandidates = { readonly heights: readonly number[]; readonly next: number }

/** Criteria made ready: hex for comparing, bloom bits for skipping transactions. */
export class LogMatcher {
  readonly criteria: LogCriteria
  readonly #addresses: ReadonlySet<string>
  readonly #topics: readonly ReadonlySet<string>[]
  readonly #blooms: readonly (readonly BloomBits[])[]

  constructor(criteria: LogCriteria) {
    const { addresses, topics } = criteria
    this.criteria = criteria
    this.#addresses = new Set(addresses.map(toHex))
    this.#topics = topics.map((alternatives) => new Set(alternatives.map(toHex)))
    this.#blooms = [addresses, ...topics]
      .filter((alternatives) => alternatives.length > 0)
      .map((alternatives) => alternatives.map(bloomBitsOf))
  }

  /** False: no log behind this bloom matches. */
  mayMatch(bloom: Uint8Array): boolean {
    return this.#blooms.every((alternatives) => alternatives.some((bits) => hasBits(bloom, bits)))
  }

  matches(log: Log): boolean {
    if (this.#addresses.size > 0 && !this.#addresses.has(toHex(log.address))) return false
    return this.#topics.every((alternatives, position) => {
      const topic = log.topics[position]
      // A position that is asked for must exist, whatever it holds.
      if (topic === undefined) return false
      return alternatives.size === 0 || alternatives.has(toHex(topic))
    })
  }

  /** In the order of the block. */
  *logsOf(block: ExecutedBlock): Generator<LogView> {
    if (!this.mayMatch(block.header.logsBloom)) return
    const firstLogs = firstLogIndexes(block)
    for (const [transactionIndex, { receipt }] of block.transactions.entries()) {
      if (receipt.logs.length === 0 || !this.mayMatch(receipt.logsBloom)) continue
      const first = firstLogs[transactionIndex] as number
      for (const [index, log] of receipt.logs.entries()) {
        if (this.matches(log))
          yield logOf(log, { block, transactionIndex, logIndex: first + index })
      }
    }
  }
}

export type LogRange = { readonly from: number; readonly to: number }

/** Milliseconds of searching between two turns of the event loop. */
const SLICE_MS = 5

type Search = {
  readonly matcher: LogMatcher
  readonly range: LogRange
  readonly limits: RpcLimits
  readonly deadline: Deadline
}

/** All matching logs of a range of committed heights, both ends included. */
export async function searchLogs(backend: RpcBackend, search: Search): Promise<Outcome<LogView[]>> {
  const { matcher, range, limits, deadline } = search
  if (range.to - range.from >= limits.logBlocks)
    return fail({
      code: 'LIMIT_EXCEEDED',
      problem: `query exceeds max block range ${limits.logBlocks}`,
      limit: limits.logBlocks,
    })
  // Silence would say that there were no logs.
  if (backend.block(range.from) === null) return fail({ code: 'HISTORY_PRUNED' })
  const found: LogView[] = []
  const candidates = backend.logSearch(matcher.criteria)
  let sliceEndMs = performance.now() + SLICE_MS
  for (let from = range.from; from <= range.to; ) {
    const { heights, next } = candidates(from, range.to)
    for (const height of heights) {
      if (performance.now() > sliceEndMs) {
        await turn()
        sliceEndMs = performance.now() + SLICE_MS
      }
      if (isPast(deadline)) return fail({ code: 'TIMED_OUT' })
      const failure = takeLogs(backend, search, height, found)
      if (failure !== null) return failure
    }
    from = next
    if (isPast(deadline)) return fail({ code: 'TIMED_OUT' })
    if (performance.now() <= sliceEndMs) continue
    await turn()
    sliceEndMs = performance.now() + SLICE_MS
  }
  return { ok: true, value: found }
}

function takeLogs(
  backend: RpcBackend,
  { matcher, limits }: Search,
  height: number,
  found: LogView[],
): Failed | null {
  const block = backend.block(height)
  if (block === null) return fail({ code: 'HISTORY_PRUNED' })
  for (const log of matcher.logsOf(block)) {
    if (found.length === limits.logs)
      return fail({
        code: 'LIMIT_EXCEEDED',
        problem: `query returned more than ${limits.logs} results`,
        limit: limits.logs,
      })
    found.push(log)
  }
  return null
}

/** Three positions of the 2,048 bits (Yellow Paper, section 4.3.1), as byte index and mask. */
type BloomBits = readonly (readonly [index: number, mask: number])[]

function bloomBitsOf(value: Uint8Array): BloomBits {
  const hash = keccak256(value)
  return [0, 2, 4].map((at) => {
    const bit = (((hash[at] as number) << 8) | (hash[at + 1] as number)) & 0x7ff
    return [255 - (bit >> 3), 1 << (bit & 7)]
  })
}

const hasBits = (bloom: Uint8Array, bits: BloomBits): boolean =>
  bits.every(([index, mask]) => ((bloom[index] as number) & mask) !== 0)
