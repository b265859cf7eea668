import { keccak256, parseTransaction, recoverTransactionAddress } from 'viem'
import { describe, expect, it } from 'vitest'
import { parseSamples, phasesBetween } from '../../../bench/metrics.ts'
import { Pump } from '../../../bench/pump.ts'
import { sendersOf, signTransaction } from '../../../bench/sign.ts'
import { medianOf, summaryOf } from '../../../bench/statistics.ts'
import { toHex } from '../../../core/primitives/bytes.ts'

describe('bench statistics', () => {
  it('takes percentiles that were measured', () => {
    const samples = Array.from({ length: 200 }, (_, i) => 200 - i)
    expect(summaryOf(samples)).toEqual({
      samples: 200,
      p50Ms: 100,
      p90Ms: 180,
      p99Ms: 198,
      maxMs: 200,
    })
  })
  it('takes the middle of an odd and the mean of the middle of an even number of runs', () => {
    expect(medianOf([9, 1, 5])).toBe(5)
    expect(medianOf([9, 1, 5, 7])).toBe(6)
  })
})

describe('bench transactions', () => {
  it('signs what a wallet library reads back, whatever the length of r and s', async () => {
    const [sender] = sendersOf(1)
    if (sender === undefined) throw new Error('one sender was asked for')
    for (let nonce = 0; nonce < 300; nonce++) {
      const transfer = {
        chainId: 3940,
        nonce,
        gas: 21_000,
        to: sender.address,
        value: 1n,
        data: new Uint8Array(0),
      }
      const { raw, hash } = signTransaction(sender, transfer)
      const serialized = raw as `0x02${string}`
      expect(keccak256(serialized)).toBe(hash)
      if (nonce % 30 !== 0) continue
      expect(parseTransaction(serialized)).toMatchObject({ chainId: 3940, value: 1n, gas: 21_000n })
      const from = await recoverTransactionAddress({ serializedTransaction: serialized })
      expect(from.toLowerCase()).toBe(`0x${toHex(sender.address)}`)
    }
  })
})

describe('bench metrics', () => {
  it('says where the time went between two scrapes', () => {
    const page = (sum: number, count: number) =>
      parseSamples(
        `# TYPE nexus_wal_flush_seconds histogram\nnexus_wal_flush_seconds_sum{kind="vote"} ${sum}\nnexus_wal_flush_seconds_count{kind="vote"} ${count}\n`,
      )
    expect(phasesBetween(page(1, 10), page(2, 30), 10)).toEqual({
      'wal_flush{kind="vote"}': { count: 20, meanMs: 50, share: 0.1 },
    })
  })
})

describe('bench pump', () => {
  it('keeps no more than the window under way, and sends again what was refused', async () => {
    const lane = Array.from({ length: 100 }, (_, i) => ({ raw: `0x${i}`, hash: `h${i}` }))
    const accepted: string[] = []
    let largest = 0
    let refusals = 2
    const client = {
      post: (body: string) => {
        const calls = JSON.parse(body) as { id: number; params: [string] }[]
        largest = Math.max(largest, pump.pending)
        const answers = calls.map(({ id, params: [raw] }) => {
          if (raw === '0x3' && refusals-- > 0) return { id, error: { message: 'not now' } }
          accepted.push(raw)
          return { id, result: 'hash' }
        })
        return Promise.resolve(JSON.stringify(answers))
      },
    }
    const pump = new Pump([client], [lane], { pace: { kind: 'closed', window: 10 }, batch: 4 })
    pump.start()
    while (accepted.length < 100) {
      pump.finalized(
        accepted.map((raw) => `h${raw.slice(2)}`),
        performance.now(),
      )
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await pump.exhausted
    await pump.drain(0)
    expect(largest).toBeLessThanOrEqual(10)
    expect(Object.fromEntries(pump.errors)).toEqual({ 'not now': 2 })
    expect(new Set(accepted).size).toBe(100)
    expect([pump.accepted, pump.sent]).toEqual([100, 100])
  })

  it('sends one transaction in each request, in no array, on as many connections as there are lanes', async () => {
    const lanes = [0, 1, 2].map((lane) =>
      Array.from({ length: 20 }, (_, i) => ({ raw: `0x${lane}${i}`, hash: `${lane}${i}` })),
    )
    const accepted: string[] = []
    let [underWay, most, refusals] = [0, 0, 1]
    const client = {
      post: async (body: string) => {
        const { id, params } = JSON.parse(body) as { id: number; params: [string] }
        most = Math.max(most, ++underWay)
        await new Promise((resolve) => setTimeout(resolve, 1))
        underWay--
        if (params[0] === '0x03' && refusals-- > 0)
          return JSON.stringify({ id, error: { message: 'not now' } })
        accepted.push(params[0])
        return JSON.stringify({ id, result: 'hash' })
      },
    }
    const pump = new Pump([client, client, client], lanes, {
      pace: { kind: 'closed', window: 100 },
      batch: null,
    })
    pump.start()
    await pump.exhausted
    while (accepted.length < 60) await new Promise((resolve) => setTimeout(resolve, 1))
    pump.finalized(
      accepted.map((raw) => raw.slice(2)),
      performance.now(),
    )
    await pump.drain(0)
    expect(most).toBe(3)
    expect(Object.fromEntries(pump.errors)).toEqual({ 'not now': 1 })
    for (const lane of ['0', '1', '2'])
      expect(accepted.filter((raw) => raw[2] === lane).length).toBe(20)
    expect([pump.accepted, pump.sent, pump.pending]).toEqual([60, 60, 0])
  })
})
