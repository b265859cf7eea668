// Wallets and libraries: what MetaMask asks, in its order and from its origin; replacing and cancelling; subscriptions; fees.
import {
  BrowserProvider,
  Contract,
  type InterfaceAbi,
  JsonRpcProvider,
  Wallet,
  WebSocketProvider,
} from 'ethers'
import {
  type Address,
  createPublicClient,
  erc20Abi,
  type Hex,
  http,
  numberToHex,
  parseEther,
  parseGwei,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Artifact, compiled } from '../support/artifacts.ts'
import {
  accountOf,
  type Wallet as Client,
  readerOf,
  subscriberOf,
  walletOf,
} from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { BrowserClient, METAMASK_ORIGIN } from '../support/tools/browser.ts'
import { until } from '../support/wait.ts'

let devnet: Devnet
let url: string
let token: Artifact
let coin: Address

beforeAll(async () => {
  token = await compiled('Token')
  devnet = await Devnet.start({ validators: 1, args: ['--block-time', '500ms'] })
  url = devnet.validator(0).rpc
  const client = clientOf(0)
  const hash = await client.deployContract({ ...token, args: ['Coin', 'COIN', parseEther('100')] })
  coin = (await client.waitForTransactionReceipt({ hash })).contractAddress as Address
})
afterAll(disposeAll)

const clientOf = (account: number): Client => walletOf(url, accountOf(devnet.report, account))
const freshAddress = (): Address => privateKeyToAccount(generatePrivateKey()).address

type Block = {
  readonly number: Hex
  readonly hash: Hex
  readonly baseFeePerGas: Hex
  readonly gasLimit: Hex
  readonly timestamp: Hex
}
type FeeHistory = {
  readonly oldestBlock: Hex
  readonly baseFeePerGas: readonly Hex[]
  readonly gasUsedRatio: readonly number[]
  readonly reward: readonly (readonly Hex[])[]
}

