// Foundry against a devnet: every command a person uses daily, as a process, nothing downloaded.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, type Hex, keccak256, parseEther, toHex } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readerOf } from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { foundry, output, projectFrom, run } from '../support/tools/tools.ts'

let devnet: Devnet
let url: string
let project: string
let counter: Address

const keyOf = (account: number): string => devnet.report.accounts[account]?.privateKey ?? ''
const addressOf = (account: number): Address => devnet.report.accounts[account]?.address ?? '0x'
const cast = (...args: string[]): Promise<string> =>
  output({ file: foundry('cast'), args: [...args, '--rpc-url', url] })
const forge = (args: string[], env: Record<string, string> = {}): Promise<string> =>
  output({ file: foundry('forge'), args, cwd: project, env: { ...env, FOUNDRY_OFFLINE: 'true' } })

type Receipt = {
  readonly status: Hex
  readonly transactionHash: Hex
  readonly blockNumber: Hex
  readonly contractAddress: Address | null
  readonly logs: readonly { readonly topics: readonly Hex[]; readonly data: Hex }[]
}
const sent = async (account: number, ...args: string[]): Promise<Receipt> =>
  JSON.parse(await cast('send', '--json', '--private-key', keyOf(account), ...args)) as Receipt

beforeAll(async () => {
  devnet = await Devnet.start({ validators: 1, args: ['--block-time', '500ms'] })
  url = devnet.validator(0).rpc
  project = projectFrom('forge')
  await forge(['build'])
  const created = await forge([
    ...['create', 'src/Counter.sol:Counter', '--json', '--broadcast'],
    ...['--rpc-url', url, '--private-key', keyOf(0), '--constructor-args', '5'],
  ])
  counter = (JSON.parse(created) as { deployedTo: Address }).deployedTo
})
afterAll(disposeAll)

describe('forge', () => {
  test('create: the contract is there, with its argument', async () => {
    expect(await cast('call', counter, 'number()(uint256)')).toBe('5')
    const built = JSON.parse(readFileSync(join(project, 'out/Counter.sol/Counter.json'), 'utf8'))
    expect(await cast('code', counter)).toBe(built.deployedBytecode.object)
  })

  test('script --broadcast: deploys through the CREATE2 proxy and sends what follows', async () => {
    const deploy = [
      ...['script', 'script/Deploy.s.sol', '--rpc-url', url],
      ...['--private-key', keyOf(1), '--broadcast', '--slow'],
    ]
    expect(await forge(deploy)).toContain('ONCHAIN EXECUTION COMPLETE & SUCCESSFUL')
    const file = join(project, `broadcast/Deploy.s.sol/${devnet.report.chainId}/run-latest.json`)
    const { transactions, receipts } = JSON.parse(readFileSync(file, 'utf8')) as {
      transactions: { contractAddress: Address }[]
      receipts: Receipt[]
    }
    expect(receipts.map(({ status }) => status)).toEqual(['0x1', '0x1', '0x1'])
    const deployed = transactions[0]?.contractAddress as Address
    expect(await cast('call', deployed, 'number()(uint256)')).toBe('43')
  })

  test('test --fork-url: runs on the state of the chain', async () => {
    const number = await cast('call', counter, 'number()(uint256)')
    const tested = await forge(['test', '--fork-url', url, '-vv'], {
      COUNTER: counter,
      CHAIN_ID: String(devnet.report.chainId),
      NUMBER: number,
      RICH: addressOf(3),
    })
    expect(tested).toContain('2 passed; 0 failed')
    expect(await cast('call', counter, 'number()(uint256)'), 'a fork changes nothing').toBe(number)
  })

  test('inspect reads what build wrote', async () => {
    expect(await forge(['inspect', 'Counter', 'methodIdentifiers', '--json'])).toContain('3fb5c1cb')
  })
})

