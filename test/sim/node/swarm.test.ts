// Whole networks from seeds: safety while anything may fail, then progress. Fixed seeds, so that a
// failure here is one of the change at hand; `npm run sim` goes beyond them.
import { describe, expect, it } from 'vitest'
import type { NetworkHandlers } from '../../../node/network/network.ts'
import { optionsFromSeed, type Profile } from './options.ts'
import { inputFromSeed, type SimResult, simulate } from './simulation.ts'

const chosen = (seed: number, profile: Profile, machines: 'echo' | 'real' = 'echo') =>
  inputFromSeed(seed, { ...optionsFromSeed(seed, profile), machines })

async function expectWell(profile: Profile, seed: number): Promise<SimResult> {
  const result = await simulate(chosen(seed, profile))
  const { failure, heights } = result
  expect(failure?.message, `node test/sim/run.ts --seed ${seed} --profile ${profile}`).toBe(
    undefined,
  )
  expect(heights).toBeGreaterThanOrEqual(3)
  return result
}

async function expectAllWell(profile: Profile, first: number, count: number): Promise<void> {
  for (let seed = first; seed < first + count; seed++) await expectWell(profile, seed)
}

describe('a network of real nodes', () => {
  it.each([1, 7, 13, 19])(
    'is safe under all faults at once, then grows: six seeds from %i',
    async (first) => {
      await expectAllWell('swarm', first, 6)
    },
  )

  it('is safe under crashes, pauses and losses of data', async () => {
    await expectAllWell('crashes', 100, 6)
  })

  it('is safe under partitions and held-up messages', async () => {
    await expectAllWell('partitions', 200, 4)
  })

  it('is safe on disks that fail', async () => {
    await expectAllWell('disks', 300, 6)
  })

  it('is safe with clocks that step and drift', async () => {
    await expectAllWell('clocks', 400, 4)
  })

  it('is safe while validators join, leave, and change power and key', async () => {
    let changes = 0
    for (let seed = 700; seed < 706; seed++)
      changes += (await expectWell('members', seed)).setChanges
    expect(changes).toBeGreaterThan(50)
  })

  it('is safe while signed actions change the validators of both machines', async () => {
    const { failure, setChanges, coreCalls } = await simulate(chosen(501, 'members', 'real'))
    expect(failure?.message).toBe(undefined)
    expect(setChanges).toBeGreaterThan(5)
    expect(coreCalls).toBeGreaterThan(setChanges)
  })

  // Seed 3 has a validator whose signer is away for its prevote and back for its precommit.
  it.each([1, 27])('is safe while one of them lies: four seeds from %i', async (first) => {
    await expectAllWell('liars', first, 4)
  })

  it('is safe with both machines, and they trade', async () => {
    const { failure, coreCalls } = await simulate(chosen(500, 'crashes', 'real'))
    expect(failure?.message).toBe(undefined)
    expect(coreCalls).toBeGreaterThan(0)
  })

  it('is safe with real signatures', async () => {
    const input = chosen(600, 'crashes')
    const { failure } = await simulate({
      ...input,
      options: { ...input.options, signatures: 'real' },
    })
    expect(failure?.message).toBe(undefined)
  })

  it('convicts a validator that runs twice', async () => {
    const options = {
      ...optionsFromSeed(1, 'calm'),
      ...{ twins: [3], chaosMs: 6_000, emptyBlockIntervalMs: 100 },
    }
    const { failure, convictions } = await simulate(inputFromSeed(7, options))
    expect(failure?.message).toBe(undefined)
    expect(convictions).toBe(1)
  })
})

describe('a simulation', () => {
  it('does the same again from the same seed, to the last message', async () => {
    for (const seed of [11, 12, 13]) {
      const input = chosen(seed, 'swarm', seed === 13 ? 'real' : 'echo')
      const [first, second] = [await simulate(input), await simulate(input)]
      expect(second.hash, `seed ${seed}`).toBe(first.hash)
      expect(second.events).toBe(first.events)
    }
  })

  it('does something else from another seed', async () => {
    const [first, second] = [
      await simulate(chosen(21, 'crashes')),
      await simulate(chosen(22, 'crashes')),
    ]
    expect(second.hash).not.toBe(first.hash)
  })

  it('does not let simulated code look at the real clock or draw real random numbers', async () => {
    const handlers = (real: () => unknown) => ({
      handlers: (given: NetworkHandlers) => {
        real()
        return given
      },
    })
    for (const real of [() => Date.now(), () => Math.random(), () => setTimeout(() => {}, 1)]) {
      const result = await simulate(chosen(31, 'calm'), { mutation: handlers(real) })
      expect(result.failure?.message).toMatch(/simulated code called/)
    }
    expect(Date.now(), 'and gives them back').toBeGreaterThan(0)
  })
})