describe('MetaMask', () => {
  const extension = () => new BrowserClient(url, METAMASK_ORIGIN)

  test('the browser is let in: extension, page, and the question before', async () => {
    const asked = await extension().preflight()
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-origin')).toBe(METAMASK_ORIGIN)
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST')
    expect(asked.headers.get('access-control-allow-headers')).toContain('content-type')
    for (const origin of [METAMASK_ORIGIN, 'moz-extension://6f1f1d5d-0b1f', 'https://dapp.example'])
      expect(await new BrowserClient(url, origin).send('eth_chainId')).toMatchObject({
        status: 200,
        allowOrigin: origin,
      })
  })

  test('adding the network: chain id, version, latest block, EIP-1559', async () => {
    const wallet = extension()
    expect(await wallet.ask('eth_chainId')).toBe(numberToHex(devnet.report.chainId))
    expect(await wallet.ask('net_version')).toBe(String(devnet.report.chainId))
    const block = await wallet.ask<Block>('eth_getBlockByNumber', ['latest', false])
    expect(BigInt(block.baseFeePerGas)).toBeGreaterThan(0n)
    expect(await wallet.ask<Hex>('eth_blockNumber')).toMatch(/^0x[1-9a-f]/)
    expect(await wallet.ask('eth_syncing')).toBe(false)
  })

  test('balances: the checker contract that is not here, then one by one', async () => {
    const wallet = extension()
    const [{ address } = { address: '0x' }] = devnet.report.accounts
    const checker = '0xb1f8e55c7f64d203c1400b9d8555d050f94adf39'
    expect(await wallet.ask('eth_getCode', [checker, 'latest'])).toBe('0x')
    const query = { to: checker, data: `0xf0002ea9${'0'.repeat(128)}` }
    expect(await wallet.ask('eth_call', [query, 'latest'])).toBe('0x')
    const block = await wallet.ask<Hex>('eth_blockNumber')
    const balance = await wallet.ask<Hex>('eth_getBalance', [address, block])
    expect(BigInt(balance)).toBeGreaterThan(parseEther('1000'))
  })

  test('a token is added: symbol, decimals, balance; no ERC-721', async () => {
    const wallet = extension()
    const call = (data: Hex) => wallet.send('eth_call', [{ to: coin, data }, 'latest'])
    expect(await wallet.ask<Hex>('eth_getCode', [coin, 'latest'])).not.toBe('0x')
    expect((await call('0x95d89b41')).result, 'symbol').toContain('434f494e')
    expect((await call('0x313ce567')).result, 'decimals').toBe(numberToHex(18n, { size: 32 }))
    const owner = clientOf(0).account.address.slice(2).toLowerCase().padStart(64, '0')
    expect((await call(`0x70a08231${owner}`)).result).toBe(
      numberToHex(parseEther('100'), { size: 32 }),
    )
    const erc721 = await call(`0x01ffc9a7${'80ac58cd'.padEnd(64, '0')}`)
    expect(erc721.error).toMatchObject({ code: 3, message: 'execution reverted' })
  })

  test('sending: nonce, gas, fees, signature, receipt', async () => {
    const wallet = extension()
    const account = accountOf(devnet.report, 1)
    const to = freshAddress()
    const from = account.address
    const value = numberToHex(parseEther('1'))
    expect(await wallet.ask('eth_getCode', [to, 'latest'])).toBe('0x')
    const gas = await wallet.ask<Hex>('eth_estimateGas', [{ from, to, value, data: '0x' }])
    expect(BigInt(gas)).toBe(21_000n)
    const history = await wallet.ask<FeeHistory>('eth_feeHistory', ['0x5', 'latest', [10, 20, 30]])
    expect(history.baseFeePerGas).toHaveLength(history.gasUsedRatio.length + 1)
    expect(history.reward.every((row) => row.length === 3)).toBe(true)
    const tip = BigInt(await wallet.ask<Hex>('eth_maxPriorityFeePerGas'))
    expect(BigInt(await wallet.ask<Hex>('eth_gasPrice'))).toBeGreaterThan(tip)
    const nonce = Number(await wallet.ask<Hex>('eth_getTransactionCount', [from, 'pending']))
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId: devnet.report.chainId,
      ...{ nonce, to, value: parseEther('1'), gas: BigInt(gas) },
      maxFeePerGas: 2n * BigInt(history.baseFeePerGas.at(-1) ?? 0) + tip,
      maxPriorityFeePerGas: tip,
    })
    const hash = await wallet.ask<Hex>('eth_sendRawTransaction', [raw])
    await until({ what: 'the receipt' }, async () => {
      const receipt = await wallet.ask<{ status: Hex } | null>('eth_getTransactionReceipt', [hash])
      return receipt?.status === '0x1'
    })
    expect(await wallet.ask('eth_getTransactionByHash', [hash])).toMatchObject({
      hash,
      type: '0x2',
    })
    expect(BigInt(await wallet.ask<Hex>('eth_getBalance', [to, 'latest']))).toBe(parseEther('1'))
    const twice = await wallet.send('eth_sendRawTransaction', [raw])
    expect(twice.error?.message).toMatch(/^nonce too low|^already known/)
  })

  test('polling: numbers only grow, blocks link to each other', async () => {
    const wallet = extension()
    let height = Number(await wallet.ask<Hex>('eth_blockNumber'))
    for (let i = 0; i < 3; i++) {
      const before = height
      await until({ what: 'another block' }, async () => {
        height = Number(await wallet.ask<Hex>('eth_blockNumber'))
        return height > before
      })
      const block = await wallet.ask<Block & { parentHash: Hex }>('eth_getBlockByNumber', [
        numberToHex(height),
        false,
      ])
      const parent = await wallet.ask<Block>('eth_getBlockByHash', [block.parentHash, false])
      expect(Number(parent.number)).toBe(height - 1)
    }
  })
})

