// What only the faucet of a development network may do, against a naive model.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StateEdit } from '../../../core/chain/stateEdit.ts'
import { tokenAddress } from '../../../core/host/precompile.ts'
import { bytesToBigint, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import {
  decodeAccount,
  EDITS_ADDRESS,
  EMPTY_CODE_HASH,
  type ExecutionMode,
  encodeEdit,
  storageKey,
  systemContracts,
} from '../../../evm/index.ts'
import {
  account,
  COIN,
  createWorld,
  funded,
  keyNumber,
  signTransaction,
  type World,
  word,
} from '../../support/evmWorld.ts'

const faucet = keyNumber(0)
const alice = keyNumber(1)
const contract = fromHex('00000000000000000000000000000000000c0de0')
const fresh = fromHex('00000000000000000000000000000000000f4e54')
const BALANCE = 1_000n * COIN

const worldOf = (part: { execution?: ExecutionMode; isDevnet?: boolean } = {}): Promise<World> =>
  createWorld(
    [
      ...funded([faucet, alice], BALANCE),
      account(contract, {
        ...{ nonce: 1, code: Uint8Array.of(0x5f) },
        storage: [{ slot: word(1), value: word(11) }],
      }),
      ...systemContracts,
    ],
    {
      execution: part.execution ?? 'shadow',
      ...(part.isDevnet === false ? {} : { faucet: faucet.address }),
    },
  )

/** Statuses of the edits, sent by one in one block. */
async function edit(world: World, edits: readonly StateEdit[], by = faucet) {
  const nonce = world.nonce(by.address)
  const sent = edits.map((one, i) =>
    signTransaction(
      { nonce: nonce + i, to: EDITS_ADDRESS, data: encodeEdit(one), gasLimit: 200_000 },
      by,
    ),
  )
  const result = await world.block(sent)
  return {
    ...{ nativeDelta: result.nativeDelta, burned: result.burnedWei },
    statuses: result.executed.transactions.map(({ receipt }) => receipt.status),
  }
}

const stored = (world: World, address: Uint8Array) => {
  const bytes = world.store.get('account', address)
  return bytes === undefined ? null : decodeAccount(bytes)
}
const slotAt = (world: World, address: Uint8Array, slot: number): bigint =>
  bytesToBigint(world.store.get('storage', storageKey(address, word(slot))) ?? new Uint8Array(0))

describe.each(['nexus', 'reference', 'shadow'] as const)('the faucet on %s', (execution) => {
  it('sets balance, nonce, code and slots, and pays for the balance', async () => {
    const world = await worldOf({ execution })
    const code = Uint8Array.of(0x60, 0x2a, 0x5f, 0x52)
    const before = world.balance(faucet.address)
    const { statuses, nativeDelta, burned } = await edit(world, [
      { kind: 'balance', address: fresh, balance: 5n * COIN },
      { kind: 'nonce', address: fresh, nonce: 77 },
      { kind: 'code', address: contract, code },
      { kind: 'slot', address: contract, slot: word(1), value: word(0) },
      { kind: 'slot', address: contract, slot: word(2), value: word(22) },
      { kind: 'balance', address: alice.address, balance: 1n },
    ])
    expect(statuses).toEqual([1, 1, 1, 1, 1, 1])
    expect(nativeDelta).toBe(-burned)
    expect([world.balance(fresh), world.nonce(fresh)]).toEqual([5n * COIN, 77])
    expect(world.balance(alice.address)).toBe(1n)
    expect(world.balance(faucet.address)).toBeGreaterThan(before + BALANCE - 6n * COIN)
    expect(stored(world, contract)?.codeHash).toEqual(keccak256(code))
    expect([1, 2].map((slot) => slotAt(world, contract, slot))).toEqual([0n, 22n])
  })

  it('may not touch what the chain stands on, nor give more than it has', async () => {
    const world = await worldOf({ execution })
    const at = [
      ...[1, 0x11, 0x100, 0x0801, 0x083f, 0xde7e].map((tail) => word(tail).slice(12)),
      tokenAddress(1),
      ...systemContracts.map(({ address }) => address),
    ]
    const code = Uint8Array.of(0)
    const forbidden = at.map((address) => ({ kind: 'code', address, code }) as const)
    const { statuses } = await edit(world, [
      ...forbidden,
      { kind: 'balance', address: fresh, balance: 2n * BALANCE },
      { kind: 'balance', address: faucet.address, balance: 1n },
    ])
    expect(new Set(statuses)).toEqual(new Set([0]))
    expect(stored(world, fresh)).toBeNull()
  })
})

describe('everybody else', () => {
  const one = { kind: 'balance', address: fresh, balance: 1n } as const

  it('does nothing there', async () => {
    const world = await worldOf()
    expect((await edit(world, [one], alice)).statuses).toEqual([1])
    expect(stored(world, fresh)).toBeNull()
  })

  it('nor does anybody on a chain that is no development network', async () => {
    const world = await worldOf({ isDevnet: false })
    expect((await edit(world, [one], faucet)).statuses).toEqual([1])
    expect(stored(world, fresh)).toBeNull()
  })

  it.each([
    ['nothing', ''],
    ['no list', '83aabbcc'],
    ['a kind that is none', `d7${'05'}94${toHex(fresh)}01`],
    ['an address too short', 'c60183aabbcc01'],
    ['a slot without a value', `f702 94${toHex(fresh)} a0${toHex(word(1))}`.replaceAll(' ', '')],
    ['a nonce that counting up could carry too far', `dc0294${toHex(fresh)}86ffffffffffff`],
  ])('not even the faucet by %s', async (_, hex) => {
    const world = await worldOf()
    const bytes = signTransaction(
      { nonce: 0, to: EDITS_ADDRESS, data: fromHex(hex), gasLimit: 100_000 },
      faucet,
    )
    const { executed } = await world.block([bytes])
    expect(executed.transactions[0]?.receipt.status).toBe(0)
  })
})

type Model = Map<
  string,
  { balance: bigint; nonce: number; code: string; slots: Map<number, bigint> }
>

// 0xbeef is below 0x10000, and nobody's.
const addresses = [contract, fresh, alice.address, keyNumber(7).address, word(0xbeef).slice(12)]
const anyEdit: fc.Arbitrary<StateEdit> = fc
  .record({
    address: fc.constantFrom(...addresses),
    kind: fc.constantFrom('balance', 'nonce', 'code', 'slot'),
    small: fc.integer({ min: 0, max: 3 }),
    slot: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ address, kind, small, slot }) => {
    if (kind === 'balance') return { kind, address, balance: BigInt(small) }
    if (kind === 'nonce') return { kind, address, nonce: small }
    if (kind === 'code') return { kind, address, code: new Uint8Array(small) }
    return { kind: 'slot', address, slot: word(slot), value: word(small) }
  })

