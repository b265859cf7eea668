import { assert } from '../../core/primitives/assert.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { type JsonValue, parseJson } from '../../genesis/json.ts'
import { formatProblems } from '../../genesis/problems.ts'
import { encryptSecret, isKeystore, type Keystore, parseKeystore } from './keystore.ts'

const MAX_LENGTH = 4_096

/** One kind of key: what its file says of it in public, and how its secret is written. */
export type KeyKind<K> = {
  /** The `type` of its files. */
  readonly type: string
  /** What its secret must be, for messages. */
  readonly what: string
  /** Members that anybody may read, in the order of the file. */
  readonly publicOf: (key: K) => Readonly<Record<string, string>>
  /** What wallets call the same in a keystore, where that differs. */
  readonly keystoreForm: (name: string, value: string) => string
  readonly secretOf: (key: K) => Uint8Array
  readonly formatSecret: (secret: Uint8Array) => string
  readonly parseSecret: (text: string) => Uint8Array | null
  readonly decode: (secret: Uint8Array) => K | null
}

/** The members of a file, and its secret: in the clear or encrypted. */
export type KeyDocument = {
  readonly publicMembers: ReadonlyMap<string, string>
  readonly secret:
    | { readonly kind: 'plain'; readonly text: string }
    | { readonly kind: 'encrypted'; readonly keystore: Keystore }
}

export function plainText<K>(kind: KeyKind<K>, key: K): string {
  const privateKey = kind.formatSecret(kind.secretOf(key))
  return textOf({ type: kind.type, ...kind.publicOf(key), privateKey })
}

/** The file is a Web3 keystore, version 3, with two members more; wallets ignore those. */
export async function encryptedText<K>(
  kind: KeyKind<K>,
  key: K,
  password: Uint8Array,
): Promise<string> {
  const members = Object.entries(kind.publicOf(key)).map(([name, value]) => [
    name,
    kind.keystoreForm(name, value),
  ])
  const keystore = await encryptSecret(kind.secretOf(key), password)
  return textOf({ type: kind.type, ...Object.fromEntries(members), ...keystore })
}

const textOf = (members: object): string => `${JSON.stringify(members, null, 2)}\n`

/**
 * Reads a key file of a kind. KEY_INVALID, and the codes of `parseKeystore` when it is encrypted;
 * messages never repeat contents of the file, which may be secret.
 */
export function parseKeyDocument(
  text: string,
  file: string,
  { type, publicNames }: { readonly type: string; readonly publicNames: readonly string[] },
): KeyDocument {
  const members = membersOf(text, file)
  if (members.get('type') !== type) throw keyInvalid(file, `its type is not "${type}"`)
  const encrypted = isKeystore(members)
  const secretNames = encrypted ? ['version', 'id', 'crypto'] : ['privateKey']
  const known = new Set(['type', ...publicNames, ...secretNames])
  for (const name of members.keys())
    if (!known.has(name)) throw keyInvalid(file, 'it has an unknown key')
  const strings = encrypted ? publicNames : [...publicNames, ...secretNames]
  for (const name of strings)
    if (typeof members.get(name) !== 'string') throw keyInvalid(file, `${name} is not a string`)
  const publicMembers = new Map(publicNames.map((name) => [name, stringAt(members, name)]))
  if (encrypted)
    return {
      publicMembers,
      secret: { kind: 'encrypted', keystore: parseKeystore(members, file) },
    }
  return { publicMembers, secret: { kind: 'plain', text: stringAt(members, 'privateKey') } }
}

/** A JSON object, or KEY_INVALID. */
export function membersOf(text: string, file: string): ReadonlyMap<string, JsonValue> {
  const json = parseJson(text, MAX_LENGTH)
  if (!json.ok) {
    const places = json.problems.map((problem) => ({ ...problem, found: 'something else' }))
    throw keyInvalid(file, `it is not a key file: ${formatProblems(places)}`)
  }
  if (!(json.value instanceof Map)) throw keyInvalid(file, 'it is not a JSON object')
  return json.value
}

function stringAt(members: ReadonlyMap<string, JsonValue>, name: string): string {
  const value = members.get(name)
  assert(typeof value === 'string', 'only checked members of a key file are read')
  return value
}

export const keyInvalid = (file: string, reason: string): NexusError =>
  new NexusError({ code: 'KEY_INVALID', path: file, reason }, { message: `${file}: ${reason}` })
