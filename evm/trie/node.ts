import { keccak256 } from '../../core/primitives/hash.ts'
import { headerLength, writeHeader, writeString } from '../rlp.ts'

/**
 * How a parent names a child: its hash, or the child's own RLP where that is shorter than 32 bytes
 * (Yellow Paper, appendix D).
 */
export type Ref = Uint8Array

/**
 * A leaf carries the whole key; what remains of it below the leaf's place is encoded. A `stored`
 * leaf is already in the store at its place. `value` null: unchanged, and found by its preimage.
 */
export type Leaf = {
  readonly kind: 'leaf'
  readonly key: Uint8Array
  readonly preimage: Uint8Array
  readonly value: Uint8Array | null
  readonly stored: boolean
}
/** `nibbles` are hex digits; the child, a branch, lies at the extension's path followed by them. */
export type Extension = {
  readonly kind: 'extension'
  readonly nibbles: string
  readonly child: Ref
}
/**
 * No values in branches: no key is a prefix of another. `leaves` has bit i when child i is known to be a
 * leaf; without it the child may be anything.
 */
export type Branch = {
  readonly kind: 'branch'
  readonly children: readonly (Ref | null)[]
  readonly leaves: number
}
export type TrieNode = Leaf | Extension | Branch

export const HEX_DIGITS = '0123456789abcdef'

export const nibbleAt = (key: Uint8Array, depth: number): number => {
  const byte = key[depth >> 1] as number
  return (depth & 1) === 0 ? byte >> 4 : byte & 15
}

/** Hex digits `from` up to `to` of a key. */
export function nibblesOf(key: Uint8Array, from: number, to: number): string {
  let digits = ''
  for (let depth = from; depth < to; depth++) digits += HEX_DIGITS[nibbleAt(key, depth)]
  return digits
}

/** How many nibbles two keys share, from `depth` on. */
export function sharedNibbles(a: Uint8Array, b: Uint8Array, depth: number): number {
  const end = 2 * Math.min(a.length, b.length)
  let at = depth
  while (at < end && nibbleAt(a, at) === nibbleAt(b, at)) at++
  return at - depth
}

/** Before a branch's RLP where it is stored, and two bytes for `leaves`. */
export const PACKED_TAG = 4
export const PACKED_RLP_AT = 3

/** A branch whose children are all named by hashes, as every branch over hashed keys is. */
export class PackedBranch {
  readonly kind = 'branch'
  /** The tag, `leaves`, then the RLP. Never changed in place. */
  readonly packed: Uint8Array
  #children: readonly (Ref | null)[] | null = null

  constructor(packed: Uint8Array) {
    this.packed = packed
  }

  get leaves(): number {
    return ((this.packed[1] as number) << 8) | (this.packed[2] as number)
  }

  /** Derived when asked for: an update needs only the places of the children it changes. */
  get children(): readonly (Ref | null)[] {
    if (this.#children !== null) return this.#children
    const children: (Ref | null)[] = []
    let at = this.#start()
    for (let i = 0; i < 16; i++) {
      const isThere = this.packed[at] === HASH_MARK
      children.push(isThere ? this.packed.slice(at + 1, at + 33) : null)
      at += isThere ? 33 : 1
    }
    this.#children = children
    return children
  }

  /** Where the hash of child `index` lies in `packed`; −1: there is no such child. */
  placeOf(index: number): number {
    let at = this.#start()
    for (let i = 0; i < index; i++) at += this.packed[at] === HASH_MARK ? 33 : 1
    return this.packed[at] === HASH_MARK ? at + 1 : -1
  }

  /** Behind the tag and the header of the RLP list. */
  #start(): number {
    return PACKED_RLP_AT + listHeader(this.packed[PACKED_RLP_AT] as number)
  }
}

/** Bytes before the payload of a list that begins with `first`. */
export const listHeader = (first: number): number => (first === 0xf9 ? 3 : first === 0xf8 ? 2 : 1)

/** RLP of a string of 32 bytes begins so. */
export const HASH_MARK = 0xa0

export function branchOf(children: readonly (Ref | null)[], leaves: number): Branch {
  const branch: Branch = { kind: 'branch', children, leaves }
  if (children.some((child) => child !== null && child.length !== 32)) return branch
  return new PackedBranch(packedBytes(branchRlp(branch), leaves))
}

