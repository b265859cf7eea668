// Contracts that chains live from, as their authors published them: Uniswap V3, a Safe, Multicall3, delegated accounts.
import { JsonRpcProvider, Wallet } from 'ethers'
import {
  type Address,
  concat,
  createWalletClient,
  encodeAbiParameters,
  encodeFunctionData,
  encodePacked,
  erc20Abi,
  type Hex,
  http,
  keccak256,
  multicall3Abi,
  parseEther,
  parseEventLogs,
  zeroAddress,
} from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Artifact, compiled, uniswap } from '../support/artifacts.ts'
import { accountOf, type Wallet as Client, nexusChain, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { deploy, mined } from '../support/mined.ts'
import { multicall3Bytecode, publishedArtifact } from '../support/tools/tools.ts'

const SUPPLY = parseEther('1000000')
const DEADLINE = 2n ** 40n
let devnet: Devnet
let url: string
let token: Artifact
let delegate: Artifact

beforeAll(async () => {
  ;[token, delegate] = await Promise.all([compiled('Token'), compiled('Delegate')])
  devnet = await Devnet.start({ validators: 1, args: ['--block-time', '500ms'] })
  url = devnet.validator(0).rpc
})
afterAll(disposeAll)

const clientOf = (account: number): Client => walletOf(url, accountOf(devnet.report, account))
const freshAddress = (): Address => privateKeyToAccount(generatePrivateKey()).address

const v3 = (kind: 'core' | 'periphery', name: string): Artifact =>
  publishedArtifact(`@uniswap/v3-${kind}`, `artifacts/contracts/${name}.sol/${name}.json`)

describe('Uniswap V3', () => {
  test('a pool, a position, a swap by the router', async () => {
    const trader = clientOf(0)
    const me = trader.account.address
    const [factoryCode, poolCode] = [v3('core', 'UniswapV3Factory'), v3('core', 'UniswapV3Pool')]
    const [managerCode, routerCode] = [
      v3('periphery', 'NonfungiblePositionManager'),
      v3('periphery', 'SwapRouter'),
    ]
    const weth = await deploy(trader, uniswap.weth)
    const factory = await deploy(trader, factoryCode)
    const manager = await deploy(trader, managerCode, [factory, weth, zeroAddress])
    const router = await deploy(trader, routerCode, [factory, weth])
    const coins = [
      await deploy(trader, token, ['One', 'ONE', SUPPLY]),
      await deploy(trader, token, ['Two', 'TWO', SUPPLY]),
    ].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)) as [Address, Address]
    const write = (address: Address, { abi }: Artifact, functionName: string, args: unknown[]) =>
      mined(trader, trader.writeContract({ address, abi, functionName, args }))
    const read = (address: Address, { abi }: Artifact, functionName: string, args: unknown[]) =>
      trader.readContract({ address, abi, functionName, args })

    const evenPrice = 2n ** 96n
    await write(manager, managerCode, 'createAndInitializePoolIfNecessary', [
      ...[...coins, 3_000, evenPrice],
    ])
    const pool = (await read(factory, factoryCode, 'getPool', [...coins, 3_000])) as Address
    for (const coin of coins)
      for (const spender of [manager, router])
        await write(coin, token, 'approve', [spender, SUPPLY])
    const amount = parseEther('1000')
    const minted = await write(manager, managerCode, 'mint', [
      {
        ...{ token0: coins[0], token1: coins[1], fee: 3_000, tickLower: -887_220 },
        ...{ tickUpper: 887_220, amount0Desired: amount, amount1Desired: amount },
        ...{ amount0Min: 0n, amount1Min: 0n, recipient: me, deadline: DEADLINE },
      },
    ])
    const names = parseEventLogs({ abi: managerCode.abi, logs: minted.logs }).map(
      (log) => (log as { eventName?: string }).eventName,
    )
    expect(names).toContain('IncreaseLiquidity')
    expect(await read(manager, managerCode, 'ownerOf', [1n])).toBe(me)

    const to = freshAddress()
    const swapped = await write(router, routerCode, 'exactInputSingle', [
      {
        ...{ tokenIn: coins[0], tokenOut: coins[1], fee: 3_000, recipient: to },
        ...{ deadline: DEADLINE, amountIn: parseEther('1'), amountOutMinimum: 0n },
        sqrtPriceLimitX96: 0n,
      },
    ])
    // Over the whole range a position is x · y = k; the fee is 0.3 %.
    const expected = (amount * 997n) / (1_000n * 1_000n + 997n)
    const received = (await read(coins[1], token, 'balanceOf', [to])) as bigint
    const off = received * 1_000n - expected * 1_000n
    expect((off < 0n ? -off : off) / expected, 'thousandths of the expected amount').toBe(0n)
    const [swap] = parseEventLogs({ abi: poolCode.abi, eventName: 'Swap', logs: swapped.logs })
    expect(swap?.args).toMatchObject({ amount0: parseEther('1'), amount1: -received })
    const slot0 = (await read(pool, poolCode, 'slot0', [])) as readonly unknown[]
    expect(slot0[1], 'the tick went down').toBe(-20)
  })
})

