// evm_snapshot and evm_revert on a real devnet of one validator, through viem's test client.
import { type Address, createTestClient, type Hash, http, parseEther, publicActions } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toHex } from '../../core/primitives/bytes.ts'
import { accountOf, nexusChain, subscriberOf, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { initcodeOf, STORE, word } from '../support/storeContract.ts'
import { until } from '../support/wait.ts'

let devnet: Devnet
let url: string

beforeAll(async () => {
  devnet = await Devnet.start({ validators: 1, args: ['--block-time', '60s'] })
  url = devnet.validator(0).rpc
})
afterAll(disposeAll)

const clientOf = (to = url) =>
  createTestClient({
    ...{ mode: 'anvil', chain: nexusChain, transport: http(to), pollingInterval: 20 },
  }).extend(publicActions)
const accountAt = (index: number) => walletOf(url, accountOf(devnet.report, index))
const target: Address = '0x00000000000000000000000000000000000000c1'

async function included(hash: Hash) {
  const receipt = await clientOf().waitForTransactionReceipt({ hash, timeout: 20_000 })
  expect(receipt.status).toBe('success')
  return receipt
}
const pay = async (index: number, value: bigint) =>
  included(await accountAt(index).sendTransaction({ to: target, value }))
async function deploy(index: number): Promise<Address> {
  const data = `0x${toHex(initcodeOf(STORE))}` as const
  const { contractAddress } = await included(await accountAt(index).sendTransaction({ data }))
  return contractAddress as Address
}

test('balances, nonces, blocks, receipts and logs are as they were', async () => {
  const client = clientOf()
  await pay(0, 5n)
  const id = await client.snapshot()
  const [height, balance, nonce] = await Promise.all([
    client.getBlockNumber(),
    client.getBalance({ address: target }),
    client.getTransactionCount({ address: accountAt(0).account.address }),
  ])
  const { hash: headHash } = await client.getBlock()
  const receipts = [await pay(0, 7n), await pay(0, 8n), await pay(0, 9n)]
  const address = await deploy(0)
  const stored = await included(
    await accountAt(0).sendTransaction({ to: address, data: word(42) as Hash }),
  )
  expect(stored.logs).toHaveLength(1)
  await client.revert({ id })
  expect(await client.getBlockNumber()).toBe(height)
  expect((await client.getBlock()).hash).toBe(headHash)
  expect(await client.getBalance({ address: target })).toBe(balance)
  expect(await client.getTransactionCount({ address: accountAt(0).account.address })).toBe(nonce)
  expect(await client.getCode({ address })).toBeUndefined()
  for (const { transactionHash, blockNumber } of receipts) {
    await expect(client.getTransactionReceipt({ hash: transactionHash })).rejects.toThrow(
      /could not be found/,
    )
    await expect(client.getBlock({ blockNumber })).rejects.toThrow(/could not be found/)
  }
  expect(await client.getLogs({ address, fromBlock: 0n })).toEqual([])
  // The same again: the same nonce, so the same address.
  await pay(0, 1n)
  await pay(0, 1n)
  await pay(0, 1n)
  const again = await deploy(0)
  expect(again).toBe(address)
  expect(await client.getStorageAt({ address, slot: word(0) as Hash })).toBe(word(0))
  await included(await accountAt(0).sendTransaction({ to: again, data: word(43) as Hash }))
  expect(await client.getStorageAt({ address, slot: word(0) as Hash })).toBe(word(43))
  expect(await client.getLogs({ address, fromBlock: 0n })).toHaveLength(1)
  expect(await client.getBalance({ address: target })).toBe(balance + 3n)
})

test('nested: the older one takes the younger along; each works once', async () => {
  const client = clientOf()
  const balances: bigint[] = []
  const ids: Hash[] = []
  for (let i = 0; i < 3; i++) {
    balances.push(await client.getBalance({ address: target }))
    ids.push(await client.snapshot())
    await pay(1, 100n)
  }
  const [oldest, middle, newest] = ids as [Hash, Hash, Hash]
  const revert = (id: Hash) => client.request({ method: 'evm_revert', params: [id] } as never)
  expect(await revert(newest)).toBe(true)
  expect(await client.getBalance({ address: target })).toBe(balances[2])
  expect(await revert(newest)).toBe(false)
  await pay(1, 3n)
  expect(await revert(oldest)).toBe(true)
  expect(await client.getBalance({ address: target })).toBe(balances[0])
  expect(await revert(middle)).toBe(false)
  expect(await revert(oldest)).toBe(false)
  expect(await revert('0xffff')).toBe(false)
  await pay(1, 4n)
  expect(await client.getBalance({ address: target })).toBe((balances[0] ?? 0n) + 4n)
})

test('a test suite: thirty times back to one fixture, each followed by a snapshot', async () => {
  const client = clientOf()
  const address = await deploy(2)
  let id = await client.snapshot()
  const height = await client.getBlockNumber()
  for (let i = 1; i <= 30; i++) {
    const send = (value: number) =>
      accountAt(2).sendTransaction({ to: address, data: word(value) as Hash })
    await included(await send(i + 10))
    await client.mine({ blocks: i % 3 })
    // On its way into a block while the chain goes back.
    await send(i + 100)
    await client.revert({ id })
    expect(await client.getStorageAt({ address, slot: word(0) as Hash })).toBe(word(0))
    expect(await client.getBlockNumber()).toBe(height)
    id = await client.snapshot()
  }
})

test('time travel since is undone', async () => {
  const client = clientOf()
  const id = await client.snapshot()
  const before = await client.getBlock()
  await client.increaseTime({ seconds: 86_400 })
  await client.mine({ blocks: 1 })
  expect((await client.getBlock()).timestamp - before.timestamp).toBeGreaterThanOrEqual(86_400n)
  await client.revert({ id })
  await client.mine({ blocks: 1 })
  expect((await client.getBlock()).timestamp - before.timestamp).toBeLessThan(600n)
})

test('what was sent before is in a block of the snapshot; what is not in one is dropped', async () => {
  const client = clientOf()
  const before = await client.getBalance({ address: target })
  const hash = await accountAt(3).sendTransaction({ to: target, value: 11n })
  const id = await client.snapshot()
  await included(hash)
  const gap = await accountAt(3).sendTransaction({ to: target, value: 5n, nonce: 100 })
  await client.revert({ id })
  expect(await client.getBalance({ address: target })).toBe(before + 11n)
  await expect(client.getTransaction({ hash: gap })).rejects.toThrow(/could not be found/)
})

test('subscriptions and filters go on from there', async () => {
  const client = clientOf()
  const subscriber = subscriberOf(devnet.validator(0).ws)
  const seen: bigint[] = []
  const { unsubscribe } = await subscriber.transport.subscribe({
    params: ['newHeads'],
    onData: ({ result }) => seen.push(BigInt((result as { number: Hash }).number)),
  })
  const filter = await client.createBlockFilter()
  const id = await client.snapshot()
  const height = await client.getBlockNumber()
  await client.mine({ blocks: 3 })
  await client.revert({ id })
  await client.mine({ blocks: 2 })
  await until({ what: 'five heads' }, () => seen.length >= 5)
  expect(seen.map((number) => Number(number - height))).toEqual([1, 2, 3, 1, 2])
  expect(await client.getFilterChanges({ filter })).toHaveLength(2)
  await unsubscribe()
  await (await subscriber.transport.getRpcClient()).close()
})

test('far back: beyond the heights that a database keeps for a rollback', async () => {
  const client = clientOf()
  await client.setBalance({ address: target, value: parseEther('3') })
  const id = await client.snapshot()
  await client.mine({ blocks: 300 })
  await pay(4, 1n)
  await client.revert({ id })
  expect(await client.getBalance({ address: target })).toBe(parseEther('3'))
  await pay(4, 2n)
})

test('a restart knows nothing of snapshots, and goes on where the chain stands', async () => {
  const client = clientOf()
  const id = await client.snapshot()
  await pay(5, 1n)
  await client.revert({ id })
  await pay(5, 2n)
  const kept = await client.snapshot()
  const height = await client.getBlockNumber()
  await devnet.kill(0)
  const again = devnet.startValidator(0)
  await until({ what: 'the node to answer' }, async () =>
    client.getBlock().then(
      () => true,
      () => again.exit !== null,
    ),
  )
  expect(await client.getBlockNumber()).toBeGreaterThanOrEqual(height)
  expect(await client.request({ method: 'evm_revert', params: [kept] } as never)).toBe(false)
  await pay(5, 3n)
})
