import { headOf } from '../../test/support/sameChain.ts'
import { until } from '../../test/support/wait.ts'
import type { Testnet } from '../../test/testnet/testnet.ts'
import { offer, type Seen } from './load.ts'
import {
  calmPlan,
  measuredNetworkOf,
  WIDE_AREA,
  without,
  withSlowNode,
  withTestnet,
} from './network.ts'
import { soak } from './soak.ts'

export type QaOptions = {
  /** Of each measurement. */
  readonly seconds: number
  /** Transfers a second where a scenario stays below saturation. */
  readonly rate: number
  /** Of the soak. */
  readonly minutes: number
  readonly validators: number
}

/** What may fail says whether it `passed`. */
export type Scenario = (
  options: QaOptions,
  say: (line: string) => void,
) => Promise<object & { readonly passed?: boolean }>

const RATES = [500, 1_000, 1_500, 2_000, 3_000, 4_000]
/** Of what was offered: less is not keeping up. */
const KEPT_UP = 0.97
const OVERLOADED_STEPS = 2
const NOBODY = { down: () => undefined, up: () => undefined }

/** Rises beyond what the chain keeps up with, to show what is left of it then; a fresh testnet for every rate. */
const saturation: Scenario = async ({ seconds, validators }, say) => {
  const steps: Seen[] = []
  for (const perSecond of RATES) {
    const seen = await withTestnet(calmPlan(validators), (testnet) =>
      offer(measuredNetworkOf(testnet), { perSecond, seconds }),
    )
    steps.push(seen)
    say(`${perSecond}/s offered: ${seen.finalizedPerSecond}/s final`)
    const isOverloaded = (one: Seen): boolean =>
      one.finalizedPerSecond < KEPT_UP * one.offeredPerSecond
    if (steps.filter(isOverloaded).length === OVERLOADED_STEPS) break
  }
  const kept = steps.filter((one) => one.finalizedPerSecond >= KEPT_UP * one.offeredPerSecond)
  return { steps, keptUpWith: kept.at(-1)?.offeredPerSecond ?? 0 }
}

/** Four regions of the world: three one-way delays are the least that finality can take. */
const wide: Scenario = async ({ seconds, rate }) => {
  const plan = calmPlan(4, { delaysMs: WIDE_AREA })
  const seen = await withTestnet(plan, (testnet) =>
    offer(measuredNetworkOf(testnet), { perSecond: rate, seconds }),
  )
  return { oneWayMs: WIDE_AREA, seen }
}

const sizes: Scenario = async ({ seconds, rate }, say) => {
  const bySize: { [validators: string]: Seen } = {}
  for (const validators of [4, 7, 16]) {
    say(`${validators} validators`)
    bySize[validators] = await withTestnet(calmPlan(validators), (testnet) =>
      offer(measuredNetworkOf(testnet), { perSecond: rate, seconds }),
    )
  }
  return bySize
}

/** One validator syncs its files 25 ms slower: the others must not feel it. */
const slow: Scenario = async ({ seconds, rate, validators }) => {
  const plan = calmPlan(validators)
  const measured = (testnet: Testnet): Promise<Seen> =>
    offer(measuredNetworkOf(testnet), { perSecond: rate, seconds })
  return {
    all: await withTestnet(plan, measured),
    oneSlow: await withTestnet(withSlowNode(plan, validators - 1, 25), measured),
  }
}

/** As many validators are gone as may be: fewer than a third. */
const down: Scenario = async ({ seconds, rate, validators }) => {
  const gone = Array.from(
    { length: Math.floor((validators - 1) / 3) },
    (_, i) => validators - 1 - i,
  )
  return withTestnet(calmPlan(validators), async (testnet) => {
    const network = measuredNetworkOf(testnet)
    const before = await offer(network, { perSecond: rate, seconds })
    for (const node of gone) await testnet.members[node]?.process.stop('SIGKILL')
    const after = await offer(without(network, gone), { perSecond: rate, seconds })
    return { gone: gone.length, before, after }
  })
}

/** Every validator is stopped and started again, one after the other, under load. */
const rolling: Scenario = async ({ seconds, rate, validators }, say) =>
  withTestnet(calmPlan(validators), async (testnet) => {
    const backMs: number[] = []
    const restartAll = async (): Promise<void> => {
      for (let node = validators - 1; node > 0; node--) {
        const startMs = performance.now()
        await testnet.perturb({ kind: 'restart', node, forMs: 0 }, NOBODY)
        const [own, top] = [testnet.urls[node] as string, testnet.urls[0] as string]
        await until({ what: `node ${node} to catch up`, timeoutMs: 60_000 }, async () => {
          const [height, highest] = await Promise.all([headOf(own), headOf(top)])
          return height >= highest - 1
        })
        backMs.push(Math.round(performance.now() - startMs))
        say(`node ${node} is back after ${backMs.at(-1)} ms`)
      }
    }
    // The generator's own node is the first, which is not restarted.
    const network = without(
      measuredNetworkOf(testnet),
      Array.from({ length: validators - 1 }, (_, i) => i + 1),
    )
    const longest = Math.max(seconds, 12 * (validators - 1))
    return { seen: await offer(network, { perSecond: rate, seconds: longest }, restartAll), backMs }
  })

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...{ saturation, wide, sizes, slow, down, rolling, soak },
}
