// The load generator, a process of its own. Reads its options as JSON from the first argument;
// prints one JSON line per event: { event: 'measuring' }, { event: 'measured' }, { event: 'result' }.
import { fromHex } from '../core/primitives/bytes.ts'
import { compiled } from '../test/support/artifacts.ts'
import { HeadsClient } from './heads.ts'
import { KeepAliveClient } from './keepAlive.ts'
import { prepareTransactions } from './prepare.ts'
import { type Pace, type Prepared, Pump } from './pump.ts'
import { round, summaryOf } from './statistics.ts'

export type LoadOptions = {
  readonly chainId: number
  readonly urls: readonly string[]
  readonly ws: string
  readonly fundingKey: string
  readonly kind: 'transfer' | 'erc20'
  readonly senders: number
  readonly warmupSeconds: number
  readonly seconds: number
  /** Transactions signed before the clock starts: the most that can be sent. */
  readonly prepared: number
  readonly batch: number
  readonly pace: Pace
}

const emit = (event: object): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions
const clients = options.urls.map((url) => new KeepAliveClient(url))
const startedMs = performance.now()
const artifact = options.kind === 'erc20' ? await compiled('Token') : null
const lanes: Prepared[][] = await prepareTransactions({
  ...options,
  client: clients[0] as KeepAliveClient,
  fundingKey: fromHex(options.fundingKey),
  lanes: clients.length,
  tokenBytecode: artifact?.bytecode ?? null,
})
const prepareSeconds = round((performance.now() - startedMs) / 1000)

const heads = await HeadsClient.open(options.ws)
const pump = new Pump(clients, lanes, options)
const blocks: { readonly atMs: number; readonly transactions: number }[] = []
let nextHeight = Number(await heads.call<string>('eth_blockNumber', [])) + 1
let reading = Promise.resolve()
heads.onHead = (height, atMs) => {
  reading = reading.then(async () => {
    for (; nextHeight <= height; nextHeight++) {
      const tag = `0x${nextHeight.toString(16)}`
      const block = await heads.call<{ transactions: string[] }>('eth_getBlockByNumber', [
        tag,
        false,
      ])
      blocks.push({ atMs, transactions: block.transactions.length })
      pump.finalized(block.transactions, atMs)
    }
  })
}

pump.start()
await sleep(options.warmupSeconds * 1000)
const fromMs = performance.now()
emit({ event: 'measuring' })
await Promise.race([sleep(options.seconds * 1000), pump.exhausted])
const toMs = performance.now()
emit({ event: 'measured' })
await pump.drain(10_000)
await reading

const seconds = (toMs - fromMs) / 1000
const measured = pump.finalTransactions.filter(({ finalMs }) => finalMs > fromMs && finalMs <= toMs)
const window = blocks.filter(({ atMs }) => atMs > fromMs && atMs <= toMs)
emit({
  event: 'result',
  finalizedPerSecond: round(measured.length / seconds),
  submitToFinal: summaryOf(measured.map(({ sentMs, finalMs }) => finalMs - sentMs)),
  seconds: round(seconds),
  finalized: measured.length,
  sent: pump.sent,
  accepted: pump.accepted,
  neverFinal: pump.pending,
  errors: Object.fromEntries(pump.errors),
  preparedRanOut: pump.isExhausted,
  prepareSeconds,
  blocksPerSecond: round(window.length / seconds),
  transactionsPerBlock: round(
    window.reduce((sum, { transactions }) => sum + transactions, 0) / Math.max(1, window.length),
  ),
})
for (const client of clients) client.close()
heads.close()
