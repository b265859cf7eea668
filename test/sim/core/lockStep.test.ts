import { describe, expect, test } from 'vitest'
import { ConsensusHeight, replay } from '../../../consensus/index.ts'
import { validatorSetOf } from '../../support/consensus.ts'
import { firstFinding } from './drivers.ts'
import { LockStep, type LockStepOptions } from './lockStep.ts'
import { MUTANTS } from './mutants.ts'
import { plant } from './plant.ts'
import { Prng } from './prng.ts'

const CORE = { ConsensusHeight, replay }
const FORGETFUL = MUTANTS.find(({ name }) => name === 'the lock is never set')

/** The runs that end in disagreement. */
function forks(options: Omit<LockStepOptions, 'set' | 'core'>, size: number, runs: number): number {
  let found = 0
  for (let seed = 1; seed <= runs; seed++) {
    const run = new LockStep({ set: validatorSetOf(size), core: CORE, ...options }, new Prng(seed))
    try {
      run.run()
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('agreement')) throw error
      found++
    }
  }
  return found
}

describe('an adversary in lock step', () => {
  test('cannot make honest validators disagree, nor break a lock, with less than a third', () => {
    expect(firstFinding('lockStep', CORE, 10_000)).toBeNull()
  })

  test('cannot make them do anything but what the rules say', () => {
    expect(firstFinding('rules', CORE, 1_000)).toBeNull()
  })

  test('can make them disagree when the Byzantine are half', () => {
    const liars = { liars: [1, 2], amnesic: null }
    expect(forks({ ...liars, equivocate: true }, 4, 1_000)).toBeGreaterThan(0)
    expect(forks({ ...liars, equivocate: false }, 4, 1_000)).toBeGreaterThan(0)
  })

  test('gains nothing from validators below a third that forget their locks', async () => {
    if (FORGETFUL === undefined) throw new Error('no forgetful mutant')
    const core = await plant(FORGETFUL)
    const amnesics = (...indexes: number[]) => ({
      ...{ liars: [], equivocate: false },
      amnesic: { indexes, core },
    })
    expect(forks(amnesics(2), 4, 3_000)).toBe(0)
    expect(forks(amnesics(1, 4), 7, 1_500)).toBe(0)
    expect(forks({ ...amnesics(4), liars: [1], equivocate: true }, 7, 1_500)).toBe(0)
  })
})
