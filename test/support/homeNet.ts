// Nodes with homes of their own, each a process of its own, all connected: also nodes whose keys the
// genesis does not name. They run the engines of a chain and the authority.
import { join } from 'node:path'
import { compareBytes, toHex } from '../../core/primitives/bytes.ts'
import { millisOf } from '../../core/primitives/units.ts'
import { defaultCoreGenesis } from '../../genesis/core.ts'
import { createGenesis, defaultConsensusParams, defaultEvmParams } from '../../genesis/create.ts'
import { type HomePaths, homePaths } from '../../node/config/paths.ts'
import { formatConfig } from '../../node/config.ts'
import { ensureNodeKey, makeHome, randomBytesOf } from '../../node/home.ts'
import { writeFileAtomic } from '../../node/keys/files.ts'
import { peerIdOf } from '../../node/keys/nodeKey.ts'
import {
  generateValidatorKey,
  saveValidatorKey,
  type ValidatorKey,
} from '../../node/keys/validatorKey.ts'
import { temporaryDirectory } from './devnet.ts'
import type { Key } from './evmWorld.ts'
import { findPorts, type PortPlan } from './ports.ts'
import { NexusProcess } from './processes.ts'

export type HomeNetOptions = {
  readonly chainId: number
  /** Of the validators of the genesis, which are the first nodes. */
  readonly powers: readonly number[]
  /** Nodes beyond them. */
  readonly others: number
  /** Of the authority; has money for fees. */
  readonly admin: Key
  readonly blockTimeMs: number
}

const WITH_AUTHORITY = new URL('./engines/withAuthority.ts', import.meta.url)

export class HomeNet {
  /** By node, in address order among the validators of the genesis. */
  readonly keys: readonly ValidatorKey[]
  readonly #homes: readonly HomePaths[]
  readonly #ports: PortPlan
  readonly #running = new Map<number, NexusProcess>()

  private constructor(keys: readonly ValidatorKey[], homes: readonly HomePaths[], ports: PortPlan) {
    this.keys = keys
    this.#homes = homes
    this.#ports = ports
  }

  static async create(options: HomeNetOptions): Promise<HomeNet> {
    const { chainId, powers, others, admin, blockTimeMs } = options
    const data = temporaryDirectory('homes')
    const ports = await findPorts()
    const made = [...powers, ...Array.from({ length: others })].map(() =>
      generateValidatorKey(randomBytesOf),
    )
    const byAddress = (a: ValidatorKey, b: ValidatorKey): number =>
      compareBytes(a.address, b.address)
    const keys = [...made.slice(0, powers.length).sort(byAddress), ...made.slice(powers.length)]
    const genesis = createGenesis({
      chainId,
      genesisTime: millisOf(Date.now()),
      validators: powers.map((power, i) => ({
        name: `node-${i}`,
        publicKey: (keys[i] as ValidatorKey).publicKey,
        power,
      })),
      accounts: [],
      consensus: { ...defaultConsensusParams, emptyBlockIntervalMs: millisOf(blockTimeMs) },
      evm: defaultEvmParams,
      core: {
        ...defaultCoreGenesis,
        exchange: { admin: admin.address, markets: [] },
        balances: [{ address: admin.address, asset: 'USDX', amount: 1_000_000_000_000 }],
      },
    })
    if (!genesis.ok) throw new Error(genesis.problems)
    const homes = keys.map((_, i) => homePaths(join(data, `node-${i}`)))
    const addresses: string[] = []
    for (const [i, paths] of homes.entries()) {
      makeHome(paths)
      const peerId = peerIdOf(await ensureNodeKey(paths))
      addresses.push(`/ip4/127.0.0.1/tcp/${ports.p2p + i}/p2p/${peerId}`)
      saveValidatorKey(paths.validatorKey, keys[i] as ValidatorKey)
      writeFileAtomic(paths.genesis, genesis.text)
    }
    for (const [i, paths] of homes.entries())
      writeFileAtomic(paths.config, configOf(i, ports, addresses))
    return new HomeNet(keys, homes, ports)
  }

  url(node: number): string {
    return `http://127.0.0.1:${this.#ports.rpc + node}`
  }
  metricsUrl(node: number): string {
    return `http://127.0.0.1:${this.#ports.metrics + node}`
  }
  addressOf(node: number): string {
    return `0x${toHex((this.keys[node] as ValidatorKey).address)}`
  }
  publicKeyOf(node: number): Uint8Array {
    return (this.keys[node] as ValidatorKey).publicKey
  }
  get running(): readonly number[] {
    return [...this.#running.keys()]
  }

  start(node: number): NexusProcess {
    const { home } = this.#homes[node] as HomePaths
    const started = new NexusProcess(['start', '--home', home], undefined, [WITH_AUTHORITY])
    this.#running.set(node, started)
    return started
  }
  /** SIGKILL, and waits for the end. */
  async kill(node: number): Promise<void> {
    await this.#running.get(node)?.stop('SIGKILL')
    this.#running.delete(node)
  }
  /** Nodes that ended without being asked to, with their last output. */
  deaths(): string[] {
    return [...this.#running]
      .filter(([, { exit }]) => exit !== null)
      .map(([node, { output }]) => `node ${node} ended:\n${output}`)
  }
  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((one) => one.stop('SIGINT')))
  }
}

const configOf = (node: number, ports: PortPlan, addresses: readonly string[]): string =>
  formatConfig({
    moniker: `node-${node}`,
    rpc: { port: ports.rpc + node },
    metrics: { port: ports.metrics + node },
    p2p: {
      listen: [`/ip4/127.0.0.1/tcp/${ports.p2p + node}`],
      peers: addresses.filter((_, other) => other !== node),
    },
  })
