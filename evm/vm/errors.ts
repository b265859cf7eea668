/** The EVM's words for exceptions: the library's, so that both executives say the same. */
export const ERROR = {
  outOfGas: 'out of gas',
  codeTooLarge: 'code size to deposit exceeds maximum code size',
  stackUnderflow: 'stack underflow',
  stackOverflow: 'stack overflow',
  invalidJump: 'invalid JUMP',
  invalidOpcode: 'invalid opcode',
  revert: 'revert',
  staticStateChange: 'static state change',
  createCollision: 'create collision',
  valueOverflow: 'value overflow',
  insufficientBalance: 'insufficient balance',
  invalidCode: 'invalid bytecode deployed',
  initcodeTooLarge: 'initcode exceeds max initcode size',
  /** Geth's words: nobody but a tracer sees it. */
  depth: 'max call depth exceeded',
  outOfRange: 'value out of range',
  invalidInputLength: 'invalid input length',
  emptyInput: 'input is empty',
  notOnCurve: 'point not on curve',
  badCommitment: 'kzg commitment does not match versioned hash',
  badProof: 'kzg proof invalid',
} as const
