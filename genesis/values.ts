import { bigintToBytes, bytesToBigint, parseHex } from '../core/primitives/bytes.ts'
import { ADDRESS_LENGTH, PUBLIC_KEY_LENGTH, signatures } from '../core/primitives/signature.ts'
import { type Millis, millisOf } from '../core/primitives/units.ts'
import { parseAddress } from './address.ts'
import { badFormat, type Check, integer, report, wrongType } from './checks.ts'
import { GENESIS_LIMITS } from './limits.ts'
import { shortText } from './problems.ts'

export const address: Check<Uint8Array> = (value, place) => {
  const expected = `0x and ${2 * ADDRESS_LENGTH} hex digits`
  if (typeof value !== 'string') return wrongType(place, expected, value)
  const parsed = parseAddress(value)
  if (parsed.ok) return parsed.value
  if (parsed.code === 'BAD_FORMAT') return badFormat(place, expected, value)
  return report(place, 'BAD_CHECKSUM', {
    expected: 'an address whose mixed case is its EIP-55 checksum, or all lower case',
    found: shortText(value),
  })
}

export const publicKey: Check<Uint8Array> = (value, place) => {
  const expected = `0x and ${2 * PUBLIC_KEY_LENGTH} hex digits: a compressed secp256k1 public key`
  if (typeof value !== 'string') return wrongType(place, expected, value)
  const parsed = parseHex(value)
  if (!value.startsWith('0x') || !parsed.ok || parsed.value.length !== PUBLIC_KEY_LENGTH)
    return badFormat(place, expected, value)
  if (signatures.isPublicKey(parsed.value)) return parsed.value
  return report(place, 'BAD_PUBLIC_KEY', {
    expected: 'a point on secp256k1',
    found: shortText(value),
  })
}

const WEI = 'wei as a string, decimal ("1000") or hex ("0x3e8")'

/** A string, because a JSON number is not exact beyond 2^53. */
export const wei: Check<bigint> = (value, place) => {
  if (typeof value !== 'string') return wrongType(place, WEI, value)
  // 78 digits hold 2^256; without a bound a long string would cost quadratic time.
  if (!/^(?:0|[1-9][0-9]{0,77}|0x[0-9a-fA-F]{1,64})$/.test(value))
    return badFormat(place, WEI, value)
  const amount = BigInt(value)
  if (amount < GENESIS_LIMITS.supply) return amount
  return report(place, 'OUT_OF_RANGE', { expected: 'less than 2^256', found: shortText(value) })
}

/** At least 1 wei: gas that costs nothing puts no price on filling every block. */
export const baseFee: Check<bigint> = (value, place) => {
  const amount = wei(value, place)
  if (amount === undefined) return undefined
  if (amount >= GENESIS_LIMITS.minBaseFee && amount <= GENESIS_LIMITS.maxBaseFee) return amount
  const expected = `${GENESIS_LIMITS.minBaseFee} to ${GENESIS_LIMITS.maxBaseFee} wei`
  return report(place, 'OUT_OF_RANGE', { expected, found: `${amount}` })
}

export const code: Check<Uint8Array> = (value, place) => {
  const expected = '0x and an even number of hex digits'
  if (typeof value !== 'string') return wrongType(place, expected, value)
  const parsed = parseHex(value)
  if (!value.startsWith('0x') || !parsed.ok) return badFormat(place, expected, value)
  if (parsed.value.length > GENESIS_LIMITS.codeBytes)
    return report(place, 'TOO_LARGE', {
      expected: `at most ${GENESIS_LIMITS.codeBytes} bytes (EIP-170)`,
      found: `${parsed.value.length}`,
    })
  if (parsed.value[0] !== 0xef) return parsed.value
  return report(place, 'FORBIDDEN_CODE', {
    expected: 'run-time code that does not begin with 0xef (EIP-3541)',
    found: shortText(value),
  })
}

/** Up to 32 bytes, left-padded: people write slot 0 as `0x0`. */
export const word: Check<Uint8Array> = (value, place) => {
  const expected = '0x and 1 to 64 hex digits'
  if (typeof value !== 'string') return wrongType(place, expected, value)
  if (!/^0x[0-9a-fA-F]{1,64}$/.test(value)) return badFormat(place, expected, value)
  return bigintToBytes(BigInt(value), 32)
}

export const nonZeroWord: Check<Uint8Array> = (value, place) => {
  const parsed = word(value, place)
  if (parsed === undefined || bytesToBigint(parsed) !== 0n) return parsed
  return report(place, 'ZERO_STORAGE', {
    expected: 'a value other than zero: a slot that is not listed is zero',
    found: 'zero',
  })
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/
const millis = integer({ min: GENESIS_LIMITS.earliestTimeMs, max: GENESIS_LIMITS.latestTimeMs })

/** `2026-01-31T12:00:00Z`, at most three decimals, or milliseconds since 1970. */
export const time: Check<Millis> = (value, place) => {
  const expected = 'a UTC time such as "2026-01-31T12:00:00Z", or milliseconds since 1970'
  if (typeof value !== 'number' && typeof value !== 'string')
    return wrongType(place, expected, value)
  const ms = typeof value === 'number' ? value : parseIso(value)
  if (ms === null) return badFormat(place, expected, `${value}`)
  const checked = millis(ms, place)
  return checked === undefined ? undefined : millisOf(checked)
}

/** `Date` rolls 31 February over to March; such a text does not come back the same and is refused. */
function parseIso(text: string): number | null {
  const ms = ISO.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== text.slice(0, 19)
    ? null
    : ms
}
