import { wordOfBigint } from '../../state/word.ts'
import { isConstant, JUMPDEST, pushedBytes } from '../blocks.ts'
import type { Code as Bytecode } from '../code.ts'
import type { Fork } from '../fork.ts'
import { wordFunction } from '../pathOperations.ts'
import { type Code, i32, i64 } from './assembler.ts'
import { kitNumber } from './kit.ts'
import { codeOf, constantOf, known, type Limb, type Value } from './limbWriter.ts'
import { type LoopModule, LoopWriter } from './loopWriter.ts'
import { WORD_OPERATIONS } from './wordOperations.ts'

/** A path that comes back to where it began with the stack as high as before. */
export type LoopPath = {
  readonly code: Bytecode
  readonly fork: Fork
  /** Its opcodes' positions, in the order in which they run. */
  readonly trail: readonly number[]
  /** Of a turn. */
  readonly gas: number
  readonly steps: number
}

const ADDRESS = 2n ** 160n - 1n
const NUMBER = 2n ** 53n - 1n
const WORD = 2n ** 256n - 1n
const MOST_OFFSET = 2n ** 32n - 1n
const KECCAK_WORD_GAS = 6n
/** What opcodes push that push the same in every turn, where it is not any word. */
const BOUNDS: Readonly<Record<number, bigint>> = {
  ...{ 48: ADDRESS, 50: ADDRESS, 51: ADDRESS, 65: ADDRESS },
  ...{ 54: NUMBER, 61: NUMBER, 66: NUMBER, 67: NUMBER, 69: NUMBER, 70: NUMBER },
}
/** They take something: CALLDATALOAD and BLOBHASH. */
const TAKES: ReadonlySet<number> = new Set([0x35, 0x49])

/** The loop as a WebAssembly module; null: it does what such a module cannot, or is too long. */
export function loopModule(
  { code, fork, trail, gas, steps }: LoopPath,
  isNumber: (at: number) => boolean,
): LoopModule | null {
  const writer = new LoopWriter(gas, steps, isNumber)
  const first = trail[0] as number
  for (const [i, pc] of trail.entries()) {
    const op = code.padded[pc] as number
    const next = trail[i + 1] ?? first
    const fee = fork.fees[op] as number
    if (!writeOpcode(writer, code, { pc, op, fee, next })) return null
    writer.spent += fee
  }
  return writer.close(first) ? writer.module() : null
}

type Step = {
  readonly pc: number
  readonly op: number
  readonly fee: number
  readonly next: number
}

function writeOpcode(writer: LoopWriter, code: Bytecode, step: Step): boolean {
  const { pc, op } = step
  if (op === JUMPDEST) return true
  if (op === 0x56) return writer.pop() !== null
  if (op === 0x57) return writeJump(writer, step)
  if (pushedBytes(op) > 0) writer.push(known(BigInt(code.pushed(pc))))
  else if (op === 0x5f) writer.push(known(0n))
  else if (op === 0x58) writer.push(known(BigInt(pc)))
  else if (op === 0x38) writer.push(known(BigInt(code.bytes.length)))
  else if (op >= 0x80 && op <= 0x8f) writer.push(writer.peek(op - 0x7f))
  else if (op >= 0x90 && op <= 0x9f) writer.swap(op - 0x8e)
  else if (op === 0x50) writer.pop()
  else if (op === 0x59) writer.memorySize()
  else if (op === 0x5a) writer.remainingGas(step.fee)
  else if (op >= 0x51 && op <= 0x53) return writeMemory(writer, step)
  else if (op === 0x20) return writeHash(writer, pc)
  else if (isConstant(op) && !TAKES.has(op)) writer.constant(op, BOUNDS[op] ?? WORD)
  else return writeOperation(writer, op)
  return true
}

function writeJump(writer: LoopWriter, { pc, fee, next }: Step): boolean {
  const target = constantOf(writer.pop())
  const condition = writer.pop()
  if (target === null) return false
  if (constantOf(condition) !== null) return true
  const isTaken = next !== pc + 1
  const isZero = i64.isZero(codeOf(writer.limbs.any(condition.limbs)))
  const spent = writer.spent + fee
  if (isTaken) writer.leaveIf(isZero, pc + 1, spent)
  else writer.leaveIf(i32.isZero(isZero), Number(target), spent)
  return true
}

/** Known, and no more than memory can be, or not known. */
const isNear = (value: Value): boolean => (constantOf(value) ?? 0n) <= MOST_OFFSET

function writeMemory(writer: LoopWriter, { pc, op }: Step): boolean {
  const at = writer.peek(1)
  if (op !== 0x51) writer.peek(2)
  if (!isNear(at)) return false
  writer.reserve(pc, at, known(op === 0x53 ? 1n : 32n), null)
  const place = writer.pop()
  if (op === 0x51) writer.load(place)
  else if (op === 0x52) writer.store(place, writer.pop())
  else writer.storeByte(place, writer.pop())
  return true
}

function writeHash(writer: LoopWriter, pc: number): boolean {
  const at = writer.peek(1)
  const length = writer.peek(2)
  if (!isNear(at) || !isNear(length)) return false
  writer.reserve(pc, at, length, feeOf(length))
  const place = writer.pop()
  writer.hash(place, writer.pop())
  return true
}

function feeOf(length: Value): Code {
  const words = (limb: Limb): Code =>
    i64.shiftRight(i64.add(codeOf(limb), i64.constant(31n)), i64.constant(5n))
  return i64.multiply(words(length.limbs[0] as Limb), i64.constant(KECCAK_WORD_GAS))
}

/** Arithmetic, comparisons and bits. */
function writeOperation(writer: LoopWriter, op: number): boolean {
  const operation = WORD_OPERATIONS[op]
  const row = wordFunction(op)
  if (operation === undefined || row === null) return false
  const operands = Array.from({ length: row.count }, () => writer.pop())
  const values = operands.flatMap((operand) => {
    const value = constantOf(operand)
    return value === null ? [] : [wordOfBigint(value)]
  })
  const isKnown = values.length === operands.length
  const result = isKnown
    ? known(BigInt(row.compute(...values)))
    : operation(writer.limbs, operands, kitNumber)
  if (result === null) return false
  writer.push(result)
  return true
}
