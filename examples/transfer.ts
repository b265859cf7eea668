// Sends one coin through validator 0 and reads its receipt from validator 3:
//   node examples/transfer.ts [url of one node] [url of another]
import { createPublicClient, createWalletClient, defineChain, http, parseEther } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'

const [sendUrl = 'http://127.0.0.1:8545', readUrl = 'http://127.0.0.1:8548'] = process.argv.slice(2)
const chain = defineChain({
  id: 3940,
  name: 'Nexus devnet',
  nativeCurrency: { name: 'USDX', symbol: 'USDX', decimals: 18 },
  rpcUrls: { default: { http: [sendUrl] } },
})
const account = mnemonicToAccount('test test test test test test test test test test test junk')
const wallet = createWalletClient({ account, chain, transport: http() })
const reader = createPublicClient({ chain, transport: http(readUrl), pollingInterval: 5 })

const to = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const before = performance.now()
const hash = await wallet.sendTransaction({ to, value: parseEther('1') })
const receipt = await reader.waitForTransactionReceipt({ hash })
const elapsed = Math.round(performance.now() - before)
console.log(`${receipt.status} in block ${receipt.blockNumber}, final after ${elapsed} ms: ${hash}`)
