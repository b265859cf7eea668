import type { Address, Hex, TransactionReceipt } from 'viem'
import { expect } from 'vitest'
import type { Artifact } from './artifacts.ts'
import type { Wallet } from './clients.ts'

/** The receipt of what was sent; anything but success fails the test. */
export async function mined(client: Wallet, sent: Promise<Hex>): Promise<TransactionReceipt> {
  const receipt = await client.waitForTransactionReceipt({ hash: await sent, timeout: 20_000 })
  expect(receipt.status, `transaction ${receipt.transactionHash}`).toBe('success')
  return receipt
}

export async function deploy(
  client: Wallet,
  artifact: Artifact,
  args: unknown[] = [],
): Promise<Address> {
  const receipt = await mined(client, client.deployContract({ ...artifact, args }))
  if (!receipt.contractAddress) throw new Error('a deployment has an address')
  return receipt.contractAddress
}
