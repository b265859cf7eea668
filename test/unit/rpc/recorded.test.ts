// What geth was recorded to answer (execution-apis, tests/*.io), where our chain can be asked the same.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { createGenesisState } from '../../../evm/genesis.ts'
import { verifyAccountProof } from '../../../rpc/client/accountProof.ts'
import {
  type RecordedCall,
  RecordedChain,
  recorded,
  recordedAlloc,
} from '../../support/recordedChain.ts'
import { COMPARED, NOT_HERE, rowOf } from '../../support/recordedComparisons.ts'

let chains: { readonly early: RecordedChain; readonly late: RecordedChain }
beforeAll(async () => {
  chains = { early: await RecordedChain.early(), late: await RecordedChain.late() }
}, 120_000)
afterAll(async () => {
  for (const { rpc } of Object.values(chains)) {
    await rpc.close()
    expect(rpc.faults).toEqual([])
  }
})

const cases = Object.entries(recorded.calls).flatMap(([name, calls]) =>
  name in NOT_HERE ? [] : calls.map((call, index) => [`${name} ${index + 1}`, name, call] as const),
)

const README = new URL('../../vectors/execution-apis/README.md', import.meta.url)

describe('recorded calls', () => {
  it('are all in the table, and nothing else is', () => {
    const names = Object.keys(recorded.calls)
    expect(names.length).toBe(69)
    expect([...Object.keys(COMPARED), ...Object.keys(NOT_HERE)]).toSatisfy(
      (told: readonly string[]) => told.every((name) => names.includes(name)),
    )
    const rows = readFileSync(README, 'utf8').split('\n')
    expect(rows.filter((row) => row.startsWith('| `'))).toEqual(names.map(rowOf))
  })

  it.each(cases)('%s', async (_, name, call) => {
    const { on = 'late', except = [], first } = COMPARED[name] ?? {}
    const ours = await answerOn(chains[on], call)
    const [a, b] = [ours, call.result ?? call.error ?? null].map((answer) =>
      first === undefined ? answer : (answer as readonly unknown[]).slice(0, first),
    )
    expect(differences(a, b)).toEqual(new Set(except))
  })

  it('debug_traceTransaction/trace-contract-call: the same steps, given as much gas', async () => {
    const [call] = recorded.calls['debug_traceTransaction/trace-contract-call'] ?? []
    const expected = call?.result as {
      readonly returnValue: string
      readonly structLogs: readonly { readonly gas: number }[]
    }
    const data = `0x600d380380600d6000396000f3${expected.returnValue.slice(2)}`
    const { early } = chains
    const left = async (gas: number) => {
      const from = '0x7435ed30a8b4aeb0877cef0c6e8cffe834eb865f'
      const request = { from, data, gas: `0x${gas.toString(16)}` }
      return await early.rpc.result<typeof expected>('debug_traceCall', request)
    }
    const gas = 100_000
    const spare = ((await left(gas)).structLogs[0]?.gas ?? 0) - (expected.structLogs[0]?.gas ?? 0)
    const trace = await left(gas - spare)
    expect(trace.structLogs).toEqual(expected.structLogs)
    expect(trace.returnValue).toBe(expected.returnValue)
  })
})

describe('recorded state', () => {
  it('has the recorded root, made from the recorded accounts', () => {
    const genesis = recorded.calls['eth_getBlockByNumber/get-genesis']?.[0]?.result
    const parameters = { timestampMs: 0, gasLimit: 100_000_000, baseFeePerGas: 1n }
    const { header } = createGenesisState(recordedAlloc, parameters)
    expect(`0x${toHex(header.stateRoot)}`).toBe((genesis as { stateRoot: string }).stateRoot)
  })

  it('is proven by the recorded proofs under the recorded root', () => {
    const latest = recorded.calls['eth_getBlockByNumber/get-latest']?.[0]?.result
    const root = fromHex((latest as { readonly stateRoot: string }).stateRoot)
    const proofs = Object.entries(recorded.calls).filter(([name]) => /^eth_getProof/.test(name))
    for (const [name, [call]] of proofs) {
      const [address, slots] = (call?.params ?? []) as [`0x${string}`, readonly `0x${string}`[]]
      const wanted = { address, slots: slots.map(() => '0x0' as const) }
      const answer = call?.result as ProofAnswer
      expect(verifyAccountProof(answer, wanted, root), name).toMatchObject({
        ok: true,
        value: {
          ...{ exists: true, nonce: 0n, balance: BigInt(answer.balance) },
          codeHash: fromHex(answer.codeHash),
          storage: answer.storageProof.map(({ value }) => ({ value: BigInt(value) })),
        },
      })
      const other = root.map((byte) => byte ^ 1)
      expect(verifyAccountProof(answer, wanted, other), name).toMatchObject({ ok: false })
    }
    expect(proofs.length).toBe(4)
  })
})

type ProofAnswer = {
  readonly balance: string
  readonly codeHash: string
  readonly storageProof: readonly { readonly value: string }[]
}

/** The answer, with recorded hashes in the place of ours and times since the genesis. */
async function answerOn(chain: RecordedChain, { method, params }: RecordedCall): Promise<unknown> {
  const swapped = (text: string, pairs: readonly (readonly [string, string])[]): unknown =>
    JSON.parse(pairs.reduce((swapping, [from, to]) => swapping.replaceAll(from, to), text))
  const pairs = [...chain.hashes]
  const asked = swapped(JSON.stringify(params), pairs) as unknown[]
  const { result, error } = await chain.rpc.ask(method, ...asked)
  const answer =
    error === undefined
      ? result
      : {
          code: error.code,
          message: error.message,
          ...(error.data === undefined ? {} : { data: error.data }),
        }
  return swapped(
    JSON.stringify(answer, sinceGenesis),
    pairs.map(([theirs, ours]) => [ours, theirs]),
  )
}

const GENESIS_SECONDS = 1_700_000_000
const sinceGenesis = (key: string, value: unknown): unknown =>
  key === 'timestamp' || key === 'blockTimestamp'
    ? `0x${(Number(value) - GENESIS_SECONDS).toString(16)}`
    : value

/** The names of the fields that differ; of bytes that are words, the numbers of the words. */
function differences(ours: unknown, theirs: unknown, name = 'result'): Set<string> {
  if (isObject(ours) && isObject(theirs)) {
    const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)])
    const all = [...keys].flatMap((key) => [
      ...differences(ours[key], theirs[key], Array.isArray(theirs) ? name : key),
    ])
    return new Set(all)
  }
  const [a, b] = name === 'result' ? [wordsOf(ours), wordsOf(theirs)] : [null, null]
  if (a !== null && b !== null && a.length === b.length)
    return new Set(a.flatMap((word, i) => (word === b[i] ? [] : [`word ${i}`])))
  return Object.is(ours, theirs) ? new Set() : new Set([name])
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const wordsOf = (value: unknown): readonly string[] | null =>
  typeof value === 'string' && value.length > 66 && (value.length - 2) % 64 === 0
    ? (value.slice(2).match(/.{64}/g) ?? null)
    : null
