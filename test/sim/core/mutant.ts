import type { ShellMistake } from './messages.ts'

/** The text must occur exactly once, so that a refactoring cannot disarm a mutant. */
export type Change = { readonly file: string; readonly find: string; readonly replace: string }

/**
 * `faults`: a network of random faults. `lockStep`: the adversary, agreement and lock rules. `rules`: the
 * adversary again, each step compared with the rules as they read.
 */
export type Driver = 'faults' | 'lockStep' | 'rules'

export type Mutant = {
  readonly name: string
  readonly changes: readonly Change[]
  /** A mistake of the shell around the core. */
  readonly shell?: ShellMistake
  /** The driver that finds it soonest, and within how many runs it must. */
  readonly finder: readonly [driver: Driver, runs: number]
}

export const change = (file: string, find: string, replace: string): Change => ({
  file,
  find,
  replace,
})
