// Traces of transactions that called engines: these have no past, and answer what they answered then.
import { ClassicLevel } from 'classic-level'
import { afterEach, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { contractAddress, engineAddress } from '../../../evm/index.ts'
import { devnetCore } from '../../../node/devnet/core.ts'
import { heightKey } from '../../../node/storage/schema.ts'
import { data } from '../../../rpc/format/hex.ts'
import { COIN, keyNumber, signTransaction } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { RpcChain } from '../../support/rpcChain.ts'

const user = keyNumber(1)
/** Selector of depositNative(). */
const DEPOSIT_NATIVE = fromHex('db6b5246')
/** Calls the ledger with its calldata and value, then with none of its value, which is refused. */
const TWICE = fromHex(
  `365f5f375f5f365f3461${toHex(engineAddress(1).subarray(18))}5af15f5f365f5f61${toHex(engineAddress(1).subarray(18))}5af100`,
)
const initcode = fromHex(`60${TWICE.length.toString(16)}80600a5f395ff300${toHex(TWICE)}`)

let rpc: RpcChain | null = null
afterEach(async () => {
  await rpc?.close()
  expect(rpc?.faults).toEqual([])
  rpc = null
})

type Frame = { readonly to: string; readonly gasUsed: string; readonly calls?: readonly Frame[] }

it('are those of the time, however the engines went on, and are gone with their record', async () => {
  const chain = await RealChain.create([user], {
    core: devnetCore([user.address]),
    historyBlocks: 100,
  })
  const twice = contractAddress(user.address, 0)
  const send = (nonce: number, to: Uint8Array | null, value: bigint, input: Uint8Array) =>
    signTransaction({ nonce, to, value, data: input, gasLimit: 500_000 }, user)
  const direct = send(1, engineAddress(1), 5n * COIN, DEPOSIT_NATIVE)
  const nested = send(2, twice, 3n * COIN, DEPOSIT_NATIVE)
  await chain.block([send(0, null, 0n, initcode)])
  await chain.block([direct, nested])
  const { included } = await chain.block([send(3, engineAddress(1), COIN, DEPOSIT_NATIVE)])
  expect(included).toHaveLength(1)
  rpc = await RpcChain.over(chain)
  const tracer = 'callTracer'
  const traces = await rpc.result<{ result: Frame }[]>('debug_traceBlockByNumber', '0x2', {
    tracer,
  })
  const receipts = await rpc.result<{ gasUsed: string; status: string }[]>(
    'eth_getBlockReceipts',
    '0x2',
  )
  expect(receipts.map(({ status }) => status)).toEqual(['0x1', '0x1'])
  expect(traces.map(({ result }) => result.gasUsed)).toEqual(receipts.map(({ gasUsed }) => gasUsed))
  expect(traces[0]?.result).toMatchObject({
    to: data(engineAddress(1)),
    value: '0x4563918244f40000',
  })
  expect(traces[1]?.result.calls).toMatchObject([
    { from: data(twice), to: data(engineAddress(1)), value: '0x29a2241af62c0000' },
    { from: data(twice), to: data(engineAddress(1)), value: '0x0', error: 'execution reverted' },
  ])
  expect(traces[1]?.result.calls?.[0]).not.toHaveProperty('error')
  const alone = await rpc.result('debug_traceTransaction', data(keccak256(nested)), { tracer })
  expect(alone).toEqual(traces[1]?.result)

  await rpc.closeReader()
  await chain.restart(async () => {
    const database = new ClassicLevel<Uint8Array, Uint8Array>(chain.directory, {
      ...{ keyEncoding: 'view', valueEncoding: 'view', compression: false },
    })
    await database.del(heightKey('engineCalls', 2))
    await database.close()
  })
  rpc = await RpcChain.over(chain)
  expect(await rpc.error('debug_traceTransaction', data(keccak256(nested)))).toMatchObject({
    code: -32000,
    data: { code: 'ENGINE_ANSWERS_NOT_AVAILABLE', height: 2 },
  })
})
