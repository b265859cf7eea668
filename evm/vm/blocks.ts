import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import type { Fork } from './fork.ts'

export const JUMPDEST = 0x5b
const PUSH1 = 0x60
const PUSH32 = 0x7f

/** How many bytes behind an opcode belong to it: what a PUSH pushes. */
export const pushedBytes = (op: number): number =>
  op >= PUSH1 && op <= PUSH32 ? op - PUSH1 + 1 : 0

/** An opcode that no contract can reach, because it is undefined: the loop looks at the real one alone. */
export const STEP_OPCODE = 0x0c

/** What a block demands, in one number: gas in the low bits, above it items on the stack, above them growth plus one. */
export const GAS_BITS = 13
const ITEM_BITS = 8
export const GROWTH_SHIFT = GAS_BITS + ITEM_BITS
export const MOST_GAS = 2 ** GAS_BITS - 1
export const MOST_ITEMS = 2 ** ITEM_BITS - 1
/** More than any stack has room for: a block that does not fit the bits is never entered as a whole. */
const NEVER = (2_047 << GROWTH_SHIFT) >>> 0

/** Opcodes that cost the same always, or for memory besides, that nobody sees the gas of, and that go on with the next. */
const STAYS: readonly boolean[] = Array.from(
  { length: 256 },
  (_, op) =>
    (op >= 0x01 && op <= 0x09) ||
    (op >= 0x0b && op <= 0x1d) ||
    (op >= 0x5f && op <= 0x9f) ||
    [0x50, 0x51, 0x52, 0x53, 0x58, 0x59].includes(op) ||
    isConstant(op),
)

/** Those of the environment: they take what they always take, and memory and gas do not matter to them. */
export function isConstant(op: number): boolean {
  if (op < 0x30 || op > 0x4a) return false
  return ![0x31, 0x37, 0x39, 0x3b, 0x3c, 0x3e, 0x3f, 0x40].includes(op)
}

/**
 * What the basic block at `from` demands before it begins: up to the first opcode that jumps, ends, asks for gas
 * or has a price of its own, which is in it, or up to a JUMPDEST, which is not. Never 0. Linear in its length.
 */
export function blockDemand(code: Uint8Array, from: number, fork: Fork): number {
  let gas = 0
  let items = 0
  let growth = 0
  let height = 0
  for (let at = from; ; at++) {
    const op = code[at] ?? 0
    if (op === JUMPDEST && at > from) break
    const demand = fork.demands[op] as number
    gas += demand & 0xffff
    items = Math.max(items, ((demand >> 16) & 0xff) - height)
    growth = Math.max(growth, height + (demand >> 24))
    height += fork.changes[op] as number
    if (STAYS[op] !== true && op !== JUMPDEST) break
    at += pushedBytes(op)
  }
  const fits = gas <= MOST_GAS && items <= MOST_ITEMS && growth < 1_024
  return fits ? (gas | (items << GAS_BITS) | ((growth + 1) << GROWTH_SHIFT)) >>> 0 : NEVER
}

/** The fees from the opcode at `from`, which is in it, to the end of its block. */
export function feesFrom(code: Uint8Array, from: number, fork: Fork): number {
  let gas = 0
  for (let at = from; ; at++) {
    const op = code[at] ?? 0
    if (op === JUMPDEST) return gas
    gas += fork.fees[op] as number
    if (STAYS[op] !== true) return gas
    at += pushedBytes(op)
  }
}

let steps: Uint8Array = EMPTY_BYTES
/** Nothing but the opcode for one step. */
export function stepsFor(length: number): Uint8Array {
  if (steps.length < length) steps = new Uint8Array(length).fill(STEP_OPCODE)
  return steps
}
