// Real processes on one machine with a line of their own between each two.
import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { privateKeyToAccount } from 'viem/accounts'
import { toHex } from '../../core/primitives/bytes.ts'
import { WEI_PER_COIN } from '../../genesis/index.ts'
import { type HomePaths, homePaths } from '../../node/config/paths.ts'
import {
  createHomes,
  type MadeHome,
  testAccounts,
  writeMemberConfig,
} from '../../node/devnet/chainHomes.ts'
import { temporaryDirectory } from '../support/devnet.ts'
import type { Load } from '../support/load.ts'
import { findPorts } from '../support/ports.ts'
import { NexusProcess } from '../support/processes.ts'
import { headOf } from '../support/sameChain.ts'
import { sleep, until } from '../support/wait.ts'
import { Line } from './line.ts'
import type { NodePlan, Perturbation, Plan } from './plan.ts'

export const TESTNET_CHAIN_ID = 3940

type Member = {
  readonly plan: NodePlan
  readonly home: MadeHome
  readonly rpc: string
  readonly metrics: string
  process: NexusProcess
}

const project = fileURLToPath(new URL('../../', import.meta.url))
const START_MS = 60_000

export class Testnet {
  readonly plan: Plan
  readonly members: readonly Member[]
  /** By the one who dials, then by the one who is dialed. */
  readonly #lines: readonly (readonly (Line | null)[])[]
  /** The program again, elsewhere: what an upgraded node runs. */
  readonly #upgraded: string

  private constructor(plan: Plan, members: Member[], lines: (Line | null)[][], upgraded: string) {
    this.plan = plan
    this.members = members
    this.#lines = lines
    this.#upgraded = upgraded
  }

  /** Makes keys, genesis, homes and lines, and starts every node. */
  static async start(plan: Plan): Promise<Testnet> {
    const data = temporaryDirectory(`testnet-${plan.seed}`)
    const ports = await findPorts()
    const homes = await makeHomes(plan, data)
    const lines = await linesOf(plan, ports.p2p)
    const members = homes.map((home, i): Member => {
      const nodePlan = plan.nodes[i] as NodePlan
      configure(home.paths, {
        moniker: home.moniker,
        ...(nodePlan.power === 0 ? { validatorKeyFile: null } : {}),
        rpc: { port: ports.rpc + i },
        metrics: { port: ports.metrics + i },
        p2p: {
          listen: [`/ip4/127.0.0.1/tcp/${ports.p2p + i}`],
          peers: homes.flatMap(({ peerId }, other) => {
            const line = lines[i]?.[other]
            return line == null ? [] : [`/ip4/127.0.0.1/tcp/${line.port}/p2p/${peerId}`]
          }),
        },
        execution: { engineThreads: nodePlan.engineThreads },
        storage: { historyBlocks: nodePlan.historyBlocks },
      })
      if (plan.config !== undefined) configure(home.paths, plan.config)
      return {
        plan: nodePlan,
        home,
        rpc: `http://127.0.0.1:${ports.rpc + i}`,
        metrics: `http://127.0.0.1:${ports.metrics + i}`,
        process: startNode(home.paths, nodePlan, { flags: plan.flags }),
      }
    })
    const testnet = new Testnet(plan, members, lines, join(data, 'upgraded'))
    await testnet.untilHeight(1, START_MS)
    return testnet
  }

  /** The funded accounts, for whoever sends transactions. */
  accounts() {
    return testAccounts(16).map(({ privateKey }) => privateKeyToAccount(`0x${toHex(privateKey)}`))
  }

  get urls(): string[] {
    return this.members.map(({ rpc }) => rpc)
  }

  /** Does it, waits, and undoes it. */
  async perturb(one: Perturbation, load: Pick<Load, 'down' | 'up'>): Promise<void> {
    switch (one.kind) {
      case 'kill':
      case 'restart':
      case 'upgrade':
        load.down(one.node)
        await this.#startAgain(one)
        load.up(one.node)
        return
      case 'pause': {
        const { pid } = this.#member(one.node).process
        process.kill(pid, 'SIGSTOP')
        await sleep(one.forMs)
        process.kill(pid, 'SIGCONT')
        return
      }
      case 'disconnect': {
        const lines = this.#linesWhere((from, to) => from === one.node || to === one.node)
        for (const line of lines) line.cut()
        await sleep(one.forMs)
        for (const line of lines) line.mend()
        return
      }
      case 'partition': {
        const { group } = one
        const lines = this.#linesWhere((from, to) => group.includes(from) !== group.includes(to))
        for (const line of lines) line.hold()
        await sleep(one.forMs)
        for (const line of lines) line.mend()
      }
    }
  }

