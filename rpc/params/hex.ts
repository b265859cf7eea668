import { bad, type Parsed, type Parser } from './parameter.ts'

const DIGITS = /^[0-9a-fA-F]*$/

/** QUANTITY of at most `bits`: hex without leading zeros. Decimal numbers are refused. */
export const quantityOf =
  (bits: number): Parser<bigint> =>
  (json) => {
    const digits = digitsOf(json)
    if (!digits.ok) return digits
    const text = digits.value
    if (text === '') return bad('hex string "0x"')
    if (text.length > 1 && text.startsWith('0')) return bad('hex number with leading zero digits')
    if (text.length > bits / 4) return bad(`hex number > ${bits} bits`)
    return { ok: true, value: BigInt(`0x${text}`) }
  }

export const uint64 = quantityOf(64)
export const uint256 = quantityOf(256)

/** QUANTITY below 2^53. */
export const safeInteger: Parser<number> = (json) => {
  const parsed = uint64(json)
  if (!parsed.ok) return parsed
  if (parsed.value > BigInt(Number.MAX_SAFE_INTEGER)) return bad('hex number > 53 bits')
  return { ok: true, value: Number(parsed.value) }
}

/** DATA of any length. */
export const bytes: Parser<Uint8Array> = (json) => {
  const digits = digitsOf(json)
  if (!digits.ok) return digits
  if (digits.value.length % 2 !== 0) return bad('hex string of odd length')
  return { ok: true, value: bytesOfDigits(digits.value) }
}

const fixed =
  (length: number, what: string): Parser<Uint8Array> =>
  (json) => {
    const parsed = bytes(json)
    if (!parsed.ok) return parsed
    if (parsed.value.length !== length)
      return bad(`hex string has length ${parsed.value.length * 2}, want ${length * 2} for ${what}`)
    return parsed
  }

export const address = fixed(20, 'an address')
export const hash = fixed(32, 'a hash')

/** A storage slot: up to 32 bytes, as DATA or as QUANTITY, padded on the left; odd lengths are common. */
export const slot: Parser<Uint8Array> = (json) => {
  const digits = digitsOf(json)
  if (!digits.ok) return digits
  if (digits.value.length > 64) return bad('storage key too long (want at most 32 bytes)')
  return { ok: true, value: bytesOfDigits(digits.value.padStart(64, '0')) }
}

export const boolean: Parser<boolean> = (json) =>
  typeof json === 'boolean' ? { ok: true, value: json } : bad('expected true or false')

export const string: Parser<string> = (json) =>
  typeof json === 'string' ? { ok: true, value: json } : bad('expected a string')

function digitsOf(json: unknown): Parsed<string> {
  if (typeof json !== 'string') return bad('expected a hex string')
  if (!json.startsWith('0x')) return bad('hex string without 0x prefix')
  const digits = json.slice(2)
  return DIGITS.test(digits) ? { ok: true, value: digits } : bad('invalid hex string')
}

/** An array of its own, not a view of Node's pool: it may cross to another thread. */
function bytesOfDigits(digits: string): Uint8Array {
  const out = new Uint8Array(digits.length / 2)
  Buffer.from(out.buffer).write(digits, 'hex')
  return out
}
