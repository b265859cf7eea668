// Four real processes, and the clients that people use: viem, ethers, cast.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  Contract,
  ContractFactory,
  type InterfaceAbi,
  JsonRpcProvider,
  Wallet,
  WebSocketProvider,
} from 'ethers'
import {
  type Address,
  encodeFunctionData,
  type Hex,
  type Log,
  parseEther,
  parseEventLogs,
  parseGwei,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Artifact, compiled, uniswap } from '../support/artifacts.ts'
import {
  accountOf,
  type Wallet as Client,
  readerOf,
  subscriberOf,
  walletOf,
} from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { deploy, mined } from '../support/mined.ts'
import { faultsOf, headOf, readChain } from '../support/sameChain.ts'
import { until } from '../support/wait.ts'

const VALIDATORS = 4
const SUPPLY = parseEther('1000000')
const DEADLINE = 2n ** 40n
/** A pair writes two more slots when a second has passed since its last use, which an estimate a moment earlier does not see. */
const ORACLE_GAS = 60_000n
const cast = fileURLToPath(new URL('../../node_modules/.bin/cast', import.meta.url))

let devnet: Devnet
let token: Artifact
let delegate: Artifact

beforeAll(async () => {
  ;[token, delegate] = await Promise.all([compiled('Token'), compiled('Delegate')])
  devnet = await Devnet.start({ validators: VALIDATORS })
})
afterAll(disposeAll)

const urlOf = (node: number): string => devnet.validator(node).rpc
const indexes = Array.from({ length: VALIDATORS }, (_, i) => i)
/** Account `account`, talking to the node of the same number modulo four. */
const clientOf = (account: number, node = account % VALIDATORS): Client =>
  walletOf(urlOf(node), accountOf(devnet.report, account))

/** The balance once all four nodes agree on it: a node shows a block a moment after it is final elsewhere. */
async function expectBalance(address: Address, balance: bigint): Promise<void> {
  for (const node of indexes) {
    const reader = readerOf(urlOf(node))
    await until(
      { what: `${address} to have ${balance} on node ${node}`, timeoutMs: 5_000 },
      async () => (await reader.getBalance({ address })) === balance,
    )
  }
}

const freshAddress = (): Address => privateKeyToAccount(generatePrivateKey()).address

describe('viem, transaction types', () => {
  test('a legacy transfer', async () => {
    const [client, to] = [clientOf(0), freshAddress()]
    const gasPrice = await client.getGasPrice()
    const receipt = await mined(
      client,
      client.sendTransaction({ type: 'legacy', to, value: parseEther('1'), gasPrice }),
    )
    expect(receipt).toMatchObject({ type: 'legacy', gasUsed: 21_000n, effectiveGasPrice: gasPrice })
    await expectBalance(to, parseEther('1'))
  })

  test('an EIP-2930 transfer pays for its access list', async () => {
    const [client, to] = [clientOf(1), freshAddress()]
    const accessList = [{ address: to, storageKeys: [`0x${'00'.repeat(32)}` as Hex] }]
    const receipt = await mined(
      client,
      client.sendTransaction({ type: 'eip2930', to, value: parseEther('2'), accessList }),
    )
    expect(receipt).toMatchObject({ type: 'eip2930', gasUsed: 21_000n + 2_400n + 1_900n })
    await expectBalance(to, parseEther('2'))
  })

  test('an EIP-1559 transfer pays base fee and tip', async () => {
    const [client, to] = [clientOf(2), freshAddress()]
    const before = await client.getBalance({ address: client.account.address })
    const tip = parseGwei('0.5')
    const receipt = await mined(
      client,
      client.sendTransaction({ to, value: parseEther('3'), maxPriorityFeePerGas: tip }),
    )
    const block = await client.getBlock({ blockNumber: receipt.blockNumber })
    expect(receipt).toMatchObject({ type: 'eip1559', gasUsed: 21_000n })
    expect(receipt.effectiveGasPrice).toBe((block.baseFeePerGas ?? 0n) + tip)
    await expectBalance(to, parseEther('3'))
    const fee = receipt.gasUsed * receipt.effectiveGasPrice
    await expectBalance(client.account.address, before - parseEther('3') - fee)
  })
})

