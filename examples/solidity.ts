// A contract on the exchange: compile, deploy, place an order, see it in the book; then a transaction
// that trades, fails afterwards, and leaves nothing. Runs while `npm run devnet` does:
// `node_modules/.bin/node examples/solidity.ts`.
import {
  type Abi,
  type BaseError,
  ContractFunctionRevertedError,
  createWalletClient,
  defineChain,
  http,
  parseEther,
  publicActions,
} from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { compileSolidity } from '../contracts/compile.ts'
import engineAbi from '../contracts/interfaces/IExchange.json' with { type: 'json' }
import { exchangeTable } from '../coprocessors/exchange/index.ts'
import { ledgerTable } from '../coprocessors/ledger/index.ts'
import { createNexusClient, privateKeySigner } from '../rpc/client/index.ts'

const [url = 'http://127.0.0.1:8545'] = process.argv.slice(2)
const mnemonic = 'test test test test test test test test test test test junk'
const chain = defineChain({
  id: 3940,
  name: 'Nexus devnet',
  nativeCurrency: { name: 'USDX', symbol: 'USDX', decimals: 18 },
  rpcUrls: { default: { http: [url] } },
})
const wallet = createWalletClient({
  account: mnemonicToAccount(mnemonic, { addressIndex: 3 }),
  chain,
  transport: http(),
  pollingInterval: 20,
}).extend(publicActions)

const compiled = (await compileSolidity('contracts/examples/PlaceAndCancel.sol')).get(
  'PlaceAndCancel',
)
if (compiled === undefined) throw new Error('the file has the contract')
// With the exchange's typed errors, which the contract passes on.
const abi = [...compiled.abi, ...engineAbi.filter(({ type }) => type === 'error')] as Abi
const deployment = await wallet.deployContract({ abi, bytecode: `0x${compiled.creation}` })
const { contractAddress: address } = await wallet.waitForTransactionReceipt({ hash: deployment })
if (!address) throw new Error('the contract is deployed')
console.log(`PlaceAndCancel is at ${address}`)

const transact = async (functionName: string, args: readonly unknown[], value = 0n) => {
  const call = { address, abi, functionName, args, value, gas: 2_000_000n }
  const hash = await wallet.writeContract(call)
  const { status, blockNumber } = await wallet.waitForTransactionReceipt({ hash })
  console.log(`${functionName}(${args}): ${status} in block ${blockNumber}`)
}

// The other side of the trade, from TypeScript: a lot of 0.001 BTC for sale at 61,000.
const [BTC, EXCHANGE, MARKET] = [2, exchangeTable.id, 0]
const key = mnemonicToAccount(mnemonic, { addressIndex: 4 }).getHdKey().privateKey as Uint8Array
const engines = { ledger: ledgerTable, exchange: exchangeTable }
const maker = createNexusClient({ url, engines, signer: privateKeySigner(key) })
const { ledger, exchange } = maker.actions
const terms = {
  timeInForce: 'POST_ONLY',
  expiry: 0,
  clientId: 0n,
  selfTrade: 'cancelMaker',
} as const
await maker.sendAndWait([
  ledger.depositTo({ engine: EXCHANGE, asset: BTC, amount: 1_000 }),
  exchange.placeOrder({ market: MARKET, side: 'sell', price: 61_000, size: 1, ...terms }),
])
const showBook = async () => {
  const { bids, asks } = await maker.view.exchange.book({ market: MARKET, depth: 5 })
  console.log('  bids', bids, 'asks', asks)
}

// Native coin into Core and onto the exchange in one transaction, an order in the next.
await transact('fund', [], parseEther('1000'))
await transact('place', [MARKET, 59_000, 2])
await showBook()

// It buys the lot, then cannot cancel an order that is filled: the purchase never happened.
const args = [MARKET, 61_000, 1]
const failure = await wallet
  .simulateContract({ address, abi, functionName: 'placeAndCancel', args })
  .catch((error: BaseError) => error.walk((one) => one instanceof ContractFunctionRevertedError))
console.log('to be expected:', (failure as ContractFunctionRevertedError).data?.errorName)
await transact('placeAndCancel', args)
await showBook()

const all = { market: MARKET, cursorMarket: 0, cursor: 0 }
const { orders } = await maker.view.exchange.orders({ account: address, ...all })
for (const { orderId } of orders) await transact('cancel', [MARKET, orderId])
await transact('withdraw', [0])
await maker.run(exchange.cancelAll({ market: MARKET }))
