import * as fs from 'node:fs'
import * as path from 'node:path'
import { NexusError } from '../../core/primitives/errors.ts'
import { parseJson } from '../../genesis/json.ts'
import { type HomePaths, homePaths } from '../config/paths.ts'
import { readGenesis } from '../home.ts'
import { readTextFileIfPresent, writeFileAtomic } from '../keys/files.ts'
import { loadNodeKey, peerIdOf } from '../keys/nodeKey.ts'
import { createHomes, peersOf, writeMemberConfig } from './chainHomes.ts'
import { FAUCET_BALANCE, faucetAccount, isDevnetGenesis } from './faucet.ts'
import { type DevnetChain, type DevnetPorts, defaultDevnetChain } from './options.ts'

export type DevnetPaths = {
  readonly data: string
  /** Written last: a devnet without it was never finished. */
  readonly description: string
  readonly lock: string
}

export const devnetPaths = (data: string): DevnetPaths => ({
  data,
  description: path.join(data, 'devnet.json'),
  lock: path.join(data, 'devnet.lock'),
})

export const validatorPaths = (data: string, index: number): HomePaths =>
  homePaths(path.join(data, `validator-${index}`))

/** All that a devnet ever writes in its directory; nothing else is ever deleted. */
const OWN_ENTRY = /^(?:validator-\d+|devnet\.json|devnet\.lock(?:\.[0-9a-f]+\.(?:tmp|stale))?)$/

/** DEVNET_FOREIGN_DATA unless a devnet may live in this directory. Makes the directory. */
export function claimDirectory(data: string): void {
  fs.mkdirSync(data, { recursive: true, mode: 0o700 })
  const foreign = fs.readdirSync(data).filter((name) => !OWN_ENTRY.test(name))
  if (foreign.length > 0)
    throw new NexusError(
      { code: 'DEVNET_FOREIGN_DATA', path: data },
      { message: `${data} holds other files: ${foreign.slice(0, 5).join(', ')}` },
    )
}

/** Deletes the chain and its keys; the lock stays. */
export function resetDevnet(data: string): void {
  // First the description: a reset that is interrupted leaves an unfinished devnet, not a broken one.
  fs.rmSync(devnetPaths(data).description, { force: true })
  for (const name of fs.readdirSync(data)) {
    if (/^validator-\d+$/.test(name)) fs.rmSync(path.join(data, name), { recursive: true })
  }
}

/**
 * The chain that lives here, or null before the first start. DEVNET_INCOMPLETE after an
 * interrupted one, DEVNET_CONFLICT when options ask for another chain than the one that exists.
 */
export function openDevnet(data: string, asked: Partial<DevnetChain>): DevnetChain | null {
  const text = readTextFileIfPresent(devnetPaths(data).description)
  if (text === null) {
    if (fs.existsSync(validatorPaths(data, 0).home))
      throw new NexusError(
        { code: 'DEVNET_INCOMPLETE', path: data },
        { message: `${data} holds validators but no chain` },
      )
    return null
  }
  const chain = parseDescription(text, devnetPaths(data).description)
  const conflicts = Object.entries(asked).filter(
    ([name, value]) => chain[name as keyof DevnetChain] !== value,
  )
  if (conflicts.length === 0) return chain
  const lines = conflicts.map(([name, value]) => {
    const flag = name.replace('Ms', '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    return `--${flag}: the chain has ${chain[name as keyof DevnetChain]}, asked was ${value}`
  })
  throw new NexusError(
    { code: 'DEVNET_CONFLICT', path: data },
    { message: [`${data} holds another chain`, ...lines].join('\n') },
  )
}

/** Keys, genesis and homes of a new chain. `genesisTime` in milliseconds. */
export async function createDevnet(
  data: string,
  asked: Partial<DevnetChain>,
  genesisTime: number,
): Promise<DevnetChain> {
  const chain = { ...defaultDevnetChain, ...asked }
  await createHomes({
    ...chain,
    genesisTime,
    validators: Array.from({ length: chain.validators }, (_, i) => ({
      moniker: `validator-${i}`,
      paths: validatorPaths(data, i),
      power: 1,
    })),
    observers: [],
    faucet: { address: faucetAccount().address, balance: FAUCET_BALANCE },
    password: null,
  })
  writeFileAtomic(devnetPaths(data).description, formatDescription(chain))
  return chain
}

/** Writes ports and peers of this start; every other setting that a person put there is kept. */
export function writeConfigs(
  data: string,
  { validators }: DevnetChain,
  { ports, logLevel }: { readonly ports: DevnetPorts; readonly logLevel: string },
): void {
  const homes = Array.from({ length: validators }, (_, i) => validatorPaths(data, i))
  const members = homes.map((paths, i) => {
    const peerId = peerIdOf(loadNodeKey(paths.nodeKey))
    return { address: `/ip4/127.0.0.1/tcp/${ports.p2p + i}`, peerId }
  })
  // A chain of an older version has no faucet, and none of the methods.
  const methods = isDevnetGenesis(readGenesis(validatorPaths(data, 0).genesis).value)
  for (const [i, paths] of homes.entries())
    writeMemberConfig(paths, {
      devnet: { methods },
      moniker: `validator-${i}`,
      // A page on this machine may call a chain of test coins; a real node names its origins.
      rpc: { host: '127.0.0.1', port: ports.rpc + i, corsOrigins: ['*'] },
      metrics: { host: '127.0.0.1', port: ports.metrics + i },
      p2p: { listen: [members[i]?.address], peers: peersOf(members, i) },
      log: { level: logLevel },
    })
}

const FORMAT = 1

const formatDescription = (chain: DevnetChain): string =>
  `${JSON.stringify({ format: FORMAT, ...chain, balance: chain.balance.toString() }, null, 2)}\n`

function parseDescription(text: string, file: string): DevnetChain {
  const json = parseJson(text, 10_000)
  const members = json.ok && json.value instanceof Map ? json.value : new Map<string, unknown>()
  const number = (key: string): number => {
    const value: unknown = members.get(key)
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value
    throw damaged(file)
  }
  const balance: unknown = members.get('balance')
  if (number('format') !== FORMAT || typeof balance !== 'string' || !/^\d+$/.test(balance))
    throw damaged(file)
  return {
    chainId: number('chainId'),
    validators: number('validators'),
    accounts: number('accounts'),
    balance: BigInt(balance),
    blockTimeMs: number('blockTimeMs'),
  }
}

const damaged = (file: string): NexusError =>
  new NexusError(
    { code: 'DEVNET_INCOMPLETE', path: file },
    { message: `${file} is not the description of a devnet` },
  )
