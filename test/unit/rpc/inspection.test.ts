// Traces on a real chain.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { contractAddress } from '../../../evm/index.ts'
import { data } from '../../../rpc/format/hex.ts'
import { COIN, signTransaction, type UnsignedTransaction } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { RpcChain } from '../../support/rpcChain.ts'
import { initcodeOf, other, STORE, store, user, word } from '../../support/storeContract.ts'

/** Calls the address in its first word with the second as data and a wei for each; ignores failure. */
const CALLER = fromHex('6020355f525f5f60205f60015f355af100')

const transactions: Uint8Array[] = []
const send = (part: Partial<UnsignedTransaction> & { nonce: number }): Uint8Array => {
  const bytes = signTransaction({ gasLimit: 300_000, to: other.address, ...part }, user)
  transactions.push(bytes)
  return bytes
}
const hashAt = (index: number): string => data(keccak256(transactions[index] as Uint8Array))
const caller = contractAddress(user.address, 1)

let rpc: RpcChain
beforeAll(async () => {
  rpc = await RpcChain.over(await RealChain.create([user, other], { historyBlocks: 100 }))
  await rpc.mine(
    send({ nonce: 0, to: null, data: initcodeOf(STORE) }),
    send({ nonce: 1, to: null, data: initcodeOf(CALLER), value: 5n }),
    send({ nonce: 2, value: COIN, gasLimit: 21_000 }),
  )
  const args = (value: number) =>
    fromHex(`${toHex(store).padStart(64, '0')}${word(value).slice(2)}`)
  await rpc.mine(
    send({ nonce: 3, to: store, data: fromHex(word(5).slice(2)) }),
    send({ nonce: 4, to: caller, data: args(9) }),
    send({ nonce: 5, to: store, data: fromHex(word(7).slice(2)) }),
    send({ nonce: 6, to: caller, data: args(7) }),
  )
  await rpc.mine()
}, 60_000)
afterAll(async () => {
  await rpc.close()
  expect(rpc.faults).toEqual([])
})

type StructTrace = {
  readonly gas: number
  readonly failed: boolean
  readonly returnValue: string
  readonly structLogs: readonly Record<string, unknown>[]
}