describe('viem, later transaction types', () => {
  test('an EIP-7702 authorization makes an account a contract', async () => {
    const [sponsor, owner] = [
      clientOf(3),
      walletOf(urlOf(1), privateKeyToAccount(generatePrivateKey())),
    ]
    const target = await deploy(sponsor, delegate)
    const to = freshAddress()
    await mined(
      sponsor,
      sponsor.sendTransaction({ to: owner.account.address, value: parseEther('5') }),
    )
    const authorization = await owner.signAuthorization({ contractAddress: target })
    const data = encodeFunctionData({
      abi: delegate.abi,
      functionName: 'execute',
      args: [[{ target: to, value: parseEther('1'), data: '0x' }]],
    })
    const receipt = await mined(
      sponsor,
      sponsor.sendTransaction({
        authorizationList: [authorization],
        to: owner.account.address,
        data,
      }),
    )
    expect(receipt.type).toBe('eip7702')
    const [event] = parseEventLogs({ abi: delegate.abi, logs: receipt.logs })
    expect(event?.args).toMatchObject({ account: owner.account.address, calls: 1n })
    const code = await sponsor.getCode({ address: owner.account.address })
    expect(code).toBe(`0xef0100${target.slice(2).toLowerCase()}`)
    await mined(sponsor, sponsor.sendTransaction({ to: owner.account.address, data }))
    await expectBalance(to, parseEther('2'))
    const executions = {
      address: owner.account.address,
      abi: delegate.abi,
      functionName: 'executions',
    }
    expect(await sponsor.readContract(executions)).toBe(2n)
  })

  test('an EIP-4844 blob transaction is refused by name', async () => {
    const client = clientOf(0)
    const raw = await client.account.signTransaction({
      type: 'eip4844',
      chainId: 3940,
      nonce: await client.getTransactionCount({ address: client.account.address }),
      to: freshAddress(),
      gas: 21_000n,
      maxFeePerGas: parseGwei('10'),
      maxFeePerBlobGas: parseGwei('10'),
      blobVersionedHashes: [`0x01${'11'.repeat(31)}`],
    })
    await expect(client.sendRawTransaction({ serializedTransaction: raw })).rejects.toThrow(
      /blob|4844|type not supported/i,
    )
  })
})

describe('OpenZeppelin ERC-20', () => {
  test('deploys, transfers, approves, and refuses with a typed error', async () => {
    const [owner, spender] = [clientOf(0), clientOf(1)]
    const to = freshAddress()
    const address = await deploy(owner, token, ['Test', 'TST', SUPPLY])
    const write = { address, abi: token.abi } as const
    const sent = await mined(
      owner,
      owner.writeContract({ ...write, functionName: 'transfer', args: [to, 70n] }),
    )
    const [event] = parseEventLogs({ abi: token.abi, logs: sent.logs })
    expect(event).toMatchObject({ eventName: 'Transfer', args: { to, value: 70n } })
    await mined(
      owner,
      owner.writeContract({
        ...write,
        functionName: 'approve',
        args: [spender.account.address, 50n],
      }),
    )
    const from = owner.account.address
    const take = (amount: bigint) =>
      spender.writeContract({ ...write, functionName: 'transferFrom', args: [from, to, amount] })
    await mined(spender, take(30n))
    await expect(take(30n)).rejects.toThrow(/ERC20InsufficientAllowance/)
    for (const node of indexes) {
      const read = { ...write, functionName: 'balanceOf', args: [to] }
      const reader = readerOf(urlOf(node))
      await until(
        { what: `node ${node} to show the balance` },
        async () => (await reader.readContract(read)) === 100n,
      )
    }
  })
})

