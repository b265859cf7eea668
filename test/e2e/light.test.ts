// A light client on a devnet of real processes: from the genesis file to a balance that has just changed.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseGenesis, trustedGenesis } from '../../genesis/index.ts'
import { VerifiedClient } from '../../rpc/client/index.ts'
import { accountOf, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { call } from '../support/jsonRpc.ts'
import { until } from '../support/wait.ts'

let devnet: Devnet
beforeAll(async () => {
  devnet = await Devnet.start({ validators: 4 })
})
afterAll(disposeAll)

it('proves what a transaction did to whoever trusts the genesis only', async () => {
  const urls = [0, 1, 2].map((index) => devnet.validator(index).rpc)
  const [url = '', ...witnesses] = urls
  const file = join(devnet.report.validators[0]?.home ?? '', 'genesis.json')
  const genesis = parseGenesis(readFileSync(file, 'utf8'))
  if (!genesis.ok) throw new Error('the genesis of a devnet is valid')
  const { chainId } = genesis.value
  const trusted = trustedGenesis(genesis.value)
  const client = await VerifiedClient.start({ url, witnesses, chainId, trusted })

  await until({ what: '20 blocks', timeoutMs: 60_000 }, async () => {
    return Number(await call(url, 'eth_blockNumber', [])) >= 20
  })
  const { height } = await client.header('latest')
  expect(height).toBeGreaterThanOrEqual(20)
  expect(client.light.fetches, 'one from each node, whatever the height').toBe(3)

  const to = '0x00000000000000000000000000000000000a11ce'
  expect((await client.account({ address: to })).exists).toBe(false)
  const wallet = walletOf(url, accountOf(devnet.report, 0))
  const hash = await wallet.sendTransaction({ to, value: 7n })
  await wallet.waitForTransactionReceipt({ hash })
  const paid = await client.account({ address: to })
  expect(paid).toMatchObject({ exists: true, balance: 7n })
  const sender = await client.account({ address: wallet.account.address })
  expect(sender.nonce).toBe(1n)
  expect(client.light.removed).toEqual([])
})