describe('the struct logger', () => {
  it('tells nothing of a transfer but its gas', async () => {
    expect(await rpc.result('debug_traceTransaction', hashAt(2))).toEqual({
      gas: 21_000,
      failed: false,
      returnValue: '0x',
      structLogs: [],
    })
  })

  it('tells each step as geth does, with the prices that add up to what was paid', async () => {
    const trace = await rpc.result<StructTrace>('debug_traceTransaction', hashAt(3))
    const receipt = await rpc.result('eth_getTransactionReceipt', hashAt(3))
    expect(trace.gas).toBe(Number(receipt.gasUsed))
    expect(trace.structLogs[0]).toEqual({
      ...{
        pc: 0,
        op: 'PUSH0',
        gas: 300_000 - 21_000 - 31 * 4 - 16,
        gasCost: 2,
        depth: 1,
        stack: [],
      },
    })
    expect(trace.structLogs.map(({ op }) => op)).toEqual(
      'PUSH0 CALLDATALOAD DUP1 PUSH0 SSTORE PUSH1 PUSH0 PUSH0 LOG1 PUSH1 EQ PUSH1 JUMPI STOP'.split(
        ' ',
      ),
    )
    expect(trace.structLogs[4]).toMatchObject({
      op: 'SSTORE',
      gasCost: 22_100,
      stack: ['0x5', '0x5', '0x0'],
      storage: { [word(0)]: word(5) },
    })
    const paid = trace.structLogs.reduce((sum, { gasCost }) => sum + Number(gasCost), 0)
    expect(paid + 21_000 + 31 * 4 + 16).toBe(trace.gas)
    for (const [index, step] of trace.structLogs.entries()) {
      const next = trace.structLogs[index + 1]
      if (next !== undefined) expect(next.gas).toBe(Number(step.gas) - Number(step.gasCost))
    }
  })

  it('does not count what a creation gets or its code costs among the prices of opcodes', async () => {
    const { structLogs } = await rpc.result<StructTrace>('debug_traceTransaction', hashAt(0))
    expect(structLogs.at(-1)).toMatchObject({ op: 'RETURN', gasCost: 0 })
  })

  it('shows memory, return data and no stack when asked', async () => {
    const how = { enableMemory: true, enableReturnData: true, disableStack: true, limit: 5 }
    const { structLogs } = await rpc.result<StructTrace>('debug_traceTransaction', hashAt(4), how)
    expect(structLogs).toHaveLength(5)
    expect(structLogs[3]).toMatchObject({ op: 'MSTORE' })
    expect(structLogs[3]).not.toHaveProperty('memory')
    expect(structLogs[4]).toEqual({
      ...{ pc: 5, op: 'PUSH0', gas: structLogs[4]?.gas, gasCost: 2, depth: 1, memory: [word(9)] },
    })
    const all = await rpc.result<StructTrace>('debug_traceTransaction', hashAt(6), {
      ...how,
      limit: 0,
    })
    expect(all.structLogs.at(-1)?.returnData).toMatch(/^0x08c379a0/)
  })

  it('says of a revert what came with it', async () => {
    const trace = await rpc.result<StructTrace>('debug_traceTransaction', hashAt(5))
    expect(trace).toMatchObject({ failed: true, returnValue: expect.stringMatching(/^0x08c379a0/) })
    expect(trace.structLogs.at(-1)).toMatchObject({ op: 'REVERT' })
  })

  it('is refused beyond its size', async () => {
    const small = await RpcChain.over(rpc.chain, { limits: { traceBytes: 1_000 } })
    expect(await small.error('debug_traceTransaction', hashAt(3))).toMatchObject({
      code: -32005,
      data: { code: 'TRACE_TOO_LARGE' },
    })
    small.backend.close()
  })
})

describe('callTracer', () => {
  const tracer = 'callTracer'

  it('nests calls, and says which failed and why', async () => {
    const trace = await rpc.result('debug_traceTransaction', hashAt(6), { tracer })
    const receipt = await rpc.result('eth_getTransactionReceipt', hashAt(6))
    expect(trace).toMatchObject({
      from: data(user.address),
      to: data(caller),
      gas: '0x493e0',
      gasUsed: receipt.gasUsed,
      value: '0x0',
      type: 'CALL',
      calls: [
        {
          from: data(caller),
          to: data(store),
          input: word(7),
          value: '0x1',
          type: 'CALL',
          error: 'execution reverted',
          revertReason: 'no',
          output: expect.stringMatching(/^0x08c379a0/),
        },
      ],
    })
    expect(Object.keys(trace)).toEqual([
      'from',
      'gas',
      'gasUsed',
      'to',
      'input',
      'calls',
      'value',
      'type',
    ])
  })

  it('has logs where they stood, and none of what failed', async () => {
    const how = { tracer, tracerConfig: { withLog: true } }
    const log = {
      address: data(store),
      topics: [word(1)],
      data: '0x',
      index: '0x0',
      position: '0x0',
    }
    expect(await rpc.result('debug_traceTransaction', hashAt(4), how)).toMatchObject({
      calls: [{ logs: [log] }],
    })
    const failed = await rpc.result<{ calls: object[] }>('debug_traceTransaction', hashAt(6), how)
    expect(failed.calls[0]).not.toHaveProperty('logs')
  })

  it('stays at the top when asked', async () => {
    const how = { tracer, tracerConfig: { onlyTopCall: true } }
    const top = await rpc.result('debug_traceTransaction', hashAt(4), how)
    expect(top).not.toHaveProperty('calls')
  })

  it('shows creations, transfers and their gas', async () => {
    const created = await rpc.result('debug_traceTransaction', hashAt(1), { tracer })
    expect(created).toMatchObject({
      type: 'CREATE',
      to: data(caller),
      value: '0x5',
      output: data(CALLER),
    })
    expect(await rpc.result('debug_traceTransaction', hashAt(2), { tracer })).toEqual({
      ...{ from: data(user.address), gas: '0x5208', gasUsed: '0x5208', to: data(other.address) },
      ...{ input: '0x', value: '0xde0b6b3a7640000', type: 'CALL' },
    })
  })

  it('traces blocks, one entry a transaction', async () => {
    const block = await rpc.result('eth_getBlockByNumber', '0x2', false)
    const byNumber = await rpc.result<{ txHash: string }[]>('debug_traceBlockByNumber', '0x2', {
      tracer,
    })
    expect(byNumber.map(({ txHash }) => txHash)).toEqual(block.transactions)
    expect(await rpc.result('debug_traceBlockByHash', block.hash, { tracer })).toEqual(byNumber)
    expect(await rpc.result('debug_traceBlockByNumber', '0x3', { tracer })).toEqual([])
    const steps = await rpc.result<{ result: StructTrace }[]>('debug_traceBlockByNumber', '0x2')
    expect(steps.map(({ result }) => result.failed)).toEqual([false, false, true, false])
  })
})

