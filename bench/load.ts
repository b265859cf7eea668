// The load generator, a process of its own. Reads its options as JSON from the first argument;
// prints one JSON line per event: { event: 'measuring' }, { event: 'measured' }, { event: 'result' }.
import { fromHex } from '../core/primitives/bytes.ts'
import { HeadsClient } from './heads.ts'
import { KeepAliveClient } from './keepAlive.ts'
import { prepareTransactions } from './prepare.ts'
import { type Pace, type Prepared, Pump } from './pump.ts'
import { round, type Summary, summaryOf } from './statistics.ts'
import type { Kind } from './workloads.ts'

export type LoadOptions = {
  readonly chainId: number
  readonly urls: readonly string[]
  readonly ws: string
  readonly fundingKey: string
  readonly kind: Kind
  readonly senders: number
  readonly warmupSeconds: number
  readonly seconds: number
  /** Transactions signed before the clock starts: the most that can be sent. */
  readonly prepared: number
  /** The most transactions in one request; null: one each, and not in an array. */
  readonly batch: number | null
  /** To each URL, each with one request under way; 1 when not given. */
  readonly connections?: number
  readonly pace: Pace
  /** A file that keeps the signed transactions for other new chains with the same accounts. */
  readonly signedFile?: string
}

/** What the generator found, as the report shows it. */
export type LoadResult = {
  readonly finalizedPerSecond: number
  readonly submitToFinal: Summary
  readonly seconds: number
  readonly finalized: number
  readonly sent: number
  readonly accepted: number
  readonly neverFinal: number
  readonly errors: Readonly<Record<string, number>>
  readonly preparedRanOut: boolean
  /** Of a hundred included transactions: those that did not succeed. */
  readonly failed: number
  readonly generatorCores: number
  readonly prepareSeconds: number
  readonly blocksPerSecond: number
  readonly transactionsPerBlock: number
}

const emit = (event: object): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions
const clients = options.urls.flatMap((url) =>
  Array.from({ length: options.connections ?? 1 }, () => new KeepAliveClient(url)),
)
const startedMs = performance.now()
const lanes: Prepared[][] = await prepareTransactions({
  ...options,
  client: clients[0] as KeepAliveClient,
  fundingKey: fromHex(options.fundingKey),
  lanes: clients.length,
})
const prepareSeconds = round((performance.now() - startedMs) / 1000)

// What signing left behind would be collected while servers are measured, and take their processors.
globalThis.gc?.()

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
const fromCpu = process.cpuUsage()
emit({ event: 'measuring' })
await Promise.race([sleep(options.seconds * 1000), pump.exhausted])
const toMs = performance.now()
const cpu = process.cpuUsage(fromCpu)
emit({ event: 'measured' })
await pump.drain(10_000)
await reading

const seconds = (toMs - fromMs) / 1000
const measured = pump.finalTransactions.filter(({ finalMs }) => finalMs > fromMs && finalMs <= toMs)
const window = blocks.filter(({ atMs }) => atMs > fromMs && atMs <= toMs)
const result: LoadResult = {
  finalizedPerSecond: round(measured.length / seconds),
  submitToFinal: summaryOf(measured.map(({ sentMs, finalMs }) => finalMs - sentMs)),
  seconds: round(seconds),
  finalized: measured.length,
  sent: pump.sent,
  accepted: pump.accepted,
  neverFinal: pump.pending,
  errors: Object.fromEntries(pump.errors),
  preparedRanOut: pump.isExhausted,
  failed: await failuresAmong(measured.map(({ hash }) => hash)),
  generatorCores: round((cpu.user + cpu.system) / 1e6 / seconds),
  prepareSeconds,
  blocksPerSecond: round(window.length / seconds),
  transactionsPerBlock: round(
    window.reduce((sum, { transactions }) => sum + transactions, 0) / Math.max(1, window.length),
  ),
}
emit({ event: 'result', ...result })
for (const client of clients) client.close()
heads.close()

/** Of a hundred included transactions, evenly spread: how many did not succeed. */
async function failuresAmong(hashes: readonly string[]): Promise<number> {
  const step = Math.max(1, Math.floor(hashes.length / 100))
  let failures = 0
  for (let i = 0; i < hashes.length; i += step) {
    const hash = hashes[i]
    const receipt = await heads.call<{ status: string } | null>('eth_getTransactionReceipt', [hash])
    if (receipt?.status !== '0x1') failures++
  }
  return failures
}