describe('a transaction that waits', () => {
  /** viem can tell what became of a transaction that it has seen at least once: it looks at each block. */
  async function watched(client: Client, hash: Hex) {
    const reasons: string[] = []
    const receipt = client.waitForTransactionReceipt({
      ...{ hash, timeout: 20_000 },
      onReplaced: ({ reason }) => reasons.push(reason),
    })
    const height = await client.getBlockNumber({ cacheTime: 0 })
    await until({ what: 'two blocks' }, async () => {
      const now = await client.getBlockNumber({ cacheTime: 0 })
      return now >= height + 2n
    })
    return { receipt: () => receipt, reasons }
  }

  /** Waits for the nonce before it, so that nothing includes it while it is being replaced. */
  async function held(client: Client, to: Address) {
    const { address } = client.account
    const nonce = await client.getTransactionCount({ address })
    const fees = { gas: 21_000n, maxFeePerGas: parseGwei('10') }
    const waiting = { ...fees, nonce: nonce + 1, maxPriorityFeePerGas: parseGwei('1') }
    const hash = await client.sendTransaction({ ...waiting, to, value: 1n })
    const release = () => client.sendTransaction({ ...fees, nonce, to, value: 5n })
    return { nonce, waiting, hash, release }
  }

  test('is counted when it is next, and seen by its hash', async () => {
    const client = clientOf(2)
    const { address } = client.account
    const { nonce, hash, release } = await held(client, freshAddress())
    const pending = () => client.getTransactionCount({ address, blockTag: 'pending' })
    expect(await pending(), 'a gap').toBe(nonce)
    expect(await client.getTransaction({ hash })).toMatchObject({ hash, blockNumber: null })
    await release()
    expect(await pending(), 'no gap').toBe(nonce + 2)
    await client.waitForTransactionReceipt({ hash, timeout: 20_000 })
    expect(await client.getTransactionCount({ address })).toBe(nonce + 2)
  })

  test('is repriced: viem finds the one that came instead', async () => {
    const client = clientOf(3)
    const to = freshAddress()
    const { waiting, hash, release } = await held(client, to)
    const cheap = { ...waiting, maxPriorityFeePerGas: parseGwei('1.01') }
    await expect(client.sendTransaction({ ...cheap, to, value: 1n })).rejects.toThrow(
      /replacement transaction underpriced/,
    )
    const { receipt, reasons } = await watched(client, hash)
    const dear = { maxFeePerGas: parseGwei('12'), maxPriorityFeePerGas: parseGwei('2') }
    const instead = await client.sendTransaction({ ...waiting, ...dear, to, value: 1n })
    await release()
    expect((await receipt()).transactionHash).toBe(instead)
    expect(reasons).toEqual(['repriced'])
    expect(await client.getBalance({ address: to })).toBe(6n)
  })

  test('is cancelled by a transfer to oneself', async () => {
    const client = clientOf(4)
    const to = freshAddress()
    const { waiting, hash, release } = await held(client, to)
    const { receipt, reasons } = await watched(client, hash)
    const dear = { maxFeePerGas: parseGwei('12'), maxPriorityFeePerGas: parseGwei('2') }
    await client.sendTransaction({ ...waiting, ...dear, to: client.account.address, value: 0n })
    await release()
    await receipt()
    expect(reasons).toEqual(['cancelled'])
    expect(await client.getBalance({ address: to }), 'what was released, not the other').toBe(5n)
  })
})

describe('viem', () => {
  test('WebSocket: heads, pending transactions, events; and a request on the same socket', async () => {
    const subscriber = subscriberOf(devnet.validator(0).ws)
    const client = clientOf(5)
    const heads: bigint[] = []
    const pending: Hex[] = []
    const values: (bigint | undefined)[] = []
    const stops = [
      subscriber.watchBlockNumber({ onBlockNumber: (number) => heads.push(number) }),
      subscriber.watchPendingTransactions({ onTransactions: (hashes) => pending.push(...hashes) }),
      subscriber.watchContractEvent({
        ...{ address: coin, abi: erc20Abi, eventName: 'Approval' as const },
        onLogs: (logs) => values.push(...logs.map(({ args }) => args.value)),
      }),
    ]
    await until({ what: 'the subscriptions to answer' }, () => heads.length > 0)
    const spender = freshAddress()
    const hash = await client.writeContract({
      ...{ address: coin, abi: erc20Abi, functionName: 'approve' as const },
      args: [spender, 77n],
    })
    await until({ what: 'the event' }, () => values.length > 0)
    await until({ what: 'the hash among the pending' }, () => pending.includes(hash))
    expect(values).toEqual([77n])
    expect(await subscriber.getChainId()).toBe(devnet.report.chainId)
    for (const stop of stops) stop()
  })

  test('fees: what is suggested is enough, and little above the base fee', async () => {
    const reader = readerOf(url)
    const [{ maxFeePerGas, maxPriorityFeePerGas }, { baseFeePerGas }, gasPrice] = await Promise.all(
      [reader.estimateFeesPerGas(), reader.getBlock(), reader.getGasPrice()],
    )
    expect(maxFeePerGas).toBeGreaterThanOrEqual((baseFeePerGas ?? 0n) + maxPriorityFeePerGas)
    expect(gasPrice).toBeGreaterThanOrEqual(baseFeePerGas ?? 0n)
    const history = await reader.getFeeHistory({ blockCount: 3, rewardPercentiles: [50] })
    expect(history.reward).toHaveLength(3)
  })

  test('accounts of the node: listed, and it signs for them', async () => {
    const client = createPublicClient({ transport: http(url) })
    const accounts = await client.request<{ ReturnType: Address[] }>({
      method: 'eth_accounts',
    } as never)
    expect(accounts).toEqual(devnet.report.accounts.map(({ address }) => address.toLowerCase()))
  })
})

