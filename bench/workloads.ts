import { type Abi, encodeDeployData, encodeFunctionData, type Hex } from 'viem'
import { EMPTY_BYTES, fromHex, toHex } from '../core/primitives/bytes.ts'
import { type Artifact, compiled, uniswap } from '../test/support/artifacts.ts'
import type { Funder } from './funder.ts'
import { erc20Transfer, type Sender, type TransferRequest } from './sign.ts'

export const KINDS = ['transfer', 'erc20', 'swap', 'compute'] as const
export type Kind = (typeof KINDS)[number]

/** What the `sender`-th account does in its `turn`-th transaction. */
type Call = Omit<TransferRequest, 'chainId' | 'nonce'>
export type Workload = (sender: number, turn: number) => Call

const TOKENS = 10n ** 24n
/** 250,000 gas. */
const ROUNDS = 500n
const GAS = { transfer: 21_000, erc20: 65_000, swap: 160_000, compute: 300_000, deploy: 6_000_000 }
const DEADLINE = 2n ** 40n

/** Deploys what the transactions of a kind need; what it gives depends on the arguments alone. */
export async function workloadOf(
  kind: Kind,
  funder: Funder,
  senders: readonly Sender[],
): Promise<Workload> {
  const next = (sender: number): Uint8Array =>
    (senders[(sender + 1) % senders.length] as Sender).address
  switch (kind) {
    case 'transfer':
      return (sender) => ({ gas: GAS.transfer, to: next(sender), value: 1n, data: EMPTY_BYTES })
    case 'erc20': {
      const token = await tokenOf(funder, senders)
      return (sender) => call(GAS.erc20, token, erc20Transfer(next(sender), 1n))
    }
    case 'swap':
      return swaps(funder, senders)
    case 'compute': {
      const loop = await compiled('Loop')
      const contract = await funder.deploy(GAS.deploy, fromHex(loop.bytecode))
      const data = encoded(loop.abi, 'run', [ROUNDS])
      return () => call(GAS.compute, contract, data)
    }
  }
}

const call = (gas: number, to: Uint8Array, data: Uint8Array): Call => ({ gas, to, value: 0n, data })
const encoded = (abi: Abi, functionName: string, args: readonly unknown[]): Uint8Array =>
  fromHex(encodeFunctionData({ abi, functionName, args }))
const hexOf = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`

function deploy(
  funder: Funder,
  { abi, bytecode }: Artifact,
  args: readonly unknown[],
): Promise<Uint8Array> {
  return funder.deploy(GAS.deploy, fromHex(encodeDeployData({ abi, bytecode, args })))
}

/** An OpenZeppelin ERC-20 of which every sender, and the funder, has the same amount. */
async function tokenOf(funder: Funder, senders: readonly Sender[]): Promise<Uint8Array> {
  const supply = TOKENS * BigInt(senders.length + 1)
  const token = await deploy(funder, await compiled('Token'), ['Bench', 'BNC', supply])
  for (const { address } of senders)
    await funder.send(call(GAS.erc20, token, erc20Transfer(address, TOKENS)))
  await funder.settled()
  return token
}

/** Uniswap V2 as published: the router swaps a little of one token for the other, in turns there and back. */
async function swaps(funder: Funder, senders: readonly Sender[]): Promise<Workload> {
  const { factory, router, weth } = uniswap
  const wethAddress = await deploy(funder, weth, [])
  const factoryAddress = await deploy(funder, factory, [hexOf(funder.address)])
  const routerAddress = await deploy(funder, router, [hexOf(factoryAddress), hexOf(wethAddress)])
  const tokens = [await tokenOf(funder, senders), await tokenOf(funder, senders)]
  const { abi } = await compiled('Token')
  const approval = encoded(abi, 'approve', [hexOf(routerAddress), 2n ** 256n - 1n])
  for (const token of tokens) {
    await funder.send(call(GAS.erc20, token, approval))
    for (const sender of senders) await funder.sendAs(sender, call(GAS.erc20, token, approval))
  }
  const [one, other] = tokens.map(hexOf) as [Hex, Hex]
  const liquidity = encoded(router.abi, 'addLiquidity', [
    ...[one, other, TOKENS, TOKENS, 0n, 0n],
    ...[hexOf(funder.address), DEADLINE],
  ])
  await funder.send(call(GAS.deploy, routerAddress, liquidity))
  await funder.settled()
  return (sender, turn) => {
    const path = turn % 2 === 0 ? [one, other] : [other, one]
    const to = hexOf((senders[sender] as Sender).address)
    const data = encoded(router.abi, 'swapExactTokensForTokens', [
      10n ** 15n,
      0n,
      path,
      to,
      DEADLINE,
    ])
    return call(GAS.swap, routerAddress, data)
  }
}
