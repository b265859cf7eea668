/** Why the host itself refuses a call, before or around the engine's own codes. */
export const HOST_CODES = [
  'UNKNOWN_ENGINE',
  'UNKNOWN_FUNCTION',
  'UNKNOWN_ACCOUNT',
  'BAD_ARGUMENTS',
  'EVM_ONLY',
  'OUT_OF_GAS',
  'BLOCK_FULL',
  'ATOMIC_REVERTED',
  'DELEGATE_CALL',
  'STATIC_CALL',
  'NOT_PAYABLE',
  'NOT_WHOLE_UNIT',
  'BALANCE_LIMIT',
  'TABLE_FULL',
] as const

/** Why an envelope is refused as a whole: it leaves nothing, not even its nonce. */
export const ENVELOPE_CODES = [
  'MALFORMED',
  'WRONG_CHAIN',
  'BAD_SIGNATURE',
  'ATOMIC_MANY_ENGINES',
  'BLOCK_FULL',
  'INSUFFICIENT_FEE',
] as const
