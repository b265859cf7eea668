import { assert } from '../primitives/assert.ts'
import { toHex } from '../primitives/bytes.ts'
import { Writer } from '../primitives/codec.ts'
import { keccak256 } from '../primitives/hash.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import { abiForm } from './abiForms.ts'
import { AbiReader, WORD } from './abiWords.ts'
import { type AccountNames, NamedAccounts } from './accountForms.ts'
import type { Coprocessor, EngineEvent } from './coprocessor.ts'
import type { Fields, Values } from './fields.ts'
import { errorNameOf, pascalOf } from './naming.ts'

const ROOM = 256

/**
 * Arguments behind the selector. Values must be within their kinds, padding zero and the layout the
 * one that compilers write; bytes behind the arguments are ignored, as Solidity does, because
 * wallets append marks of their own. O(data).
 */
export function decodeAbi<F extends Fields>(
  fields: F,
  data: Uint8Array,
  names: AccountNames,
): Result<Values<F>, 'BAD_ARGUMENTS' | 'UNKNOWN_ACCOUNT'> {
  const reader = new AbiReader(data)
  const accounts = new NamedAccounts(names)
  const values = abiForm(fields).read(reader, 0, accounts) as Values<F>
  if (reader.failed) return reject('BAD_ARGUMENTS')
  return accounts.unknown ? reject('UNKNOWN_ACCOUNT') : ok(values)
}

/** Arguments without a selector, or what a function returns. Account 0 becomes the zero address. */
export function encodeAbi<F extends Fields>(
  fields: F,
  values: Values<F>,
  names: AccountNames,
): Uint8Array {
  const writer = new Writer(ROOM)
  abiForm(fields).write(writer, values, new NamedAccounts(names))
  return writer.finish()
}

/** `placeOrder(uint16,uint64)`. */
export const abiSignatureOf = (name: string, args: Fields): string => name + abiForm(args).type

/** What a Solidity contract puts before the arguments: 8 hex digits. */
export const selectorOf = (name: string, args: Fields): string =>
  toHex(hashOf(abiSignatureOf(name, args)).subarray(0, 4))

const hashOf = (ascii: string): Uint8Array =>
  keccak256(Uint8Array.from(ascii, (character) => character.charCodeAt(0)))

export type AbiEntry = {
  readonly kind: 'publicFn' | 'view'
  readonly name: string
  /** 8 hex digits. */
  readonly selector: string
}

/** What contracts may call, by selector; what only signed actions may is not among it. */
export function abiEntriesOf(engine: Coprocessor): ReadonlyMap<string, AbiEntry> {
  const known = entries.get(engine)
  if (known !== undefined) return known
  const bySelector = new Map<string, AbiEntry>()
  const add = (kind: AbiEntry['kind'], name: string, args: Fields): void => {
    const selector = selectorOf(name, args)
    assert(!bySelector.has(selector), `${engine.name}.${name} has a selector of its own`)
    bySelector.set(selector, { kind, name, selector })
  }
  for (const [name, fn] of Object.entries(engine.publicFns)) {
    if (fn.only !== 'core') add('publicFn', name, fn.args)
  }
  for (const [name, view] of Object.entries(engine.views)) add('view', name, view.args)
  entries.set(engine, bySelector)
  return bySelector
}
const entries = new WeakMap<Coprocessor, ReadonlyMap<string, AbiEntry>>()

const CODE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/

/**
 * Revert data of a refused call: `POST_ONLY_WOULD_CROSS` becomes `error PostOnlyWouldCross()` of the
 * generated interfaces, anything that is no such code `CoreRejected(bytes32)` with its ASCII.
 */
export function rejectedError(code: string): Uint8Array {
  const known = errors.get(code)
  if (known !== undefined) return known
  const data = CODE.test(code) ? hashOf(`${errorNameOf(code)}()`).slice(0, 4) : untyped(code)
  // Engines have tens of codes each; what is beyond a few thousand is computed again.
  if (errors.size < 4_096) errors.set(code, data)
  return data
}
const errors = new Map<string, Uint8Array>()

function untyped(code: string): Uint8Array {
  const data = new Uint8Array(4 + WORD)
  data.set(hashOf('CoreRejected(bytes32)').subarray(0, 4))
  for (let i = 0; i < Math.min(code.length, WORD); i++) data[4 + i] = code.charCodeAt(i)
  return data
}

/** Which fields of an event are topics: the first three that name somebody. */
export function indexedOf(fields: Fields): readonly string[] {
  const names = Object.keys(fields).filter((name) =>
    ['account', 'address'].includes(fields[name]?.kind ?? ''),
  )
  return names.slice(0, 3)
}

/** The EVM log of an event that a synchronous call emitted. */
export function abiEventOf(
  engine: Coprocessor,
  event: EngineEvent,
  names: AccountNames,
): { readonly topics: readonly Uint8Array[]; readonly data: Uint8Array } {
  const { topic, indexed, rest } = logFormOf(engine, event.kind)
  const accounts = new NamedAccounts(names)
  const topics = indexed.map(({ name, isAccount }) => {
    const value = event[name]
    const address = isAccount ? accounts.addressOf(value as number) : (value as Uint8Array)
    const word = new Uint8Array(WORD)
    word.set(address, WORD - address.length)
    return word
  })
  return {
    topics: [topic, ...topics],
    data: encodeAbi(rest, event as unknown as Values<Fields>, names),
  }
}

type LogForm = {
  readonly topic: Uint8Array
  readonly indexed: readonly { readonly name: string; readonly isAccount: boolean }[]
  readonly rest: Fields
}
const logForms = new WeakMap<Coprocessor, Map<string, LogForm>>()

function logFormOf(engine: Coprocessor, kind: string): LogForm {
  const forms = logForms.get(engine) ?? new Map<string, LogForm>()
  logForms.set(engine, forms)
  const known = forms.get(kind)
  if (known !== undefined) return known
  const fields = engine.events[kind]
  assert(fields !== undefined, `${engine.name} declares its event ${kind}`)
  const indexed = indexedOf(fields)
  const form: LogForm = {
    topic: hashOf(abiSignatureOf(pascalOf(kind), fields)),
    indexed: indexed.map((name) => ({ name, isAccount: fields[name]?.kind === 'account' })),
    rest: Object.fromEntries(Object.entries(fields).filter(([name]) => !indexed.includes(name))),
  }
  forms.set(kind, form)
  return form
}
