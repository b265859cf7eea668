export type ProblemCode =
  | 'NOT_JSON'
  | 'TOO_LARGE'
  | 'DUPLICATE_KEY'
  | 'MISSING_KEY'
  | 'UNKNOWN_KEY'
  | 'WRONG_TYPE'
  | 'BAD_FORMAT'
  | 'OUT_OF_RANGE'
  | 'UNSUPPORTED'
  | 'TOO_FEW'
  | 'TOO_MANY'
  | 'BAD_CHECKSUM'
  | 'BAD_PUBLIC_KEY'
  | 'DUPLICATE_VALIDATOR'
  | 'TOTAL_POWER_TOO_LARGE'
  | 'DUPLICATE_ACCOUNT'
  | 'DUPLICATE_SLOT'
  | 'ZERO_STORAGE'
  | 'STORAGE_WITHOUT_CODE'
  | 'EMPTY_ACCOUNT'
  | 'FORBIDDEN_CODE'
  | 'RESERVED_ADDRESS'
  | 'SUPPLY_TOO_LARGE'
  | 'MISSING_TREASURY'
  | 'UNFUNDED_FAUCET'
  | 'DUPLICATE_ASSET'
  | 'UNKNOWN_ASSET'
  | 'WRONG_NATIVE_ASSET'

/** One mistake in a document: where, what kind, what would have been right, what was there. */
export type Problem = {
  /** `accounts[3].balance`; the empty string is the whole document. */
  readonly path: string
  readonly code: ProblemCode
  readonly expected: string
  readonly found: string
}

/** Problems listed in one message; a file of another format would otherwise print itself. */
const LISTED = 50
const FOUND_LENGTH = 60

/** All problems as lines for a person, in document order. */
export function formatProblems(problems: readonly Problem[]): string {
  const lines = problems
    .slice(0, LISTED)
    .map(
      ({ path, code, expected, found }) =>
        `${path === '' ? '(document)' : path}: ${code}: expected ${expected}, found ${found}`,
    )
  if (problems.length > LISTED) lines.push(`and ${problems.length - LISTED} more`)
  return lines.join('\n')
}

/** A value from outside, short and on one line, control characters escaped. */
export function shortText(text: string): string {
  const quoted = JSON.stringify(text.slice(0, FOUND_LENGTH))
  return text.length > FOUND_LENGTH ? `${quoted}… (${text.length} characters)` : quoted
}

export const memberPath = (path: string, key: string): string => {
  const name = /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? key : shortText(key)
  return path === '' ? name : `${path}.${name}`
}
export const elementPath = (path: string, index: number): string => `${path}[${index}]`
