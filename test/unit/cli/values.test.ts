import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatCoins, integerFrom, parseCoins, parseDuration } from '../../../node/cli/values.ts'

describe('coins', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 200n), (wei) => {
        expect(parseCoins(formatCoins(wei).replaceAll(',', ''))).toBe(wei)
      }),
    )
  })
  it.each([
    ['10000', 10n ** 22n],
    ['0.5', 5n * 10n ** 17n],
    ['0.000000000000000001', 1n],
  ])('%s', (text, wei) => {
    expect(parseCoins(text)).toBe(wei)
  })
  it.each(['', '.5', '1e3', '-1', '1,000', '0.0000000000000000001', '1'.repeat(61)])(
    'not %s',
    (text) => {
      expect(() => parseCoins(text)).toThrow(/number of coins/)
    },
  )
})

describe('durations', () => {
  it.each([
    ['1s', 1_000],
    ['250ms', 250],
    ['250', 250],
    ['1.5s', 1_500],
    ['2m', 120_000],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })
  it.each(['', 's', '9', '1.5', '1.0005s', '61m', '1 s', '-1s'])('not %s', (text) => {
    expect(() => parseDuration(text)).toThrow(/a time from 10ms/)
  })
})

describe('integers', () => {
  it('are decimal and within their range', () => {
    const parse = integerFrom(1, 16)
    expect(['1', '016', '16'].map(parse)).toEqual([1, 16, 16])
    for (const text of ['0', '17', '1.5', '0x1', '', ' 1', '1e1'])
      expect(() => parse(text), text).toThrow(/integer from 1 to 16/)
  })
})
