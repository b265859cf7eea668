import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClientBudgets, HEAVY_UNITS } from '../../../rpc/clientBudgets.ts'
import { RpcHarness } from '../../support/rpcHarness.ts'

const rate = { unitsPerSecond: 100, burstUnits: 50, exempt: ['127.0.0.1', '::1'] }

describe('the budget of a client', () => {
  it('lends a burst, then earns units as time goes, and says how long to wait', () => {
    let now = 1_000
    const budget = new ClientBudgets(rate, () => now).of('10.0.0.1')
    for (let i = 0; i < 50; i++) expect(budget.take(1)).toBe(0)
    expect(budget.take(1)).toBe(10)
    expect(budget.take(20)).toBe(200)
    now += 10
    expect(budget.take(1)).toBe(0)
    expect(budget.take(1)).toBe(10)
    now += 10_000
    expect(budget.take(50)).toBe(0)
    expect(budget.take(1)).toBe(10)
  })

  it('never gives more than the burst and what was earned, however it is asked', () => {
    const asked = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(500)), {
      maxLength: 80,
    })
    fc.assert(
      fc.property(asked, (calls) => {
        let now = 0
        let given = 0
        const budget = new ClientBudgets(rate, () => now).of('10.0.0.1')
        for (const [units, pauseMs] of calls) {
          const waitMs = budget.take(units)
          if (waitMs === 0) given += units
          else if (units <= rate.burstUnits) {
            now += waitMs
            expect(budget.take(units)).toBe(0)
            given += units
          }
          expect(given).toBeLessThanOrEqual(
            rate.burstUnits + (now * rate.unitsPerSecond) / 1_000 + 1e-6,
          )
          now += pauseMs
        }
      }),
    )
  })

  it('is one for each address, for each /64 of IPv6, and none for the exempt', () => {
    const budgets = new ClientBudgets(rate, () => 0)
    const used = (address: string | undefined): boolean => budgets.of(address).take(50) > 0
    expect(used('10.0.0.1')).toBe(false)
    expect(used('::ffff:10.0.0.1')).toBe(true)
    expect(used('10.0.0.2')).toBe(false)
    expect(used('2001:db8:0:1::5')).toBe(false)
    expect(used('2001:0db8:0000:0001:ffff::6%eth0')).toBe(true)
    expect(used('2001:db8:0:2::5')).toBe(false)
    expect(used('fe80::1')).toBe(false)
    expect(used(undefined)).toBe(false)
    expect(used(undefined)).toBe(true)
    for (let i = 0; i < 3; i++)
      for (const own of ['127.0.0.1', '::ffff:127.0.0.1']) expect(used(own)).toBe(false)
  })

  it('has no limit when the rate is 0', () => {
    const budget = new ClientBudgets({ ...rate, unitsPerSecond: 0 }, () => 0).of('10.0.0.1')
    expect(budget.take(1e9)).toBe(0)
  })
})

it('charges each call of a batch by its weight and refuses the rest with a time to wait', async () => {
  const harness = new RpcHarness()
  const budget = new ClientBudgets({ ...rate, burstUnits: HEAVY_UNITS + 1 }, () => 0).of('10.0.0.1')
  const requests = ['eth_chainId', 'eth_getLogs', 'eth_chainId'].map((method, id) => ({
    ...{ jsonrpc: '2.0', id, method, params: method === 'eth_getLogs' ? [{}] : [] },
  }))
  const answers = JSON.parse((await harness.raw(JSON.stringify(requests), null, budget)) ?? '[]')
  expect(answers.map(({ error }: { error?: { code: number } }) => error?.code)).toEqual([
    undefined,
    undefined,
    -32005,
  ])
  expect(answers[2].error.data).toEqual({ code: 'RATE_LIMITED', retryAfterMs: 10 })
  expect(harness.refused).toEqual(['RATE_LIMITED'])
})
