// The drivers find what was planted, each within its number of runs. `node test/sim/mutants.ts` shows all.
import { describe, expect, test } from 'vitest'
import { firstFinding } from './drivers.ts'
import { MUTANTS } from './mutants.ts'
import { plant } from './plant.ts'

describe('the simulations notice when', () => {
  for (const mutant of MUTANTS) {
    const [driver, runs] = mutant.finder
    test(`${mutant.name} (${driver})`, async () => {
      expect(firstFinding(driver, await plant(mutant), runs)).not.toBeNull()
    })
  }
})

test('a mistake that no longer fits the source is an error', async () => {
  const gone = { file: 'round.ts', find: 'no such text', replace: '' }
  const mutant = { name: 'gone', changes: [gone], finder: ['rules', 1] } as const
  await expect(plant(mutant)).rejects.toThrow('is not in the source')
})
