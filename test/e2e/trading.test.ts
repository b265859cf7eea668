// Bots trade on four real validators while contracts quote and revert on the same book, and one
// validator dies and comes back. At the end everybody has the same state, and nothing was made or lost.
import { type Abi, getContractAddress, type Hex, parseAbi, parseEther } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileSolidity } from '../../contracts/compile.ts'
import { exchangeTable } from '../../coprocessors/exchange/index.ts'
import { ledger, ledgerTable } from '../../coprocessors/ledger/index.ts'
import { fromHex } from '../../core/primitives/bytes.ts'
import { createNexusClient, privateKeySigner, verifyProof } from '../../rpc/client/index.ts'
import { accountOf, type Wallet, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { call } from '../support/jsonRpc.ts'
import { sleep, until } from '../support/wait.ts'

const VALIDATORS = 4
const SECONDS = 60
const BOTS = 3
/** Envelopes of this many orders, this often per bot: 3 × 40 × 50 = 6,000 orders a second. */
const ORDERS = 50
const EVERY_MS = 25
const [USDX, NXS, MARKET] = [0, 1, 2]
const MID = 1_000
const ENGINES = { ledger: ledgerTable, exchange: exchangeTable }

let devnet: Devnet
beforeAll(async () => {
  devnet = await Devnet.start({ validators: VALIDATORS })
})
afterAll(disposeAll)

const urlOf = (node: number): string => devnet.validator(node).rpc
const keyOf = (index: number): Uint8Array =>
  fromHex(devnet.report.accounts[index]?.privateKey ?? '')
const clientOf = (node: number, account: number) =>
  createNexusClient({
    url: urlOf(node),
    engines: ENGINES,
    signer: privateKeySigner(keyOf(account)),
  })
type Client = ReturnType<typeof clientOf>
type Deployed = { readonly address: Hex; readonly abi: Abi }

const headOf = async (node: number): Promise<number> =>
  Number(await call(urlOf(node), 'eth_blockNumber'))

/** A maker of orders around one price: half rest, half take. */
class Bot {
  readonly client: Client
  sent = 0
  failed = 0
  #random: number

  constructor(client: Client, seed: number) {
    this.client = client
    this.#random = seed
  }

  async fund(): Promise<void> {
    const { ledger: actions } = this.client.actions
    const result = await this.client.sendAndWait([
      actions.depositTo({ engine: 2, asset: USDX, amount: 500_000_000_000 }),
      actions.depositTo({ engine: 2, asset: NXS, amount: 500_000_000_000 }),
    ])
    expect(result.code ?? result.calls.map(({ code }) => code)).toEqual([null, null])
    await this.client.connect()
  }

  async trade(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      const orders = Array.from({ length: ORDERS }, () => this.#order())
      try {
        await this.client.send(orders)
        this.sent += ORDERS
      } catch {
        this.failed++
      }
      await sleep(EVERY_MS)
    }
  }

  #order() {
    const [isBuy, isTaker] = [this.#next(2) === 0, this.#next(2) === 0]
    const offset = isTaker ? -20 : 1 + this.#next(20)
    return this.client.actions.exchange.placeOrder({
      market: MARKET,
      side: isBuy ? 'buy' : 'sell',
      price: isBuy ? MID - offset : MID + offset,
      size: (isTaker ? 3 : 2) + this.#next(8),
      timeInForce: isTaker ? 'IOC' : 'GTC',
      expiry: 0,
      clientId: 0n,
      selfTrade: 'cancelMaker',
    })
  }

  #next(below: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#random / 2 ** 32) * below)
  }
}

