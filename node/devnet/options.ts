import { DEFAULT_CHAIN_ID, WEI_PER_COIN } from '../../genesis/index.ts'

/** What makes the chain of a devnet: fixed at its first start. */
export type DevnetChain = {
  readonly chainId: number
  readonly validators: number
  readonly accounts: number
  /** Of each account, in wei. */
  readonly balance: bigint
  /** Interval of empty blocks. */
  readonly blockTimeMs: number
}

export const defaultDevnetChain: DevnetChain = {
  chainId: DEFAULT_CHAIN_ID,
  validators: 4,
  accounts: 10,
  balance: 10_000n * WEI_PER_COIN,
  blockTimeMs: 1_000,
}

/** Ports of validator 0; validator i has these + i. */
export type DevnetPorts = {
  readonly rpc: number
  readonly metrics: number
  readonly p2p: number
}

export const MAX_VALIDATORS = 16
export const MAX_ACCOUNTS = 1_000

/** 8545, 9545 and 26656 keep their distance when only the first is moved, as far as ports go. */
export function portsFrom({
  rpc = 8545,
  metrics,
  p2p,
}: {
  readonly rpc?: number | undefined
  readonly metrics?: number | undefined
  readonly p2p?: number | undefined
}): DevnetPorts {
  const far = rpc + 18_111
  return {
    rpc,
    metrics: metrics ?? rpc + 1_000,
    p2p: p2p ?? (far + MAX_VALIDATORS <= 65_535 ? far : rpc + 2_000),
  }
}

export type DevnetOptions = {
  /** Absolute. */
  readonly data: string
  /** Only what the person said; the rest is the chain's or the default. */
  readonly chain: Partial<DevnetChain>
  readonly ports: DevnetPorts
  readonly logLevel: string
  readonly reset: boolean
  readonly restart: boolean
  readonly json: boolean
}
