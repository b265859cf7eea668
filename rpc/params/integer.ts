import { safeInteger } from './hex.ts'
import { bad, type Parser } from './parameter.ts'
import { integerUpTo } from './values.ts'

const decimal = integerUpTo(Number.MAX_SAFE_INTEGER)

/** A number as tools for development networks send it: QUANTITY, a JSON number or decimal digits. */
export const looseInteger: Parser<number> = (json) => {
  if (typeof json === 'string' && json.startsWith('0x'))
    // Some send a padded word.
    return safeInteger(json.replace(/^0x0+(?=[0-9a-fA-F])/, '0x'))
  const parsed = decimal(json)
  return parsed.ok ? parsed : bad('expected a non-negative integer')
}
