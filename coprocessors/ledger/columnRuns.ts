import type { NumberColumn } from '../../core/arena/schema.ts'
import { assert } from '../../core/primitives/assert.ts'
import { RULES } from './rules.ts'
import type { LedgerState } from './schema.ts'

/** Columns that are read by position. */
export type ColumnRuns = {
  readonly nonces: readonly NumberColumn[]
  readonly engines: readonly NumberColumn[]
  readonly functions: readonly NumberColumn[]
  readonly markets: readonly NumberColumn[]
}

// Access paths, not state: a name built for every access would cost more than the access.
const known = new WeakMap<LedgerState, ColumnRuns>()

export function columnRunsOf(state: LedgerState): ColumnRuns {
  const runs = known.get(state)
  if (runs !== undefined) return runs
  const made = {
    nonces: runOf(state.signers.columns, 'nonce', RULES.noncesKept),
    engines: runOf(state.grants.columns, 'engine', RULES.scopeEngines),
    functions: runOf(state.grants.columns, 'functions', RULES.scopeEngines),
    markets: runOf(state.grants.columns, 'market', RULES.scopeMarkets),
  }
  known.set(state, made)
  return made
}

function runOf<Name extends string>(
  columns: { readonly [K in `${Name}${number}`]: NumberColumn },
  name: Name,
  length: number,
): readonly NumberColumn[] {
  return Array.from({ length }, (_, i) => {
    const column = columns[`${name}${i}` as `${Name}${number}`]
    assert(column !== undefined, 'a run has all its columns')
    return column
  })
}

export function columnAt(run: readonly NumberColumn[], position: number): NumberColumn {
  return run[position] as NumberColumn
}
