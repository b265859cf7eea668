import { beforeAll, describe, expect, it } from 'vitest'
import { fromHex } from '../../../core/primitives/bytes.ts'
import { scenarioFromJson, scenarioToJson } from '../../fuzz/evm/scenarioFile.ts'
import { shrink } from '../../fuzz/evm/shrink.ts'
import { Comparer } from '../../support/evm/comparison.ts'
import { messageOf } from '../../support/evm/executives.ts'
import { CONTRACTS } from '../../support/evm/programs.ts'
import { type Scenario, SENDER, scenarioOf } from '../../support/evm/scenarios.ts'

/** `npm run fuzz -- evm` runs more, on every core. */
const RUNS = 1_000
const TARGET = CONTRACTS[0] as Uint8Array

const scenarioWith = (code: string): Scenario => ({
  fork: 'prague',
  start: [
    { address: SENDER, balance: 1_000_000n, nonce: 1 },
    { address: TARGET, code: fromHex(code), nonce: 1 },
  ],
  message: messageOf({ sender: SENDER, to: TARGET }),
})

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
  let comparer: Comparer
  beforeAll(async () => {
    comparer = await Comparer.create()
  })

  it.each(FOUND)('agree on %s', async (_, code) => {
    expect((await comparer.compare(scenarioWith(code))).difference).toBeNull()
  })

  it('take the same steps to the same end for random contracts and changed ones', {
    timeout: RUNS * 100 + 60_000,
  }, async () => {
    const endings = new Map<string, number>()
    let steps = 0
    for (let seed = 1; seed <= RUNS; seed++) {
      const done = await comparer.compare(scenarioOf(seed))
      expect(done.difference, `seed ${seed}`).toBeNull()
      endings.set(done.ending, (endings.get(done.ending) ?? 0) + 1)
      steps += done.steps
    }
    // A generator that only made failures, or none, would show nothing.
    expect(endings.get('success') ?? 0).toBeGreaterThan(RUNS / 10)
    expect(endings.get('revert') ?? 0).toBeGreaterThan(RUNS / 20)
    expect(endings.get('out of gas') ?? 0).toBeGreaterThan(RUNS / 100)
    expect(steps).toBeGreaterThan(RUNS * 100)
  })

  it('are told apart by gas, stack, end and state', async () => {
    const other = await Comparer.create({ nexus: 'osaka', reference: 'prague' })
    // clz(1) does not exist on Prague; MODEXP costs another amount; PUSH0 is the same.
    const modexp = '5f5f5f5f60055afa5b00'
    const differenceOf = async (code: string) =>
      (await other.compare(scenarioWith(code))).difference
    expect(await differenceOf('5f00')).toBeNull()
    expect(await differenceOf('60011e00')).toMatch(/error: nexus null, reference "invalid opcode"/)
    expect(await differenceOf(modexp)).toMatch(/^step \d+: nexus .* gas/)
  })

  it('show a difference in a case made small, which can be stored', async () => {
    const other = await Comparer.create({ nexus: 'osaka', reference: 'prague' })
    const large = scenarioWith(
      `${'6001600201506020506003545050'}60011e50${'6001600201505b'.repeat(4)}00`,
    )
    const small = await shrink(large, async (one) => (await other.compare(one)).difference !== null)
    const code = small.start.at(-1)?.code ?? new Uint8Array(0)
    expect(code.length).toBeLessThan(5)
    expect(scenarioFromJson(scenarioToJson(small))).toEqual(small)
  })
})
