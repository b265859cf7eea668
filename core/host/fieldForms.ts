import { assert } from '../primitives/assert.ts'
import {
  bool,
  bytes,
  type Codec,
  fixedBytes,
  int,
  type Reader,
  u8,
  u16,
  u32,
  type Writer,
} from '../primitives/codec.ts'
import { ADDRESS_LENGTH } from '../primitives/signature.ts'
import type { Field, Fields } from './fields.ts'

/** How accounts are written on one side of the host's door. */
export type AccountForm = {
  read(reader: Reader): unknown
  write(writer: Writer, value: unknown): void
}

/** One field's canonical bytes, for whichever form its accounts take. */
type FieldForm = {
  readonly read: (reader: Reader, accounts: AccountForm) => unknown
  readonly write: (writer: Writer, value: unknown, accounts: AccountForm) => void
}

export type FieldsForm = Omit<FieldForm, 'write'> & {
  readonly write: (
    writer: Writer,
    values: { readonly [name: string]: unknown },
    accounts: AccountForm,
  ) => void
}

/** Compiled once per object: descriptions are constants. */
export function fieldsForm(fields: Fields): FieldsForm {
  const known = forms.get(fields)
  if (known !== undefined) return known
  const form = compile(fields)
  forms.set(fields, form)
  return form
}
const forms = new WeakMap<Fields, FieldsForm>()

function compile(fields: Fields): FieldsForm {
  const names = Object.keys(fields)
  const parts = names.map((name) => formOf(fields[name] as Field))
  const count = names.length
  return {
    read(reader, accounts) {
      const values: { [name: string]: unknown } = {}
      for (let i = 0; i < count; i++) {
        values[names[i] as string] = (parts[i] as FieldForm).read(reader, accounts)
      }
      return values
    },
    write(writer, values, accounts) {
      for (let i = 0; i < count; i++) {
        ;(parts[i] as FieldForm).write(writer, values[names[i] as string], accounts)
      }
    },
  }
}

function formOf(field: Field): FieldForm {
  switch (field.kind) {
    case 'bool':
      return plain(bool)
    case 'u8':
      return plain(u8)
    case 'u16':
      return plain(u16)
    case 'u32':
      return plain(u32)
    case 'int':
      return plain(int)
    case 'signed':
      return plain(signed)
    case 'u128':
      return plain(u128)
    case 'u256':
      return plain(u256)
    case 'address':
      return plain(fixedBytes(ADDRESS_LENGTH))
    case 'bytes32':
      return plain(fixedBytes(32))
    case 'bytes':
      return plain(bytes(field.max))
    case 'text':
      return plain(text(field.max))
    case 'choice':
      return plain(choice(field.of))
    case 'account':
      return accountForm
    case 'list':
      return listForm(field.of, field.max)
  }
}

/** A codec is a form that does not look at accounts. */
const plain = <T>({ read, write }: Codec<T>): FieldForm => ({
  read,
  write: write as FieldForm['write'],
})

const accountForm: FieldForm = {
  read: (reader, accounts) => accounts.read(reader),
  write: (writer, value, accounts) => accounts.write(writer, value),
}

function listForm(of: Fields, max: number): FieldForm {
  // An element without bytes would let four bytes stand for a list of any length.
  assert(Object.keys(of).length > 0, 'a list element has a field')
  const element = fieldsForm(of)
  return {
    read(reader, accounts) {
      const count = reader.u32()
      if (count > max) reader.fail('TOO_LONG')
      if (count > reader.remaining) reader.fail('TRUNCATED')
      const values: unknown[] = []
      for (let i = 0; i < count && reader.fault === null; i++) {
        values.push(element.read(reader, accounts))
      }
      return values
    },
    write(writer, values, accounts) {
      const elements = values as readonly { readonly [name: string]: unknown }[]
      assert(elements.length <= max, 'a list is within its maximum')
      writer.u32(elements.length)
      for (const one of elements) element.write(writer, one, accounts)
    },
  }
}

const HIGH = 0x1_0000_0000

const signed: Codec<number> = {
  write(writer, value) {
    assert(Number.isSafeInteger(value), 'signed is a safe integer')
    const high = Math.floor(value / HIGH)
    writer.u32(high >>> 0)
    writer.u32(value - high * HIGH)
  },
  read(reader) {
    const high = reader.u32() | 0
    // At −2^21 · 2^32 + 0 the value would be −2^53, which is not safe; the sum below is exact before.
    if (high > 0x1f_ffff || high < -0x20_0000) reader.fail('OUT_OF_RANGE')
    const value = high * HIGH + reader.u32()
    if (!Number.isSafeInteger(value)) reader.fail('OUT_OF_RANGE')
    return value
  },
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER)

const u128: Codec<bigint> = {
  write(writer, value) {
    if (value >= 0n && value <= SAFE) {
      writer.int(0)
      writer.int(Number(value))
      return
    }
    assert(value >= 0n && value >> 128n === 0n, 'u128 in range')
    writer.u64(value >> 64n)
    writer.u64(value & 0xffff_ffff_ffff_ffffn)
  },
  read(reader) {
    const high = reader.u64()
    const low = reader.u64()
    return high === 0n ? low : (high << 64n) | low
  },
}

const u256: Codec<bigint> = {
  write(writer, value) {
    assert(value >= 0n && value < 1n << 256n, 'u256 in range')
    u128.write(writer, value >> 128n)
    u128.write(writer, value & ((1n << 128n) - 1n))
  },
  read: (reader) => (u128.read(reader) << 128n) | u128.read(reader),
}

const isPrintable = (code: number): boolean => code >= 0x20 && code <= 0x7e

/** Printable ASCII after a length: one byte where 255 is enough, four otherwise. */
function text(max: number): Codec<string> {
  const length = max <= 0xff ? u8 : u32
  return {
    write(writer, value) {
      assert(value.length <= max, 'text within its maximum')
      length.write(writer, value.length)
      for (let i = 0; i < value.length; i++) {
        const code = value.charCodeAt(i)
        assert(isPrintable(code), 'text is printable ASCII')
        writer.u8(code)
      }
    },
    read(reader) {
      const size = length.read(reader)
      if (size > max) reader.fail('TOO_LONG')
      const value = asciiOf(reader.raw(size))
      if (value === null) reader.fail('OUT_OF_RANGE')
      return value ?? ''
    },
  }
}

/** Null unless every byte is printable ASCII. */
export function asciiOf(raw: Uint8Array): string | null {
  let value = ''
  for (const byte of raw) {
    if (!isPrintable(byte)) return null
    value += String.fromCharCode(byte)
  }
  return value
}

/** The position among the choices, in one byte. */
function choice(of: readonly string[]): Codec<string> {
  assert(of.length > 0 && of.length <= 256, 'a choice has 1 to 256 values')
  return {
    write(writer, value) {
      const at = of.indexOf(value)
      assert(at >= 0, 'a choice is one of its values')
      writer.u8(at)
    },
    read(reader) {
      const value = of[reader.u8()]
      if (value === undefined) reader.fail('BAD_TAG')
      return value ?? (of[0] as string)
    },
  }
}
