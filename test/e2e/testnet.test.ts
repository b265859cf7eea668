// One generated testnet; `npm run testnets` runs as many as there is time for.
import { afterAll, expect, test } from 'vitest'
import { disposeAll } from '../support/devnet.ts'
import { planFrom } from '../testnet/plan.ts'
import { runPlan } from '../testnet/runPlan.ts'

afterAll(disposeAll)

test('a testnet with delays is disturbed, recovers each time, and tells one chain', async () => {
  const plan = planFrom(4, 2)
  const said: string[] = []
  const report = await runPlan(plan, (line) => said.push(line))
  expect(report.faults, said.join('\n')).toEqual([])
  expect(report.recoveriesMs).toHaveLength(2)
  expect(report.height).toBeGreaterThan(5)
  expect(report.transactions).toBeGreaterThan(plan.senders)
})
