// What a peer may do to bytes that were good: small changes, lengths that lie, parts of other messages.
import type { Random } from '../support/smallRandom.ts'

const INTERESTING_BYTES = [0, 1, 0x20, 0x7f, 0x80, 0x81, 0xb8, 0xbf, 0xc0, 0xc1, 0xf8, 0xfe, 0xff]
const INTERESTING_WORDS = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0xff_ffff, 0x7fff_ffff,
  0x8000_0000, 0xffff_fffe, 0xffff_ffff,
]
/** Longer inputs say nothing new and cost time. */
const MAX_BYTES = 1 << 16

type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array

const at = (bytes: Uint8Array, random: Random): number => random(Math.max(1, bytes.length))

function changed(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice()
  if (copy.length > 0) change(copy)
  return copy
}

function spliced(bytes: Uint8Array, from: number, removed: number, added: Uint8Array): Uint8Array {
  const tail = bytes.subarray(Math.min(bytes.length, from + removed))
  const out = new Uint8Array(from + added.length + tail.length)
  out.set(bytes.subarray(0, from))
  out.set(added, from)
  out.set(tail, from + added.length)
  return out
}

const piece = (bytes: Uint8Array, random: Random): Uint8Array => {
  const from = random(bytes.length + 1)
  return bytes.subarray(from, from + 1 + random(Math.min(64, bytes.length - from + 1)))
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) =>
    changed(bytes, (copy) => {
      const i = at(copy, random)
      copy[i] = (copy[i] as number) ^ (1 << random(8))
    }),
  (bytes, random) =>
    changed(bytes, (copy) => {
      copy[at(copy, random)] = random(256)
    }),
  (bytes, random) =>
    changed(bytes, (copy) => {
      copy[at(copy, random)] = INTERESTING_BYTES[random(INTERESTING_BYTES.length)] as number
    }),
  // Lengths and counts are big-endian words of four bytes here, of four and eight in the ABI and the arena.
  (bytes, random) =>
    changed(bytes, (copy) => {
      if (copy.length < 4) return
      const view = new DataView(copy.buffer)
      const word = INTERESTING_WORDS[random(INTERESTING_WORDS.length)] as number
      view.setUint32(random(copy.length - 3), word, random(8) === 0)
    }),
  (bytes, random) =>
    changed(bytes, (copy) => {
      if (copy.length < 4) return
      const view = new DataView(copy.buffer)
      const place = random(copy.length - 3)
      view.setUint32(place, (view.getUint32(place) + random(33) - 16) >>> 0)
    }),
  (bytes, random) => bytes.slice(0, random(bytes.length + 1)),
  (bytes, random) => spliced(bytes, bytes.length, 0, new Uint8Array(1 + random(16))),
  (bytes, random) => spliced(bytes, random(bytes.length + 1), 1 + random(16), new Uint8Array(0)),
  (bytes, random) => spliced(bytes, random(bytes.length + 1), 0, piece(bytes, random)),
  (bytes, random, other) =>
    spliced(bytes, random(bytes.length + 1), random(16), piece(other, random)),
  (bytes, random, other) =>
    spliced(bytes, random(bytes.length + 1), bytes.length, piece(other, random)),
  (bytes, random) =>
    changed(bytes, (copy) => {
      const from = at(copy, random)
      copy.copyWithin(random(copy.length), from, from + 1 + random(32))
    }),
]

/** One to eight changes, few more often than many. `other` is another good input of the same target. */
export function mutate(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  let out = bytes
  for (let left = 1 + random(1 + random(8)); left > 0; left--) {
    const mutation = MUTATIONS[random(MUTATIONS.length)] as Mutation
    out = mutation(out, random, other)
  }
  return out.length > MAX_BYTES ? out.slice(0, MAX_BYTES) : out
}