async function deploy(
  wallet: Wallet,
  name: string,
  args: readonly unknown[] = [],
): Promise<Deployed> {
  const compiled = (await compileSolidity(`contracts/examples/${name}.sol`)).get(name)
  if (compiled === undefined) throw new Error(`${name} is compiled`)
  const abi = compiled.abi as Abi
  const nonce = BigInt(await wallet.getTransactionCount({ address: wallet.account.address }))
  const hash = await wallet.deployContract({ abi, bytecode: `0x${compiled.creation}`, args })
  const receipt = await wallet.waitForTransactionReceipt({ hash })
  expect(receipt.status).toBe('success')
  return { address: getContractAddress({ from: wallet.account.address, nonce }), abi }
}

async function transact(
  wallet: Wallet,
  { address, abi }: Deployed,
  functionName: string,
  args: readonly unknown[],
  value = 0n,
): Promise<'success' | 'reverted'> {
  const hash = await wallet.writeContract({
    address,
    abi,
    functionName,
    args,
    value,
    gas: 3_000_000n,
  })
  return (await wallet.waitForTransactionReceipt({ hash })).status
}

const supplyOf = (client: Client, asset: number) => client.view.ledger.supply({ asset })
type Supply = Awaited<ReturnType<typeof supplyOf>>

test('bots, a quoting contract and a reverting one share a book while a validator dies and returns', async () => {
  const bots = Array.from({ length: BOTS }, (_, i) => new Bot(clientOf(i, i), i + 1))
  await Promise.all(bots.map((bot) => bot.fund()))
  const observer = clientOf(0, 0)
  const before = await Promise.all([USDX, NXS].map((asset) => supplyOf(observer, asset)))

  const maker = walletOf(urlOf(0), accountOf(devnet.report, 4))
  const vault = await deploy(maker, 'QuotingVault', [MARKET])
  expect(await transact(maker, vault, 'deposit', [], parseEther('5000'))).toBe('success')
  await depositBase(maker, vault)
  const reverter = walletOf(urlOf(1), accountOf(devnet.report, 5))
  const placer = await deploy(reverter, 'PlaceThenRevert')
  expect(await transact(reverter, placer, 'fund', [], parseEther('1000'))).toBe('success')

  const started = performance.now()
  const end = started + SECONDS * 1_000
  const trading = bots.map((bot) => bot.trade(end))
  const quotes = { stood: 0, refused: 0 }
  const reverts = { runs: 0 }
  const quoting = (async () => {
    for (let i = 0; performance.now() < end; i++) {
      const status = await transact(maker, vault, 'requote', [MID - 40 - (i % 5), MID + 60, 5])
      if (status === 'success') quotes.stood++
      else quotes.refused++
    }
  })()
  const reverting = (async () => {
    while (performance.now() < end) {
      const order = { market: MARKET, side: 0, price: MID - 200, size: 2 }
      await transact(reverter, placer, 'run', [order, 4, 2])
      expect(await transact(reverter, placer, 'runAndRevert', [order, 3])).toBe('reverted')
      reverts.runs++
    }
  })()
  const crash = (async () => {
    await sleep(20_000)
    await devnet.kill(3)
    await sleep(10_000)
    const target = await headOf(0)
    devnet.startValidator(3)
    await until(
      { what: `validator 3 to reach ${target}`, timeoutMs: 90_000 },
      async () => (await headOf(3).catch(() => 0)) >= target,
    )
  })()
  await Promise.all([...trading, quoting, reverting, crash])

  const seconds = (performance.now() - started) / 1_000
  const sent = bots.reduce((sum, bot) => sum + bot.sent, 0)
  process.stdout.write(
    `${JSON.stringify({ seconds, ordersPerSecond: Math.round(sent / seconds), quotes, reverts, failed: bots.map(({ failed }) => failed) })}\n`,
  )
  expect(sent / seconds).toBeGreaterThan(1_000)
  expect(reverts.runs).toBeGreaterThan(3)
  expect(quotes.stood).toBeGreaterThan(3)

  // Only the first of four nested frames stood in each run: the second reverted with those inside it.
  expect(await openOrdersOf(observer, placer.address)).toBe(reverts.runs)

  await Promise.all(
    bots.map((bot) =>
      bot.client.sendAndWait([bot.client.actions.exchange.cancelAll({ market: MARKET })], {
        timeoutMs: 20_000,
      }),
    ),
  )
  await checkEqual()
  await checkSupply(observer, before)
  await checkProof(observer)
  for (const bot of bots) bot.client.close()
  expect(devnet.deaths()).toEqual([])
}, 400_000)

