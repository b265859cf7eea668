// The exchange from TypeScript: deposit, rest an order, read the book, cancel, take the money back.
// `npm run devnet` in one terminal, then `node_modules/.bin/node examples/order.ts` in another.
import { mnemonicToAccount } from 'viem/accounts'
import { exchangeTable } from '../coprocessors/exchange/index.ts'
import { ledgerTable } from '../coprocessors/ledger/index.ts'
import { createNexusClient, privateKeySigner } from '../rpc/client/index.ts'

const [url = 'http://127.0.0.1:8545'] = process.argv.slice(2)
const account = mnemonicToAccount('test test test test test test test test test test test junk')
const client = createNexusClient({
  url,
  engines: { ledger: ledgerTable, exchange: exchangeTable },
  signer: privateKeySigner(account.getHdKey().privateKey as Uint8Array),
})
const { ledger, exchange } = client.actions

// Market 0 of the devnet is BTC against USDX: a lot is 0.001 BTC, a tick is 1 USDX for a whole coin.
const [USDX, EXCHANGE, BTC_USDX] = [0, exchangeTable.id, 0]
const units = (usdx: number): number => usdx * 1_000_000

// One signature, two calls. The ledger's calls of a block run before the exchange's.
const { height, fee, calls } = await client.sendAndWait([
  ledger.depositTo({ engine: EXCHANGE, asset: USDX, amount: units(1_000) }),
  exchange.placeOrder({
    market: BTC_USDX,
    side: 'buy',
    price: 59_000,
    size: 10,
    timeInForce: 'POST_ONLY',
    expiry: 0,
    clientId: 0n,
    selfTrade: 'cancelMaker',
  }),
])
const [deposit, order] = calls
console.log(`deposit: ${deposit.code ?? 'done'}, in block ${height}, fee ${fee / 1e6} USDX`)
if (order.result === null) throw new Error(`the order was refused: ${order.code}`)
const { orderId, open } = order.result
console.log(`order ${orderId}: ${open} lots rest at 59000`)

const { bids, asks } = await client.view.exchange.book({ market: BTC_USDX, depth: 5 })
console.log('bids', bids, 'asks', asks)

// `run` is one call and its result; a refusal is thrown with its code.
const { size } = await client.run(exchange.cancel({ market: BTC_USDX, orderId }))
console.log(`cancelled ${size} lots`)
try {
  await client.run(exchange.cancel({ market: BTC_USDX, orderId }))
} catch (error) {
  console.log('a second time:', (error as { detail: { code: string } }).detail.code)
}

await client.run(exchange.withdraw({ asset: USDX, amount: units(1_000) }))
const { amount } = await client.view.ledger.balance({ owner: client.address, asset: USDX })
console.log(`${client.address} has ${amount / 1e6} USDX in Core`)
client.close()
