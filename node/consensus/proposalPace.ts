/**
 * How large the blocks are that this node proposes: as large as the validators get through within the
 * time a proposal has. What others propose is bounded by the rules alone, so nodes may differ.
 *
 * Blocks that outgrow their round are worse than small ones: the round fails, the next proposal is
 * larger still, and a chain that is offered more than it can carry stands still instead of levelling
 * off. Grows like TCP: twofold until the first block was slow, slowly after that.
 */
export class ProposalPace {
  readonly #options: PaceOptions
  #targetBytes: number
  /** Nothing was slow yet. */
  #isStarting = true
  /** What the fastest of the recent heights took, in milliseconds: this window's, and the one's before it. */
  #fastestMs = Number.POSITIVE_INFINITY
  #fastestBeforeMs = Number.POSITIVE_INFINITY
  #heights = 0
  #restUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: PaceOptions) {
    this.#options = options
    this.#targetBytes = Math.min(START_BYTES, options.maxBytes)
  }

  /** Bytes of transactions for a proposal of this round: half for each round that failed before it. */
  targetBytes(round: number): number {
    return Math.max(FLOOR_BYTES, Math.floor(this.#targetBytes / 2 ** Math.min(round, MAX_HALVINGS)))
  }

  /**
   * Milliseconds that the next height should wait for more to come. A height costs every validator some
   * milliseconds of processor whatever is in it; a busy chain has more from fewer, fuller blocks.
   */
  restMs(nowMs: number): number {
    return Math.max(0, this.#restUntilMs - nowMs)
  }

  /** A height is over; the clock is monotonic. */
  decided({ bytes, transactions, elapsedMs, isLate }: DecidedHeight, nowMs: number): void {
    this.#restUntilMs = nowMs - elapsedMs + leastMs(transactions, bytes)
    const spentMs = elapsedMs - this.#fixedMs(elapsedMs)
    // A small block says nothing about larger ones.
    if (bytes * 2 < this.#targetBytes) return
    const { budgetMs } = this.#options
    if (isLate) this.#scale(LATE_PERCENT)
    else if (spentMs > budgetMs) this.#scale(SLOW_PERCENT)
    else if (2 * spentMs < budgetMs) this.#scale(this.#isStarting ? START_PERCENT : GROW_PERCENT)
  }

  /** What a height takes whatever is in it: messages, files, an idle executor. */
  #fixedMs(elapsedMs: number): number {
    if (this.#heights++ % WINDOW === 0) {
      this.#fastestBeforeMs = this.#fastestMs
      this.#fastestMs = elapsedMs
    }
    this.#fastestMs = Math.min(this.#fastestMs, elapsedMs)
    return Math.min(this.#fastestMs, this.#fastestBeforeMs)
  }

  #scale(percent: number): void {
    if (percent < 100) this.#isStarting = false
    const scaled = Math.floor((this.#targetBytes * percent) / 100)
    this.#targetBytes = Math.max(FLOOR_BYTES, Math.min(this.#options.maxBytes, scaled))
  }
}

export type PaceOptions = {
  /** That a block may have. */
  readonly maxBytes: number
  /** What the content of a block may add to a height, in milliseconds: the time a proposal has in round 0. */
  readonly budgetMs: number
}

export type DecidedHeight = {
  /** Of the block that was tried first: the first proposal that came, or the decided one. */
  readonly bytes: number
  /** Transactions and envelopes in the decided one. */
  readonly transactions: number
  /** From the beginning of the round that decided to its block being durable here. */
  readonly elapsedMs: number
  /** There was a proposal in round 0, and the round ended without it. */
  readonly isLate: boolean
}

/** The smallest target: some hundred transfers. */
const FLOOR_BYTES = 16_384
const START_BYTES = 65_536
const MAX_HALVINGS = 16
/** Heights; a load that lasts longer makes its own blocks the measure, and the target creeps up. */
const WINDOW = 512

/** Of a transfer in a block: an envelope of a hundred orders is as much work as many transactions. */
export const TRANSFER_BYTES = 128

/** Milliseconds that a height with so many transactions and bytes takes at least. */
const leastMs = (transactions: number, bytes: number): number =>
  Math.max(pausedMs(transactions), Math.min(LARGE_HEIGHT_MS, pausedMs(bytes / TRANSFER_BYTES)))

function pausedMs(transactions: number): number {
  if (transactions < BUSY_TRANSACTIONS) return 0
  const share = (transactions - BUSY_TRANSACTIONS) / (FULL_TRANSACTIONS - BUSY_TRANSACTIONS)
  return BUSY_HEIGHT_MS + (FULL_HEIGHT_MS - BUSY_HEIGHT_MS) * Math.min(1, share)
}

/** From here on heights are paced, and from there on no more than before. */
const BUSY_TRANSACTIONS = 32
const BUSY_HEIGHT_MS = 15
const FULL_TRANSACTIONS = 512
const FULL_HEIGHT_MS = 80
/** Of few but large ones: nobody waits for an answer to each of their orders. */
const LARGE_HEIGHT_MS = 40
const START_PERCENT = 200
const GROW_PERCENT = 115
const SLOW_PERCENT = 85
const LATE_PERCENT = 70
