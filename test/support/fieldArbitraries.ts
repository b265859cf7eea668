import fc from 'fast-check'
import type { Field, Fields } from '../../core/host/fields.ts'

export type AnyValues = { readonly [name: string]: unknown }
export type Described = { readonly fields: Fields; readonly values: AnyValues }

/** Accounts that the test ledger knows: id n owns the address of 20 bytes n. */
export const KNOWN = 200
export const testNames = {
  idOf: (address: Uint8Array): number => {
    const [first = 0] = address
    return first <= KNOWN && address.every((byte) => byte === first) ? first : 0
  },
  addressOf: (id: number): Uint8Array => new Uint8Array(20).fill(id),
}

const SAFE = Number.MAX_SAFE_INTEGER
/** Edges often: that is where widths and signs go wrong. */
const number = (min: number, max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(
      ...[min, 0, 1, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 2 ** 32, -(2 ** 32), max].filter(
        (edge) => edge >= min && edge <= max,
      ),
    ),
    fc.integer({ min, max }),
  )
const bytesOf = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength })

/** In no alphabetical order: where one is needed it must be made. */
const NAMES = ['mids', 'case', 'x', 'asks', 'to', 'key9']

const scalar: fc.Arbitrary<Field> = fc.oneof(
  fc.constantFrom<Field>(
    { kind: 'bool' },
    { kind: 'u8' },
    { kind: 'u16' },
    { kind: 'u32' },
    { kind: 'int' },
    { kind: 'signed' },
    { kind: 'u128' },
    { kind: 'u256' },
    { kind: 'address' },
    { kind: 'account' },
    { kind: 'bytes32' },
    { kind: 'choice', of: ['buy'] },
    { kind: 'choice', of: ['gtc', 'ioc', 'fok', 'postOnly'] },
  ),
  fc.constantFrom(0, 1, 31, 32, 33, 70).map((max): Field => ({ kind: 'bytes', max })),
  fc.constantFrom(1, 32, 255, 256).map((max): Field => ({ kind: 'text', max })),
)

const { fields: fieldsArbitrary } = fc.letrec<{ readonly field: Field; readonly fields: Fields }>(
  (tie) => ({
    field: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { arbitrary: scalar, weight: 5 },
      {
        arbitrary: fc
          .record({ of: tie('fields'), max: fc.integer({ min: 0, max: 4 }) })
          .map(({ of, max }): Field => ({ kind: 'list', of, max })),
        weight: 1,
      },
    ),
    fields: fc
      .array(tie('field'), { minLength: 1, maxLength: 6 })
      .map((list) => Object.fromEntries(list.map((field, i) => [NAMES[i] as string, field]))),
  }),
)

/** Any value of a kind; accounts as known ids, or as their addresses. */
function valueIn(field: Field, side: 'inside' | 'outside'): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'bool':
      return fc.boolean()
    case 'u8':
      return number(0, 0xff)
    case 'u16':
      return number(0, 0xffff)
    case 'u32':
      return number(0, 0xffff_ffff)
    case 'int':
      return number(0, SAFE)
    case 'signed':
      return number(-SAFE, SAFE)
    case 'u128':
      return fc.bigInt(0n, (1n << 128n) - 1n)
    case 'u256':
      return fc.bigInt(0n, (1n << 256n) - 1n)
    case 'address':
      return bytesOf(20, 20)
    case 'account': {
      const id = fc.integer({ min: 1, max: KNOWN })
      return side === 'inside' ? id : id.map(testNames.addressOf)
    }
    case 'bytes32':
      return bytesOf(32, 32)
    case 'bytes':
      return bytesOf(0, field.max)
    case 'text':
      return fc.string({ unit: 'grapheme-ascii', maxLength: field.max })
    case 'choice':
      return fc.constantFrom(...field.of)
    case 'list':
      return fc.array(valuesOf(field.of, side), { maxLength: field.max })
  }
}

export const valuesOf = (fields: Fields, side: 'inside' | 'outside'): fc.Arbitrary<AnyValues> =>
  fc.record(
    Object.fromEntries(Object.entries(fields).map(([name, of]) => [name, valueIn(of, side)])),
  )

export const described = (side: 'inside' | 'outside'): fc.Arbitrary<Described> =>
  fieldsArbitrary.chain((fields) => valuesOf(fields, side).map((values) => ({ fields, values })))

/** Byte changes to try on an encoding: `[where, xor]`, wrapped to its length. */
export const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
  minLength: 1,
  maxLength: 2,
})

export function damaged(
  bytes: Uint8Array,
  changes: readonly (readonly [number, number])[],
): Uint8Array {
  const copy = bytes.slice()
  for (const [at, flip] of changes) {
    if (copy.length > 0) copy[at % copy.length] = (copy[at % copy.length] as number) ^ flip
  }
  return copy
}
