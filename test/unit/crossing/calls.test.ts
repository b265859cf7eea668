import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { precompileOf } from '../../../core/host/precompile.ts'
import { concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { contractAddress } from '../../../evm/index.ts'
import { engineIdOf } from '../../../evm/precompiles.ts'
import {
  ALICE,
  at,
  besides,
  COIN,
  type CoreWorld,
  createCoreWorld,
  feeOf,
  OTHER_SCRIPT,
  SCRIPT,
  statusesOf,
} from '../../support/crossing/coreWorld.ts'
import { FAKE, FAKE_GAS, logOf } from '../../support/crossing/fakeCore.ts'
import { SELF, type Step } from '../../support/crossing/script.ts'
import { account, authorization, keyNumber, signTransaction } from '../../support/evmWorld.ts'

const LEDGER = precompileOf(1)
const EMPTY = new Uint8Array(0)
const engineStep = (part: Partial<Extract<Step, { kind: 'engine' }>>): Step => ({
  kind: 'engine',
  via: 'call',
  engine: 1,
  fn: 'add',
  key: 7,
  amount: 5,
  value: 0n,
  must: true,
  ...part,
})
const add = (amount: number): Uint8Array => Uint8Array.of(FAKE.add, 7, amount)

describe('calls of engines', () => {
  let world: CoreWorld
  beforeAll(async () => {
    await createCoreWorld()
  }, 60_000)
  beforeEach(async () => {
    world = await createCoreWorld()
  })

  it('a transaction may call one directly, as its sender', async () => {
    const result = await world.send({ to: LEDGER, data: add(9) })
    expect(statusesOf(result)).toEqual([1])
    expect(world.core.calls).toEqual([
      {
        engine: 1,
        caller: ALICE.address,
        value: 0n,
        data: add(9),
        isStatic: false,
        isDelegate: false,
        gasLimit: 1_000_000 - 21_000 - 3 * 16,
      },
    ])
    const receipt = result.executed.transactions[0]?.receipt
    expect(receipt?.gasUsed).toBe(21_000 + 3 * 16 + FAKE_GAS)
    expect(receipt?.logs).toEqual([logOf({ engine: 1, caller: ALICE.address }, 9n)])
    expect(world.core.counters.get('1:7')).toBe(9n)
  })

  it('a contract calls as itself, also in code that it borrows', async () => {
    const borrowed: Step = {
      kind: 'frame',
      via: 'delegate',
      target: toHex(OTHER_SCRIPT),
      value: 0n,
      must: true,
      steps: [engineStep({})],
    }
    await world.send({ to: SCRIPT, data: world.scripts.dataOf([engineStep({}), borrowed]) })
    expect(world.core.calls.map(({ caller }) => caller)).toEqual([SCRIPT, SCRIPT])
  })

  it('says so when the call is static or delegated', async () => {
    const steps = (['static', 'delegate', 'callCode', 'call'] as const).map((via) =>
      engineStep({ via, must: false }),
    )
    await world.send({ to: SCRIPT, data: world.scripts.dataOf(steps) })
    expect(world.core.calls.map((call) => [call.isStatic, call.isDelegate])).toEqual([
      [true, false],
      [false, true],
      [false, true],
      [false, false],
    ])
    expect(world.core.counters.get('1:7')).toBe(5n)
  })

  it('the value of a payable function leaves the EVM', async () => {
    const paid = 3n * COIN
    const before = world.world.balance(ALICE.address)
    const result = await world.send({
      to: LEDGER,
      value: paid,
      data: Uint8Array.of(FAKE.deposit),
    })
    expect(statusesOf(result)).toEqual([1])
    expect(world.core.calls[0]?.value).toBe(paid)
    expect(world.core.deposited()).toBe(paid)
    expect(world.world.balance(LEDGER)).toBe(0n)
    expect(world.world.balance(ALICE.address)).toBe(before - paid - feeOf(result))
    expect(result.nativeDelta).toBe(-paid - result.burnedWei)
    expect(result.burnedWei).toBe(result.fees.burned)
  })

  it('a plain transfer to an engine is refused and costs only gas', async () => {
    const before = world.world.balance(ALICE.address)
    const result = await world.send({ to: LEDGER, value: COIN })
    expect(statusesOf(result)).toEqual([0])
    expect(world.world.balance(LEDGER)).toBe(0n)
    expect(world.world.balance(ALICE.address)).toBe(before - feeOf(result))
  })

  it('a refused call gives its gas back, an endless one takes what it was given', async () => {
    const refused = await world.send({ to: LEDGER, data: Uint8Array.of(FAKE.dirtyReject, 7, 1) })
    expect(refused.executed.transactions[0]?.receipt.gasUsed).toBe(21_048 + FAKE_GAS / 2)
    const endless = await world.send({ to: LEDGER, data: Uint8Array.of(FAKE.endless) })
    expect(endless.executed.transactions[0]?.receipt.gasUsed).toBe(1_000_000)
    expect(world.core.counters.size).toBe(0)
  })

  it('what a transaction did is undone when it runs out of gas after it', async () => {
    const steps: Step[] = [
      engineStep({}),
      { kind: 'store', slot: 0, value: 1 },
      { kind: 'invalid' },
    ]
    const result = await world.send({ to: SCRIPT, data: world.scripts.dataOf(steps) })
    expect(statusesOf(result)).toEqual([0])
    expect(world.core.calls).toHaveLength(1)
    expect(world.core.counters.size).toBe(0)
    expect(result.executed.transactions[0]?.receipt.logs).toEqual([])
  })

  it('what a constructor did is undone when its code cannot be paid for', async () => {
    // Calls the ledger with three bytes of memory, then returns 2,000 zero bytes as code: 400,000 gas.
    const initcode = concatBytes(
      fromHex('62010705'), // the calldata, right-aligned in memory
      fromHex('5f52'),
      fromHex('5f5f6003601d5f'),
      fromHex('610801'),
      fromHex('61ffff'),
      fromHex('f1'),
      fromHex('50'),
      fromHex('6107d05ff3'),
    )
    const poor = await world.send({ to: null, data: initcode, gasLimit: 200_000 })
    expect(statusesOf(poor)).toEqual([0])
    expect(world.core.calls).toHaveLength(1)
    expect(world.core.counters.size).toBe(0)
    const rich = await world.send({ to: null, data: initcode, gasLimit: 1_000_000 })
    expect(statusesOf(rich)).toEqual([1])
    expect(world.core.counters.get('1:7')).toBe(5n)
    expect(world.core.calls[1]?.caller).toEqual(contractAddress(ALICE.address, 1))
  })

  it("calldata is the callee's own: the caller's memory changes after the call", async () => {
    const steps = [engineStep({ amount: 1 }), engineStep({ amount: 2 })]
    await world.send({ to: SCRIPT, data: world.scripts.dataOf(steps) })
    expect(world.core.calls.map(({ data }) => data)).toEqual([add(1), add(2)])
    const [first, second] = world.core.calls
    expect(first?.data.buffer).not.toBe(second?.data.buffer)
    expect(first?.data.byteLength).toBe(first?.data.buffer.byteLength)
  })

  it('an engine has code, is warm, and others at those addresses are neither', async () => {
    // For 0x0801 and 0x0805: EXTCODESIZE, with what it cost, into slots.
    const probe = (address: string, slot: number): string =>
      `5a61${address}3b905a9003${`60${(slot + 1).toString(16).padStart(2, '0')}55`}60${slot
        .toString(16)
        .padStart(2, '0')}55`
    const prober = at('beef')
    const fresh = await createCoreWorld([
      account(prober, { code: fromHex(`${probe('0801', 0)}${probe('0805', 2)}`), nonce: 1 }),
    ])
    await fresh.send({ to: prober })
    const slots = [0, 1, 2, 3].map((slot) => fresh.world.slot(prober, slot))
    // Size, then gas between the two GAS opcodes: PUSH2, EXTCODESIZE, SWAP1, GAS.
    expect(slots).toEqual([1n, 100n + 3n + 3n + 2n, 0n, 2_600n + 3n + 3n + 2n])
  })

  it('what a contract leaves to an engine is destroyed, and counted', async () => {
    const steps: Step[] = [{ kind: 'destroy', heir: toHex(LEDGER) }]
    const result = await world.send({ to: SCRIPT, data: world.scripts.dataOf(steps) })
    expect(statusesOf(result)).toEqual([1])
    expect(world.world.balance(SCRIPT)).toBe(0n)
    expect(world.world.balance(LEDGER)).toBe(0n)
    expect(result.burnedWei).toBe(result.fees.burned + 10n * COIN)
    expect(result.nativeDelta).toBe(-result.burnedWei)
  })

  it('what a contract is sent after its end is destroyed with it, and counted', async () => {
    const born = toHex(contractAddress(SCRIPT, 1))
    const steps: Step[] = [
      {
        kind: 'create',
        value: 3n,
        must: true,
        steps: [
          { kind: 'emit', value: 1 },
          { kind: 'destroy', heir: SELF },
        ],
      },
      {
        kind: 'frame',
        via: 'call',
        target: toHex(OTHER_SCRIPT),
        value: 4n,
        must: true,
        steps: [{ kind: 'destroy', heir: born }],
      },
    ]
    const result = await world.send({ to: SCRIPT, data: world.scripts.dataOf(steps) })
    expect(statusesOf(result)).toEqual([1])
    expect(world.world.balance(fromHex(born))).toBe(0n)
    expect(result.burnedWei).toBe(result.fees.burned + 7n + 10n * COIN)
    expect(result.nativeDelta).toBe(-result.burnedWei)
  })

  it("an account that delegates to an engine's address does nothing but fail", async () => {
    const bob = keyNumber(2)
    const nonce = world.world.nonce(ALICE.address)
    const signed = signTransaction(
      {
        type: 4,
        nonce,
        to: bob.address,
        gasLimit: 200_000,
        authorizations: [authorization(bob, LEDGER, 0)],
      },
      ALICE,
    )
    const result = await world.world.block([signed], { core: besides(world.core) })
    expect(statusesOf(result)).toEqual([0])
    expect(world.core.calls).toEqual([])
  })

  it('without engines at hand a call fails instead of doing nothing', async () => {
    const nonce = world.world.nonce(ALICE.address)
    const signed = signTransaction({ nonce, to: LEDGER, data: add(1), gasLimit: 100_000 }, ALICE)
    expect(statusesOf(await world.world.block([signed]))).toEqual([0])
  })

  it('an engine that genesis did not know has its code from its first block on', async () => {
    const fresh = await createCoreWorld()
    const late = precompileOf(5)
    const port = { ...fresh.core, has: (engine: number) => engine === 5 }
    await fresh.world.block([], { core: besides(port) })
    const stored = fresh.world.store.get('account', late)
    expect(stored).toBeDefined()
    expect(toHex(stored ?? EMPTY)).toContain(toHex(keccak256(Uint8Array.of(0xfe))))
  })

  it('only 0x0800 to 0x083f stand for engines', () => {
    const ids = [0x07ff, 0x0800, 0x083f, 0x0840, 0x0900].map((n) => engineIdOf(at(n.toString(16))))
    expect(ids).toEqual([-1, 0, 63, -1, -1])
    expect(engineIdOf(at('010000000801'))).toBe(-1)
  })
})
