import { beforeAll, describe, expect, it } from 'vitest'
import { concatBytes, fromHex } from '../../../core/primitives/bytes.ts'
import type { Engine } from '../../../evm/engine.ts'
import type { EngineHardfork } from '../../../evm/forks.ts'
import { Random } from '../../sim/random.ts'
import { createExecutive, messageOf, observe, type Start } from '../../support/evm/executives.ts'
import { CONTRACTS, mutated, program } from '../../support/evm/programs.ts'
import { word } from '../../support/evmWorld.ts'

const SENDER = word(0x5e4de6).slice(12)
/** NEXUS_FUZZ_RUNS=1000000 runs for hours; NEXUS_FUZZ_SEED=… goes elsewhere, or back to a failure. */
const RUNS = Number(process.env.NEXUS_FUZZ_RUNS ?? 1_500)
const FIRST_SEED = Number(process.env.NEXUS_FUZZ_SEED ?? 1)

type Pair = { readonly nexus: Engine; readonly reference: Engine }

async function pairOf(hardfork: EngineHardfork): Promise<Pair> {
  return {
    nexus: await createExecutive('nexus', hardfork),
    reference: await createExecutive('reference', hardfork),
  }
}

/** Contracts that call each other, a delegated account (EIP-7702), and a message into them. */
function scenarioOf(seed: number) {
  const random = new Random(seed)
  const start: Start = [
    { address: SENDER, balance: 1_000_000n, nonce: 1 },
    ...CONTRACTS.map((address, i) => {
      const own = program(random, random.range(1, 14))
      // Only EIP-7702 makes code that begins so, and always of this length.
      const designator = concatBytes(fromHex('ef0100'), random.pick(CONTRACTS))
      return {
        address,
        code:
          i === 3 && random.chance(50)
            ? designator
            : random.chance(25)
              ? mutated(random, own)
              : own,
        balance: BigInt(random.range(0, 3) * 100),
        nonce: 1,
        slots: [[random.range(0, 4), BigInt(random.range(1, 9))]] as const,
      }
    }),
  ]
  const isCreation = random.chance(10)
  const message = messageOf({
    sender: SENDER,
    to: isCreation ? null : (CONTRACTS[0] as Uint8Array),
    value: BigInt(random.chance(50) ? 0 : random.range(0, 300)),
    data: isCreation ? program(random, random.range(0, 10)) : random.bytes(random.range(0, 100)),
    gasLimit: random.chance(80) ? random.range(50_000, 600_000) : random.range(0, 50_000),
    accessList: random.chance(20)
      ? [{ address: random.pick(CONTRACTS), storageKeys: [word(random.range(0, 4))] }]
      : [],
  })
  return { start, message }
}

async function compare({ nexus, reference }: Pair, seed: number): Promise<unknown> {
  const { start, message } = scenarioOf(seed)
  const expected = await observe(reference, start, message)
  expect(await observe(nexus, start, message), `seed ${seed}`).toEqual(expected)
  return expected
}

/** What they once did differently, or one of them not at all. */
const FOUND: readonly (readonly [string, string])[] = [
  // The reference paid for the room of a call's output without making it, and MSTORE went there.
  [
    'MSTORE into the room of a call that gave no output',
    '60206140005f5f5f61dead61fffff1600761400052',
  ],
  // The library refuses initcode that begins as EOF does; it runs, and fails with all its gas.
  ['CREATE of what looks like EOF', '61ef005f526002601e5ff05f5500'],
]

describe('the two executives', () => {
  let prague: Pair
  let osaka: Pair
  beforeAll(async () => {
    prague = await pairOf('prague')
    osaka = await pairOf('osaka')
  })

  it.each(FOUND)('agree on %s', async (_, code) => {
    const start: Start = [
      { address: SENDER, balance: 1_000_000n, nonce: 1 },
      { address: CONTRACTS[0] as Uint8Array, code: fromHex(code), nonce: 1 },
    ]
    const message = messageOf({ sender: SENDER, to: CONTRACTS[0] as Uint8Array })
    const expected = await observe(prague.reference, start, message)
    expect(await observe(prague.nexus, start, message)).toEqual(expected)
  })

  it(
    'do the same for random trees of calls',
    async () => {
      const errors = new Map<string, number>()
      for (let i = 0; i < RUNS; i++) {
        const seed = FIRST_SEED + i
        const seen = (await compare(i % 4 === 0 ? osaka : prague, seed)) as { error: string | null }
        const error = seen.error ?? 'success'
        errors.set(error, (errors.get(error) ?? 0) + 1)
      }
      // A generator that only made failures, or none, would show nothing.
      expect(errors.get('success') ?? 0).toBeGreaterThan(RUNS / 10)
      expect(errors.get('revert') ?? 0).toBeGreaterThan(0)
      expect(errors.get('out of gas') ?? 0).toBeGreaterThan(RUNS / 100)
    },
    RUNS * 100 + 60_000,
  )
})
