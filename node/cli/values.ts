import { InvalidArgumentError } from 'commander'
import { parseHex } from '../../core/primitives/bytes.ts'
import { parseAddress, WEI_PER_COIN } from '../../genesis/index.ts'

/** Readers of option values. What they refuse is a wrong use of the command (exit code 2). */

export const integerFrom =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be an integer from ${min} to ${max}.`)
  }

/** `1s`, `250ms`, or milliseconds without a unit. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(text)
  const scale = { ms: 1, s: 1_000, m: 60_000 }[match?.[2] ?? 'ms'] ?? Number.NaN
  const ms = Number(match?.[1] ?? Number.NaN) * scale
  if (Number.isInteger(ms) && ms >= 10 && ms <= 3_600_000) return ms
  throw new InvalidArgumentError('It must be a time from 10ms to 3600s, such as 250ms or 1s.')
}

/** `30m`, `12h` or `7d`, up to a year, as milliseconds. */
export function parseLongDuration(text: string): number {
  const match = /^(\d{1,6})(s|m|h|d)$/.exec(text)
  const scale = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match?.[2] ?? ''] ?? Number.NaN
  const ms = Number(match?.[1] ?? Number.NaN) * scale
  if (Number.isInteger(ms) && ms >= 1_000 && ms <= 365 * 86_400_000) return ms
  throw new InvalidArgumentError('It must be a time from 1s to 365d, such as 30m or 12h.')
}

/** Coins with up to 18 decimals, as wei. */
export function parseCoins(text: string): bigint {
  const match = /^(\d{1,60})(?:\.(\d{1,18}))?$/.exec(text)
  if (match === null)
    throw new InvalidArgumentError('It must be a number of coins, such as 10000 or 0.5.')
  const [, whole = '0', part = ''] = match
  return BigInt(whole) * WEI_PER_COIN + BigInt(part.padEnd(18, '0'))
}

export function formatCoins(wei: bigint): string {
  const part = (wei % WEI_PER_COIN).toString().padStart(18, '0').replace(/0+$/, '')
  const whole = (wei / WEI_PER_COIN).toString().replace(/\B(?=(?:\d{3})+$)/g, ',')
  return part === '' ? whole : `${whole}.${part}`
}

export type Fund = { readonly address: Uint8Array; readonly balance: bigint }

/** `0xf39F…2266=10000`, once or more. */
export function collectFund(text: string, before: readonly Fund[]): readonly Fund[] {
  const [address = '', coins = ''] = splitOnce(text, '=')
  return [...before, { address: parseAddressValue(address), balance: parseCoins(coins) }]
}

export function parseAddressValue(text: string): Uint8Array {
  const parsed = parseAddress(text)
  if (parsed.ok) return parsed.value
  throw new InvalidArgumentError(
    parsed.code === 'BAD_CHECKSUM'
      ? `${text} has a typing mistake: its mixed case is not its checksum (EIP-55).`
      : 'An address is 0x and 40 hex digits.',
  )
}

export type ValidatorValue = {
  readonly name: string
  readonly publicKey: Uint8Array
  readonly power: number
}

/** `alice=0x02…` or `alice=0x02…=10`, once or more. */
export function collectValidator(
  text: string,
  before: readonly ValidatorValue[],
): readonly ValidatorValue[] {
  const [name = '', rest = ''] = splitOnce(text, '=')
  const [key = '', power = '1'] = splitOnce(rest, '=')
  const publicKey = parseHex(key)
  if (!publicKey.ok || publicKey.value.length !== 33)
    throw new InvalidArgumentError('A validator is name=publicKey or name=publicKey=power.')
  const value = integerFrom(1, Number.MAX_SAFE_INTEGER)(power)
  return [...before, { name, publicKey: publicKey.value, power: value }]
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
