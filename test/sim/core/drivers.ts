// The drivers under one name each: a run is one seed, and a finding is the message of what went wrong.
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import { testValidators } from '../../support/consensus.ts'
import { HARSH, simulate } from './cluster.ts'
import { chooseBelowThird, LockStep } from './lockStep.ts'
import type { Core } from './messages.ts'
import type { Driver } from './mutant.ts'
import { Prng } from './prng.ts'
import { RuleTwin } from './ruleTwin.ts'

/** In turn: equal and unequal, of four and of seven. */
const POWERS = [
  [1, 1, 1, 1],
  [3, 2, 2, 1],
  [1, 1, 1, 1, 1, 1, 1],
  [5, 3, 3, 2, 2, 1, 1],
  [1, 1, 1, 1],
  [2, 2, 1, 1],
]
const sets: ValidatorSet[] = []

function lockStepOf(seed: number, core: Core): LockStep {
  if (sets.length === 0) sets.push(...POWERS.map((powers) => testValidators(powers).set))
  const set = sets[seed % sets.length] as ValidatorSet
  const prng = new Prng(seed)
  const equivocate = prng.chance(70)
  return new LockStep(
    { set, core, liars: chooseBelowThird(set, prng), equivocate, amnesic: null },
    prng,
  )
}

function compared(lockStep: LockStep, set: ValidatorSet): LockStep {
  const twins = new Map<number, RuleTwin>()
  lockStep.watch = (player, input, effects) => {
    const twin = twins.get(player.index) ?? new RuleTwin(set, player.index)
    twins.set(player.index, twin)
    twin.compare(input, effects, player.height)
  }
  return lockStep
}

const RUN: Record<Driver, (seed: number, core: Core) => void> = {
  lockStep: (seed, core) => lockStepOf(seed, core).run(),
  rules: (seed, core) => {
    const lockStep = lockStepOf(seed, core)
    compared(lockStep, lockStep.set).run()
  },
  // Every other run is harsh: few messages arrive, lives are short.
  faults: (seed, core) => void simulate(seed, core, seed % 2 === 0 ? HARSH : undefined),
}

const FINDINGS = ['SafetyViolation', 'LivenessFailure', 'AssertionError']

export type Finding = { readonly run: number; readonly what: string }

/** The first run that goes wrong, up to the last, or null. Anything but a finding is thrown. */
export function firstFinding(driver: Driver, core: Core, last: number, first = 1): Finding | null {
  for (let run = first; run <= last; run++) {
    try {
      RUN[driver](run, core)
    } catch (error) {
      if (!(error instanceof Error) || !FINDINGS.includes(error.name)) throw error
      return { run, what: `${error.name}: ${error.message}` }
    }
  }
  return null
}
