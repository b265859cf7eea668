// The simulation finds what was planted, within so many seeds.
import { describe, expect, test } from 'vitest'
import { HARSH, simulate } from './cluster.ts'
import type { Core } from './messages.ts'
import {
  COUNTING_MUTANTS,
  LIVENESS_MUTANTS,
  LOCK_MUTANTS,
  plant,
  REPLAY_MUTANTS,
} from './mutants.ts'

const FINDINGS = ['SafetyViolation', 'LivenessFailure', 'AssertionError']

function firstFinding(core: Core, seeds: number): string | null {
  for (let seed = 1; seed <= seeds; seed++) {
    for (const options of [undefined, HARSH]) {
      try {
        simulate(seed, core, options)
      } catch (error) {
        if (error instanceof Error && FINDINGS.includes(error.name)) return error.name
        throw error
      }
    }
  }
  return null
}

const SAFETY = [...LOCK_MUTANTS, ...COUNTING_MUTANTS]

describe('the simulation notices when', () => {
  for (const mutant of SAFETY) {
    // The lock-step adversary finds this one; it needs two polkas in one height.
    if (mutant.name.includes('L29')) continue
    test(mutant.name, async () => {
      expect(firstFinding(await plant(mutant), 200)).not.toBeNull()
    })
  }
  for (const mutant of LIVENESS_MUTANTS) {
    test(mutant.name, async () => {
      expect(firstFinding(await plant(mutant), 200)).toBe('LivenessFailure')
    })
  }
  for (const mutant of REPLAY_MUTANTS) {
    test(mutant.name, async () => {
      expect(firstFinding(await plant(mutant), 200)).not.toBeNull()
    })
  }
})

test('a mistake that no longer fits the source is an error', async () => {
  const gone = { name: 'gone', file: 'round.ts', find: 'no such text', replace: '' }
  await expect(plant(gone)).rejects.toThrow('is not in the source')
})
