import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, cpSync, openSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Devnet, temporaryDirectory } from '../../test/support/devnet.ts'
import { findPorts } from '../../test/support/ports.ts'
import { adopt, isRunning } from '../../test/support/processes.ts'
import { installTools } from '../../test/support/tools/install.ts'
import { fileOf, foundry, hardhatProgram } from '../../test/support/tools/tools.ts'
import { until } from '../../test/support/wait.ts'
import { KeepAliveClient } from '../keepAlive.ts'
import { type MeasuredNetwork, networkOf } from '../throughput.ts'

export const SERVERS = ['nexus', 'anvil', 'hardhat'] as const
export type ServerName = (typeof SERVERS)[number]

/** A server under measurement: real processes, on loopback. */
export type Server = {
  readonly network: MeasuredNetwork
  readonly pids: readonly number[]
  /** Throws when it ended by itself. */
  readonly stop: () => Promise<void>
}

const CHAIN_ID = 3940
/** Of blocks, in seconds and milliseconds. */
const ANVIL_BLOCK_TIME = '0.2'
const HARDHAT_BLOCK_TIME_MS = 200
/** Limits that this load does not reach: none of the peers is to be held back by a default. */
const ANVIL_FLAGS = [
  ...['--block-time', ANVIL_BLOCK_TIME],
  ...['--gas-limit', '10000000000', '--no-request-size-limit'],
  ...['--order', 'fifo', '--disable-console-log', '--quiet'],
]
const HARDHAT_MINING = {
  auto: false,
  interval: HARDHAT_BLOCK_TIME_MS,
  mempool: { order: 'fifo' },
}

/** How each is started, for the reader of the report. */
export const SETTINGS: Readonly<Record<ServerName, string>> = {
  nexus: 'nexus devnet --validators 1',
  anvil: `anvil ${ANVIL_FLAGS.join(' ')}`,
  hardhat: `hardhat node, mining ${JSON.stringify(HARDHAT_MINING)}, blockGasLimit 10^10, logging off`,
}

export const startServer = (name: ServerName): Promise<Server> => STARTS[name]()

/** The version of what is measured. */
export async function versionOf(name: ServerName): Promise<string> {
  if (name === 'nexus') return 'this checkout'
  const packageName = name === 'anvil' ? '@foundry-rs/anvil' : 'hardhat'
  const manifest = fileOf(packageName, 'package.json', await installTools())
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

const STARTS: Readonly<Record<ServerName, () => Promise<Server>>> = {
  nexus: async () => {
    const devnet = await Devnet.start({ validators: 1, timeoutMs: 120_000 })
    return {
      network: networkOf(devnet),
      pids: [devnet.pidOf(0), devnet.supervisor.pid],
      stop: async () => {
        const deaths = devnet.deaths()
        await devnet.stop()
        if (deaths.length > 0) throw new Error(deaths.join('\n'))
      },
    }
  },
  anvil: async () => {
    const { rpc } = await findPorts()
    const args = ['--port', String(rpc), '--chain-id', String(CHAIN_ID), ...ANVIL_FLAGS]
    return startPeer('anvil', { file: foundry('anvil', await installTools()), args }, rpc)
  },
  hardhat: async () => {
    const tools = await installTools()
    const { rpc } = await findPorts()
    const cwd = temporaryDirectory('hardhat')
    cpSync(fileURLToPath(new URL('hardhat', import.meta.url)), cwd, { recursive: true })
    symlinkSync(join(tools, 'node_modules'), join(cwd, 'node_modules'))
    const args = [hardhatProgram(tools), 'node', '--hostname', '127.0.0.1', '--port', String(rpc)]
    const env = {
      BENCH_CHAIN_ID: String(CHAIN_ID),
      BENCH_MINING: JSON.stringify(HARDHAT_MINING),
      HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
    }
    const server = await startPeer('hardhat', { file: process.execPath, args, cwd, env }, rpc)
    // Its command line always logs every call; this is how a user stops it.
    await callOnce(rpc, 'hardhat_setLoggingEnabled', [false])
    return server
  },
}

type Start = {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Resolves once it answers. */
async function startPeer(
  name: ServerName,
  { file, args, cwd, env }: Start,
  port: number,
): Promise<Server> {
  const folder = temporaryDirectory('peer')
  const log = join(folder, 'log')
  const output = openSync(log, 'w')
  const child = spawn(file, args, {
    ...{ cwd: cwd ?? folder, env: { ...process.env, ...env }, stdio: ['ignore', output, output] },
  })
  closeSync(output)
  child.on('error', () => undefined)
  if (child.pid === undefined) throw new Error(`${file} could not be started`)
  const { pid } = child
  adopt(pid)
  const said = (): string => readFileSync(log, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
  const what = `${name} to answer`
  await until({ what, timeoutMs: 60_000 }, () => hasEnded(child) || answers(port)).catch(
    (error: Error) => {
      throw new Error(`${error.message}; its output:\n${said()}`)
    },
  )
  if (hasEnded(child)) throw new Error(`${name} ended at once:\n${said()}`)
  const url = `127.0.0.1:${port}`
  return {
    network: {
      chainId: CHAIN_ID,
      accounts: PEER_ACCOUNTS,
      nodes: [{ rpc: `http://${url}`, ws: `ws://${url}`, metrics: null, pid: () => pid }],
    },
    pids: [pid],
    stop: async () => {
      const died = hasEnded(child)
      const how = `code ${child.exitCode}, signal ${child.signalCode}`
      child.kill('SIGKILL')
      await until({ what: `${name} to be gone` }, () => !isRunning(pid))
      if (died) throw new Error(`${name} ended by itself (${how}):\n${said()}`)
    },
  }
}

/** Of the mnemonic that anvil, Hardhat and the devnet share. */
const PEER_ACCOUNTS = [
  { privateKey: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80' },
  { privateKey: '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d' },
]

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null

const answers = (port: number): Promise<boolean> =>
  callOnce(port, 'eth_chainId', []).then(
    () => true,
    () => false,
  )

async function callOnce(port: number, method: string, params: readonly unknown[]): Promise<void> {
  const client = new KeepAliveClient(`http://127.0.0.1:${port}`)
  try {
    await client.call(method, params)
  } finally {
    client.close()
  }
}