type Accounts = Record<
  string,
  { balance?: string; nonce?: number; code?: string; storage?: Record<string, string> }
>

describe('prestateTracer', () => {
  const diff = { tracer: 'prestateTracer', tracerConfig: { diffMode: true } }

  it('shows what is left of a contract that destroys itself, unless it is new (EIP-6780)', async () => {
    const at = data(store)
    // SSTORE of 2 at 1, SELFDESTRUCT to nobody.
    const code = '0x60026001555fff'
    const options = { ...diff, stateOverrides: { [at]: { code, balance: '0x5' } } }
    type Changes = { readonly pre: Record<string, object>; readonly post: Record<string, object> }
    const traceOf = (call: object) =>
      rpc.result<Changes>('debug_traceCall', call, 'latest', options)
    const old = await traceOf({ to: at })
    expect(old.pre[at]).toMatchObject({ balance: '0x5', code })
    expect(old.post[at]).toEqual({ balance: '0x0', storage: { [word(1)]: word(2) } })
    const from = data(user.address)
    const fresh = data(contractAddress(user.address, 7))
    const created = await traceOf({ from, input: code })
    expect(Object.keys(created.post)).toContain(from)
    expect(Object.keys(created.post)).not.toContain(fresh)
  })

  it('shows what a transaction found', async () => {
    const pre = await rpc.result<Accounts>('debug_traceTransaction', hashAt(4), {
      tracer: 'prestateTracer',
    })
    expect(pre[data(user.address)]).toMatchObject({ nonce: 4 })
    expect(pre[data(caller)]).toMatchObject({ balance: '0x5', code: data(CALLER), nonce: 1 })
    expect(pre[data(store)]).toMatchObject({ balance: '0x0', storage: { [word(0)]: word(5) } })
    const bare = await rpc.result<Accounts>('debug_traceTransaction', hashAt(4), {
      tracer: 'prestateTracer',
      tracerConfig: { disableCode: true, disableStorage: true },
    })
    expect(Object.keys(bare[data(store)] ?? {})).toEqual(['balance', 'codeHash', 'nonce'])
  })

  it('differences of a block come to the state after it', async () => {
    const traces = await rpc.result<{ result: { pre: Accounts; post: Accounts } }[]>(
      'debug_traceBlockByNumber',
      '0x2',
      diff,
    )
    const after = new Map<string, { balance?: string; nonce?: number }>()
    const slots = new Map<string, string>()
    for (const { result } of traces)
      for (const [address, { storage = {}, ...account }] of Object.entries(result.post)) {
        after.set(address, { ...after.get(address), ...account })
        for (const [slot, value] of Object.entries(storage)) slots.set(`${address}${slot}`, value)
      }
    expect(after.size).toBeGreaterThan(3)
    for (const [address, { balance, nonce }] of after) {
      if (balance !== undefined)
        expect(await rpc.result('eth_getBalance', address, '0x2'), address).toBe(balance)
      if (nonce !== undefined)
        expect(Number(await rpc.result('eth_getTransactionCount', address, '0x2'))).toBe(nonce)
    }
    expect([...slots]).toEqual([[`${data(store)}${word(0)}`, word(9)]])
    expect(await rpc.result('eth_getStorageAt', data(store), '0x0', '0x2')).toBe(word(9))
    // The third and fourth transactions reverted: nothing but fees and nonces.
    expect(Object.keys(traces[2]?.result.post ?? {})).toHaveLength(2)
  })

  it('shows new contracts after and not before', async () => {
    const { pre, post } = await rpc.result<{ pre: Accounts; post: Accounts }>(
      'debug_traceTransaction',
      hashAt(1),
      diff,
    )
    expect(pre).not.toHaveProperty([data(caller)])
    expect(post[data(caller)]).toMatchObject({ balance: '0x5', nonce: 1, code: data(CALLER) })
  })
})

