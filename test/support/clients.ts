import {
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type LocalAccount,
  publicActions,
  webSocket,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { DevnetReport } from './devnet.ts'

export const nexusChain = defineChain({
  id: 3940,
  name: 'Nexus devnet',
  nativeCurrency: { name: 'USDX', symbol: 'USDX', decimals: 18 },
  rpcUrls: { default: { http: ['http://127.0.0.1:8545'] } },
})

const POLLING_MS = 20

/** Wallet and public actions of viem on one node, for one account. */
export const walletOf = (url: string, account: LocalAccount) =>
  createWalletClient({
    account,
    chain: nexusChain,
    transport: http(url),
    pollingInterval: POLLING_MS,
  }).extend(publicActions)
export type Wallet = ReturnType<typeof walletOf>

export const readerOf = (url: string, pollingInterval: number = POLLING_MS) =>
  createPublicClient({ chain: nexusChain, transport: http(url), pollingInterval })

export const subscriberOf = (url: string) =>
  createPublicClient({ chain: nexusChain, transport: webSocket(url, { reconnect: false }) })

/** The i-th funded account of a devnet. */
export function accountOf(report: DevnetReport, index: number) {
  const key: Hex | undefined = report.accounts[index]?.privateKey
  if (key === undefined) throw new Error(`the devnet has no account ${index}`)
  return privateKeyToAccount(key)
}
