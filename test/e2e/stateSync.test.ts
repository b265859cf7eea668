// Four validators with transfers and orders; a fifth node joins from a snapshot of theirs, has their state without
// their history, and follows.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEther } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exchangeTable } from '../../coprocessors/exchange/index.ts'
import { ledgerTable } from '../../coprocessors/ledger/index.ts'
import { fromHex } from '../../core/primitives/bytes.ts'
import { createNexusClient, privateKeySigner } from '../../rpc/client/index.ts'
import { accountOf, readerOf, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll, temporaryDirectory } from '../support/devnet.ts'
import { call } from '../support/jsonRpc.ts'
import { NexusProcess, runNexus } from '../support/processes.ts'
import { faultsOf, headOf, readChain } from '../support/sameChain.ts'
import { sleep, until } from '../support/wait.ts'

const ENGINES = { ledger: ledgerTable, exchange: exchangeTable }
const [USDX, NXS, MARKET] = [0, 1, 2]
const JOINING = 4

let devnet: Devnet
let joining: NexusProcess | null = null
/** The validators that make snapshots. */
const makers: NexusProcess[] = []
beforeAll(async () => {
  devnet = await Devnet.start({ validators: 4, args: ['--block-time', '100ms'] })
  for (const index of [0, 1]) {
    await devnet.kill(index)
    const args = ['--snapshots-every-blocks', '64', '--log-format', 'json']
    makers.push(devnet.startValidator(index, args))
    await until({ what: `validator ${index} to answer`, timeoutMs: 20_000 }, () =>
      headOf(urlOf(index)).then(
        () => true,
        () => false,
      ),
    )
  }
})
afterAll(async () => {
  await joining?.stop('SIGINT')
  disposeAll()
})

const urlOf = (node: number): string =>
  node === JOINING ? `http://127.0.0.1:${devnet.ports.rpc + JOINING}` : devnet.validator(node).rpc

const clientOf = (account: number) =>
  createNexusClient({
    url: urlOf(0),
    engines: ENGINES,
    signer: privateKeySigner(fromHex(devnet.report.accounts[account]?.privateKey ?? '')),
  })

/** Of all four, as the configurations of two of them name each other. */
function peerAddresses(): string[] {
  const peersOf = (node: number): string[] =>
    JSON.parse(readFileSync(join(devnet.validator(node).home, 'config.json'), 'utf8')).p2p.peers
  return [...new Set([...peersOf(0), ...peersOf(1)])]
}

const transfer = (account: number, to: `0x${string}`) =>
  walletOf(urlOf(account), accountOf(devnet.report, account)).sendTransaction({
    to,
    value: parseEther('1'),
  })

async function trade(): Promise<void> {
  const [maker, taker] = [clientOf(0), clientOf(1)]
  for (const client of [maker, taker]) {
    const { ledger } = client.actions
    await client.sendAndWait([
      ledger.depositTo({ engine: 2, asset: USDX, amount: 500_000_000_000 }),
      ledger.depositTo({ engine: 2, asset: NXS, amount: 500_000_000_000 }),
    ])
  }
  const order = (side: 'buy' | 'sell', price: number, size: number) =>
    maker.actions.exchange.placeOrder({
      market: MARKET,
      side,
      price,
      size,
      timeInForce: 'GTC',
      expiry: 0,
      clientId: 0n,
      selfTrade: 'cancelMaker',
    })
  await maker.sendAndWait([order('sell', 1_010, 10), order('buy', 990, 10)])
  await taker.sendAndWait([order('buy', 1_010, 4)])
}

const book = (node: number): Promise<unknown> =>
  call(urlOf(node), 'nexus_exchange_book', [MARKET, 10])

async function joinChain(): Promise<NexusProcess> {
  const home = join(temporaryDirectory('joining'), 'home')
  const { ports } = devnet
  const peers = peerAddresses()
  const genesis = join(devnet.validator(0).home, 'genesis.json')
  const listen = `/ip4/127.0.0.1/tcp/${ports.p2p + JOINING}`
  const args = ['--home', home, '--observer', '--genesis', genesis, '--listen', listen]
  const made = await runNexus(['init', ...args, '--peers', peers.join(',')])
  expect(made.exit.code, made.stderr).toBe(0)
  return new NexusProcess([
    'start',
    ...['--home', home, '--state-sync-enabled', 'true', '--log-format', 'json'],
    ...['--rpc-port', `${ports.rpc + JOINING}`, '--metrics-port', `${ports.metrics + JOINING}`],
  ])
}

test('a node joins by state sync and follows', async () => {
  const receiver = accountOf(devnet.report, 9).address
  await trade()
  for (let i = 0; i < 4; i++) await transfer(i, receiver)
  await until({ what: 'snapshots', timeoutMs: 30_000 }, () =>
    makers.every(({ output }) => output.includes('Snapshot made')),
  ).catch((error: Error) => {
    throw new Error(`${error.message}; the output of one:\n${makers[0]?.output}`)
  })

  joining = await joinChain()
  await until(
    { what: 'the fifth node to follow', timeoutMs: 30_000 },
    async () => joining?.exit !== null || (await isLevel()),
  ).catch((error: Error) => {
    throw new Error(`${error.message}; its output:\n${joining?.output}`)
  })
  expect(joining.output).toContain('State restored')
  const { height: restored } = JSON.parse(
    joining.stdout.find((line) => line.includes('State restored')) ?? '{}',
  )
  expect(restored % 64).toBe(0)

  await transfer(0, receiver)
  await sleep(500)
  const head = Math.min(await headOf(urlOf(0)), await headOf(urlOf(JOINING)))
  const [own, theirs] = await Promise.all([
    readChain(urlOf(JOINING), restored + 1, head),
    readChain(urlOf(0), restored + 1, head),
  ])
  expect(own).toEqual(theirs)
  expect(await faultsOf(own)).toEqual([])
  const balance = await readerOf(urlOf(0)).getBalance({ address: receiver })
  expect(balance).toBeGreaterThan(0n)
  expect(await readerOf(urlOf(JOINING)).getBalance({ address: receiver })).toBe(balance)
  expect(await book(JOINING)).toEqual(await book(0))
  expect(await call(urlOf(JOINING), 'eth_getBlockByNumber', ['0x1', false])).toBeNull()
}, 90_000)

const isLevel = async (): Promise<boolean> => {
  try {
    const [own, theirs] = [await headOf(urlOf(JOINING)), await headOf(urlOf(0))]
    return own > 64 && own >= theirs - 2
  } catch {
    return false
  }
}
