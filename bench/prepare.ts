import { encodeDeployData, type Hex, parseAbi } from 'viem'
import { EMPTY_BYTES, fromHex, toHex } from '../core/primitives/bytes.ts'
import { addressOfPrivateKey } from '../core/primitives/signature.ts'
import type { KeepAliveClient } from './keepAlive.ts'
import type { Prepared } from './pump.ts'
import { erc20Transfer, type Sender, sendersOf, signTransaction } from './sign.ts'

export type PrepareOptions = {
  readonly client: KeepAliveClient
  readonly chainId: number
  readonly fundingKey: Uint8Array
  readonly senders: number
  readonly prepared: number
  readonly lanes: number
  /** Null for native transfers. */
  readonly tokenBytecode: string | null
}

const FUNDS = 20n * 10n ** 18n
const TOKENS = 10n ** 24n
const GAS = { transfer: 21_000, erc20: 65_000, deploy: 2_000_000 }
/** Twenty seconds of 50 ms. */
const ATTEMPTS = 400

/**
 * Funds the senders and signs their transactions, one list for each node. A sender stays on one
 * node, so that its nonces arrive in order; senders take turns, so that no block needs many
 * transactions of one.
 */
export async function prepareTransactions(options: PrepareOptions): Promise<Prepared[][]> {
  const { client, chainId, prepared, lanes } = options
  const senders = sendersOf(options.senders)
  const funder = {
    privateKey: options.fundingKey,
    address: addressOfPrivateKey(options.fundingKey),
  }
  const token = await fund(options, funder, senders)
  const nonces = await Promise.all(senders.map((sender) => nonceOf(client, sender)))
  const out: Prepared[][] = Array.from({ length: lanes }, () => [])
  for (let i = 0; i < prepared; i++) {
    const index = i % senders.length
    const sender = senders[index] as Sender
    const to = (senders[(index + 1) % senders.length] as Sender).address
    const nonce = nonces[index] as number
    nonces[index] = nonce + 1
    const call =
      token === null
        ? { gas: GAS.transfer, to, value: 1n, data: EMPTY_BYTES }
        : { gas: GAS.erc20, to: token, value: 0n, data: erc20Transfer(to, 1n) }
    out[index % lanes]?.push(signTransaction(sender, { chainId, nonce, ...call }))
  }
  return out
}

/** Coins for everybody and, where a token is asked for, the token and some of it; its address. */
async function fund(
  options: PrepareOptions,
  funder: Sender,
  senders: readonly Sender[],
): Promise<Uint8Array | null> {
  const { client, chainId, tokenBytecode } = options
  await fundSenders(client, chainId, toHex(options.fundingKey), senders)
  if (tokenBytecode === null) return null
  let nonce = await nonceOf(client, funder)
  const sign = (gas: number, to: Uint8Array, data: Uint8Array): string =>
    signTransaction(funder, { chainId, nonce: nonce++, gas, to, value: 0n, data }).raw
  const deployment = encodeDeployData({
    abi: parseAbi(['constructor(string name, string symbol, uint256 supply)']),
    bytecode: tokenBytecode as Hex,
    args: ['Bench', 'BNC', TOKENS * BigInt(senders.length)],
  })
  const token = await deployed(client, sign(GAS.deploy, EMPTY_BYTES, fromHex(deployment)))
  for (const { address } of senders)
    await submit(client, sign(GAS.erc20, token, erc20Transfer(address, TOKENS)))
  await untilNonce(client, funder, nonce)
  return token
}

/** Gives each sender coins and waits until all have them. */
export async function fundSenders(
  client: KeepAliveClient,
  chainId: number,
  fundingKey: string,
  senders: readonly Sender[],
): Promise<void> {
  const privateKey = fromHex(fundingKey)
  const funder = { privateKey, address: addressOfPrivateKey(privateKey) }
  let nonce = await nonceOf(client, funder)
  for (const { address } of senders) {
    const call = { gas: GAS.transfer, to: address, value: FUNDS, data: EMPTY_BYTES }
    const { raw } = signTransaction(funder, { chainId, nonce: nonce++, ...call })
    await submit(client, raw)
  }
  await untilNonce(client, funder, nonce)
}

async function nonceOf(client: KeepAliveClient, { address }: Sender): Promise<number> {
  return Number(
    await client.call<string>('eth_getTransactionCount', [`0x${toHex(address)}`, 'latest']),
  )
}

/** Tries for as long as the node asks to try again later. */
async function submit(client: KeepAliveClient, raw: string): Promise<string> {
  for (let i = 0; ; i++) {
    try {
      return await client.call<string>('eth_sendRawTransaction', [raw])
    } catch (error) {
      if (i === ATTEMPTS || !/try again later/.test(String(error))) throw error
      await pause()
    }
  }
}

async function deployed(client: KeepAliveClient, raw: string): Promise<Uint8Array> {
  const hash = await submit(client, raw)
  for (let i = 0; i < ATTEMPTS; i++) {
    type Found = { status: string; contractAddress: string } | null
    const receipt = await client.call<Found>('eth_getTransactionReceipt', [hash])
    if (receipt?.status === '0x1') return fromHex(receipt.contractAddress)
    await pause()
  }
  throw new Error(`the token of the benchmark was not deployed by ${hash}`)
}

async function untilNonce(client: KeepAliveClient, sender: Sender, nonce: number): Promise<void> {
  for (let i = 0; i < ATTEMPTS; i++) {
    if ((await nonceOf(client, sender)) === nonce) return
    await pause()
  }
  throw new Error('the senders of the benchmark were not funded in time')
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))
