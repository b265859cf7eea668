import { loadWord, storeWord, type Word, wordAt } from '../state/word.ts'
import { isConstant, JUMPDEST, pushedBytes } from './blocks.ts'
import type { Code } from './code.ts'
import type { Fork } from './fork.ts'
import type { Handler } from './handler.ts'
import { hotLoop } from './hotLoop.ts'
import type { HotPath, PathFunction } from './hotPath.ts'
import { COMPILED } from './hotPath.ts'
import { operate, WORD_FUNCTIONS } from './pathOperations.ts'
import { type Item, literal, PathWriter } from './pathWriter.ts'

/** A path is no longer than this, and a shorter one is not worth a call. */
const MOST_OPCODES = 300
/** Bounds the source: each exit has a line for every item that the stack does not hold yet. */
const MOST_WRITTEN = 1_500
const LEAST_OPCODES = 6

const loadInput = (input: Uint8Array, at: Word): Word =>
  at >= input.length ? 0 : wordAt(input, Number(at))

/** What a path's source may name. */
const NAMES = { ...WORD_FUNCTIONS, loadWord, storeWord, loadInput }

/** False where the program has been started without it: everything is then the interpreter's. */
const canCompile = ((): boolean => {
  try {
    return new Function('return true')()
  } catch {
    return false
  }
})()

/** The path that begins at a hot block, or null if it is not worth it. */
export function compilePath(
  code: Code,
  from: number,
  fork: Fork,
  handlers: readonly (Handler | undefined)[],
): HotPath | null {
  if (!canCompile) return null
  const writer = new PathWriter(fork)
  const trail = writePath(writer, code, from)
  if (writer.opcodes < LEAST_OPCODES) return null
  const names = Object.keys(NAMES)
  const body = `return function (vm, frame, stack, sp) {
let { view } = vm
let { size } = frame
const { base } = frame
${writer.source()}
}`
  // The source is made of the templates beside this file and of numbers.
  const make = new Function(...names, 'handlers', `'use strict'\n${body}`)
  const run: PathFunction = make(...Object.values(NAMES), handlers)
  const path = {
    ...{ gas: writer.gas, items: writer.least, growth: writer.growth, steps: writer.steps },
    ...{ run, exits: writer.exits(), isLoop: writer.isLoop },
  }
  if (!path.isLoop) return path
  const { gas, steps } = writer
  return hotLoop(path, { code, fork, trail, gas, steps }, handlers)
}

/** Follows the code from a block along the hottest way; returns where it came by. */
function writePath(writer: PathWriter, code: Code, from: number): readonly number[] {
  const { padded } = code
  const trail: number[] = []
  const visited = new Set<number>()
  let pc = from
  for (;;) {
    const op = padded[pc] as number
    if (op === JUMPDEST || pc === from) {
      if (pc === from && writer.opcodes > 0) {
        writer.close(pc)
        return trail
      }
      if (visited.has(pc) || (pc !== from && isLoop(code, pc))) break
      visited.add(pc)
    }
    if (writer.opcodes >= MOST_OPCODES || writer.written >= MOST_WRITTEN) break
    trail.push(pc)
    const next = op === 0x56 || op === 0x57 ? writeJump(writer, code, pc) : null
    if (next !== null) {
      if (next < 0) break
      pc = next
      writer.steps++
    } else if (pushedBytes(op) > 0) {
      writer.demand(op)
      writer.push(literal(code.pushed(pc)))
      pc += pushedBytes(op) + 1
    } else if (writeOpcode(writer, code, pc, op)) pc++
    else break
  }
  writer.line(writer.exit(pc, writer.gas))
  return trail
}

