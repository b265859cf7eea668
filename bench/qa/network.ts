import { toHex } from '../../core/primitives/bytes.ts'
import { testAccounts } from '../../node/devnet/chainHomes.ts'
import { disposeAll } from '../../test/support/devnet.ts'
import type { NodePlan, Plan } from '../../test/testnet/plan.ts'
import { TESTNET_CHAIN_ID, Testnet } from '../../test/testnet/testnet.ts'
import type { MeasuredNetwork } from '../throughput.ts'

const NODE: NodePlan = {
  ...{ power: 10, skewMs: 0, diskMs: 0, engineThreads: 0 },
  historyBlocks: 10_000,
}

/** A testnet on which nothing happens but what a scenario does. */
export const calmPlan = (validators: number, change: Partial<Plan> = {}): Plan => ({
  seed: 0,
  nodes: new Array<NodePlan>(validators).fill(NODE),
  delaysMs: [[0]],
  blockTimeMs: 1_000,
  senders: 0,
  perturbations: [],
  ...change,
})

/** The plan with one node whose log and guard take so much longer to sync. */
export const withSlowNode = (plan: Plan, node: number, diskMs: number): Plan => ({
  ...plan,
  nodes: plan.nodes.map((one, i) => (i === node ? { ...one, diskMs } : one)),
})

/**
 * One way, in milliseconds, between Frankfurt, Virginia, Tokyo and Sydney: half of the round trips that
 * cloudping.co shows for the regions of AWS, and 1 within a region.
 */
export const WIDE_AREA: readonly (readonly number[])[] = [
  [1, 45, 112, 143],
  [45, 1, 73, 100],
  [112, 73, 1, 53],
  [143, 100, 53, 1],
]

export function measuredNetworkOf(testnet: Testnet): MeasuredNetwork {
  return {
    chainId: TESTNET_CHAIN_ID,
    accounts: testAccounts(16).map(({ privateKey }) => ({ privateKey: toHex(privateKey) })),
    nodes: testnet.members.map((member) => ({
      rpc: member.rpc,
      ws: member.rpc.replace('http', 'ws'),
      metrics: member.metrics,
      pid: () => member.process.pid,
    })),
  }
}

/** The same without some of its nodes: who is down is neither asked nor measured. */
export const without = (network: MeasuredNetwork, down: readonly number[]): MeasuredNetwork => ({
  ...network,
  nodes: network.nodes.filter((_, i) => !down.includes(i)),
})

export async function withTestnet<T>(
  plan: Plan,
  run: (testnet: Testnet) => Promise<T>,
): Promise<T> {
  const testnet = await Testnet.start(plan)
  try {
    return await run(testnet)
  } finally {
    await testnet.stop()
    disposeAll()
  }
}