describe('cast', () => {
  test('send, receipt, tx, logs, nonce, balance', async () => {
    const before = Number(await cast('nonce', addressOf(2)))
    const receipt = await sent(2, counter, 'setNumber(uint256)', '77')
    expect(receipt.status).toBe('0x1')
    expect(await cast('receipt', receipt.transactionHash, 'status')).toBe('true')
    expect(await cast('tx', receipt.transactionHash, 'nonce')).toBe(String(before))
    expect(Number(await cast('nonce', addressOf(2)))).toBe(before + 1)
    const event = 'NumberSet(address indexed, uint256)'
    const logs = await cast(
      ...['logs', '--json', '--from-block', receipt.blockNumber, '--address', counter, event],
    )
    expect(JSON.parse(logs)).toMatchObject([
      { transactionHash: receipt.transactionHash, data: `0x${'4d'.padStart(64, '0')}` },
    ])
    const to = '0x00000000000000000000000000000000000000a1'
    await sent(2, to, '--value', '1.5ether')
    expect(await cast('balance', to, '--ether')).toMatch(/^1\.50*$/)
    await sent(2, to, '--value', '1wei', '--legacy')
    expect(await cast('balance', to)).toBe((parseEther('1.5') + 1n).toString())
  })

  test('call and estimate: values, and a custom error by its data', async () => {
    expect(await cast('call', counter, 'number()(uint256)')).toMatch(/^\d+$/)
    expect(
      Number(await cast('estimate', counter, 'increment()', '--from', addressOf(2))),
    ).toBeGreaterThan(21_000)
    const refused = await run({
      file: foundry('cast'),
      args: ['call', counter, 'setNumber(uint256)', '1001', '--rpc-url', url],
    })
    expect(refused.code).not.toBe(0)
    const selector = keccak256(toHex('TooLarge(uint256)')).slice(0, 10)
    expect(refused.stderr).toContain(`${selector}${(1001).toString(16).padStart(64, '0')}`)
  })

  test('block, block-number, base-fee, gas-price, chain-id, client, rpc', async () => {
    const height = await cast('block-number')
    const block = JSON.parse(await cast('block', height, '--json')) as { number: Hex; hash: Hex }
    expect(Number(block.number)).toBe(Number(height))
    expect(await cast('rpc', 'eth_getBlockByHash', block.hash, 'false')).toContain(block.hash)
    expect(await cast('chain-id')).toBe(String(devnet.report.chainId))
    expect(await cast('client')).toMatch(/^nexus\//)
    expect(Number(await cast('base-fee'))).toBeGreaterThan(0)
    expect(Number(await cast('gas-price'))).toBeGreaterThan(0)
    expect(await cast('age', height)).not.toBe('')
  })

  test('storage and proof: the slot of the state, and its place in the trie', async () => {
    await sent(2, counter, 'setNumber(uint256)', '123')
    const word = `0x${'7b'.padStart(64, '0')}`
    expect(await cast('storage', counter, '0')).toBe(word)
    // Proofs are for the latest block: another may come between two questions.
    const proof = JSON.parse(await cast('proof', counter, '0x0')) as {
      storageProof: { value: Hex; proof: Hex[] }[]
    }
    expect(BigInt(proof.storageProof[0]?.value ?? 0)).toBe(123n)
    expect(proof.storageProof[0]?.proof.length).toBeGreaterThan(0)
  })

  test('mktx and publish: signed here, sent as bytes; access-list; find-block', async () => {
    const raw = await cast(
      ...['mktx', '--private-key', keyOf(4), counter, 'setNumber(uint256)', '9'],
    )
    const published = JSON.parse(await cast('publish', raw)) as Receipt
    expect(published.status).toBe('0x1')
    expect(await cast('call', counter, 'number()(uint256)')).toBe('9')
    expect(await cast('access-list', counter, 'increment()')).toContain(counter)
    const { timestamp } = await readerOf(url).getBlock({ blockNumber: 1n })
    expect(Number(await cast('find-block', String(timestamp)))).toBeGreaterThan(0)
  })

  test('send --unlocked: the node of a devnet signs for its accounts', async () => {
    const unlocked = await cast(
      ...[
        'send',
        '--json',
        '--unlocked',
        '--from',
        addressOf(5),
        counter,
        'setNumber(uint256)',
        '8',
      ],
    )
    expect((JSON.parse(unlocked) as Receipt).status).toBe('0x1')
  })

  test('send --auth: an EIP-7702 delegation', async () => {
    const authorized = await sent(6, addressOf(6), 'setNumber(uint256)', '10', '--auth', counter)
    expect(authorized.status).toBe('0x1')
    expect(await cast('code', addressOf(6))).toBe(`0xef0100${counter.slice(2).toLowerCase()}`)
    await sent(7, addressOf(6), 'setNumber(uint256)', '11')
    expect(await cast('call', addressOf(6), 'number()(uint256)')).toBe('11')
  })
})
