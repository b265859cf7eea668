import { assert } from '../primitives/assert.ts'
import type { Writer } from '../primitives/codec.ts'
import { ADDRESS_LENGTH } from '../primitives/signature.ts'
import {
  type AbiReader,
  paddingOf,
  WORD,
  writeBigint,
  writeNumber,
  writeZeros,
} from './abiWords.ts'
import type { NamedAccounts } from './accountForms.ts'
import { asciiOf } from './fieldForms.ts'
import type { Field, Fields } from './fields.ts'

/** One value in Solidity's ABI. */
export type AbiForm = {
  /** As in a function's signature. */
  readonly type: string
  readonly isDynamic: boolean
  /** Bytes of a static value, in place; of a dynamic one, the word with its offset. */
  readonly head: number
  /** Bytes of a dynamic value behind the heads. */
  readonly tail: (value: unknown) => number
  readonly read: (reader: AbiReader, at: number, accounts: NamedAccounts) => unknown
  readonly write: (writer: Writer, value: unknown, accounts: NamedAccounts) => void
}

/** Compiled once per object: descriptions are constants. */
export function abiForm(fields: Fields): AbiForm {
  const known = forms.get(fields)
  if (known !== undefined) return known
  const names = Object.keys(fields)
  const form = tupleForm(
    names,
    names.map((name) => formOf(fields[name] as Field)),
  )
  forms.set(fields, form)
  return form
}
const forms = new WeakMap<Fields, AbiForm>()

type Values = { readonly [name: string]: unknown }

const none = (): number => 0
const sumOf = (forms: readonly AbiForm[]): number => forms.reduce((sum, form) => sum + form.head, 0)

/**
 * Values in a row: heads, then the tails in the order of their heads with nothing between them. That
 * is what every compiler and client writes; any other layout is refused, so no bytes are read twice
 * and memory is O(data).
 */
function tupleForm(names: readonly string[], parts: readonly AbiForm[]): AbiForm {
  const heads = sumOf(parts)
  const isDynamic = parts.some((part) => part.isDynamic)
  const tail = (value: unknown): number => {
    let size = heads
    parts.forEach((part, i) => {
      if (part.isDynamic) size += part.tail((value as Values)[names[i] as string])
    })
    return size
  }
  return {
    type: `(${parts.map((part) => part.type).join(',')})`,
    isDynamic,
    head: isDynamic ? WORD : heads,
    tail: isDynamic ? tail : none,
    read(reader, base, accounts) {
      const values: { [name: string]: unknown } = {}
      let at = base
      let end = base + heads
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i] as AbiForm
        values[names[i] as string] = readPart(reader, part, { at, base, end }, accounts)
        if (part.isDynamic) end = reader.end
        at += part.head
      }
      reader.end = end
      return values
    },
    write(writer, value, accounts) {
      const list = names.map((name) => (value as Values)[name])
      writeParts(writer, parts, list, accounts)
    },
  }
}

function readPart(
  reader: AbiReader,
  part: AbiForm,
  place: { readonly at: number; readonly base: number; readonly end: number },
  accounts: NamedAccounts,
): unknown {
  if (!part.isDynamic) return part.read(reader, place.at, accounts)
  const offset = reader.number(place.at, Number.MAX_SAFE_INTEGER)
  if (offset !== place.end - place.base) reader.failed = true
  return reader.failed ? null : part.read(reader, place.end, accounts)
}

function writeParts(
  writer: Writer,
  parts: readonly AbiForm[],
  values: readonly unknown[],
  accounts: NamedAccounts,
): void {
  let offset = sumOf(parts)
  parts.forEach((part, i) => {
    if (part.isDynamic) {
      writeNumber(writer, offset)
      offset += part.tail(values[i])
    } else {
      part.write(writer, values[i], accounts)
    }
  })
  parts.forEach((part, i) => {
    if (part.isDynamic) part.write(writer, values[i], accounts)
  })
}

function listForm(of: Fields, max: number): AbiForm {
  assert(Object.keys(of).length > 0, 'a list element has a field')
  const element = abiForm(of)
  return {
    type: `${element.type}[]`,
    isDynamic: true,
    head: WORD,
    tail: (value) =>
      (value as readonly unknown[]).reduce<number>(
        (sum, one) => sum + element.head + element.tail(one),
        WORD,
      ),
    read(reader, at, accounts) {
      const count = reader.number(at, max)
      const base = at + WORD
      const values: unknown[] = []
      // Before the first element, so that a short calldata cannot ask for a long list.
      if (!reader.has(base, count * element.head)) return values
      let end = base + count * element.head
      for (let i = 0; i < count && !reader.failed; i++) {
        values.push(readPart(reader, element, { at: base + i * element.head, base, end }, accounts))
        if (element.isDynamic) end = reader.end
      }
      reader.end = end
      return values
    },
    write(writer, value, accounts) {
      const values = value as readonly unknown[]
      assert(values.length <= max, 'a list is within its maximum')
      writeNumber(writer, values.length)
      const parts = values.map(() => element)
      writeParts(writer, parts, values, accounts)
    },
  }
}

