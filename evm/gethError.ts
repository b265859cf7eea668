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

/** In geth's words. An invalid jump of the reference executive also says where. */
export const gethError = (error: string): string => {
  const known = error.startsWith('invalid JUMP') ? 'invalid JUMP' : error
  return GETH_ERRORS[known] ?? known
}
