import { concatBytes } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { bytes as hexBytes } from './params/hex.ts'
import { bad, membersOf, type Parsed, parseList } from './params/parameter.ts'

type Member = { readonly name: string; readonly type: string }
type Types = ReadonlyMap<string, readonly Member[]>

const MAX_TYPES = 256
const MAX_MEMBERS = 256
const MAX_DEPTH = 32
const ZERO = new Uint8Array(32)
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/
const encoder = new TextEncoder()

/** The digest of EIP-712 typed data as `eth_signTypedData_v4` takes it: an object, or its JSON text. */
export function typedDataDigest(json: unknown): Parsed<Uint8Array> {
  const given = membersOf(typeof json === 'string' ? parsedText(json) : json)
  if (!given.ok) return given
  const { primaryType, domain, message } = given.value
  const types = typesOf(given.value.types)
  if (!types.ok) return types
  if (typeof primaryType !== 'string') return bad('missing primaryType')
  const hasher = new StructHasher(
    types.value.has(DOMAIN_TYPE)
      ? types.value
      : new Map([...types.value, [DOMAIN_TYPE, domainMembersOf(domain)]]),
  )
  const parts = [Uint8Array.of(0x19, 0x01), hasher.struct(DOMAIN_TYPE, domain, 0)]
  if (primaryType !== DOMAIN_TYPE) parts.push(hasher.struct(primaryType, message, 0))
  return hasher.problem === null
    ? { ok: true, value: keccak256(concatBytes(...parts)) }
    : bad(hasher.problem)
}

const DOMAIN_TYPE = 'EIP712Domain'

function parsedText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function typesOf(json: unknown): Parsed<Types> {
  const given = membersOf(json)
  if (!given.ok) return bad(`types: ${given.problem}`)
  const entries = Object.entries(given.value)
  if (entries.length > MAX_TYPES) return bad(`types: more than ${MAX_TYPES}`)
  const types = new Map<string, readonly Member[]>()
  for (const [name, list] of entries) {
    const members = parseList(list, memberOf, MAX_MEMBERS)
    if (!members.ok) return bad(`types.${name}: ${members.problem}`)
    if (!IDENTIFIER.test(name)) return bad(`types: "${name}" is no name`)
    types.set(name, members.value)
  }
  return { ok: true, value: types }
}

function memberOf(json: unknown): Parsed<Member> {
  const given = membersOf(json)
  if (!given.ok) return given
  const { name, type } = given.value
  return typeof name === 'string' && typeof type === 'string'
    ? { ok: true, value: { name, type } }
    : bad('expected name and type')
}

/** The members that are there, in the order of the EIP. */
const domainMembersOf = (domain: unknown): readonly Member[] =>
  DOMAIN_MEMBERS.filter(
    ({ name }) => typeof domain === 'object' && domain !== null && name in domain,
  )

const DOMAIN_MEMBERS: readonly Member[] = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
  { name: 'salt', type: 'bytes32' },
]

type Place = { readonly name: string; readonly depth: number }

/** What does not fit its type becomes the zero word, and `problem` says what it was. */
class StructHasher {
  readonly #types: Types
  readonly #typeHashes = new Map<string, Uint8Array>()
  problem: string | null = null

  constructor(types: Types) {
    this.#types = types
  }

