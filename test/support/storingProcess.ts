// A process of its own that commits heights and says each one once it is durable:
//   node storingProcess.ts <database> [last height]
// Every height changes the account `counter` to its number and carries some transactions.
import { existsSync } from 'node:fs'
import { ChainStore, defaultChainStoreOptions } from '../../node/storage/chainStore.ts'
import { ChainMaker, changesOfHeight, IDENTITY, transfer } from './storedChain.ts'

const [path = '', last = '1000000'] = process.argv.slice(2)
const isNew = !existsSync(path)
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

try {
  const store = await ChainStore.open(path, { ...defaultChainStoreOptions, ...IDENTITY })
  const maker = new ChainMaker()
  const genesis = maker.genesis(changesOfHeight(maker, 0))
  if (isNew || !store.isInitialized) await store.initializeGenesis(genesis)
  say(`open ${store.height}`)
  for (let height = 1; height <= Number(last); height++) {
    const transactions = [0, 1, 2].map((i) => transfer(`${height} ${i}`))
    const record = maker.next({ transactions, changes: changesOfHeight(maker, height) })
    if (height <= store.height) continue
    await store.commitHeight(record).catch(async (error) => {
      // Tells, waits for whoever started us to mend the disk, and tries the same again.
      say(`failed ${JSON.stringify(error.detail)}`)
      await new Promise((resolve) => process.stdin.once('data', resolve))
      process.stdin.destroy()
      throw await store.commitHeight(record).then(
        () => new Error('written after a failure'),
        (second) => second,
      )
    })
    say(`committed ${height}`)
  }
  await store.close()
} catch (error) {
  const detail = error instanceof Error && 'detail' in error ? error.detail : String(error)
  say(`failed ${JSON.stringify(detail)}`)
  process.exitCode = 1
}