function follow(model: Model, one: StateEdit): void {
  const key = toHex(one.address)
  const known = model.get(key) ?? { balance: 0n, nonce: 0, code: '', slots: new Map() }
  model.set(key, known)
  if (one.kind === 'balance') known.balance = one.balance
  if (one.kind === 'nonce') known.nonce = one.nonce
  if (one.kind === 'code') known.code = toHex(one.code)
  if (one.kind === 'slot')
    known.slots.set(Number(bytesToBigint(one.slot)), bytesToBigint(one.value))
}

describe('any edits in any blocks', () => {
  it('come to what they say, and no account has storage and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyEdit, { maxLength: 8 }), { maxLength: 6 }),
        async (blocks) => {
          const world = await worldOf({ execution: 'nexus' })
          const model: Model = new Map()
          follow(model, { kind: 'code', address: contract, code: Uint8Array.of(0x5f) })
          follow(model, { kind: 'nonce', address: contract, nonce: 1 })
          follow(model, { kind: 'slot', address: contract, slot: word(1), value: word(11) })
          follow(model, { kind: 'balance', address: alice.address, balance: BALANCE })
          for (const edits of blocks) {
            const { statuses, nativeDelta, burned } = await edit(world, edits)
            expect(statuses).toEqual(edits.map(() => 1))
            expect(nativeDelta).toBe(-burned)
            for (const one of edits) follow(model, one)
          }
          for (const address of addresses) {
            const known = model.get(toHex(address))
            const found = stored(world, address)
            const { balance, code } = known ?? { balance: 0n, code: '' }
            expect(found?.balance ?? 0n).toBe(balance)
            const hash = code === '' ? EMPTY_CODE_HASH : keccak256(fromHex(code))
            expect(found?.codeHash ?? EMPTY_CODE_HASH).toEqual(hash)
            for (const [slot, value] of known?.slots ?? [])
              expect(slotAt(world, address, slot)).toBe(value)
            const hasSlots = [...(known?.slots.values() ?? [])].some((value) => value !== 0n)
            if (hasSlots) expect(found?.nonce === 0 && balance === 0n && code === '').toBe(false)
            if ((known?.nonce ?? 0) > 1) expect(found?.nonce).toBe(known?.nonce)
          }
        },
      ),
      { numRuns: 30 },
    )
  }, 60_000)
})