describe('ethers', () => {
  const providers: JsonRpcProvider[] = []
  afterAll(() => {
    for (const provider of providers) provider.destroy()
  })
  const providerOf = (): JsonRpcProvider => {
    const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1, pollingInterval: 50 })
    providers.push(provider)
    return provider
  }

  test('an unknown network: found by its chain id, without names', async () => {
    const provider = providerOf()
    expect((await provider.getNetwork()).chainId).toBe(BigInt(devnet.report.chainId))
    await expect(provider.resolveName('vitalik.eth')).rejects.toThrow(/ENS|not supported/i)
    const { maxFeePerGas, maxPriorityFeePerGas } = await provider.getFeeData()
    const block = await provider.getBlock('latest')
    expect(maxFeePerGas ?? 0n).toBeGreaterThanOrEqual(block?.baseFeePerGas ?? 0n)
    expect(maxPriorityFeePerGas ?? 0n).toBeGreaterThan(0n)
  })

  test('a page with an injected provider: accounts, a signature, a transaction', async () => {
    const page = new BrowserClient(url, 'https://dapp.example')
    // EIP-1193, as wallets inject it; this one leaves the keys to the node.
    const injected = {
      request: ({ method, params }: { method: string; params?: unknown[] }) =>
        page.ask(method === 'eth_requestAccounts' ? 'eth_accounts' : method, params ?? []),
    }
    const provider = new BrowserProvider(injected, undefined, { cacheTimeout: -1 })
    const signer = await provider.getSigner(6)
    const local = new Wallet(devnet.report.accounts[6]?.privateKey ?? '')
    expect(await signer.signMessage('hello')).toBe(await local.signMessage('hello'))
    const domain = { name: 'App', version: '1', chainId: devnet.report.chainId }
    const types = {
      Mail: [
        { name: 'to', type: 'address[]' },
        { name: 'text', type: 'string' },
      ],
    }
    const mail = { to: [local.address, coin], text: 'hello' }
    expect(await signer.signTypedData(domain, types, mail)).toBe(
      await local.signTypedData(domain, types, mail),
    )
    const to = freshAddress()
    const sent = await signer.sendTransaction({ to, value: 3n })
    await provider.waitForTransaction(sent.hash, 1, 20_000)
    expect(await provider.getBalance(to)).toBe(3n)
    provider.destroy()
  })

  test('WebSocket: blocks, a contract event, and one transaction', async () => {
    const socket = new WebSocketProvider(devnet.validator(0).ws, undefined, { cacheTimeout: -1 })
    const wallet = new Wallet(devnet.report.accounts[7]?.privateKey ?? '', socket)
    const contract = new Contract(coin, token.abi as unknown as InterfaceAbi, wallet)
    const blocks: number[] = []
    const events: bigint[] = []
    await socket.on('block', (number: number) => blocks.push(number))
    await contract.on('Approval', (_owner, _spender, value: bigint) => events.push(value))
    const approve = contract.getFunction('approve')
    const sent = await approve(freshAddress(), 9n)
    expect((await sent.wait()).status).toBe(1)
    await until({ what: 'the event' }, () => events.length > 0)
    await until({ what: 'two blocks' }, () => blocks.length >= 2)
    expect(events).toEqual([9n])
    expect(blocks).toEqual(blocks.map((_, i) => (blocks[0] ?? 0) + i))
    await socket.destroy()
  })
})
