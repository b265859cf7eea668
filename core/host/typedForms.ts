import { unreachable } from '../primitives/assert.ts'
import { concatBytes } from '../primitives/bytes.ts'
import { Writer } from '../primitives/codec.ts'
import { keccak256 } from '../primitives/hash.ts'
import { abiForm } from './abiForms.ts'
import { WORD } from './abiWords.ts'
import { NamedAccounts } from './accountForms.ts'
import type { OutsideValues } from './fieldCodec.ts'
import type { Field, Fields } from './fields.ts'
import { elementNameOf } from './naming.ts'

export type TypedMember = { readonly name: string; readonly type: string }

/** Struct types by name, as `eth_signTypedData_v4` takes them. */
export type TypedTypes = { readonly [name: string]: readonly TypedMember[] }

/** A struct of EIP-712: its types, its hash, and what a wallet shows. */
export type TypedForm = {
  readonly types: TypedTypes
  /** hashStruct of EIP-712. */
  readonly hash: (values: { readonly [name: string]: unknown }) => Uint8Array
}

type Member = TypedMember & {
  /** Types that the member's own refers to. */
  readonly types: TypedTypes
  /** encodeData of EIP-712: one word. */
  readonly write: (writer: Writer, value: unknown) => void
}

export const asciiBytes = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0))

/** Choices are shown as their names, accounts as addresses, lists as arrays of a struct `<name><Element>`. */
export function typedForm(name: string, fields: Fields): TypedForm {
  const members = Object.entries(fields).map(([field, of]) => memberOf(name, field, of))
  const types: TypedTypes = Object.assign(
    { [name]: members.map(({ name, type }) => ({ name, type })) },
    ...members.map((member) => member.types),
  )
  const typeHash = keccak256(asciiBytes(typeTextOf(name, types)))
  return {
    types,
    hash(values) {
      const writer = new Writer(WORD * (1 + members.length))
      writer.raw(typeHash)
      for (const { name: member, write } of members) write(writer, values[member])
      return keccak256(writer.finish())
    },
  }
}

/** encodeType of EIP-712: the struct itself, then those it refers to by name. */
function typeTextOf(name: string, types: TypedTypes): string {
  const others = Object.keys(types).filter((other) => other !== name)
  // Names are ASCII, so the order of UTF-16 units is the order EIP-712 asks for.
  others.sort((a, b) => (a < b ? -1 : 1))
  const textOf = (one: string): string =>
    `${one}(${(types[one] ?? []).map((member) => `${member.type} ${member.name}`).join(',')})`
  return [name, ...others].map(textOf).join('')
}

function memberOf(struct: string, name: string, field: Field): Member {
  switch (field.kind) {
    case 'choice':
    case 'text':
      return hashed(name, 'string', (value) => asciiBytes(value as string))
    case 'bytes':
      return hashed(name, 'bytes', (value) => value as Uint8Array)
    case 'account':
      return wordMember(name, { kind: 'address' })
    case 'list': {
      const element = `${struct}${elementNameOf(name)}`
      const { types, hash } = typedForm(element, field.of)
      const content = (value: unknown): Uint8Array =>
        concatBytes(...(value as readonly OutsideValues<Fields>[]).map(hash))
      return { ...hashed(name, `${element}[]`, content), types }
    }
    default:
      return wordMember(name, field)
  }
}

/** What has no fixed length is in a struct as its hash. */
const hashed = (name: string, type: string, content: (value: unknown) => Uint8Array): Member => ({
  name,
  type,
  types: {},
  write: (writer, value) => writer.raw(keccak256(content(value))),
})

/** A word is encoded as in Solidity's ABI. */
function wordMember(name: string, field: Field): Member {
  const form = abiForm({ value: field })
  const type = form.type.slice(1, -1)
  return {
    name,
    type,
    types: {},
    write: (writer, value) => form.write(writer, { value }, noAccounts),
  }
}

const noAccounts = new NamedAccounts({
  idOf: () => unreachable(undefined as never),
  addressOf: () => unreachable(undefined as never),
})
