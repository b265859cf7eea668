import * as fs from 'node:fs'
import { isIP } from 'node:net'
import * as path from 'node:path'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { checksumAddress, genesisHash } from '../../genesis/index.ts'
import { homePaths } from '../config/paths.ts'
import { loadNodeConfig } from '../config.ts'
import { readGenesis } from '../home.ts'
import { readTextFile, writeFileAtomic } from '../keys/files.ts'
import { lockHolder } from '../lock.ts'
import {
  createHomes,
  type MadeHome,
  type NewChain,
  peersOf,
  testAccounts,
  writeMemberConfig,
} from './chainHomes.ts'
import { instructionsOf, startScript, systemdUnit } from './testnetFiles.ts'

export type TestnetOptions = Omit<NewChain, 'validators' | 'observers'> & {
  /** Absolute. */
  readonly output: string
  /** Of the validators, in order; as many as there are. */
  readonly powers: readonly number[]
  readonly observers: number
  /** Names or addresses of the machines, taken in turn: validators first, then observers. */
  readonly hosts: readonly string[]
  /** Of the first node on a machine; the next one there has the next ten. */
  readonly startingPort: number
  /** Deletes the testnet that was made here before, with its keys. */
  readonly force: boolean
}

export type TestnetNode = {
  readonly moniker: string
  readonly host: string
  readonly home: string
  readonly peerId: string
  /** What the others dial. */
  readonly address: string
  readonly ports: { readonly p2p: number; readonly rpc: number; readonly metrics: number }
  /** Null: an observer. */
  readonly validator: {
    readonly address: string
    readonly publicKey: string
    readonly power: number
  } | null
}

export type Testnet = {
  readonly output: string
  readonly chainId: number
  readonly genesisHash: string
  readonly nodes: readonly TestnetNode[]
  /** Funded accounts of the mnemonic that every test tool uses. */
  readonly accounts: readonly string[]
  readonly encrypted: boolean
}

export const PORTS_PER_NODE = 10

/**
 * Makes the homes of a chain on several machines: keys, one genesis, configurations that know each
 * other, and how to start each. Throws OUTPUT_EXISTS, OUTPUT_FOREIGN, LOCKED, INVALID_CONFIG.
 */
export async function createTestnet(options: TestnetOptions): Promise<Testnet> {
  claimOutput(options)
  const places = placesOf(options)
  const members = places.map(({ moniker }) => ({
    moniker,
    paths: homePaths(path.join(options.output, moniker)),
  }))
  const { homes, genesis } = await createHomes({
    ...options,
    validators: options.powers.map((power, i) => ({
      ...(members[i] as (typeof members)[number]),
      power,
    })),
    observers: members.slice(options.powers.length),
  })
  const nodes = homes.map((made, i) => nodeOf(options, places[i] as Place, made, i))
  for (const [i, node] of nodes.entries()) writeNode(options, nodes, node, i)
  const genesisFile = path.join(options.output, 'genesis.json')
  writeFileAtomic(genesisFile, genesis)
  const testnet: Testnet = {
    output: options.output,
    chainId: options.chainId,
    genesisHash: `0x${toHex(genesisHash(readGenesis(genesisFile).value))}`,
    nodes,
    accounts: testAccounts(options.accounts).map(({ address }) => checksumAddress(address)),
    encrypted: options.password !== null,
  }
  writeFileAtomic(path.join(options.output, 'README.md'), instructionsOf(testnet))
  // Last: a directory without it was never finished.
  writeFileAtomic(
    path.join(options.output, 'testnet.json'),
    `${JSON.stringify(testnet, null, 2)}\n`,
  )
  return testnet
}

/** All that this command writes in its directory; nothing else is ever deleted. */
const OWN_ENTRY = /^(?:validator-\d+|observer-\d+|testnet\.json|genesis\.json|README\.md)$/

function claimOutput({ output, force }: TestnetOptions): void {
  fs.mkdirSync(output, { recursive: true, mode: 0o700 })
  const entries = fs.readdirSync(output)
  if (entries.length === 0) return
  const foreign = entries.filter((name) => !OWN_ENTRY.test(name))
  if (foreign.length > 0)
    throw new NexusError(
      { code: 'OUTPUT_FOREIGN', path: output },
      { message: `${output} holds other files: ${foreign.slice(0, 5).join(', ')}` },
    )
  if (!force)
    throw new NexusError(
      { code: 'OUTPUT_EXISTS', path: output },
      { message: `${output} holds a testnet already, with its keys` },
    )
  for (const name of entries) {
    const lock = homePaths(path.join(output, name)).lock
    const pid = fs.existsSync(lock) ? lockHolder(lock) : null
    if (pid !== null)
      throw new NexusError(
        { code: 'LOCKED', path: lock, pid },
        { message: `${lock} is held by process ${pid}` },
      )
  }
  for (const name of entries) fs.rmSync(path.join(output, name), { recursive: true })
}

type Place = {
  readonly moniker: string
  readonly host: string
  /** Of the nodes on this machine. */
  readonly index: number
}

function placesOf({ powers, observers, hosts }: TestnetOptions): readonly Place[] {
  const perHost = new Map<string, number>()
  return Array.from({ length: powers.length + observers }, (_, i) => {
    const host = hosts[i % hosts.length] ?? LOOPBACK
    const index = perHost.get(host) ?? 0
    perHost.set(host, index + 1)
    const moniker = i < powers.length ? `validator-${i}` : `observer-${i - powers.length}`
    return { moniker, host, index }
  })
}

const LOOPBACK = '127.0.0.1'

function nodeOf(
  { startingPort, powers }: TestnetOptions,
  { moniker, host, index }: Place,
  { peerId, key, paths }: MadeHome,
  i: number,
): TestnetNode {
  const first = startingPort + PORTS_PER_NODE * index
  const ports = { p2p: first, rpc: first + 1, metrics: first + 2 }
  const validator =
    key === null
      ? null
      : {
          address: checksumAddress(key.address),
          publicKey: `0x${toHex(key.publicKey)}`,
          power: powers[i] as number,
        }
  const address = `${transportOf(host)}/tcp/${ports.p2p}`
  return { moniker, host, home: paths.home, peerId, address, ports, validator }
}

function transportOf(host: string): string {
  const version = isIP(host)
  return version === 0 ? `/dns4/${host}` : `/ip${version}/${host}`
}

const isLoopback = (host: string): boolean => host === 'localhost' || /^127\.|^::1$/.test(host)

function writeNode(
  options: TestnetOptions,
  nodes: readonly TestnetNode[],
  node: TestnetNode,
  index: number,
): void {
  const { host, ports, moniker, home } = node
  const paths = homePaths(home)
  const interface_ = isLoopback(host) ? LOOPBACK : isIP(host) === 6 ? '::' : '0.0.0.0'
  writeMemberConfig(paths, {
    moniker,
    ...(node.validator === null ? { validatorKeyFile: null } : {}),
    rpc: { port: ports.rpc },
    metrics: { port: ports.metrics },
    p2p: {
      listen: [`${transportOf(interface_)}/tcp/${ports.p2p}`],
      peers: peersOf(nodes, index),
    },
  })
  // As `start` will read it: a host that is no host must not come out on another machine.
  loadNodeConfig({ home, file: readTextFile(paths.config), environment: {}, flags: new Map() })
  writeFileAtomic(path.join(home, 'start.sh'), startScript(options.password !== null), 0o755)
  writeFileAtomic(path.join(home, 'nexus.service'), systemdUnit(moniker, options.password !== null))
}