  struct(name: string, value: unknown, depth: number): Uint8Array {
    const members = this.#types.get(name)
    if (depth > MAX_DEPTH) return this.#misfit('typed data is nested too deeply')
    if (members === undefined) return this.#misfit(`there is no type ${name}`)
    if (typeof value !== 'object' || value === null)
      return this.#misfit(`${name}: expected an object`)
    const fields = value as Readonly<Record<string, unknown>>
    const words = members.map((member) =>
      this.#word(member.type, fields[member.name], { name: member.name, depth }),
    )
    return keccak256(concatBytes(this.#typeHash(name), ...words))
  }

  #typeHash(name: string): Uint8Array {
    const known = this.#typeHashes.get(name)
    if (known !== undefined) return known
    const hash = keccak256(encoder.encode(encodeType(this.#types, name)))
    this.#typeHashes.set(name, hash)
    return hash
  }

  #word(type: string, value: unknown, place: Place): Uint8Array {
    const array = /^(.*)\[(\d*)\]$/.exec(type)
    if (array !== null) return this.#array(array[1] as string, array[2] as string, value, place)
    if (this.#types.has(type))
      // geth and MetaMask: a struct that is absent is zero.
      return value === undefined || value === null
        ? ZERO
        : this.struct(type, value, place.depth + 1)
    switch (type) {
      case 'string':
        return typeof value === 'string'
          ? keccak256(encoder.encode(value))
          : this.#misfit(`${place.name}: expected a string`)
      case 'bytes':
        return keccak256(this.#bytes(value, place))
      case 'bool':
        return typeof value === 'boolean'
          ? numberWord(value ? 1n : 0n)
          : this.#misfit(`${place.name}: expected true or false`)
      case 'address':
        return concatBytes(new Uint8Array(12), this.#fixed(20, value, place).subarray(0, 20))
      default:
        return this.#numbered(type, value, place)
    }
  }

  /** `bytesN`, `intN`, `uintN`. */
  #numbered(type: string, value: unknown, place: Place): Uint8Array {
    const fixed = /^bytes([1-9]|[12]\d|3[0-2])$/.exec(type)
    if (fixed !== null) return this.#fixed(Number(fixed[1]), value, place)
    const integer = /^(u?)int(\d{0,3})$/.exec(type)
    const bits = Number(integer?.[2] || 256)
    if (integer === null || bits > 256 || bits % 8 !== 0 || bits === 0)
      return this.#misfit(`${place.name}: there is no type ${type}`)
    const given = integerOf(value)
    if (given === null) return this.#misfit(`${place.name}: expected an integer`)
    const fits = integer[1] === '' ? BigInt.asIntN(bits, given) : BigInt.asUintN(bits, given)
    return fits === given
      ? numberWord(BigInt.asUintN(256, given))
      : this.#misfit(`${place.name}: ${given} does not fit ${type}`)
  }

  #array(element: string, length: string, value: unknown, place: Place): Uint8Array {
    const { name, depth } = place
    if (depth >= MAX_DEPTH) return this.#misfit('typed data is nested too deeply')
    if (!Array.isArray(value) || (length !== '' && value.length !== Number(length)))
      return this.#misfit(`${name}: expected a list for ${element}[${length}]`)
    const words = value.map((one) => this.#word(element, one, { name, depth: depth + 1 }))
    return keccak256(concatBytes(...words))
  }

  /** Padded on the right. */
  #fixed(length: number, value: unknown, place: Place): Uint8Array {
    const given = this.#bytes(value, place)
    if (given.length !== length) return this.#misfit(`${place.name}: expected ${length} bytes`)
    return concatBytes(given, new Uint8Array(32 - length))
  }

  #bytes(value: unknown, { name }: Place): Uint8Array {
    const parsed = hexBytes(value)
    return parsed.ok ? parsed.value : this.#misfit(`${name}: ${parsed.problem}`)
  }

  #misfit(problem: string): Uint8Array {
    this.problem ??= problem
    return ZERO
  }
}

/** The type, then those it refers to, by name. */
function encodeType(types: Types, name: string): string {
  const found = new Set<string>()
  const wanted = [name]
  for (let one = wanted.pop(); one !== undefined; one = wanted.pop()) {
    if (found.has(one)) continue
    found.add(one)
    for (const { type } of types.get(one) ?? []) {
      const base = type.replace(/\[.*$/, '')
      if (types.has(base)) wanted.push(base)
    }
  }
  found.delete(name)
  return [name, ...[...found].sort((a, b) => (a < b ? -1 : 1))]
    .map((one) => `${one}(${(types.get(one) ?? []).map((m) => `${m.type} ${m.name}`).join(',')})`)
    .join('')
}

function integerOf(json: unknown): bigint | null {
  const isInteger =
    typeof json === 'number'
      ? Number.isSafeInteger(json)
      : typeof json === 'string' && /^(-?\d{1,78}|0x[0-9a-fA-F]{1,64})$/.test(json)
  return isInteger ? BigInt(json as number | string) : null
}

const numberWord = (value: bigint): Uint8Array =>
  new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'))
