// Impersonation and state at will on a devnet of two validators, through viem's test client: both nodes must agree.
import {
  type Address,
  createTestClient,
  createWalletClient,
  encodeAbiParameters,
  type Hash,
  type Hex,
  toHex as hexOf,
  http,
  keccak256,
  multicall3Abi,
  parseEther,
  publicActions,
  walletActions,
} from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toHex } from '../../core/primitives/bytes.ts'
import { accountOf, nexusChain, readerOf, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { initcodeOf, STORE, word } from '../support/storeContract.ts'
import { until } from '../support/wait.ts'

let devnet: Devnet

beforeAll(async () => {
  devnet = await Devnet.start({ validators: 2, args: ['--block-time', '1s'] })
})
afterAll(disposeAll)

const clientOf = (mode: 'anvil' | 'hardhat', node = 0) =>
  createTestClient({
    ...{
      mode,
      chain: nexusChain,
      transport: http(devnet.validator(node).rpc),
      pollingInterval: 20,
    },
  })
    .extend(publicActions)
    .extend(walletActions)

/** Every node of the chain shows the same. */
async function everywhere<T>(read: (client: ReturnType<typeof readerOf>) => Promise<T>, is: T) {
  for (const { rpc } of devnet.report.validators)
    await until({ what: `${rpc} to agree`, timeoutMs: 20_000 }, async () => {
      const found = await read(readerOf(rpc))
      if (found !== is) throw new Error(`${String(found)} is not ${String(is)}`)
      return true
    })
}

/** Answers 42 to every call: PUSH1 42, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN. */
const ANSWER: Hex = '0x602a5f5260205ff3'

describe.each(['anvil', 'hardhat'] as const)('viem in mode %s', (mode) => {
  const fresh = (name: string): Address => `0x${keccak256(hexOf(`${mode} ${name}`)).slice(26)}`

  test('sends as anybody, contracts too, while it plays them', async () => {
    const client = clientOf(mode)
    const whale = fresh('whale')
    const target = fresh('target')
    await client.setBalance({ address: whale, value: parseEther('10') })
    await expect(client.sendTransaction({ account: whale, to: target, value: 1n })).rejects.toThrow(
      /unknown account/,
    )
    await client.impersonateAccount({ address: whale })
    const hash = await client.sendTransaction({
      account: whale,
      to: target,
      value: parseEther('1'),
    })
    const receipt = await client.waitForTransactionReceipt({ hash, timeout: 20_000 })
    expect(receipt).toMatchObject({ status: 'success', from: whale.toLowerCase() })
    await everywhere((node) => node.getBalance({ address: target }), parseEther('1'))
    const { from, nonce } = await client.getTransaction({ hash })
    expect([from, nonce]).toEqual([whale.toLowerCase(), 0])
    await client.stopImpersonatingAccount({ address: whale })
    await expect(client.sendTransaction({ account: whale, to: target, value: 1n })).rejects.toThrow(
      /unknown account/,
    )

    const wallet = walletOf(
      devnet.validator(0).rpc,
      accountOf(devnet.report, mode === 'anvil' ? 0 : 1),
    )
    const deployed = await wallet.sendTransaction({ data: `0x${toHex(initcodeOf(STORE))}` })
    const contract = (await wallet.waitForTransactionReceipt({ hash: deployed, timeout: 20_000 }))
      .contractAddress as Address
    await client.setBalance({ address: contract, value: parseEther('2') })
    await client.impersonateAccount({ address: contract })
    const own = await client.sendTransaction({
      ...{ account: contract, to: contract, data: word(9) as Hex },
    })
    await client.waitForTransactionReceipt({ hash: own, timeout: 20_000 })
    await everywhere(
      (node) => node.getStorageAt({ address: contract, slot: word(0) as Hash }),
      word(9) as Hex,
    )
    await client.stopImpersonatingAccount({ address: contract })
  })

  test('sets code, slots, nonces and balances, up and down', async () => {
    const client = clientOf(mode)
    const address = fresh('edited')
    await client.setCode({ address, bytecode: ANSWER })
    const called = await client.call({ to: address })
    expect(called.data).toBe(word(42))
    await client.setStorageAt({ address, index: 3, value: word(77) as Hex })
    await client.setStorageAt({ address, index: word(2n ** 255n) as Hex, value: word(78) as Hex })
    await everywhere(
      (node) => node.getStorageAt({ address, slot: word(3) as Hash }),
      word(77) as Hex,
    )
    await everywhere(
      (node) => node.getStorageAt({ address, slot: word(2n ** 255n) as Hash }),
      word(78) as Hex,
    )
    await client.setStorageAt({ address, index: 3, value: word(0) as Hex })
    await everywhere(
      (node) => node.getStorageAt({ address, slot: word(3) as Hash }),
      word(0) as Hex,
    )
    await client.setNonce({ address, nonce: 1_000 })
    await everywhere((node) => node.getTransactionCount({ address }), 1_000)
    await client.setBalance({ address, value: parseEther('5') })
    await client.setBalance({ address, value: 17n })
    await everywhere((node) => node.getBalance({ address }), 17n)
    await client.setCode({ address, bytecode: '0x' })
    await everywhere((node) => node.getCode({ address }), undefined)
    await client.setNonce({ address, nonce: 0 })
    await client.setBalance({ address, value: 0n })
    // Storage alone is nothing that an account may be made of.
    await everywhere((node) => node.getTransactionCount({ address }), 1)
    const proof = await client.getProof({ address, storageKeys: [word(2n ** 255n) as Hash] })
    expect(proof.storageProof[0]?.value).toBe(78n)
  })

  test('the slot of a token: what deal of forge does', async () => {
    const client = clientOf(mode)
    const address = fresh('token')
    const owner = fresh('owner')
    const slot = keccak256(
      encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [owner, 0n]),
    )
    // SLOAD of keccak(calldata): a mapping at slot 0.
    await client.setCode({ address, bytecode: '0x60405f5f3760405f20545f5260205ff3' })
    await client.setStorageAt({ address, index: slot, value: word(1_000) as Hex })
    const data = encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [owner, 0n])
    expect((await client.call({ to: address, data })).data).toBe(word(1_000))
  })

  test.each([
    ['a precompile', '0x0000000000000000000000000000000000000004'],
    ['an engine', '0x0000000000000000000000000000000000000801'],
    ["a token of Core's", '0x2000000000000000000000000000000000000001'],
    ['the contract of past hashes', '0x0000f90827f1c53a10cb7a02335b175320002935'],
  ] as const)('leaves %s alone', async (_, address) => {
    await expect(clientOf(mode).setCode({ address, bytecode: ANSWER })).rejects.toThrow(
      /address of the chain itself/,
    )
  })
})

