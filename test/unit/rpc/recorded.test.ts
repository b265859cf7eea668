// What geth was recorded to answer (execution-apis, tests/*.io), where our chain can be asked the same.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromHex } from '../../../core/primitives/bytes.ts'
import { keyNumber } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { RpcChain } from '../../support/rpcChain.ts'

type Recorded = {
  readonly method: string
  readonly params: readonly unknown[]
  readonly result?: unknown
  readonly error?: unknown
}
const recorded = JSON.parse(
  readFileSync(new URL('../../vectors/execution-apis/recorded.json', import.meta.url), 'utf8'),
) as {
  readonly names: readonly string[]
  readonly alloc: Readonly<Record<string, { readonly balance: string; readonly code?: string }>>
  readonly calls: Readonly<Record<string, readonly Recorded[]>>
}

/** Why a recorded call cannot be asked here, by the beginning of its name. The recorded blocks are not in the archive, and most are of earlier forks. */
const NOT_HERE: readonly (readonly [prefix: string, reason: string])[] = [
  ['debug_traceTransaction/trace-legacy-transfer', 'a transaction of the recorded chain'],
  ['eth_call/', 'contracts that transactions of the recorded chain deployed'],
  ['eth_createAccessList/create-al-abi-revert', 'a contract of the recorded chain'],
  ['eth_estimateGas/estimate-with-eip4844', 'blobs are refused'],
  ['eth_estimateGas/', 'contracts of the recorded chain'],
  ['eth_feeHistory/', 'blocks of the recorded chain'],
  ['eth_getBlockByNumber/', 'blocks of the recorded chain'],
  ['eth_getBlockReceipts/', 'blocks of the recorded chain'],
  ['eth_getLogs/', 'blocks of the recorded chain'],
  ['eth_getProof/', 'the state of the recorded chain'],
  ['eth_getTransactionByHash/', 'transactions of the recorded chain'],
  ['eth_getTransactionReceipt/', 'transactions of the recorded chain'],
]

/** The head of the recorded chain; by then the base fee is below what its callers offer. */
const HEIGHT = 0x36

let rpc: RpcChain
beforeAll(async () => {
  // A contract of the genesis counts its calls in slot 0, and transactions had called it.
  const counted = { slot: new Uint8Array(32), value: new Uint8Array(32).fill(1, 31) }
  const accounts = Object.entries(recorded.alloc).map(([address, { balance, code = '0x' }]) => ({
    ...{ address: fromHex(address), balance: BigInt(balance), nonce: 0, code: fromHex(code) },
    storage: code === '0x' ? [] : [counted],
  }))
  rpc = await RpcChain.over(await RealChain.create([keyNumber(0)], { accounts }))
  for (let height = 1; height <= HEIGHT; height++) await rpc.chain.block([])
  await rpc.mine()
}, 60_000)
afterAll(async () => {
  await rpc.close()
  expect(rpc.faults).toEqual([])
})

const TRACED = 'debug_traceTransaction/trace-contract-call'
const cases = Object.entries(recorded.calls)
  .filter(([name]) => name !== TRACED)
  .flatMap(([name, calls]) => calls.map((call, index) => [`${name} ${index + 1}`, call] as const))

describe('recorded calls', () => {
  it('are asked, or there is a reason', () => {
    const left = recorded.names.filter(
      (name) =>
        recorded.calls[name] === undefined && !NOT_HERE.some(([prefix]) => name.startsWith(prefix)),
    )
    expect(left).toEqual([])
    expect([recorded.names.length, Object.keys(recorded.calls).length]).toEqual([69, 20])
  })

  it.each(cases)('%s', async (_, { method, params, result, error }) => {
    const beyondHead = JSON.stringify(params).replaceAll('"0x37"', '"0x99"')
    const answer = await rpc.ask(method, ...(JSON.parse(beyondHead) as unknown[]))
    const { code, message } = answer.error ?? {}
    expect(answer.error === undefined ? answer.result : { code, message }).toEqual(
      result ?? error ?? null,
    )
  })

  it(`${TRACED}: the same steps for the same initcode`, async () => {
    const [call] = recorded.calls[TRACED] ?? []
    const expected = call?.result as {
      readonly returnValue: string
      readonly structLogs: readonly { readonly gas: number }[]
    }
    const initcode = `0x600d380380600d6000396000f3${expected.returnValue.slice(2)}`
    const [first] = expected.structLogs
    const bytes = fromHex(initcode)
    const zeros = bytes.filter((byte) => byte === 0).length
    const words = Math.ceil(bytes.length / 32)
    const intrinsic = 53_000 + 4 * zeros + 16 * (bytes.length - zeros) + 2 * words
    const gas = `0x${((first?.gas ?? 0) + intrinsic).toString(16)}`
    const from = Object.keys(recorded.alloc)[0]
    const trace = await rpc.result('debug_traceCall', { from, data: initcode, gas })
    expect(trace.structLogs).toEqual(expected.structLogs)
    expect(trace.returnValue).toBe(expected.returnValue)
  })
})