export function packedBytes(rlp: Uint8Array, leaves: number): Uint8Array {
  const packed = new Uint8Array(PACKED_RLP_AT + rlp.length)
  packed[0] = PACKED_TAG
  packed[1] = leaves >> 8
  packed[2] = leaves & 0xff
  packed.set(rlp, PACKED_RLP_AT)
  return packed
}

// The largest branch: 16 hashes of 33 bytes, a value byte and a three-byte header are 532 bytes.
const scratch = new Uint8Array(600)

export const refOf = (rlp: Uint8Array): Ref => (rlp.length < 32 ? rlp.slice() : keccak256(rlp))

/** The views returned by the three encoders hold until the next call, and are not to be changed. */
export function branchRlp(branch: Branch): Uint8Array {
  if (branch instanceof PackedBranch) return branch.packed.subarray(PACKED_RLP_AT)
  const { children } = branch
  let length = 1
  for (let i = 0; i < 16; i++) length += refLength(children[i] ?? null)
  let at = writeHeader(scratch, 0, 0xc0, length)
  for (let i = 0; i < 16; i++) at = writeRef(at, children[i] ?? null)
  scratch[at] = 0x80
  return scratch.subarray(0, at + 1)
}

export function extensionRlp({ nibbles, child }: Extension): Uint8Array {
  const path = compactDigits(nibbles)
  let at = writeHeader(scratch, 0, 0xc0, stringLength(path) + refLength(child))
  at = writeString(scratch, at, path)
  return scratch.subarray(0, writeRef(at, child))
}

export function leafRlp(key: Uint8Array, depth: number, value: Uint8Array): Uint8Array {
  const length = compactLength(key, depth) + stringLength(value)
  const size = headerLength(length) + length
  const out = size <= scratch.length ? scratch : new Uint8Array(size)
  let at = writeHeader(out, 0, 0xc0, length)
  at = writeCompactKey(out, at, key, depth)
  at = writeString(out, at, value)
  return out.subarray(0, at)
}

export const stringLength = (value: Uint8Array): number =>
  value.length === 1 && (value[0] as number) < 0x80 ? 1 : headerLength(value.length) + value.length

const refLength = (ref: Ref | null): number =>
  ref === null ? 1 : ref.length === 32 ? 33 : ref.length

function writeRef(at: number, ref: Ref | null): number {
  if (ref === null) {
    scratch[at] = 0x80
    return at + 1
  }
  if (ref.length === 32) {
    scratch[at] = 0xa0
    scratch.set(ref, at + 1)
    return at + 33
  }
  scratch.set(ref, at)
  return at + ref.length
}

/** Whole bytes of a key that remain behind `depth`: the first nibble of an odd depth goes with the prefix. */
export const tailLength = (key: Uint8Array, depth: number): number =>
  key.length - ((depth + 1) >> 1)

export function compactLength(key: Uint8Array, depth: number): number {
  const bytes = 1 + tailLength(key, depth)
  // One byte below 0x80 is its own encoding, and every prefix of a leaf is.
  return bytes === 1 ? 1 : headerLength(bytes) + bytes
}

/** Hex-prefix encoding (Yellow Paper, appendix C) of the rest of a leaf's key, as an RLP string. */
export function writeCompactKey(
  out: Uint8Array,
  start: number,
  key: Uint8Array,
  depth: number,
): number {
  const tail = tailLength(key, depth)
  let at = tail === 0 ? start : writeHeader(out, start, 0x80, 1 + tail)
  out[at++] = (depth & 1) === 0 ? 0x20 : 0x30 | nibbleAt(key, depth)
  for (let i = key.length - tail; i < key.length; i++) out[at++] = key[i] as number
  return at
}

function compactDigits(nibbles: string): Uint8Array {
  const odd = nibbles.length & 1
  const out = new Uint8Array(1 + (nibbles.length >> 1))
  out[0] = odd === 0 ? 0x00 : 0x10 | Number.parseInt(nibbles[0] as string, 16)
  for (let i = odd, at = 1; i < nibbles.length; i += 2, at++) {
    out[at] = Number.parseInt(nibbles.slice(i, i + 2), 16)
  }
  return out
}
