// Proves balances on a devnet from its genesis file alone, without believing any of its nodes:
//   node_modules/.bin/node examples/light.ts [genesis file] [url of one node] [urls of witnesses …]
import { readFileSync } from 'node:fs'
import { mnemonicToAccount } from 'viem/accounts'
import { ledger, ledgerTable } from '../coprocessors/ledger/index.ts'
import { toHex } from '../core/primitives/bytes.ts'
import { formatProblems, parseGenesis, trustedGenesis } from '../genesis/index.ts'
import { createNexusClient, VerifiedClient } from '../rpc/client/index.ts'

const [
  genesisFile = '.nexus/devnet/validator-0/genesis.json',
  url = 'http://127.0.0.1:8545',
  ...given
] = process.argv.slice(2)
const witnesses = given.length > 0 ? given : ['http://127.0.0.1:8546', 'http://127.0.0.1:8547']

const parsed = parseGenesis(readFileSync(genesisFile, 'utf8'))
if (!parsed.ok) throw new Error(formatProblems(parsed.problems))
const genesis = parsed.value
const { chainId } = genesis

const client = await VerifiedClient.start({
  url,
  witnesses,
  chainId,
  trusted: trustedGenesis(genesis),
})
const started = performance.now()
const { height } = await client.header('latest')
const { fetches } = client.light
const elapsed = Math.round(performance.now() - started)
console.log(`followed ${height} blocks by ${fetches} light blocks of 3 nodes in ${elapsed} ms`)

const mnemonic = 'test test test test test test test test test test test junk'
const { address } = mnemonicToAccount(mnemonic)
const account = await client.account({ address })
console.log(
  `${address} has ${account.balance} wei and nonce ${account.nonce} after ${account.height}`,
)

// NexusCore knows accounts by numbers. A node could prove rows of somebody else: whose they are is for
// the reader to look at.
const engines = (await createNexusClient({ url, engines: { ledger: ledgerTable } }).call(
  'nexus_engines',
)) as readonly { readonly name: string }[]
const wanted = {
  engine: 'ledger',
  schema: ledger.schema,
  engineIndex: engines.findIndex(({ name }) => name === 'ledger'),
}
const owner = await client.row(wanted, 'accounts', { index: 'accountByAddress', key: [address] })
if (toHex(owner.values.address as Uint8Array) !== address.slice(2).toLowerCase())
  throw new Error('the node proves the account of somebody else')
const place = { index: 'balanceByKey', key: [address, 0] }
const { values, height: after } = await client.row(wanted, 'balances', place)
if (values.account !== owner.row || values.asset !== 0)
  throw new Error('the node proves the balance of somebody else')
console.log(`and ${values.amount} units of asset 0 in NexusCore after ${after}`)
const { fetches: total, removed } = client.light
console.log(`${total} light blocks in all; removed: ${JSON.stringify(removed)}`)