describe('Uniswap V2', () => {
  test('creates a pair, adds liquidity, swaps; events by query and by subscription', async () => {
    const trader = clientOf(2)
    const me = trader.account.address
    const weth = await deploy(trader, uniswap.weth)
    const factory = await deploy(trader, uniswap.factory, [me])
    const router = await deploy(trader, uniswap.router, [factory, weth])
    const coin = await deploy(trader, token, ['Coin', 'COIN', SUPPLY])
    const write = async (
      address: Address,
      { abi }: Artifact,
      functionName: string,
      args: unknown[],
      value = 0n,
    ) => {
      const call = { address, abi, functionName, args, value }
      const gas = (await trader.estimateContractGas(call)) + ORACLE_GAS
      return mined(trader, trader.writeContract({ ...call, gas }))
    }
    await write(factory, uniswap.factory, 'createPair', [coin, weth])
    const pair = (await trader.readContract({
      address: factory,
      abi: uniswap.factory.abi,
      functionName: 'getPair',
      args: [coin, weth],
    })) as Address

    const seen: Log[] = []
    const subscriber = subscriberOf(devnet.validator(3).ws)
    const unwatch = subscriber.watchContractEvent({
      address: pair,
      abi: uniswap.pair.abi,
      eventName: 'Swap',
      onLogs: (logs) => seen.push(...logs),
    })
    await write(coin, token, 'approve', [router, SUPPLY])
    const liquidity = [coin, parseEther('1000'), 0n, 0n, me, DEADLINE]
    await write(router, uniswap.router, 'addLiquidityETH', liquidity, parseEther('10'))
    const path = [weth, coin]
    const swap = await write(
      router,
      uniswap.router,
      'swapExactETHForTokens',
      [0n, path, me, DEADLINE],
      parseEther('1'),
    )

    // x · y = k with a fee of 0.3 %: 1000 · 0.997 / (10 + 0.997) coins for one.
    const expected = (parseEther('1000') * 997n) / (10n * 1000n + 997n)
    const logs = await trader.getContractEvents({
      address: pair,
      abi: uniswap.pair.abi,
      fromBlock: swap.blockNumber,
      toBlock: 'latest',
    })
    expect(logs.map((log) => (log as { eventName?: string }).eventName)).toEqual(['Sync', 'Swap'])
    const amounts = (logs[1] as { args?: Record<string, bigint> }).args ?? {}
    expect([amounts.amount0Out, amounts.amount1Out]).toContain(expected)
    await until({ what: 'the subscription to deliver the swap' }, () => seen.length > 0)
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatchObject({
      transactionHash: swap.transactionHash,
      blockHash: swap.blockHash,
    })
    unwatch()
  })
})

test('newHeads by WebSocket: every block once, in order', async () => {
  const subscriber = subscriberOf(devnet.validator(1).ws)
  const numbers: bigint[] = []
  const unwatch = subscriber.watchBlocks({ onBlock: ({ number }) => numbers.push(number) })
  const client = clientOf(4)
  for (let i = 0; i < 3; i++)
    await mined(client, client.sendTransaction({ to: freshAddress(), value: 1n }))
  await until({ what: 'five blocks' }, () => numbers.length >= 5)
  unwatch()
  const first = numbers[0] as bigint
  expect(numbers).toEqual(numbers.map((_, i) => first + BigInt(i)))
})

