// The short form of `node test/sim/killLoop.ts --count 200`.
import { afterAll, expect, test } from 'vitest'
import { disposeAll } from '../support/devnet.ts'
import { runKillLoop } from '../support/killLoop.ts'

afterAll(disposeAll)

test('ten SIGKILLs at random instants: one chain, nothing lost, nobody signs twice', async () => {
  const report = await runKillLoop({ count: 10, seed: 1, onKill: () => {} })
  console.log(JSON.stringify(report))
  expect(report.faults).toEqual([])
  expect(report.kills).toBeGreaterThanOrEqual(10)
  expect(report.transactions).toBeGreaterThan(20)
  expect(report.actions).toBeGreaterThan(10)
  expect(report.recoveryMs.max).toBeLessThan(30_000)
})
