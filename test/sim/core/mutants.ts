// Tests of the tests: mistakes that real implementations made, each of which a driver must find. The rows
// of spec/consensus.md 1.6 and 2.3 that are mistakes of the protocol's core or of the shell around it.
import type { Mutant } from './mutant.ts'
import { LIVENESS, RECOVERY, STEPS } from './stepMutants.ts'
import { COUNTING, LOCKS } from './voteMutants.ts'

export const MUTANTS: readonly Mutant[] = [
  ...LOCKS,
  ...COUNTING,
  ...STEPS,
  ...LIVENESS,
  ...RECOVERY,
]