  /** Every node has the height, or the error says which has not and what it says. */
  async untilHeight(height: number, timeoutMs: number): Promise<void> {
    for (const [i, { rpc, process }] of this.members.entries())
      await until({ what: `node ${i} to reach ${height}`, timeoutMs }, async () => {
        return (await headOf(rpc)) >= height
      }).catch((error: Error) => {
        throw new Error(`${error.message}\n${process.output.slice(-4_000)}`)
      })
  }

  async heights(): Promise<number[]> {
    return Promise.all(this.members.map(({ rpc }) => headOf(rpc)))
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ process }) => process.stop('SIGTERM')))
    await Promise.all(this.#lines.flat().map((line) => line?.close()))
  }

  #member(node: number): Member {
    return this.members[node] as Member
  }

  #linesWhere(wanted: (from: number, to: number) => boolean): Line[] {
    return this.#lines.flatMap((row, from) =>
      row.flatMap((line, to) => (line !== null && wanted(from, to) ? [line] : [])),
    )
  }

  async #startAgain({
    kind,
    node,
    forMs,
  }: Perturbation & { readonly node: number }): Promise<void> {
    const member = this.#member(node)
    await member.process.stop(kind === 'kill' ? 'SIGKILL' : 'SIGTERM')
    await sleep(forMs)
    const bin = kind === 'upgrade' ? this.#program() : undefined
    const { flags } = this.plan
    member.process = startNode(member.home.paths, member.plan, { bin, flags })
    await until({ what: `node ${node} to answer`, timeoutMs: START_MS }, async () => {
      return member.process.exit !== null || (await headOf(member.rpc)) >= 0
    })
    if (member.process.exit !== null)
      throw new Error(`node ${node} does not start again:\n${member.process.output}`)
  }

  #program(): string {
    const bin = join(this.#upgraded, 'bin', 'nexus.mjs')
    if (existsSync(bin)) return bin
    mkdirSync(this.#upgraded, { recursive: true })
    for (const entry of PROGRAM)
      cpSync(join(project, entry), join(this.#upgraded, entry), { recursive: true })
    symlinkSync(join(project, 'node_modules'), join(this.#upgraded, 'node_modules'))
    return bin
  }
}

const PROGRAM = [
  ...['package.json', 'package-lock.json', 'bin', 'node', 'core', 'consensus', 'coprocessors'],
  ...['evm', 'genesis', 'rpc', 'contracts'],
]

async function makeHomes(plan: Plan, data: string): Promise<readonly MadeHome[]> {
  const members = plan.nodes.map(({ power }, i) => ({
    moniker: `node-${i}`,
    paths: homePaths(join(data, `node-${i}`)),
    power,
  }))
  const { homes } = await createHomes({
    chainId: TESTNET_CHAIN_ID,
    genesisTime: Date.now(),
    blockTimeMs: plan.blockTimeMs,
    ...(plan.consensus === undefined ? {} : { consensus: plan.consensus }),
    accounts: 16,
    balance: 10_000n * WEI_PER_COIN,
    validators: members.filter(({ power }) => power > 0),
    observers: members.filter(({ power }) => power === 0),
    password: null,
  })
  return homes
}

/** Each node dials those with a higher number: one line for a pair. */
function linesOf(plan: Plan, p2p: number): Promise<(Line | null)[][]> {
  const regions = plan.delaysMs.length
  return Promise.all(
    plan.nodes.map((_, from) =>
      Promise.all(
        plan.nodes.map((_, to) => {
          const delayMs = plan.delaysMs[from % regions]?.[to % regions] ?? 0
          return from < to ? new Line(p2p + to, delayMs).open() : null
        }),
      ),
    ),
  )
}

const configure = (paths: HomePaths, config: { readonly [key: string]: unknown }): void =>
  writeMemberConfig(paths, config)

function startNode(
  { home }: HomePaths,
  plan: NodePlan,
  { bin, flags }: { readonly bin?: string | undefined; readonly flags?: Plan['flags'] },
): NexusProcess {
  const preload: URL[] = []
  if (plan.diskMs > 0) preload.push(new URL(`./slowDisk.ts?ms=${plan.diskMs}`, import.meta.url))
  if (plan.skewMs !== 0)
    preload.push(new URL(`./skewedClock.ts?ms=${plan.skewMs}`, import.meta.url))
  return new NexusProcess(['start', '--home', home], undefined, preload, bin, flags)
}
