import type { Hex } from 'viem'
import { fromHex, toHex } from '../core/primitives/bytes.ts'
import { readerOf } from '../test/support/clients.ts'
import type { DevnetReport } from '../test/support/devnet.ts'
import { Funder } from './funder.ts'
import { HeadsClient } from './heads.ts'
import { KeepAliveClient } from './keepAlive.ts'
import { sendersOf, signTransaction } from './sign.ts'
import { type Summary, summaryOf } from './statistics.ts'

export type LatencyOptions = {
  readonly samples: number
  /** Transactions of each kind before the first sample: a node that serves wallets has been up for longer. */
  readonly warmup: number
  /** Pause between a receipt and the next submission, drawn evenly between these: no beat with the 1 s of empty blocks. */
  readonly minPauseMs: number
  readonly maxPauseMs: number
}

export const defaultLatencyOptions: LatencyOptions = {
  samples: 200,
  warmup: 100,
  minPauseMs: 20,
  maxPauseMs: 120,
}

/** How a client learns that its transaction is final. */
type Waiting = 'polling' | 'viem' | 'subscription'

/** One client, an otherwise idle chain: from sending the transaction to holding its receipt. */
export async function measureLatency(
  report: DevnetReport,
  options: LatencyOptions,
): Promise<Record<Waiting, Summary>> {
  const { rpc, ws } = report.validators[0] as DevnetReport['validators'][number]
  const client = new KeepAliveClient(rpc)
  const [sender] = sendersOf(1)
  if (sender === undefined) throw new Error('one sender was asked for')
  const fundingKey = fromHex(report.accounts[0]?.privateKey ?? '')
  await new Funder(client, report.chainId, fundingKey).fund([sender])
  let nonce = Number(
    await client.call<string>('eth_getTransactionCount', [`0x${toHex(sender.address)}`, 'latest']),
  )
  const heads = await HeadsClient.open(ws)
  const viem = readerOf(rpc, 1)
  const waits: Record<Waiting, (raw: string) => Promise<unknown>> = {
    polling: (raw) => byPolling(client, raw),
    subscription: (raw) => bySubscription(client, heads, raw),
    viem: async (raw) => {
      const hash = await viem.sendRawTransaction({ serializedTransaction: raw as Hex })
      return viem.waitForTransactionReceipt({ hash })
    },
  }
  const samples: Record<Waiting, number[]> = { polling: [], viem: [], subscription: [] }
  // Interleaved, so that a noisy second of the machine hits all three alike.
  for (let i = -options.warmup; i < options.samples; i++) {
    for (const kind of Object.keys(waits) as Waiting[]) {
      const { raw } = signTransaction(sender, {
        ...{ chainId: report.chainId, nonce: nonce++, gas: 21_000 },
        ...{ to: sender.address, value: 1n, data: new Uint8Array(0) },
      })
      await pause(options.minPauseMs + Math.random() * (options.maxPauseMs - options.minPauseMs))
      const startMs = performance.now()
      await waits[kind](raw)
      if (i >= 0) samples[kind].push(performance.now() - startMs)
    }
  }
  client.close()
  heads.close()
  return {
    polling: summaryOf(samples.polling),
    viem: summaryOf(samples.viem),
    subscription: summaryOf(samples.subscription),
  }
}

/** Asks for the receipt a millisecond after each empty answer. */
async function byPolling(client: KeepAliveClient, raw: string): Promise<void> {
  const hash = await client.call<string>('eth_sendRawTransaction', [raw])
  while ((await client.call('eth_getTransactionReceipt', [hash])) === null) await pause(1)
}

/** Asks for the receipt at every new head. */
function bySubscription(client: KeepAliveClient, heads: HeadsClient, raw: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let hash: string | null = null
    const look = async (): Promise<void> => {
      if (hash === null) return
      const receipt = await heads.call('eth_getTransactionReceipt', [hash])
      if (receipt !== null) resolve()
    }
    heads.onHead = () => {
      look().catch(reject)
    }
    client
      .call<string>('eth_sendRawTransaction', [raw])
      .then((sent) => {
        hash = sent
        // The block may have come before the answer to the submission.
        return look()
      })
      .catch(reject)
  })
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