describe('other tracers and errors', () => {
  it('counts selectors', async () => {
    const counts = await rpc.result('debug_traceTransaction', hashAt(4), { tracer: '4byteTracer' })
    expect(counts).toEqual({ '0x00000000-28': 1, '0x00000000-60': 1 })
    expect(await rpc.result('debug_traceTransaction', hashAt(4), { tracer: 'noopTracer' })).toEqual(
      {},
    )
  })

  it('answers as geth when there is nothing to trace', async () => {
    expect(await rpc.error('debug_traceTransaction', word(1))).toMatchObject({
      code: -32000,
      message: 'transaction not found',
    })
    expect((await rpc.error('debug_traceBlockByNumber', '0x99')).message).toBe(
      'block #153 not found',
    )
    expect((await rpc.error('debug_traceBlockByNumber', '0x0')).message).toBe(
      'genesis is not traceable',
    )
    expect(
      (await rpc.error('debug_traceTransaction', hashAt(0), { tracer: 'muxTracer' })).code,
    ).toBe(-32602)
  })

  it('traces calls that nobody sent', async () => {
    const call = { from: data(user.address), to: data(store), data: word(7) }
    expect(
      await rpc.result('debug_traceCall', call, 'latest', { tracer: 'callTracer' }),
    ).toMatchObject({
      error: 'execution reverted',
      revertReason: 'no',
    })
    const stateOverrides = { [data(store)]: { code: '0x6001' } }
    const steps = await rpc.result<StructTrace>('debug_traceCall', call, 'latest', {
      stateOverrides,
    })
    expect(steps.structLogs.map(({ op }) => op)).toEqual(['PUSH1', 'STOP'])
    expect(await rpc.result('debug_traceCall', call, '0x1', { tracer: 'noopTracer' })).toEqual({})
    expect((await rpc.error('debug_traceCall', { ...call, gas: '0x1' })).message).toMatch(
      /^intrinsic gas too low/,
    )
  })

  it('ends at its time', async () => {
    const stateOverrides = { [data(store)]: { code: '0x5b5f56' } }
    const how = { stateOverrides, timeout: '30ms', tracer: 'noopTracer' }
    const startMs = performance.now()
    const { message } = await rpc.error('debug_traceCall', { to: data(store) }, 'latest', how)
    expect(message).toMatch(/aborted/)
    expect(performance.now() - startMs).toBeLessThan(2_000)
  })
})

describe('blocks as bytes', () => {
  it('hash to what they are called', async () => {
    const block = await rpc.result('eth_getBlockByNumber', '0x2', false)
    const header = await rpc.result<string>('debug_getRawHeader', '0x2')
    expect(data(keccak256(fromHex(header)))).toBe(block.hash)
    const whole = await rpc.result<string>('debug_getRawBlock', '0x2')
    expect((whole.length - 2) / 2).toBe(Number(block.size))
    expect(whole).toContain(header.slice(2))
    expect(await rpc.result('debug_getRawReceipts', '0x2')).toHaveLength(4)
    expect(await rpc.result('debug_getRawTransaction', hashAt(3))).toBe(
      data(transactions[3] as Uint8Array),
    )
    expect(await rpc.result('debug_getBadBlocks')).toEqual([])
  })
})
