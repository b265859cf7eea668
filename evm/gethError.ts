import type { Fault } from './executive.ts'
import { forkOf } from './vm/fork.ts'

/** The executives' words for exceptions and geth's (core/vm/errors.go). */
const GETH_ERRORS: Readonly<Record<string, string>> = {
  revert: 'execution reverted',
  'code store out of gas': 'contract creation code storage out of gas',
  'code size to deposit exceeds maximum code size': 'max code size exceeded',
  'initcode exceeds max initcode size': 'max initcode size exceeded',
  'invalid JUMP': 'invalid jump destination',
  'static state change': 'write protection',
  'create collision': 'contract address collision',
  'insufficient balance': 'insufficient balance for transfer',
  'invalid bytecode deployed': 'invalid code: must not begin with 0xef',
  'value out of range': 'gas uint64 overflow',
}

/** Demands of opcodes are the same in all forks that have them. */
const FORK = forkOf('osaka')

/** Opcodes that no fork here has and geth has names for (core/vm/opcodes.go). */
const NAMED: Readonly<Record<number, string>> = {
  75: 'SLOTNUM',
  208: 'DATALOAD',
  209: 'DATALOADN',
  210: 'DATASIZE',
  211: 'DATACOPY',
  224: 'RJUMP',
  225: 'RJUMPI',
  226: 'RJUMPV',
  227: 'CALLF',
  228: 'RETF',
  229: 'JUMPF',
  230: 'DUPN',
  231: 'SWAPN',
  232: 'EXCHANGE',
  236: 'EOFCREATE',
  238: 'RETURNCONTRACT',
  247: 'RETURNDATALOAD',
  248: 'EXTCALL',
  249: 'EXTDELEGATECALL',
  251: 'EXTSTATICCALL',
}

/**
 * In geth's words; without the fault, which the reference executive does not tell, without the numbers.
 * An invalid jump of the reference executive also says where.
 */
export function gethError(error: string, fault: Fault | null): string {
  if (typeof fault === 'string') return fault
  if (fault !== null) {
    const { op, items } = fault
    if (error === 'stack underflow') return `stack underflow (${items} <=> ${FORK.least[op]})`
    if (error === 'stack overflow') return `stack limit reached ${items} (${FORK.most[op]})`
    if (error === 'invalid opcode') return `invalid opcode: ${NAMED[op] ?? FORK.names[op]}`
  }
  const known = error.startsWith('invalid JUMP') ? 'invalid JUMP' : error
  return GETH_ERRORS[known] ?? known
}