describe('Safe 1.4.1', () => {
  const safeCode = () => published('Safe.sol/Safe')
  const published = (path: string): Artifact =>
    publishedArtifact('@safe-global/safe-contracts', `build/artifacts/contracts/${path}.json`)
  const SAFE_TX = [
    ...[
      { name: 'to', type: 'address' },
      { name: 'value', type: 'uint256' },
    ],
    ...[
      { name: 'data', type: 'bytes' },
      { name: 'operation', type: 'uint8' },
    ],
    ...[
      { name: 'safeTxGas', type: 'uint256' },
      { name: 'baseGas', type: 'uint256' },
    ],
    ...[
      { name: 'gasPrice', type: 'uint256' },
      { name: 'gasToken', type: 'address' },
    ],
    ...[
      { name: 'refundReceiver', type: 'address' },
      { name: 'nonce', type: 'uint256' },
    ],
  ]

  test('a proxy by the factory, and a transaction of two of its three owners', async () => {
    const sponsor = clientOf(1)
    const owners = [2, 3, 4].map((account) => accountOf(devnet.report, account))
    const factoryCode = published('proxies/SafeProxyFactory.sol/SafeProxyFactory')
    const handler = 'handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler'
    const singleton = await deploy(sponsor, safeCode())
    const factory = await deploy(sponsor, factoryCode)
    const fallback = await deploy(sponsor, published(handler))
    const setup = encodeFunctionData({
      abi: safeCode().abi,
      functionName: 'setup',
      args: [
        ...[owners.map(({ address }) => address), 2n, zeroAddress, '0x', fallback],
        ...[zeroAddress, 0n, zeroAddress],
      ],
    })
    const created = await mined(
      sponsor,
      sponsor.writeContract({
        address: factory,
        abi: factoryCode.abi,
        functionName: 'createProxyWithNonce',
        args: [singleton, setup, 1n],
      }),
    )
    const [creation] = parseEventLogs({ abi: factoryCode.abi, logs: created.logs })
    const { proxy: safe } = (creation?.args ?? {}) as unknown as { proxy: Address }
    await mined(sponsor, sponsor.sendTransaction({ to: safe, value: parseEther('3') }))

    const to = freshAddress()
    const message = {
      ...{ to, value: parseEther('2'), data: '0x' as Hex, operation: 0, safeTxGas: 0n },
      ...{ baseGas: 0n, gasPrice: 0n, gasToken: zeroAddress, refundReceiver: zeroAddress },
      nonce: 0n,
    }
    const typed = {
      domain: { chainId: devnet.report.chainId, verifyingContract: safe },
      types: { SafeTx: SAFE_TX },
      primaryType: 'SafeTx',
      message,
    } as const
    const local = await owners[0]?.signTypedData(typed)
    // The node of a devnet signs for its accounts: the same EIP-712 digest must come out.
    const remote = createWalletClient({ chain: nexusChain, transport: http(url) })
    const byNode = await remote.signTypedData({ ...typed, account: owners[1]?.address as Address })
    expect(byNode).toBe(await owners[1]?.signTypedData(typed))
    const signatures = [
      { owner: owners[0]?.address ?? '', signature: local as Hex },
      { owner: owners[1]?.address ?? '', signature: byNode },
    ].sort((a, b) => (a.owner.toLowerCase() < b.owner.toLowerCase() ? -1 : 1))
    const execute = (signed: Hex) => ({
      address: safe,
      abi: safeCode().abi,
      functionName: 'execTransaction',
      args: [...[to, message.value, '0x', 0, 0n, 0n, 0n, zeroAddress, zeroAddress], signed],
    })
    await expect(
      sponsor.simulateContract(execute(signatures[0]?.signature ?? '0x')),
    ).rejects.toThrow(/GS020/)
    const all = concat(signatures.map(({ signature }) => signature))
    await mined(sponsor, sponsor.writeContract(execute(all)))
    expect(await sponsor.getBalance({ address: to })).toBe(parseEther('2'))
    await expect(sponsor.simulateContract(execute(all)), 'a nonce is used once').rejects.toThrow(
      /GS026/,
    )
  })
})

