import { describe, expect, it } from 'vitest'
import { ChainViewer, formatView } from '../../../node/devnet/chainView.ts'
import { createScreen } from '../../../node/devnet/screen.ts'
import type { HealthReport } from '../../../node/observability/monitoringServer.ts'

const report = (
  height: number,
  transactions: number,
  change: Partial<HealthReport> = {},
): HealthReport => ({
  status: 'ok',
  height,
  lastBlockAgeMs: 10,
  peers: 3,
  catchingUp: false,
  transactions,
  ...change,
})

describe('ChainViewer', () => {
  it('counts over the last seconds, by the validator that made most progress', () => {
    const viewer = new ChainViewer()
    const first = viewer.view({ atMs: 0, reports: [report(10, 100), report(10, 100)] })
    expect([first.transactionsPerSecond, first.blockSeconds]).toEqual([null, null])
    const second = viewer.view({ atMs: 2_000, reports: [report(14, 300), report(12, 200)] })
    expect([second.height, second.transactionsPerSecond, second.blockSeconds]).toEqual([
      14, 100, 0.5,
    ])
    for (let s = 3; s <= 8; s++)
      viewer.view({ atMs: s * 1_000, reports: [report(14 + s, 300), report(12, 200)] })
    const last = viewer.view({ atMs: 9_000, reports: [report(23, 300), null] })
    expect([last.transactionsPerSecond, last.blockSeconds]).toEqual([0, 1])
    expect([last.validatorsUp, last.validators]).toEqual([1, 2])
  })

  it('does not count a restarted validator backwards', () => {
    const viewer = new ChainViewer()
    viewer.view({ atMs: 0, reports: [report(10, 500), null] })
    const view = viewer.view({ atMs: 1_000, reports: [report(11, 0), report(11, 0)] })
    expect([view.transactionsPerSecond, view.blockSeconds]).toEqual([null, null])
  })

  it('sees that the chain stands', () => {
    const viewer = new ChainViewer()
    const stalled = report(10, 0, { status: 'stalled', peers: 1 })
    viewer.view({ atMs: 0, reports: [stalled, null] })
    const view = viewer.view({ atMs: 1_000, reports: [stalled, null] })
    expect(formatView(view)).toBe(
      'height 10 · 0 tx/s · block - · peers 1 · validators 1/2 · no new blocks',
    )
  })

  it('fits a terminal of 80 columns', () => {
    const view = {
      height: 123_456_789,
      validatorsUp: 16,
      validators: 16,
      peers: 15,
      transactionsPerSecond: 12_345.6,
      blockSeconds: 0.0471,
      stalled: false,
    }
    expect(formatView(view)).toBe(
      'height 123,456,789 · 12346 tx/s · block 47 ms · peers 15 · validators 16/16',
    )
  })
})

describe('createScreen', () => {
  function outputOf(isTTY: boolean) {
    const written: string[] = []
    return { written, isTTY, columns: 20, write: (text: string) => written.push(text) }
  }

  it('rewrites one line on a terminal and keeps it under what is printed', () => {
    const output = outputOf(true)
    const screen = createScreen(output, () => 0)
    screen.status('height 1')
    screen.line('validator 2 ended')
    screen.status('height 2 and much more than fits')
    screen.close()
    const clear = '\r\u001b[2K'
    expect(output.written).toEqual([
      `${clear}height 1`,
      `${clear}validator 2 ended\nheight 1`,
      `${clear}height 2 and much mo`.slice(0, clear.length + 19),
      '\n',
    ])
  })

  it('prints a status rarely where lines stay', () => {
    const output = outputOf(false)
    let now = 0
    const screen = createScreen(output, () => now)
    for (let second = 0; second <= 120; second++) {
      now = second * 1_000
      screen.status(`height ${second}`)
    }
    expect(output.written).toEqual(['height 0\n', 'height 60\n', 'height 120\n'])
  })
})
