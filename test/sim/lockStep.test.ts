import { describe, expect, test } from 'vitest'
import { ConsensusHeight, replay } from '../../consensus/index.ts'
import { validatorSetOf } from '../support/consensus.ts'
import { LockStep } from './lockStep.ts'
import type { Core } from './messages.ts'
import { LOCK_MUTANTS, plant } from './mutants.ts'
import { Prng } from './prng.ts'

/** The first run that ends in disagreement, or null. */
function firstFork(core: Core, size: number, runs: number): number | null {
  const set = validatorSetOf(size)
  for (let seed = 1; seed <= runs; seed++) {
    try {
      new LockStep(set, core, new Prng(seed)).run()
    } catch (error) {
      if (error instanceof Error && error.name === 'SafetyViolation') return seed
      throw error
    }
  }
  return null
}

describe('an adversary in lock step', () => {
  test('cannot make four or seven validators disagree', () => {
    const core = { ConsensusHeight, replay }
    expect(firstFork(core, 4, 5_000)).toBeNull()
    expect(firstFork(core, 7, 1_000)).toBeNull()
  })

  for (const mutant of LOCK_MUTANTS) {
    if (mutant.file !== 'round.ts') continue
    test(`makes them disagree when ${mutant.name}`, async () => {
      expect(await plant(mutant).then((core) => firstFork(core, 4, 3_000))).not.toBeNull()
    })
  }
})
