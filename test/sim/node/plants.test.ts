// Tests of the tests: a wrong part must be found, and its failure made small.
import { describe, expect, it } from 'vitest'
import { calmOptions, optionsFromSeed } from './options.ts'
import { FORGETFUL, PLANTS, type Plant } from './plants.ts'
import type { Mutation } from './process.ts'
import { shrink } from './shrink.ts'
import { inputFromSeed, type SimInput, type SimResult, simulate } from './simulation.ts'

const MAX_SEEDS = 25

async function found(
  plant: Plant,
): Promise<{ readonly input: SimInput; readonly result: SimResult } | null> {
  for (let seed = 1; seed <= MAX_SEEDS; seed++) {
    const options = { ...optionsFromSeed(seed, plant.profile), machines: 'echo' as const }
    const input = inputFromSeed(seed, options)
    const result = await simulate(input, { mutation: plant.mutation })
    if (result.failure !== null) return { input, result }
  }
  return null
}

describe('the simulator', () => {
  it.each(PLANTS)('finds that $name', async (plant) => {
    const failing = await found(plant)
    expect(failing?.result.failure, `in ${MAX_SEEDS} seeds`).not.toBe(undefined)
    expect(plant.breaks).toContain(failing?.result.failure?.invariant)
  })

  it('shows by the pace of a calm network that messages of the next height are forgotten', async () => {
    const link = { ...calmOptions.link, tailMs: 10 }
    const options = { ...calmOptions, link, emptyBlockIntervalMs: 20, chaosMs: 8_000 }
    const paceOf = async (mutation: Mutation): Promise<number> => {
      const { heights, atMs } = await simulate(inputFromSeed(1, options), { mutation })
      return atMs / heights
    }
    expect(await paceOf({})).toBeLessThan(60)
    expect(await paceOf(FORGETFUL)).toBeGreaterThan(70)
  })

  it('shrinks a failure to fewer faults that still make it', async () => {
    const plant = PLANTS[2] as Plant
    const failing = await found(plant)
    if (failing === null) throw new Error('the planted bug is found')
    const { input, result } = failing
    const extras = { mutation: plant.mutation }
    const shrunk = await shrink(input, result, { maxRuns: 40, extras })
    expect(shrunk.input.schedule.length).toBeLessThan(Math.min(4, input.schedule.length))
    // What is saved as JSON fails in the same way.
    const saved = JSON.parse(JSON.stringify(shrunk.input)) as SimInput
    const again = await simulate(saved, extras)
    expect(again.failure?.invariant).toBe(result.failure?.invariant)
    expect(again.hash).toBe(shrunk.result.hash)
    expect((await simulate(saved)).failure, 'and without the bug not at all').toBe(null)
  })
})