/** False: the path ends before it. */
function writeOpcode(writer: PathWriter, code: Code, pc: number, op: number): boolean {
  if (op === JUMPDEST) writer.demand(op)
  else if (op >= 0x80 && op <= 0x8f) {
    writer.demand(op)
    writer.duplicate(op - 0x7f)
  } else if (op >= 0x90 && op <= 0x9f) {
    writer.demand(op)
    writer.swap(op - 0x8e)
  } else if (op === 0x58 || op === 0x5f || op === 0x38) {
    writer.demand(op)
    writer.push(literal(op === 0x58 ? pc : op === 0x5f ? 0 : code.bytes.length))
  } else if (op === 0x50) {
    writer.demand(op)
    writer.pop()
  } else if (op >= 0x51 && op <= 0x53) return writeMemory(writer, op, pc)
  else if (isConstant(op)) writeConstant(writer, op)
  else if (op === 0x5a) {
    writer.demand(op)
    writer.define(`frame.gas + ${writer.rest()}`, true)
  } else if (RETURNS.has(op)) writer.handled(op, pc)
  else return operate(writer, op)
  return true
}

/** Their handlers come back to the same frame, or have ended it. */
const RETURNS: ReadonlySet<number> = new Set([
  ...[0x0a, 0x20, 0x31, 0x37, 0x39, 0x3b, 0x3c, 0x3e, 0x3f, 0x40, 0x54, 0x55, 0x5c, 0x5d, 0x5e],
  ...[0xa0, 0xa1, 0xa2, 0xa3, 0xa4],
])

const FRAME_WORDS: Readonly<Record<number, readonly [string, boolean]>> = {
  48: ['frame.self.word', false],
  51: ['frame.caller.word', false],
  52: ['frame.value', false],
  54: ['frame.input.length', true],
  61: ['frame.returned.length', true],
}

function writeConstant(writer: PathWriter, op: number): void {
  const word = FRAME_WORDS[op]
  if (op !== 0x35 && word === undefined) {
    writer.constant(op)
    return
  }
  writer.demand(op)
  if (word !== undefined) writer.define(...word)
  else writer.define(`loadInput(frame.input, ${writer.pop().text})`)
}

/** MLOAD, MSTORE, MSTORE8. What cannot pay for its memory leaves before the opcode, which then fails by itself. */
function writeMemory(writer: PathWriter, op: number, pc: number): boolean {
  const spent = writer.gas
  const length = op === 0x53 ? 1 : 32
  const least = op === 0x51 ? 1 : 2
  const reached: Item[] = []
  while (reached.length < least) reached.push(writer.pop())
  for (const item of [...reached].reverse()) writer.push(item)
  const [at, word] = reached as [Item, Item | undefined]
  if (typeof at.value === 'bigint') return false
  const leave = writer.exit(pc, spent)
  writer.demand(op)
  for (const _ of reached) writer.pop()
  writer.reserve(at, length, leave)
  const start = `view, base + ${at.text}`
  if (op === 0x51) writer.define(`loadWord(${start})`)
  else if (op === 0x52) writer.line(`storeWord(${start}, ${word?.text})`)
  else writer.line(`view.setUint8(base + ${at.text}, byte(31, ${word?.text}))`)
  return true
}

/** Where the path goes on; below zero: it ends before the jump. */
function writeJump(writer: PathWriter, code: Code, pc: number): number {
  const op = code.padded[pc] as number
  const target = writer.pop()
  const { value } = target
  const isKnown = typeof value === 'number' && code.jumps[value] === 1
  if (!isKnown) {
    writer.push(target)
    return -1
  }
  if (op === 0x56) {
    writer.push(target)
    writer.demand(op)
    writer.pop()
    return value
  }
  const condition = writer.pop()
  writer.push(condition)
  writer.push(target)
  writer.demand(op)
  writer.pop()
  writer.pop()
  const isTaken = heatOf(code, value) > heatOf(code, pc + 1)
  const [next, other] = isTaken ? [value, pc + 1] : [pc + 1, value]
  if (condition.value !== null) return condition.value === 0 ? pc + 1 : value
  const leaves = `${condition.text} ${isTaken ? '===' : '!=='} 0`
  writer.line(`if (${leaves}) ${writer.exit(other, writer.gas)}`)
  return next
}

const isLoop = ({ heat, paths }: Code, pc: number): boolean =>
  paths[(heat[pc] as number) - COMPILED]?.isLoop === true
const heatOf = (code: Code, pc: number): number => Math.min(code.heat[pc] as number, COMPILED)
