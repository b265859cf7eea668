import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProposalPace } from '../../../node/consensus/proposalPace.ts'

const BUDGET_MS = 150
const FLOOR = 16_384
const MAX = 4_000_000
const SMALL = { transactions: 1, bytes: 100, elapsedMs: 10, isLate: false }
const paceOf = () => new ProposalPace({ maxBytes: MAX, budgetMs: BUDGET_MS })

/** A chain that needs `fixedMs` for any block and loses each round in which a proposal takes longer than the budget. */
function run(
  pace: ProposalPace,
  heights: number,
  { fixedMs, bytesPerMs }: { readonly fixedMs: number; readonly bytesPerMs: number },
  offered = Number.POSITIVE_INFINITY,
): { readonly late: number; readonly bytes: number; readonly ms: number } {
  const sum = { late: 0, bytes: 0, ms: 0 }
  for (let height = 0; height < heights; height++) {
    const first = Math.min(offered, pace.targetBytes(0))
    let round = 0
    let bytes = first
    while (bytes / bytesPerMs > BUDGET_MS) {
      sum.ms += BUDGET_MS
      bytes = Math.min(offered, pace.targetBytes(++round))
    }
    const elapsedMs = fixedMs + bytes / bytesPerMs
    pace.decided({ ...SMALL, bytes: first, elapsedMs, isLate: round > 0 }, 0)
    sum.late += round > 0 ? 1 : 0
    sum.bytes += bytes
    sum.ms += elapsedMs
  }
  return sum
}

describe('ProposalPace', () => {
  it('finds what a chain carries, and seldom loses a round for it', () => {
    for (const chain of [
      { fixedMs: 20, bytesPerMs: 400 },
      { fixedMs: 20, bytesPerMs: 4_000 },
      { fixedMs: 300, bytesPerMs: 1_000 },
    ]) {
      const pace = paceOf()
      // A chain is idle before it is busy, and shows what a height costs by itself.
      run(pace, 10, chain, 1_000)
      run(pace, 200, chain)
      const later = run(pace, 400, chain)
      expect(later.late).toBeLessThan(20)
      // The best that any size of block could do, in bytes a millisecond.
      const best = (BUDGET_MS * chain.bytesPerMs) / (chain.fixedMs + BUDGET_MS)
      expect(later.bytes / later.ms).toBeGreaterThan(0.45 * best)
    }
  })

  it('leaves a round that is lost by smaller proposals', () => {
    const pace = paceOf()
    run(pace, 30, { fixedMs: 5, bytesPerMs: 100_000 })
    const before = pace.targetBytes(0)
    expect(before).toBe(MAX)
    expect([1, 2, 3].map((round) => pace.targetBytes(round))).toEqual([MAX / 2, MAX / 4, MAX / 8])
    expect(pace.targetBytes(2_000_000)).toBe(FLOOR)
    const { ms } = run(pace, 1, { fixedMs: 5, bytesPerMs: 400 })
    expect(ms).toBeLessThan(10 * BUDGET_MS)
    expect(pace.targetBytes(0)).toBeLessThan(before)
  })

  it('learns nothing from small blocks, however slow or late', () => {
    const pace = paceOf()
    const before = pace.targetBytes(0)
    for (const isLate of [false, true])
      pace.decided({ ...SMALL, bytes: Math.floor(before / 2) - 1, elapsedMs: 10_000, isLate }, 0)
    expect(pace.targetBytes(0)).toBe(before)
  })

  it('holds a loaded chain where a third of the proposers are late whatever they propose', () => {
    const pace = paceOf()
    run(pace, 20, { fixedMs: 20, bytesPerMs: 4_000 })
    const before = pace.targetBytes(0)
    for (let height = 0; height < 300; height++) {
      const bytes = pace.targetBytes(0)
      pace.decided({ ...SMALL, bytes, elapsedMs: 20 + bytes / 40_000, isLate: height % 4 === 0 }, 0)
    }
    expect(pace.targetBytes(0)).toBeGreaterThan(before / 2)
  })

  it('rests only after a full block, and only for what is left of the interval', () => {
    const pace = paceOf()
    expect(pace.restMs(0)).toBe(0)
    pace.decided({ ...SMALL, transactions: 31 }, 1_000)
    expect(pace.restMs(1_000)).toBe(0)
    pace.decided({ ...SMALL, transactions: 32 }, 2_000)
    expect([2_000, 2_003, 2_005, 9_000].map((now) => pace.restMs(now))).toEqual([5, 2, 0, 0])
    pace.decided({ ...SMALL, transactions: 272 }, 3_000)
    expect(pace.restMs(3_000)).toBe(37.5)
    for (const transactions of [512, 5_000]) {
      pace.decided({ ...SMALL, transactions }, 4_000)
      expect(pace.restMs(4_000)).toBe(70)
    }
    pace.decided({ ...SMALL, transactions: 600, elapsedMs: 90 }, 5_000)
    expect(pace.restMs(5_000)).toBe(0)
  })

  it('takes an envelope of many orders for as many transactions as have its bytes', () => {
    const pace = paceOf()
    // From six envelopes of a hundred orders on, as large as 255 transfers, half as long as after the most transactions.
    for (const transactions of [6, 600]) {
      pace.decided(
        { ...SMALL, transactions: Math.min(transactions, 31), bytes: transactions * 5_450 },
        1_000,
      )
      expect(pace.restMs(1_000)).toBe(30)
    }
    // One of them is as large as 42.
    pace.decided({ ...SMALL, transactions: 1, bytes: 5_450 }, 2_000)
    expect(pace.restMs(2_000)).toBeGreaterThan(5)
    expect(pace.restMs(2_000)).toBeLessThan(7)
    // An empty block, or a few transfers, with its header and the last commit.
    pace.decided({ ...SMALL, transactions: 10, bytes: 2_400 }, 3_000)
    expect(pace.restMs(3_000)).toBe(0)
  })

  it('stays within its bounds', () => {
    const height = fc.record({
      bytes: fc.nat(2 * MAX),
      elapsedMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
      isLate: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(height, { maxLength: 600 }), (heights) => {
        const pace = paceOf()
        for (const one of heights) {
          pace.decided({ ...SMALL, ...one }, 0)
          const target = pace.targetBytes(0)
          expect(Number.isSafeInteger(target)).toBe(true)
          expect(target).toBeGreaterThanOrEqual(FLOOR)
          expect(target).toBeLessThanOrEqual(MAX)
        }
      }),
    )
  })
})