describe('Multicall3', () => {
  test('many reads of one block, and one that fails', async () => {
    const client = clientOf(5)
    const bytecode = await multicall3Bytecode()
    const multicallAddress = await deploy(client, { abi: multicall3Abi, bytecode })
    const coin = await deploy(client, token, ['Coin', 'COIN', SUPPLY])
    const contract = { address: coin, abi: erc20Abi } as const
    const results = await client.multicall({
      multicallAddress,
      contracts: [
        { ...contract, functionName: 'symbol' },
        { ...contract, functionName: 'balanceOf', args: [client.account.address] },
        { ...contract, functionName: 'transferFrom', args: [zeroAddress, zeroAddress, 1n] },
      ],
    })
    expect(results.map(({ status }) => status)).toEqual(['success', 'success', 'failure'])
    expect([results[0]?.result, results[1]?.result]).toEqual(['COIN', SUPPLY])
    const batched = await client.readContract({
      address: multicallAddress,
      abi: multicall3Abi,
      functionName: 'getEthBalance',
      args: [client.account.address],
    })
    expect(batched).toBe(await client.getBalance({ address: client.account.address }))
  })

  test('without a deployment: viem runs its code in the call', async () => {
    const client = clientOf(5)
    const coin = await deploy(client, token, ['Coin', 'COIN', SUPPLY])
    const contracts = [{ address: coin, abi: erc20Abi, functionName: 'decimals' }] as const
    expect(await client.multicall({ contracts, deployless: true })).toEqual([
      { status: 'success', result: 18 },
    ])
  })
})

describe('EIP-7702', () => {
  test('viem: an account pays for its own batch of calls', async () => {
    const sponsor = clientOf(6)
    const owner = walletOf(url, privateKeyToAccount(generatePrivateKey()))
    const target = await deploy(sponsor, delegate)
    await mined(
      sponsor,
      sponsor.sendTransaction({ to: owner.account.address, value: parseEther('5') }),
    )
    // The transaction itself takes the nonce before the authorization's.
    const authorization = await owner.signAuthorization({
      contractAddress: target,
      executor: 'self',
    })
    const recipients = [freshAddress(), freshAddress(), freshAddress()]
    const data = encodeFunctionData({
      abi: delegate.abi,
      functionName: 'execute',
      args: [recipients.map((to) => ({ target: to, value: parseEther('1'), data: '0x' }))],
    })
    const receipt = await mined(
      owner,
      owner.sendTransaction({
        authorizationList: [authorization],
        to: owner.account.address,
        data,
      }),
    )
    expect(receipt.type).toBe('eip7702')
    for (const address of recipients)
      expect(await owner.getBalance({ address })).toBe(parseEther('1'))
    const transaction = await owner.getTransaction({ hash: receipt.transactionHash })
    expect(transaction.authorizationList).toMatchObject([
      { address: target.toLowerCase(), chainId: devnet.report.chainId, nonce: 1 },
    ])
    expect(await owner.getTransactionCount({ address: owner.account.address })).toBe(2)
  })

  test('ethers: a sponsor brings the authorization; the zero address takes it back', async () => {
    const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1, pollingInterval: 50 })
    try {
      const sponsor = new Wallet(devnet.report.accounts[7]?.privateKey ?? '', provider)
      const owner = new Wallet(generatePrivateKey(), provider)
      const target = await deploy(clientOf(8), delegate)
      const authorize = async (address: string) =>
        sponsor.sendTransaction({
          type: 4,
          to: owner.address,
          authorizationList: [await owner.authorize({ address })],
        })
      const first = await (await authorize(target)).wait()
      expect(first?.status).toBe(1)
      expect(first?.type).toBe(4)
      expect(await provider.getCode(owner.address)).toBe(`0xef0100${target.slice(2).toLowerCase()}`)
      expect((await (await authorize(zeroAddress)).wait())?.status).toBe(1)
      expect(await provider.getCode(owner.address)).toBe('0x')
      expect(await provider.getTransactionCount(owner.address)).toBe(2)
    } finally {
      provider.destroy()
    }
  })
})

test('CREATE2 through the proxy of the genesis: the address everybody computes', async () => {
  const client = clientOf(9)
  const proxy = '0x4e59b44847b379578588920ca78fbf26c0b4956c'
  const salt = keccak256('0x01')
  const init = encodePacked(
    ['bytes', 'bytes'],
    [
      token.bytecode,
      encodeAbiParameters(
        [{ type: 'string' }, { type: 'string' }, { type: 'uint256' }],
        ['Coin', 'COIN', 1n],
      ),
    ],
  )
  await mined(client, client.sendTransaction({ to: proxy, data: concat([salt, init]) }))
  const hash = keccak256(concat(['0xff', proxy, salt, keccak256(init)]))
  const address: Address = `0x${hash.slice(26)}`
  expect(await client.readContract({ address, abi: erc20Abi, functionName: 'symbol' })).toBe('COIN')
})
