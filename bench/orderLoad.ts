// The generator of orders, a process of its own: options as JSON in the first argument, one JSON line
// per event as load.ts has them. Open loop: an envelope leaves when it is due, whatever comes back.
import { fromHex, toHex } from '../core/primitives/bytes.ts'
import { ActionSocket } from './actionSocket.ts'
import { HeadsClient } from './heads.ts'
import { botOf, createFlow, depositsOf, type SignedOrders, signCalls } from './orderFlow.ts'
import { round, summaryOf } from './statistics.ts'

export type OrderLoadOptions = {
  readonly chainId: number
  /** One per validator; bots are divided over them. */
  readonly ws: readonly string[]
  readonly botKeys: readonly string[]
  readonly warmupSeconds: number
  readonly seconds: number
  /** Orders a second in all. */
  readonly rate: number
  /** Orders under one signature. */
  readonly actions: number
}

/** Receipts asked for after the run. */
const SAMPLES = 2_000

const emit = (event: object): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const options = JSON.parse(process.argv[2] ?? '{}') as OrderLoadOptions
const { chainId, actions, rate } = options
const bots = options.botKeys.map((key) => botOf(fromHex(key)))
const startedMs = performance.now()
const heads = await HeadsClient.open(options.ws[0] ?? '')
const sockets = await Promise.all(options.ws.map((url) => ActionSocket.open(url)))
const socketOf = (bot: number): ActionSocket => sockets[bot % sockets.length] as ActionSocket

const firstNonce = Date.now()
const deposits = bots.map((bot) => signCalls(bot, firstNonce, { chainId, actions: depositsOf() }))
await Promise.all(deposits.map(({ bytes }, i) => socketOf(i).send(bytes)))
for (const { hash } of deposits) await heads.call('nexus_waitForAction', [`0x${toHex(hash)}`])

const envelopes = Math.ceil((rate * (options.seconds + options.warmupSeconds)) / actions)
const flows = bots.map((_, i) => createFlow(i + 1))
const prepared: SignedOrders[] = Array.from({ length: envelopes }, (_, i) => {
  const bot = i % bots.length
  const calls = flows[bot]?.(actions) ?? []
  const nonce = firstNonce + 1 + Math.floor(i / bots.length)
  return signCalls(bots[bot] as (typeof bots)[number], nonce, { chainId, actions: calls })
})
const prepareSeconds = round((performance.now() - startedMs) / 1000)

const headMs = new Map<number, number>()
heads.onHead = (height, atMs) => headMs.set(height, atMs)
const sentMs = new Float64Array(envelopes)
const errors = new Map<string, number>()
const beganMs = performance.now()
const endMs = beganMs + (options.seconds + options.warmupSeconds) * 1000
const fromMs = beganMs + options.warmupSeconds * 1000
let sent = 0
let accepted = 0
let isMeasuring = false
while (performance.now() < endMs && sent < envelopes) {
  const now = performance.now()
  if (!isMeasuring && now >= fromMs) {
    isMeasuring = true
    emit({ event: 'measuring' })
  }
  const due = Math.min(envelopes, Math.floor(((now - beganMs) / 1000) * (rate / actions)))
  for (; sent < due; sent++) {
    sentMs[sent] = now
    socketOf(sent % bots.length)
      .send((prepared[sent] as SignedOrders).bytes)
      .then((code) => {
        if (code === null) accepted++
        else errors.set(code, (errors.get(code) ?? 0) + 1)
      })
      .catch((error: Error) => errors.set(error.message, 1))
  }
  await sleep(2)
}
emit({ event: 'measured' })
await sleep(3_000)

const latencies: number[] = []
let lost = 0
const step = Math.max(1, Math.floor(sent / SAMPLES))
for (let i = 0; i < sent; i += step) {
  const at = sentMs[i] ?? 0
  if (at < fromMs) continue
  const hash = `0x${toHex((prepared[i] as SignedOrders).hash)}`
  const receipt = await heads.call<{ height: number } | null>('nexus_getActionReceipt', [hash])
  const finalMs = receipt === null ? undefined : headMs.get(receipt.height)
  if (finalMs === undefined) lost++
  else latencies.push(finalMs - at)
}
emit({
  event: 'result',
  offeredPerSecond: rate,
  submitToFinal: summaryOf(latencies),
  envelopesSent: sent,
  envelopesAccepted: accepted,
  sampledNotFinal: lost,
  errors: Object.fromEntries(errors),
  prepareSeconds,
})
for (const socket of sockets) socket.close()
heads.close()
