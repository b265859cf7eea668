import { Load } from '../support/load.ts'
import { sleep } from '../support/wait.ts'
import { faultsOfTestnet } from './checks.ts'
import { type Plan, wordsOf } from './plan.ts'
import { Testnet } from './testnet.ts'

export type PlanReport = {
  readonly seed: number
  readonly height: number
  readonly transactions: number
  /** From the end of each perturbation until every node had three blocks more, in milliseconds. */
  readonly recoveriesMs: readonly number[]
  readonly faults: readonly string[]
}

/** CometBFT asks for 20 s on machines of their own; here up to six nodes share two cores. */
const HEALTHY_MS = 40_000
const QUIET_MS = 1_000

/** Runs a testnet through all that happens to it, under load, and looks at it from outside. */
export async function runPlan(plan: Plan, say: (line: string) => void): Promise<PlanReport> {
  const testnet = await Testnet.start(plan)
  say(`${plan.nodes.length} nodes, powers ${plan.nodes.map(({ power }) => power).join()}`)
  const load = new Load(testnet.urls, testnet.accounts().slice(0, plan.senders))
  const recoveriesMs: number[] = []
  try {
    for (const one of plan.perturbations) {
      await sleep(QUIET_MS)
      await testnet.perturb(one, load)
      const startedMs = performance.now()
      await testnet.untilHeight(Math.max(...(await testnet.heights())) + 3, HEALTHY_MS)
      recoveriesMs.push(Math.round(performance.now() - startedMs))
      say(`${wordsOf(one)}: healthy after ${recoveriesMs.at(-1)} ms`)
    }
    await load.stop()
    const faults = await faultsOfTestnet(testnet, load)
    const height = Math.min(...(await testnet.heights()))
    const transactions = load.sent.length
    return { seed: plan.seed, height, transactions, recoveriesMs, faults }
  } finally {
    await testnet.stop()
  }
}