type Word<T> = {
  readonly type: string
  readonly read: (reader: AbiReader, at: number, accounts: NamedAccounts) => T
  readonly write: (writer: Writer, value: T, accounts: NamedAccounts) => void
}

const word = <T>({ type, read, write }: Word<T>): AbiForm => ({
  type,
  isDynamic: false,
  head: WORD,
  tail: none,
  read,
  write: (writer, value, accounts) => write(writer, value as T, accounts),
})

const unsigned = (type: string, max: number): AbiForm =>
  word<number>({
    type,
    read: (reader, at) => reader.number(at, max),
    write(writer, value) {
      assert(Number.isInteger(value) && value >= 0 && value <= max, `${type} in range`)
      writeNumber(writer, value)
    },
  })

const big = (bytes: 16 | 32): AbiForm =>
  word<bigint>({
    type: `uint${bytes * 8}`,
    read: (reader, at) => reader.bigint(at, bytes),
    write(writer, value) {
      assert(value >= 0n && value >> BigInt(bytes * 8) === 0n, `uint${bytes * 8} in range`)
      writeBigint(writer, value)
    },
  })

const fixed = (type: string, length: number): AbiForm =>
  word<Uint8Array>({
    type,
    read: (reader, at) => reader.low(at, length),
    write: (writer, value) => writeLow(writer, value, length),
  })

function writeLow(writer: Writer, value: Uint8Array, length: number): void {
  assert(value.length === length, `${length} bytes have their length`)
  writeZeros(writer, WORD - length)
  writer.raw(value)
}

const BOOL = word<boolean>({
  type: 'bool',
  read: (reader, at) => reader.number(at, 1) === 1,
  write: (writer, value) => writeNumber(writer, value ? 1 : 0),
})

const SIGNED = word<number>({
  type: 'int64',
  read: (reader, at) => reader.signed(at),
  write(writer, value) {
    assert(Number.isSafeInteger(value), 'signed is a safe integer')
    writeNumber(writer, value)
  },
})

const ACCOUNT = word<number>({
  type: 'address',
  read(reader, at, accounts) {
    const address = reader.low(at, ADDRESS_LENGTH)
    return reader.failed ? 0 : accounts.idOf(address)
  },
  write: (writer, value, accounts) => writeLow(writer, accounts.addressOf(value), ADDRESS_LENGTH),
})

const choice = (of: readonly string[]): AbiForm =>
  word<string>({
    type: 'uint8',
    read: (reader, at) => of[reader.number(at, of.length - 1)] ?? '',
    write(writer, value) {
      assert(of.includes(value), 'a choice is one of its values')
      writeNumber(writer, of.indexOf(value))
    },
  })

/** A length, then bytes up to a whole word. */
function dynamic<T extends { readonly length: number }>(
  type: string,
  max: number,
  form: {
    readonly of: (raw: Uint8Array) => T | null
    readonly raw: (value: T) => Uint8Array
  },
): AbiForm {
  return {
    type,
    isDynamic: true,
    head: WORD,
    tail: (value) => WORD + (value as T).length + paddingOf((value as T).length),
    read(reader, at) {
      const length = reader.number(at, max)
      const value = form.of(reader.padded(at + WORD, length))
      if (value === null) reader.failed = true
      return value
    },
    write(writer, value) {
      const raw = form.raw(value as T)
      assert(raw.length <= max, `${type} within its maximum`)
      writeNumber(writer, raw.length)
      writer.raw(raw)
      writeZeros(writer, paddingOf(raw.length))
    },
  }
}

const asciiBytes = (value: string): Uint8Array => {
  const raw = Uint8Array.from(value, (character) => character.charCodeAt(0))
  assert(asciiOf(raw) === value, 'text is printable ASCII')
  return raw
}

function formOf(field: Field): AbiForm {
  switch (field.kind) {
    case 'bool':
      return BOOL
    case 'u8':
      return unsigned('uint8', 0xff)
    case 'u16':
      return unsigned('uint16', 0xffff)
    case 'u32':
      return unsigned('uint32', 0xffff_ffff)
    case 'int':
      return unsigned('uint64', Number.MAX_SAFE_INTEGER)
    case 'signed':
      return SIGNED
    case 'u128':
      return big(16)
    case 'u256':
      return big(32)
    case 'address':
      return fixed('address', ADDRESS_LENGTH)
    case 'account':
      return ACCOUNT
    case 'bytes32':
      return fixed('bytes32', WORD)
    case 'bytes':
      return dynamic('bytes', field.max, { of: (raw) => raw, raw: (value) => value })
    case 'text':
      return dynamic('string', field.max, { of: asciiOf, raw: asciiBytes })
    case 'choice':
      return choice(field.of)
    case 'list':
      return listForm(field.of, field.max)
  }
}
