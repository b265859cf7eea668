import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeArgs,
  decodeOutside,
  decodeResult,
  encodeArgs,
  encodeResult,
  fieldsCodec,
  toOutside,
} from '../../../core/host/fieldCodec.ts'
import {
  account,
  bool,
  choice,
  type Field,
  type Fields,
  int,
  list,
  text,
  u16,
  u32,
  type Values,
} from '../../../core/host/fields.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { encode } from '../../../core/primitives/codec.ts'
import {
  expectEveryTruncationFails,
  expectMutationsCanonical,
  expectRoundTrip,
  expectTrailingBytesFail,
} from '../../support/codecLaws.ts'
import {
  type AnyValues,
  damage,
  damaged,
  described,
  testNames,
} from '../../support/fieldArbitraries.ts'

/** The canonical form as the brief words it, in hex and bigints: slow, and nothing shared with the codec. */
function naive(fields: Fields, values: AnyValues): string {
  return Object.entries(fields)
    .map(([name, field]) => naiveOne(field, values[name]))
    .join('')
}

const unsigned = (value: unknown, bytes: number): string =>
  BigInt(value as number | bigint | boolean)
    .toString(16)
    .padStart(bytes * 2, '0')

function naiveOne(field: Field, value: unknown): string {
  switch (field.kind) {
    case 'bool':
    case 'u8':
      return unsigned(value, 1)
    case 'u16':
      return unsigned(value, 2)
    case 'u32':
      return unsigned(value, 4)
    case 'int':
      return unsigned(value, 8)
    case 'signed':
      return unsigned(BigInt.asUintN(64, BigInt(value as number)), 8)
    case 'u128':
      return unsigned(value, 16)
    case 'u256':
      return unsigned(value, 32)
    case 'address':
    case 'bytes32':
      return toHex(value as Uint8Array)
    case 'account':
      return typeof value === 'number' ? unsigned(value, 4) : toHex(value as Uint8Array)
    case 'bytes':
      return unsigned((value as Uint8Array).length, 4) + toHex(value as Uint8Array)
    case 'text': {
      const raw = new TextEncoder().encode(value as string)
      return unsigned(raw.length, field.max > 255 ? 4 : 1) + toHex(raw)
    }
    case 'choice':
      return unsigned(field.of.indexOf(value as string), 1)
    case 'list': {
      const all = value as readonly AnyValues[]
      return unsigned(all.length, 4) + all.map((one) => naive(field.of, one)).join('')
    }
  }
}

