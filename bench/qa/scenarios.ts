import { millisOf } from '../../core/primitives/units.ts'
import { headOf } from '../../test/support/sameChain.ts'
import { sleep, until } from '../../test/support/wait.ts'
import type { Testnet } from '../../test/testnet/testnet.ts'
import { resourcesOf } from '../resources.ts'
import { bytesIn } from './disk.ts'
import { offer, type Seen } from './load.ts'
import {
  calmPlan,
  measuredNetworkOf,
  WIDE_AREA,
  without,
  withSlowNode,
  withTestnet,
} from './network.ts'

export type QaOptions = {
  /** Of each measurement. */
  readonly seconds: number
  /** Transfers a second where a scenario stays below saturation. */
  readonly rate: number
  /** Of the soak. */
  readonly minutes: number
  readonly validators: number
}

export type Scenario = (options: QaOptions, say: (line: string) => void) => Promise<object>

const RATES = [500, 1_000, 1_500, 2_000, 2_500, 3_000]
/** Of what was offered: less is not keeping up. */
const KEPT_UP = 0.97
const NOBODY = { down: () => undefined, up: () => undefined }

/** Rises until the chain no longer keeps up; a fresh testnet for every rate. */
const saturation: Scenario = async ({ seconds, validators }, say) => {
  const steps: Seen[] = []
  for (const perSecond of RATES) {
    const seen = await withTestnet(calmPlan(validators), (testnet) =>
      offer(measuredNetworkOf(testnet), { perSecond, seconds }),
    )
    steps.push(seen)
    say(`${perSecond}/s offered: ${seen.finalizedPerSecond}/s final`)
    if (seen.finalizedPerSecond < KEPT_UP * perSecond) break
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

const SAMPLE_MS = 10_000
/**
 * A node that keeps all it ever saw grows for ever; this one keeps some minutes. Evidence bounds what
 * may be forgotten, so it ages as fast.
 */
const KEEPS_LITTLE = {
  consensus: { evidenceMaxAgeMs: millisOf(60_000), evidenceMaxAgeBlocks: 1_000 },
  config: { storage: { historyBlocks: 128, retainBlocks: 2_000, lightBlockMs: 60_000 } },
}

/** Memory and disk over a long time of load; both must be flat once the node keeps only what it is told to keep. */
const soak: Scenario = async ({ minutes, rate, validators }, say) => {
  const plan = calmPlan(validators, KEEPS_LITTLE)
  return withTestnet(plan, async (testnet) => {
    const samples: { minute: number; rssMb: number[]; diskMb: number[] }[] = []
    const startMs = performance.now()
    let isOver = false
    const watch = async (): Promise<void> => {
      while (!isOver) {
        const minute = Math.round((performance.now() - startMs) / 6_000) / 10
        const rssMb = testnet.members.map(({ process }) => resourcesOf(process.pid)?.rssMb ?? 0)
        const diskMb = testnet.members.map(({ home }) =>
          Math.round(bytesIn(home.paths.data) / 2 ** 20),
        )
        samples.push({ minute, rssMb, diskMb })
        if (samples.length % 30 === 1)
          say(`minute ${minute}: RSS ${rssMb.join()} MB, disk ${diskMb.join()} MB`)
        await sleep(SAMPLE_MS)
      }
    }
    const watching = watch()
    const seen = await offer(measuredNetworkOf(testnet), { perSecond: rate, seconds: minutes * 60 })
    isOver = true
    await watching
    return { seen, samples }
  })
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...{ saturation, wide, sizes, slow, down, rolling, soak },
}
