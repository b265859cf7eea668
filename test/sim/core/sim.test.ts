import { describe, expect, test } from 'vitest'
import { ConsensusHeight, replay } from '../../../consensus/index.ts'
import { calmOptions, optionsFromSeed, type SimResult, simulate } from './cluster.ts'

const CORE = { ConsensusHeight, replay }
/** About 20 ms each. `node test/sim/run.ts` runs others. */
const SEEDS = Array.from({ length: 240 }, (_, i) => i + 1)

/** The seed is the whole run: it goes into the error. */
function run(seed: number): SimResult {
  try {
    return simulate(seed, CORE)
  } catch (cause) {
    throw new Error(`node test/sim/run.ts --seed ${seed}: ${cause}`, { cause })
  }
}

describe('a simulated network', () => {
  test('stays safe under any mix of faults and lies below a third, and goes on when they end', () => {
    const results = SEEDS.map(run)
    const most = (of: (result: SimResult) => number): number => Math.max(...results.map(of))
    // What the swarm reaches; were one of these zero, the runs would prove little.
    expect(most(({ heights }) => heights)).toBeGreaterThan(20)
    expect(most(({ maxRound }) => maxRound)).toBeGreaterThan(2)
    expect(most(({ convictions }) => convictions)).toBeGreaterThan(1)
  })

  test('draws every kind of trouble', () => {
    const drawn = SEEDS.map(optionsFromSeed)
    const some = (of: (options: (typeof drawn)[number]) => boolean): boolean => drawn.some(of)
    expect(some(({ powers }) => powers.length === 7)).toBe(true)
    expect(some(({ powers }) => new Set(powers).size > 1)).toBe(true)
    expect(some(({ liars }) => liars.length > 1)).toBe(true)
    expect(some(({ partitionEveryMs, crashEveryMs }) => partitionEveryMs * crashEveryMs > 0)).toBe(
      true,
    )
    for (const { powers, liars } of drawn) {
      const sum = (of: readonly number[]): number => of.reduce((total, power) => total + power, 0)
      expect(3 * sum(liars.map((index) => powers[index] as number))).toBeLessThan(sum(powers))
    }
  })

  test('a seed names one run', () => {
    for (const seed of [3, 7, 11, 42]) expect(run(seed)).toEqual(run(seed))
    expect(run(3).trace).not.toBe(run(7).trace)
  })

  test('when calm decides every height in its first round', () => {
    for (const size of [1, 4, 7]) {
      const result = simulate(size, CORE, calmOptions(size))
      expect(result.maxRound, `${size} validators`).toBe(0)
      expect(result.heights).toBeGreaterThan(15)
      expect(result.convictions).toBe(0)
    }
  })
})