describe('fieldCodec', () => {
  it('writes what the naive twin writes, and reads it back', () => {
    fc.assert(
      fc.property(described('inside'), ({ fields, values }) => {
        const bytes = expectRoundTrip(fieldsCodec(fields), values as Values<Fields>)
        expect(toHex(bytes)).toBe(naive(fields, values))
      }),
    )
  })

  it('takes arguments with addresses in and gives results with addresses out', () => {
    fc.assert(
      fc.property(described('outside'), ({ fields, values }) => {
        const bytes = encodeArgs(fields, values as never)
        expect(toHex(bytes)).toBe(naive(fields, values))
        const inside = decodeArgs(fields, bytes, testNames)
        if (!inside.ok) return expect.fail(inside.code)
        expect(encodeResult(fields, inside.value, testNames)).toEqual(bytes)
        expect(decodeResult(fields, bytes)).toEqual(values)
        expect(toOutside(fields, inside.value, testNames)).toEqual(values)
        const internal = encode(fieldsCodec(fields), inside.value)
        expect(internal.length === bytes.length).toBe(!anyAccountValue(fields, values))
      }),
    )
  })

  it('gives a code for junk, or the one value with these bytes', () => {
    fc.assert(
      fc.property(described('outside'), damage, ({ fields, values }, changes) => {
        const bytes = damaged(encodeArgs(fields, values as never), changes)
        const decoded = decodeOutside(fields, bytes)
        const inside = decodeArgs(fields, bytes, testNames)
        if (decoded.ok) expect(encodeArgs(fields, decoded.value)).toEqual(bytes)
        if (inside.ok) expect(encodeResult(fields, inside.value, testNames)).toEqual(bytes)
        else if (decoded.ok) expect(inside.code).toBe('UNKNOWN_ACCOUNT')
        else expect(inside.code).toBe('BAD_ARGUMENTS')
      }),
      { numRuns: 300 },
    )
  })

  const fields = {
    owner: account,
    market: u16,
    side: choice('buy', 'sell'),
    price: int,
    hidden: bool,
    label: text(20),
    legs: list({ asset: u32, holder: account }, 2),
  } as const
  const values: Values<typeof fields> = {
    owner: 7,
    market: 3,
    side: 'sell',
    price: 2 ** 53 - 1,
    hidden: true,
    label: 'a b~',
    legs: [{ asset: 1, holder: 9 }],
  }

  it('has one encoding for a value', () => {
    const bytes = encode(fieldsCodec(fields), values)
    expectEveryTruncationFails(fieldsCodec(fields), bytes)
    expectTrailingBytesFail(fieldsCodec(fields), bytes)
    expectMutationsCanonical(fieldsCodec(fields), bytes)
  })

  it('refuses what is out of range', () => {
    const refuse = (one: Fields, hex: string): void =>
      expect(decodeOutside(one, Uint8Array.from(Buffer.from(hex, 'hex'))), hex).toEqual({
        ok: false,
        code: 'BAD_ARGUMENTS',
      })
    refuse({ a: int }, '0020000000000000')
    refuse({ a: { kind: 'signed' } }, 'ffe0000000000000')
    refuse({ a: { kind: 'signed' } }, '0020000000000000')
    refuse({ a: bool }, '02')
    refuse({ a: choice('x', 'y') }, '02')
    refuse({ a: text(3) }, '0461626364')
    refuse({ a: text(3) }, '011f')
    refuse({ a: text(3) }, '017f')
    refuse({ a: list({ b: u16 }, 1) }, '0000000200010001')
    refuse({ a: list({ b: u16 }, 2 ** 32 - 1) }, 'ffffffff0001')
  })

  it('asks for known accounts only after the bytes are right', () => {
    const stranger = new Uint8Array(20).fill(0xee)
    const one = { who: account, flag: bool } as const
    const bytes = encodeArgs(one, { who: stranger, flag: true })
    expect(decodeArgs(one, bytes, testNames)).toEqual({ ok: false, code: 'UNKNOWN_ACCOUNT' })
    bytes[20] = 2
    expect(decodeArgs(one, bytes, testNames)).toEqual({ ok: false, code: 'BAD_ARGUMENTS' })
    const short = bytes.subarray(0, 12)
    const asked: Uint8Array[] = []
    const spy = { ...testNames, idOf: (address: Uint8Array) => asked.push(address) }
    expect(decodeArgs(one, short, spy)).toEqual({ ok: false, code: 'BAD_ARGUMENTS' })
    expect(asked).toEqual([])
  })

  it('writes no account as the zero address, which nobody can name', () => {
    const one = { who: account } as const
    const bytes = encodeResult(one, { who: 0 }, testNames)
    expect(bytes).toEqual(new Uint8Array(20))
    expect(decodeResult(one, bytes)).toEqual({ who: new Uint8Array(20) })
    expect(decodeArgs(one, bytes, testNames)).toEqual({ ok: false, code: 'UNKNOWN_ACCOUNT' })
  })

  it('stops a program that encodes what does not fit', () => {
    const wrong: readonly (readonly [Fields, unknown])[] = [
      [{ a: int }, 2 ** 53],
      [{ a: int }, -1],
      [{ a: int }, 0.5],
      [{ a: u16 }, 65536],
      [{ a: choice('x') }, 'y'],
      [{ a: text(2) }, 'abc'],
      [{ a: text(2) }, 'é'],
      [{ a: { kind: 'u128' } }, 1n << 128n],
      [{ a: { kind: 'u256' } }, -1n],
    ]
    for (const [one, a] of wrong) {
      expect(() => encodeArgs(one, { a } as never), JSON.stringify(one)).toThrow()
    }
    expect(() => fieldsCodec({ a: list({}, 5) })).toThrow('a list element has a field')
  })
})

const anyAccountValue = (fields: Fields, values: AnyValues): boolean =>
  Object.entries(fields).some(
    ([name, field]) =>
      field.kind === 'account' ||
      (field.kind === 'list' &&
        (values[name] as readonly AnyValues[]).some((one) => anyAccountValue(field.of, one))),
  )
