// What anvil and Hardhat users expect of a development network: time, blocks, balances on demand; and what is refused, in words.
import { createTestClient, http, parseEther, publicActions } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accountOf, nexusChain, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { BrowserClient } from '../support/tools/browser.ts'
import { until } from '../support/wait.ts'

let devnet: Devnet
let url: string
let node: BrowserClient

beforeAll(async () => {
  // A minute between empty blocks: whatever comes sooner was asked for.
  devnet = await Devnet.start({ validators: 1, args: ['--block-time', '60s'] })
  url = devnet.validator(0).rpc
  node = new BrowserClient(url, 'http://localhost:3000')
})
afterAll(disposeAll)

const testClient = (mode: 'anvil' | 'hardhat') =>
  createTestClient({ mode, chain: nexusChain, transport: http(url), pollingInterval: 20 }).extend(
    publicActions,
  )
const DAY = 86_400

describe.each(['anvil', 'hardhat'] as const)('viem in mode %s', (mode) => {
  test('mines blocks now, with a distance if it is given', async () => {
    const client = testClient(mode)
    const before = await client.getBlock()
    await client.mine({ blocks: 3 })
    const after = await client.getBlock()
    expect(after.number - before.number).toBe(3n)
    await client.mine({ blocks: 4, interval: 100 })
    const first = await client.getBlock({ blockNumber: after.number + 1n })
    const last = await client.getBlock()
    expect(last.number - first.number).toBe(3n)
    expect(last.timestamp - first.timestamp).toBe(300n)
  })

  test('travels in time, forward only', async () => {
    const client = testClient(mode)
    const before = await client.getBlock()
    await client.increaseTime({ seconds: DAY })
    await client.mine({ blocks: 1 })
    const later = await client.getBlock()
    expect(Number(later.timestamp - before.timestamp)).toBeGreaterThanOrEqual(DAY)
    const exact = later.timestamp + 1_000n
    await client.setNextBlockTimestamp({ timestamp: exact })
    await client.mine({ blocks: 1 })
    expect((await client.getBlock()).timestamp).toBe(exact)
    await client.mine({ blocks: 1 })
    const next = await client.getBlock()
    expect(next.timestamp).toBeGreaterThanOrEqual(exact)
    expect(next.timestamp).toBeLessThan(exact + 30n)
    await expect(client.setNextBlockTimestamp({ timestamp: exact })).rejects.toThrow(
      /only moves forward/,
    )
  })

  test('sets a balance, up from nothing and down for its own accounts', async () => {
    const client = testClient(mode)
    const address =
      mode === 'anvil'
        ? '0x00000000000000000000000000000000000000b1'
        : '0x00000000000000000000000000000000000000b2'
    await client.setBalance({ address, value: parseEther('123') })
    expect(await client.getBalance({ address })).toBe(parseEther('123'))
    await client.setBalance({ address, value: 1n })
    expect(await client.getBalance({ address })).toBe(1n)
    const own = accountOf(devnet.report, mode === 'anvil' ? 8 : 9).address
    await client.setBalance({ address: own, value: parseEther('7') })
    expect(await client.getBalance({ address: own })).toBe(parseEther('7'))
  })

  test('refuses what a chain cannot do, and says what to do instead', async () => {
    const client = testClient(mode)
    const address = accountOf(devnet.report, 0).address
    const refusals: [() => Promise<unknown>, RegExp][] = [
      [() => client.reset(), /--reset/],
      [() => client.setCoinbase({ address }), /validator/],
      [() => client.dropTransaction({ hash: `0x${'1'.repeat(64)}` }), /replace it/],
    ]
    for (const [refused, words] of refusals) await expect(refused()).rejects.toThrow(words)
  })
})

test('evm_mine and evm_increaseTime as ethers and Hardhat send them', async () => {
  const height = async () => Number(await node.ask('eth_blockNumber'))
  const before = await height()
  expect(await node.ask('evm_mine')).toBe('0x0')
  expect(await height()).toBe(before + 1)
  const { timestamp } = await node.ask<{ timestamp: string }>('eth_getBlockByNumber', [
    ...['latest', false],
  ])
  const at = Number(timestamp) + 500
  await node.ask('evm_mine', [at])
  const block = await node.ask<{ timestamp: string }>('eth_getBlockByNumber', ['latest', false])
  expect(Number(block.timestamp)).toBe(at)
  await node.ask('evm_mine', [{ blocks: 2 }])
  expect(await height()).toBe(before + 4)
  const ahead = await node.ask<number>('evm_increaseTime', [10])
  expect(await node.ask('evm_increaseTime', ['0xa'])).toBe(ahead + 10)
  expect((await node.send('evm_increaseTime', [-5])).error?.code).toBe(-32602)
  expect((await node.send('anvil_mine', ['0xffffff'])).error?.code).toBe(-32602)
})

test('who is it: anvil_nodeInfo, hardhat_metadata; unknown names', async () => {
  expect(await node.ask('hardhat_metadata')).toMatchObject({ chainId: devnet.report.chainId })
  expect(await node.ask('anvil_nodeInfo')).toMatchObject({
    environment: { chainId: devnet.report.chainId },
  })
  expect(await node.ask('web3_clientVersion')).toMatch(/^nexus\//)
  const unknown = await node.send('anvil_makeCoffee')
  expect(unknown.error).toMatchObject({ code: -32601 })
})

test('a restart goes on in the future that was travelled to', async () => {
  const client = testClient('anvil')
  await client.increaseTime({ seconds: 30 * DAY })
  await client.mine({ blocks: 1 })
  const before = await client.getBlock()
  await devnet.kill(0)
  const again = devnet.startValidator(0)
  await until({ what: 'the node to answer', timeoutMs: 30_000 }, async () =>
    client.getBlockNumber().then(
      () => true,
      () => again.exit !== null,
    ),
  )
  const wallet = walletOf(url, accountOf(devnet.report, 1))
  const hash = await wallet.sendTransaction({ to: wallet.account.address, value: 1n })
  const { blockNumber } = await wallet.waitForTransactionReceipt({ hash, timeout: 20_000 })
  const after = await client.getBlock({ blockNumber })
  expect(after.timestamp).toBeGreaterThanOrEqual(before.timestamp)
})
