// What the state edits of a development network changed, as tracers show it.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { StateEdit } from '../../../core/chain/stateEdit.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { EDITS_ADDRESS, encodeEdit } from '../../../evm/index.ts'
import { account, keyNumber, signTransaction, word } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { RpcChain } from '../../support/rpcChain.ts'

const faucet = keyNumber(0)
const edited = fromHex('00000000000000000000000000000000000c0de0')
const address = `0x${toHex(edited)}`
const slotOf = (value: number): string => `0x${toHex(word(value))}`

let rpc: RpcChain
beforeAll(async () => {
  const accounts = [
    account(edited, {
      ...{ nonce: 1, balance: 7n, code: Uint8Array.of(0x5f) },
      storage: [
        { slot: word(1), value: word(11) },
        { slot: word(2), value: word(22) },
      ],
    }),
  ]
  rpc = await RpcChain.over(
    await RealChain.create([faucet], { accounts, evm: { faucet: faucet.address } }),
  )
}, 60_000)
afterAll(() => rpc.close())

let nonce = 0
const transactionOf = (edit: StateEdit): Uint8Array =>
  signTransaction(
    { nonce: nonce++, to: EDITS_ADDRESS, gasLimit: 100_000, data: encodeEdit(edit) },
    faucet,
  )

type Shown = Readonly<Record<string, Readonly<Record<string, unknown>>>>
const traceOf = <T>(bytes: Uint8Array, tracerConfig: object): Promise<T> =>
  rpc.result<T>('debug_traceTransaction', `0x${toHex(keccak256(bytes))}`, {
    ...{ tracer: 'prestateTracer', tracerConfig },
  })

const code = Uint8Array.of(0x60, 0x2a)
const EDITS: readonly (readonly [StateEdit, before: object, after: object])[] = [
  [
    { kind: 'slot', address: edited, slot: word(1), value: word(12) },
    { storage: { [slotOf(1)]: slotOf(11) } },
    { storage: { [slotOf(1)]: slotOf(12) } },
  ],
  [
    { kind: 'slot', address: edited, slot: word(2), value: word(0) },
    { storage: { [slotOf(2)]: slotOf(22) } },
    {},
  ],
  [
    { kind: 'slot', address: edited, slot: word(3), value: word(33) },
    {},
    { storage: { [slotOf(3)]: slotOf(33) } },
  ],
  [{ kind: 'nonce', address: edited, nonce: 9 }, { nonce: 1 }, { nonce: 9 }],
  [{ kind: 'balance', address: edited, balance: 5n }, { balance: '0x7' }, { balance: '0x5' }],
  [{ kind: 'code', address: edited, code }, { code: '0x5f' }, { code: '0x602a' }],
]

it.each(EDITS)('prestateTracer tells of %o', async (edit, before, after) => {
  const bytes = transactionOf(edit)
  await rpc.mine(bytes)
  const { pre, post } = await traceOf<{ pre: Shown; post: Shown }>(bytes, { diffMode: true })
  expect(pre[address]).toMatchObject(before)
  expect(pre[address]?.storage).toEqual((before as { storage?: object }).storage)
  const { codeHash: _, ...changed } = post[address] ?? {}
  expect(changed).toEqual(after)
  // The faucet, which pays for it and for balances.
  expect(post[`0x${toHex(faucet.address)}`]).toMatchObject({ nonce })
  const prestate = await traceOf<Shown>(bytes, {})
  expect(prestate[address]).toMatchObject(before)
})

it('prestateTracer tells of nothing where an edit is refused', async () => {
  const bytes = transactionOf({ kind: 'nonce', address: word(1).slice(12), nonce: 5 })
  await rpc.mine(bytes)
  const { post } = await traceOf<{ post: Shown }>(bytes, { diffMode: true })
  expect(Object.keys(post)).not.toContain(`0x${'0'.repeat(39)}1`)
})