test('one traces what an impersonated contract did', async () => {
  const client = clientOf('anvil')
  const address: Address = `0x${'ab'.repeat(20)}`
  await client.setCode({ address, bytecode: ANSWER })
  await client.setBalance({ address, value: parseEther('1') })
  await client.impersonateAccount({ address })
  const hash = await client.sendTransaction({ account: address, to: address })
  await client.waitForTransactionReceipt({ hash, timeout: 20_000 })
  const trace = await client.request({
    method: 'debug_traceTransaction',
    params: [hash, { tracer: 'callTracer' }],
  } as never)
  expect(trace).toMatchObject({ from: address, to: address, output: word(42) })
})

test('a raw transaction without a signature needs the impersonation too', async () => {
  const client = clientOf('anvil')
  const address: Address = `0x${'cd'.repeat(20)}`
  await client.setBalance({ address, value: parseEther('1') })
  await client.impersonateAccount({ address })
  const raw = await client.request({
    method: 'eth_signTransaction',
    params: [{ from: address, to: address, gas: '0x5208', nonce: '0x0' }],
  } as never)
  const { raw: serializedTransaction } = raw as { raw: Hex }
  await client.stopImpersonatingAccount({ address })
  await expect(client.sendRawTransaction({ serializedTransaction })).rejects.toThrow(
    /invalid signature/,
  )
  await client.request({ method: 'anvil_autoImpersonateAccount', params: [true] } as never)
  const hash = await client.sendRawTransaction({ serializedTransaction })
  const receipt = await client.waitForTransactionReceipt({ hash, timeout: 20_000 })
  expect(receipt.from).toBe(address)
  await client.request({ method: 'anvil_autoImpersonateAccount', params: [false] } as never)
})

test('the block before is at hand: EIP-2935 and EIP-4788', async () => {
  const client = clientOf('anvil')
  const block = await until({ what: 'three blocks' }, async () => {
    const latest = await client.getBlock()
    return latest.number >= 3n ? latest : null
  })
  const history = await client.call({
    to: '0x0000F90827F1C53a10cb7A02335B175320002935',
    data: word(block.number - 1n) as Hex,
    blockNumber: block.number,
  })
  expect(history.data).toBe(block.parentHash)
  const roots = await client.call({
    to: '0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02',
    data: word(block.timestamp) as Hex,
    blockNumber: block.number,
  })
  expect(roots.data).toBe(block.parentBeaconBlockRoot)
})

test('Multicall3 is where every chain has it', async () => {
  const chain = {
    ...nexusChain,
    contracts: { multicall3: { address: '0xcA11bde05977b3631167028862bE2a173976CA11' as const } },
  }
  const client = createWalletClient({ chain, transport: http(devnet.validator(0).rpc) }).extend(
    publicActions,
  )
  const own = accountOf(devnet.report, 3).address
  const multicall = chain.contracts.multicall3.address
  const call = { address: multicall, abi: multicall3Abi } as const
  const answers = await client.multicall({
    contracts: [
      { ...call, functionName: 'getEthBalance', args: [own] },
      { ...call, functionName: 'getCurrentBlockTimestamp' },
    ],
  })
  const { timestamp } = await client.getBlock()
  expect(answers.map(({ status }) => status)).toEqual(['success', 'success'])
  expect(answers[0]?.result).toBe(await client.getBalance({ address: own }))
  expect(Number(timestamp) - Number(answers[1]?.result)).toBeLessThan(60)
})
