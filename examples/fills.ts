// Two accounts trade while a third connection watches: the book of a market, and the fills of the
// account that makes it. `node_modules/.bin/node examples/fills.ts` while `npm run devnet` runs.
import { mnemonicToAccount } from 'viem/accounts'
import { exchangeTable } from '../coprocessors/exchange/index.ts'
import { ledgerTable } from '../coprocessors/ledger/index.ts'
import { type ChannelMessage, createNexusClient, privateKeySigner } from '../rpc/client/index.ts'

const [tradeUrl = 'http://127.0.0.1:8545', watchUrl = 'http://127.0.0.1:8548'] =
  process.argv.slice(2)
const engines = { ledger: ledgerTable, exchange: exchangeTable }
const mnemonic = 'test test test test test test test test test test test junk'

const trader = (addressIndex: number) => {
  const key = mnemonicToAccount(mnemonic, { addressIndex }).getHdKey().privateKey as Uint8Array
  return createNexusClient({ url: tradeUrl, engines, signer: privateKeySigner(key) })
}
const [maker, taker] = [trader(1), trader(2)]
const { ledger, exchange } = maker.actions

// Market 2 of the devnet is NXS against USDX: a lot is one NXS, a tick is 0.001 USDX.
const [USDX, NXS, EXCHANGE, MARKET] = [0, 1, exchangeTable.id, 2]
const order = (side: 'buy' | 'sell', price: number, size: number, isMaker: boolean) =>
  exchange.placeOrder({
    market: MARKET,
    side,
    price,
    size,
    timeInForce: isMaker ? 'POST_ONLY' : 'IOC',
    expiry: 0,
    clientId: 0n,
    selfTrade: 'cancelMaker',
  })

// Another validator than the one that takes the orders: all tell the same, height by height.
const watcher = createNexusClient({ url: watchUrl, engines })
const filled = Promise.withResolvers<void>()
await watcher.subscribe(
  'book',
  { market: MARKET },
  {
    onSnapshot: (book, height) => console.log(`book after ${height}:`, JSON.stringify(book)),
    onMessage: ({ sequence, data }) => console.log(`book in ${sequence}:`, JSON.stringify(data)),
  },
)
await watcher.subscribe(
  'fills',
  { address: maker.address },
  {
    onMessage: ({ sequence, data }: ChannelMessage) => {
      for (const { price, size, makerLeft, makerFee } of data as Record<string, string>[])
        console.log(`fill in ${sequence}:`, { price, size, makerLeft, makerFee })
      filled.resolve()
    },
  },
)

// From here on an order is one binary frame on a WebSocket.
await Promise.all([maker.connect(), taker.connect()])
const quotes = await maker.sendAndWait([
  ledger.depositTo({ engine: EXCHANGE, asset: NXS, amount: 100_000_000 }),
  order('sell', 1_010, 40, true),
  order('sell', 1_005, 60, true),
])
console.log(
  'the maker:',
  quotes.calls.slice(1).map(({ code }) => code ?? 'rests'),
)
const { calls } = await taker.sendAndWait([
  ledger.depositTo({ engine: EXCHANGE, asset: USDX, amount: 100_000_000 }),
  order('buy', 1_010, 80, false),
])
console.log('the taker:', calls[1].result ?? calls[1].code)
await filled.promise

await maker.run(exchange.cancelAll({ market: MARKET }))
for (const client of [maker, taker, watcher]) client.close()
