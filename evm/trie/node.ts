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
/** No values in branches: no key is a prefix of another. */
export type Branch = { readonly kind: 'branch'; readonly children: readonly (Ref | null)[] }
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

// The largest branch: 16 hashes of 33 bytes, a value byte and a three-byte header are 532 bytes.
const scratch = new Uint8Array(600)

export const refOf = (rlp: Uint8Array): Ref => (rlp.length < 32 ? rlp.slice() : keccak256(rlp))

/** The views returned by the three encoders hold until the next call. */
export function branchRlp({ children }: Branch): Uint8Array {
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
  const path = compactKey(key, depth)
  const length = stringLength(path) + stringLength(value)
  const size = headerLength(length) + length
  const out = size <= scratch.length ? scratch : new Uint8Array(size)
  let at = writeHeader(out, 0, 0xc0, length)
  at = writeString(out, at, path)
  at = writeString(out, at, value)
  return out.subarray(0, at)
}

const stringLength = (value: Uint8Array): number =>
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

/** Hex-prefix encoding (Yellow Paper, appendix C) of the rest of a leaf's key. */
function compactKey(key: Uint8Array, depth: number): Uint8Array {
  const odd = depth & 1
  const tail = key.subarray((depth + 1) >> 1)
  const out = new Uint8Array(1 + tail.length)
  out[0] = odd === 0 ? 0x20 : 0x30 | nibbleAt(key, depth)
  out.set(tail, 1)
  return out
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
