import { type Coprocessor, ENGINE } from '../../core/host/coprocessor.ts'
import { assert } from '../../core/primitives/assert.ts'
import { agentFns } from './agentFns.ts'
import { assetFns } from './assetFns.ts'
import { constraints } from './constraints.ts'
import { events } from './events.ts'
import { divideFees } from './fees.ts'
import { genesis, type LedgerParams } from './genesis.ts'
import { internalFns } from './internalFns.ts'
import { sweepSigners } from './nonces.ts'
import { CHAIN, type LedgerSchema, type LedgerState, ledgerSchema } from './schema.ts'
import { transferFns } from './transferFns.ts'
import { views } from './views.ts'

const VERSION = 1

/** What clients need, with the types of every argument. */
export const ledgerTable = {
  id: ENGINE.ledger,
  name: 'ledger',
  publicFns: { ...transferFns, ...agentFns, ...assetFns },
  views,
} as const

export const ledger: Coprocessor<LedgerSchema, LedgerParams> = {
  ...ledgerTable,
  version: VERSION,
  schema: ledgerSchema,
  internalFns,
  events,
  codes: [
    'AGENT_IS_ACCOUNT',
    'AGENT_KNOWN',
    'BAD_DECIMALS',
    'BAD_EXPIRY',
    'BAD_RECIPIENT',
    'BAD_SYMBOL',
    'BALANCE_LIMIT',
    'BURNING_NOT_ALLOWED',
    'EMPTY_SCOPE',
    'FIXED_SUPPLY',
    'INSUFFICIENT_BALANCE',
    'NOT_ISSUER',
    'NOT_OWNER',
    'NOT_TOKEN',
    'NOT_WHOLE_UNIT',
    'NO_TOKEN',
    'OUT_OF_GAS',
    'SUPPLY_LIMIT',
    'SYMBOL_TAKEN',
    'TABLE_FULL',
    'TOO_MANY_AGENTS',
    'UNKNOWN_ACCOUNT',
    'UNKNOWN_AGENT',
    'UNKNOWN_ASSET',
    'UNKNOWN_ENGINE',
    'ZERO_AMOUNT',
  ],
  constraints,
  endBlock(state, { time }) {
    divideFees(state)
    sweep(state, time)
  },
  genesis,
  migrate: (_state, fromVersion) => assert(fromVersion === VERSION, 'there is one version'),
}

function sweep(state: LedgerState, time: number): void {
  const { sweep: cursor } = state.chain.columns
  const from = cursor.get(CHAIN)
  const reached = sweepSigners(state, from, time)
  if (reached !== from) cursor.set(CHAIN, reached)
}