/** Page by page. */
async function openOrdersOf(client: Client, account: Hex): Promise<number> {
  let count = 0
  let cursor = 0
  do {
    const where = { account, market: MARKET, cursorMarket: MARKET, cursor }
    const page = await client.view.exchange.orders(where)
    count += page.orders.length
    cursor = page.next
  } while (cursor !== 0)
  return count
}

const TOKEN = parseAbi([
  'function approve(address spender, uint256 amount) returns (bool)',
  'function balanceOf(address owner) view returns (uint256)',
])

/** Coins of Core become tokens of the EVM in the next block, and the vault brings them to the exchange. */
async function depositBase(maker: Wallet, vault: Deployed): Promise<void> {
  const owner = maker.account.address
  const client = clientOf(0, 4)
  await client.run(client.actions.ledger.toEvm({ asset: NXS, amount: 50_000_000_000, to: owner }))
  const token: Hex = '0x2000000000000000000000000000000000000001'
  const amount = await until({ what: 'the tokens' }, async () => {
    const balance = await maker.readContract({
      address: token,
      abi: TOKEN,
      functionName: 'balanceOf',
      args: [owner],
    })
    return balance === 0n ? null : balance
  })
  expect(amount).toBe(parseEther('50000'))
  const erc20 = { address: token, abi: TOKEN as Abi }
  expect(await transact(maker, erc20, 'approve', [vault.address, amount])).toBe('success')
  expect(await transact(maker, vault, 'depositBase', [amount])).toBe('success')
}

/** The same block at every height means the same state below it: a header carries the roots of the height before. */
async function checkEqual(): Promise<void> {
  const head = await headOf(0)
  for (let node = 1; node < VALIDATORS; node++)
    await until(
      { what: `node ${node} to reach ${head}`, timeoutMs: 60_000 },
      async () => (await headOf(node)) >= head,
    )
  for (let height = 1; height <= head; height += 7) {
    const ids = await Promise.all(
      Array.from(
        { length: VALIDATORS },
        async (_, node) =>
          (
            (await call(urlOf(node), 'nexus_commitCertificate', [`0x${height.toString(16)}`])) as {
              blockId: string
            }
          ).blockId,
      ),
    )
    expect(new Set(ids).size, `height ${height}`).toBe(1)
  }
}

async function checkSupply(client: Client, before: readonly Supply[]): Promise<void> {
  for (const asset of [USDX, NXS]) {
    const now = await supplyOf(client, asset)
    const scale = 10n ** 12n
    expect((now.core + now.inFlight) * scale + now.evm, `asset ${asset}`).toBe(
      now.issued - now.burned,
    )
    expect(now.issued).toBe(before[asset]?.issued)
  }
}

/** A reader who knows the validators and nothing else. */
async function checkProof(client: Client): Promise<void> {
  const key = [devnet.report.accounts[1]?.address, NXS]
  const json = await client.call('nexus_getProof', [
    'ledger',
    'balances',
    { index: 'balanceByKey', key },
  ])
  const validators = (await client.call('nexus_validators', [])) as {
    validators: { publicKey: Hex; power: number }[]
  }
  const trusted = {
    chainId: devnet.report.chainId,
    validators: validators.validators.map(({ publicKey, power }) => ({
      publicKey: fromHex(publicKey),
      power: Number(power),
    })),
  }
  const proven = verifyProof(
    json,
    { engine: 'ledger', schema: ledger.schema, engineIndex: 1 },
    trusted,
  )
  expect(proven.ok ? proven.value.table : proven.code).toBe('balances')
}
