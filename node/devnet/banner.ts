import * as path from 'node:path'
import { toHex } from '../../core/primitives/bytes.ts'
import { checksumAddress } from '../../genesis/index.ts'
import { formatCoins } from '../cli/values.ts'
import { type MnemonicAccount, TEST_MNEMONIC } from '../keys/mnemonic.ts'
import type { DevnetChain, DevnetPorts } from './options.ts'

export type DevnetValidator = {
  readonly index: number
  readonly rpc: string
  readonly ws: string
  readonly metrics: string
  readonly home: string
  readonly log: string
  readonly pid: number | null
  readonly address: string
}

/** A devnet that runs, as people and programs are told about it. */
export type RunningDevnet = {
  readonly chain: DevnetChain
  readonly data: string
  readonly genesisHash: string
  readonly validators: readonly DevnetValidator[]
  readonly accounts: readonly MnemonicAccount[]
  readonly continued: boolean
}

export const urlsOf = (ports: DevnetPorts, index: number) => ({
  rpc: `http://127.0.0.1:${ports.rpc + index}`,
  ws: `ws://127.0.0.1:${ports.rpc + index}`,
  metrics: `http://127.0.0.1:${ports.metrics + index}/metrics`,
})

/** One line for programs. */
export function formatDevnetJson(devnet: RunningDevnet): string {
  const { chain, data, genesisHash, validators, accounts } = devnet
  return JSON.stringify({
    chainId: chain.chainId,
    genesisHash,
    validators,
    accounts: accounts.map(({ address, privateKey }) => ({
      address: checksumAddress(address),
      privateKey: `0x${toHex(privateKey)}`,
    })),
    mnemonic: TEST_MNEMONIC,
    data,
  })
}

/** Accounts shown; a devnet may have a thousand. */
const SHOWN_ACCOUNTS = 20

/** What a person needs to use the chain. */
export function formatBanner(devnet: RunningDevnet, directory: string): string {
  const { chain, data, validators, accounts } = devnet
  const near = (file: string): string => shorter(path.relative(directory, file), file)
  const first = validators[0]
  const shown = accounts.slice(0, SHOWN_ACCOUNTS)
  return [
    '',
    `Nexus devnet: ${validators.length} ${validators.length === 1 ? 'validator' : 'validators'}, chain id ${chain.chainId}${devnet.continued ? ', continued' : ''}`,
    '',
    '  #  JSON-RPC and WebSocket   metrics and health              log',
    ...validators.map(
      ({ index, rpc, metrics, log }) =>
        `  ${String(index).padEnd(2)} ${rpc.padEnd(24)} ${metrics.padEnd(31)} ${near(log)}`,
    ),
    '',
    `  ${accounts.length} accounts with ${formatCoins(chain.balance)} coins each. UNSAFE: these keys are known to everybody.`,
    '  Never send anything of value to them, on any network.',
    ...shown.flatMap(({ address, privateKey }) => [
      `  ${checksumAddress(address)}  0x${toHex(privateKey)}`,
    ]),
    ...(shown.length < accounts.length ? [`  … ${accounts.length - shown.length} more`] : []),
    `  Mnemonic: ${TEST_MNEMONIC}  (m/44'/60'/0'/0/i)`,
    '',
    `  MetaMask: add a network with RPC URL ${first?.rpc}, chain id ${chain.chainId}, any symbol.`,
    `  Data in ${near(data)}; starting again continues the chain, --reset begins anew. Ctrl-C stops.`,
    '',
  ].join('\n')
}

const shorter = (a: string, b: string): string => (a !== '' && a.length < b.length ? a : b)
