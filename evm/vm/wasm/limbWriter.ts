import { I64 } from '../../../core/primitives/wasmCode.ts'
import { type Code, get, i32, i64, set, setAll } from './assembler.ts'

/** 64 bits of a word: a local, or known when the code is written. */
export type Limb = number | bigint
/** A word: its limbs, the least significant first, and what it is not above. */
export type Value = { readonly limbs: readonly Limb[]; readonly max: bigint }

export const MAX = 2n ** 256n - 1n
const ALL = 2n ** 64n - 1n
const ORDER = [0, 1, 2, 3] as const

export const known = (value: bigint): Value => ({
  limbs: ORDER.map((i) => BigInt.asUintN(64, value >> BigInt(64 * i))),
  max: value,
})
/** Null: not before it runs. */
export const constantOf = ({ limbs }: Value): bigint | null => {
  let value = 0n
  for (const i of ORDER) {
    const limb = limbs[i] as Limb
    if (typeof limb === 'number') return null
    value |= limb << BigInt(64 * i)
  }
  return value
}
/** How many limbs there can be other than zero; at least one. */
export const lengthOf = (max: bigint): number => {
  let length = 1
  while (max >> BigInt(64 * length) > 0n) length++
  return length
}
/** What is above the bound is known to be nothing. */
export const trimmed = (limbs: readonly Limb[], max: bigint): Value => {
  const length = lengthOf(max)
  return { limbs: ORDER.map((i) => (i < length ? (limbs[i] as Limb) : 0n)), max }
}
export const codeOf = (limb: Limb): Code =>
  typeof limb === 'number' ? get(limb) : i64.constant(limb)

/** Writes a function that works on limbs, and computes itself with what is known. */
export class LimbWriter {
  readonly code: Code[] = []
  readonly #first: number
  #locals = 0

  /** The locals from `first` on are its own. */
  constructor(first: number) {
    this.#first = first
  }

  get locals(): readonly [number, number] {
    return [this.#locals, I64]
  }
  local(): number {
    return this.#first + this.#locals++
  }
  write(...code: readonly Code[]): void {
    this.code.push(...code)
  }
  define(code: Code): number {
    const local = this.local()
    this.write(set(local, code))
    return local
  }
  flag(condition: Code): number {
    return this.define(i64.ofUnsigned32(condition))
  }
  /** The results of a function with `count` of them. */
  defineAll(code: Code, count: number): number[] {
    const locals = Array.from({ length: count }, () => this.local())
    this.write(setAll(locals, code))
    return locals
  }

  add(a: Limb, b: Limb): Limb {
    if (typeof a === 'bigint' && typeof b === 'bigint') return BigInt.asUintN(64, a + b)
    if (a === 0n) return b
    if (b === 0n) return a
    return this.define(i64.add(codeOf(a), codeOf(b)))
  }
  subtract(a: Limb, b: Limb): Limb {
    if (typeof a === 'bigint' && typeof b === 'bigint') return BigInt.asUintN(64, a - b)
    return b === 0n ? a : this.define(i64.subtract(codeOf(a), codeOf(b)))
  }
  and(a: Limb, b: Limb): Limb {
    if (typeof a === 'bigint' && typeof b === 'bigint') return a & b
    if (a === 0n || b === 0n) return 0n
    if (a === ALL) return b
    return b === ALL ? a : this.define(i64.and(codeOf(a), codeOf(b)))
  }
  or(a: Limb, b: Limb): Limb {
    if (typeof a === 'bigint' && typeof b === 'bigint') return a | b
    if (a === 0n) return b
    return b === 0n ? a : this.define(i64.or(codeOf(a), codeOf(b)))
  }
  xor(a: Limb, b: Limb): Limb {
    if (typeof a === 'bigint' && typeof b === 'bigint') return a ^ b
    if (a === 0n) return b
    return b === 0n ? a : this.define(i64.xor(codeOf(a), codeOf(b)))
  }
  shiftLeft(a: Limb, by: number): Limb {
    if (typeof a === 'bigint') return BigInt.asUintN(64, a << BigInt(by))
    return by === 0 ? a : this.define(i64.shiftLeft(get(a), i64.constant(BigInt(by))))
  }
  shiftRight(a: Limb, by: number): Limb {
    if (typeof a === 'bigint') return a >> BigInt(by)
    return by === 0 ? a : this.define(i64.shiftRight(get(a), i64.constant(BigInt(by))))
  }
  shiftRightSigned(a: Limb, by: number): Limb {
    if (typeof a === 'bigint') return BigInt.asUintN(64, BigInt.asIntN(64, a) >> BigInt(by))
    return by === 0 ? a : this.define(i64.shiftRightSigned(get(a), i64.constant(BigInt(by))))
  }

  /** 1 or 0. */
  isBelow(a: Limb, b: Limb): Limb {
    if (typeof a === 'bigint' && typeof b === 'bigint') return a < b ? 1n : 0n
    return b === 0n ? 0n : this.flag(i64.isBelow(codeOf(a), codeOf(b)))
  }
  isBelowSigned(a: Limb, b: Limb): Limb {
    return this.flag(i64.isBelowSigned(codeOf(a), codeOf(b)))
  }
  equals(a: Limb, b: Limb): Limb {
    if (typeof a === 'bigint' && typeof b === 'bigint') return a === b ? 1n : 0n
    return this.flag(i64.equals(codeOf(a), codeOf(b)))
  }

  /** Zero if all of them are. */
  any(limbs: readonly Limb[]): Limb {
    return limbs.reduce((a, b) => this.or(a, b), 0n)
  }
  /** A condition: some limb from `from` on is not zero. */
  isLong({ limbs }: Value, from = 1): Code | null {
    const any = this.any(limbs.slice(from))
    if (any === 0n) return null
    return i32.isZero(i64.isZero(codeOf(any)))
  }
}
