import { describe, expect, it } from 'vitest'
import type { Row } from '../../../bench/peers/compare.ts'
import { figuresOf, judge, medianFigures } from '../../../bench/peers/figures.ts'
import { tableOf } from '../../../bench/peers/table.ts'

const measured = {
  ...{ seconds: 10, heights: 0, laterRounds: 0, counters: {}, finalized: 50_000, sent: 50_001 },
  ...{ finalizedPerSecond: 5_000, accepted: 50_001, neverFinal: 0, errors: {}, failed: 0 },
  ...{ preparedRanOut: false, generatorCores: 0.1, prepareSeconds: 1, blocksPerSecond: 5 },
  transactionsPerBlock: 1_000,
  submitToFinal: { samples: 50_000, p50Ms: 100.4, p90Ms: 190, p99Ms: 210.6, maxMs: 220 },
  validators: [
    { index: 0, resources: { cores: 1.5, rssMb: 1, rssGrowthMb: 0, peakRssMb: 9, threads: [] } },
  ],
}
const figures = figuresOf(measured, 300)

describe('figures of a run', () => {
  it('are the servers\u2019 processor time by transaction and the percentiles that were measured', () => {
    expect(figures).toEqual({
      ...{ includedPerSecond: 5_000, p50Ms: 100, p99Ms: 211, peakRssMb: 300 },
      ...{ microsPerTransaction: 300, serverCores: 1.5, generatorCores: 0.1 },
    })
  })
  it('do not count when nothing was included or transactions failed', () => {
    expect(() => judge({ ...measured, finalized: 0, errors: { 'txpool is full': 7 } })).toThrow(
      'nothing was included; 7 times: txpool is full',
    )
    expect(() => judge({ ...measured, failed: 3 })).toThrow('3 had failed')
  })
  it('count with a remark when something else was odd', () => {
    expect(judge(measured)).toEqual([])
    expect(judge({ ...measured, neverFinal: 2, preparedRanOut: true })).toHaveLength(2)
  })
  it('have medians figure by figure', () => {
    const other = { ...figures, p50Ms: 90, includedPerSecond: 7_000 }
    const third = { ...figures, p50Ms: 95, includedPerSecond: 1 }
    expect(medianFigures([figures, other, third])).toEqual({ ...figures, p50Ms: 95 })
    expect(medianFigures([])).toBeNull()
  })
})

describe('the table', () => {
  const row: Row = {
    ...{ kind: 'swap', mode: 'batch', server: 'nexus', median: figures, runs: [figures] },
    ...{ failures: [], remarks: ['all prepared transactions were sent before the end'] },
  }
  it('aligns its columns and says what failed', () => {
    const failed: Row = { ...row, server: 'anvil', median: null, runs: [], remarks: [] }
    const text = tableOf([row, { ...failed, failures: ['anvil ended by itself'] }])
    const [head, rule, first, second, gap, ...notes] = text.split('\n')
    expect(new Set([head, rule, first, second].map((line) => line?.length)).size).toBe(1)
    expect(first).toContain('5,000')
    expect(second).toContain('failed')
    expect(gap).toBe('')
    expect(notes).toEqual([
      'swap, batch, nexus: all prepared transactions were sent before the end',
      'swap, batch, anvil FAILED: anvil ended by itself',
    ])
  })
})