describe('ethers', () => {
  test.each(['http', 'websocket'] as const)(
    'transfers and uses an ERC-20 over %s',
    async (kind) => {
      const { rpc, ws } = devnet.validator(kind === 'http' ? 0 : 2)
      // ethers keeps answers for 250 ms, longer than a block here: it would reuse a nonce.
      const options = { pollingInterval: 50, cacheTimeout: -1 }
      const provider =
        kind === 'http'
          ? new JsonRpcProvider(rpc, undefined, options)
          : new WebSocketProvider(ws, undefined, options)
      const key = devnet.report.accounts[kind === 'http' ? 5 : 6]?.privateKey ?? ''
      const wallet = new Wallet(key, provider)
      const to = freshAddress()
      const transfer = await (await wallet.sendTransaction({ to, value: 7n })).wait()
      expect(transfer?.status).toBe(1)
      expect(await provider.getBalance(to)).toBe(7n)

      const factory = new ContractFactory(token.abi as InterfaceAbi, token.bytecode, wallet)
      const deployed = await factory.deploy('Ether', 'ETS', SUPPLY)
      await deployed.waitForDeployment()
      const contract = new Contract(await deployed.getAddress(), token.abi as InterfaceAbi, wallet)
      const heard: bigint[] = []
      await contract.on('Transfer', (_from, _to, value: bigint) => heard.push(value))
      await (await contract.getFunction('transfer')(to, 41n)).wait()
      expect(await contract.getFunction('balanceOf')(to)).toBe(41n)
      await until({ what: 'the Transfer event' }, () => heard.includes(41n))
      await contract.removeAllListeners()
      await provider.destroy()
    },
  )
})

describe('cast', () => {
  const run = async (node: number, ...args: string[]): Promise<string> => {
    const all = [...args, '--rpc-url', urlOf(node)]
    const { stdout } = await promisify(execFile)(cast, all, { timeout: 30_000 })
    return stdout.trim()
  }

  test('sends and reads', async () => {
    const [sender, to] = [devnet.report.accounts[7], freshAddress()]
    if (sender === undefined) throw new Error('the devnet has eight accounts')
    const key = ['--private-key', sender.privateKey]
    const sent = JSON.parse(await run(0, 'send', to, '--value', '1gwei', '--json', ...key))
    expect(sent).toMatchObject({ status: '0x1', gasUsed: '0x5208' })
    expect(await run(0, 'chain-id')).toBe('3940')
    expect(await run(0, 'balance', to)).toBe('1000000000')
    const block = JSON.parse(await run(0, 'block', String(Number(sent.blockNumber)), '--json'))
    expect(block.hash).toBe(sent.blockHash)
    const receipt = JSON.parse(await run(0, 'receipt', sent.transactionHash, '--json'))
    expect(receipt).toMatchObject({ blockHash: sent.blockHash, to: to.toLowerCase() })

    const address = await deploy(clientOf(8, 0), token, ['Cast', 'CST', SUPPLY])
    expect(await run(0, 'call', address, 'symbol()(string)')).toBe('"CST"')
    const from = String(Number(await run(0, 'block-number')) + 1)
    // Account 8 owns the supply and gives cast's account one to send on.
    const owner = clientOf(8, 0)
    const give = { address, abi: token.abi, functionName: 'transfer', args: [sender.address, 1n] }
    await mined(owner, owner.writeContract(give))
    await run(0, 'send', address, 'transfer(address,uint256)', to, '1', ...key)
    const event = 'Transfer(address indexed,address indexed,uint256)'
    const logs = JSON.parse(
      await run(0, 'logs', event, '--from-block', from, '--address', address, '--json'),
    )
    expect(logs).toHaveLength(2)
  })
})

test('the example of the README', async () => {
  const path = fileURLToPath(new URL('../../examples/transfer.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [path, urlOf(0), urlOf(3)], {
    timeout: 30_000,
  })
  expect(stdout).toMatch(/^success in block \d+, final after \d+ ms: 0x[0-9a-f]{64}/)
})

test('all four nodes tell the same chain, and it is a valid one', async () => {
  const head = Math.min(...(await Promise.all(indexes.map((node) => headOf(urlOf(node))))))
  expect(head).toBeGreaterThan(20)
  const reference = await readChain(urlOf(0), 0, head)
  expect(await faultsOf(reference)).toEqual([])
  expect(reference.flatMap(({ receipts }) => receipts).length).toBeGreaterThan(25)
  for (const node of indexes.slice(1)) {
    const chain = await readChain(urlOf(node), 0, head)
    for (const [height, told] of chain.entries())
      expect(told, `block ${height} of node ${node}`).toEqual(reference[height])
  }
})
