// What clients send: JSON-RPC over HTTP and WebSocket, and binary frames of actions.
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { ActionFrames } from '../../../rpc/actionFrames.ts'
import { UNLIMITED } from '../../../rpc/clientBudgets.ts'
import { parseStrictJson } from '../../../rpc/json.ts'
import { Subscriber } from '../../../rpc/subscriptions.ts'
import { FakeCore } from '../../support/fakeCore.ts'
import { RpcHarness } from '../../support/rpcHarness.ts'
import { signedAction } from '../../support/signedActions.ts'
import type { Target } from '../target.ts'

const utf8 = new TextDecoder()
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const address = `0x${'11'.repeat(20)}`
const hash = `0x${'22'.repeat(32)}`
const call = { from: address, to: address, data: '0x01020304', value: '0x1', gas: '0x5208' }
const filter = { address: [address], topics: [null, [hash]], fromBlock: '0x0', toBlock: 'latest' }

/** Good parameters, of which the changed ones are made; what is not here is called with none. */
const PARAMETERS: { readonly [method: string]: readonly unknown[] } = {
  eth_call: [call, 'latest', { [address]: { balance: '0x1', stateDiff: { [hash]: hash } } }],
  eth_estimateGas: [call],
  eth_createAccessList: [call, '0x0'],
  eth_getBalance: [address, 'latest'],
  eth_getBlockByNumber: ['0x0', true],
  eth_getBlockByHash: [hash, false],
  eth_getCode: [address, { blockNumber: '0x0' }],
  eth_getStorageAt: [address, '0x0', { blockHash: hash }],
  eth_getLogs: [filter],
  eth_newFilter: [filter],
  eth_getProof: [address, [hash], 'latest'],
  eth_feeHistory: ['0x4', 'latest', [10, 50.5]],
  eth_sendRawTransaction: [`0x02${'f8'.repeat(40)}`],
  eth_getTransactionReceipt: [hash],
  eth_subscribe: ['logs', filter],
  nexus_sendAction: [`0x${toHex(signedAction())}`],
  nexus_subscribe: ['book', { market: 0 }],
  nexus_getProof: ['ledger', 'accounts', 1],
  nexus_exchange_book: [{ market: 0, levels: 5 }],
}

const owner = fromHex('11'.repeat(20))
const harness = new RpcHarness([], { requestMs: 200, syncMs: 5 }, new FakeCore([owner]))
const subscriber = new Subscriber(() => undefined, 8)

/** Whatever the text: JSON or nothing comes back, and no method fails as none should. */
async function answerTo(text: string): Promise<string> {
  const answer = await harness.raw(text, subscriber)
  const fault = harness.faults.pop()
  if (fault !== undefined) throw fault
  const method = harness.calls.at(-1)?.method ?? ''
  harness.calls.length = 0
  if (answer === null) return `silent ${method}`
  const parsed = JSON.parse(answer) as { error?: { code: number } } | unknown[]
  if (Array.isArray(parsed)) return 'batch'
  return `${parsed.error?.code ?? 'ok'} ${method}`
}

const requestOf = (method: string, params: readonly unknown[], id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })

const requests = Object.entries(PARAMETERS).map(([method, params]) => requestOf(method, params))

const frames = new ActionFrames({
  submit: async () => ({ ok: true, value: new Uint8Array(32) }),
  inFlight: 4,
  onCall: () => undefined,
  onRefused: () => undefined,
  onFault: (error) => {
    throw error
  },
})

export const clientTargets: readonly Target[] = [
  {
    name: 'strict JSON',
    isJson: true,
    seeds: [...requests, '[[[{"a":[1,2,{"b":null}]}]]]', '"\\u0041\\n"', '{"a":1,"a":2}'].map(
      bytesOf,
    ),
    run: (bytes) => {
      const text = utf8.decode(bytes)
      const parsed = parseStrictJson(text)
      return parsed.ok ? typeof parsed.value : parsed.code
    },
  },
  {
    name: 'JSON-RPC',
    isJson: true,
    seeds: [...requests, `[${requests.slice(0, 3).join()}]`].map(bytesOf),
    run: (bytes) => answerTo(utf8.decode(bytes)),
    limit: { ms: 250, microsPerByte: 50 },
  },
  {
    name: 'binary frames of actions',
    seeds: [Uint8Array.of(0, 0, 0, 1, ...signedAction()), Uint8Array.of(0, 0, 0, 2)],
    run: async (bytes) => {
      const answer = await frames.answer(bytes, UNLIMITED)
      if (answer.length < Math.min(4, bytes.length) + 1) throw new Error('the answer is cut short')
      return answer[Math.min(4, bytes.length)] === 0 ? 'ok' : utf8.decode(answer.subarray(5))
    },
  },
]
