import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { loadWord, storeWord, type Word } from '../state/word.ts'
import {
  add,
  addmod,
  and,
  byte,
  clz,
  div,
  eq,
  lt,
  mod,
  mul,
  mulmod,
  not,
  or,
  sar,
  sdiv,
  shl,
  shr,
  signextend,
  slt,
  smod,
  sub,
  xor,
} from './arithmetic.ts'
import {
  feesFrom,
  GAS_BITS,
  GROWTH_SHIFT,
  JUMPDEST,
  MOST_GAS,
  MOST_ITEMS,
  STEP_OPCODE,
  stepsFor,
} from './blocks.ts'
import { ERROR } from './errors.ts'
import { STACK_LIMIT } from './fork.ts'
import { endFrame } from './frames.ts'
import type { Handler } from './handler.ts'
import { COMPILED, ENDED, type Exit, type HotPath } from './hotPath.ts'
import { callOperations } from './operations/callOperations.ts'
import { environmentOperations } from './operations/environmentOperations.ts'
import { storageOperations } from './operations/storageOperations.ts'
import { ExecutionStopped, type Vm } from './vm.ts'

/** Jumps and opcodes of other modules between two questions whether to go on. */
const STEPS_BETWEEN_CHECKS = 1_024
const MAX_SAFE = Number.MAX_SAFE_INTEGER
/** Numbers on which JavaScript's bit operations are those of the EVM. */
const MAX_INT = 0x7fff_ffff

const HANDLERS: readonly (Handler | undefined)[] = handlerTable()

function handlerTable(): readonly (Handler | undefined)[] {
  const table = new Array<Handler | undefined>(256).fill(undefined)
  for (const operations of [environmentOperations, storageOperations, callOperations]) {
    for (const [opcode, handler] of operations) table[opcode] = handler
  }
  return table
}

/**
 * Runs the machine's frame and all that come from it, until none is left. One function, because V8
 * keeps `pc`, `sp` and `gas` in registers only within one: as methods of a frame, with a table of
 * closures, the same opcodes took twice the time.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: the dispatch of a bytecode interpreter, one case an opcode
export function run(vm: Vm): void {
  const { stack, trace, fork } = vm
  const { demands } = fork
  const { hotAfter } = vm.options
  const hasClz = fork.names[0x1e] === 'CLZ'
  let steps = STEPS_BETWEEN_CHECKS
  for (let frame = vm.frame; frame !== null; frame = vm.frame) {
    const { floor, code, base } = frame
    const { padded, jumps, pushes, blocks, heat, paths } = code
    let { pc, sp, gas, size } = frame
    let { view } = vm
    let ops = padded
    /** A path was left at its first opcode, which is for the interpreter. */
    let isStuck = false
    let op = 0
    let error: string | null = null
    block: for (;;) {
      const warmth = heat[pc] as number
      if (warmth <= hotAfter) {
        if (warmth < hotAfter) heat[pc] = warmth + 1
        else if (trace === null) {
          vm.compile(code, pc, HANDLERS)
          continue
        }
      } else if (warmth >= COMPILED && !isStuck) {
        const path = paths[warmth - COMPILED] as HotPath
        const height = sp - floor
        if (
          gas >= path.gas &&
          height >= path.items &&
          height + path.growth <= STACK_LIMIT &&
          trace === null
        ) {
          frame.gas = gas - path.gas
          vm.steps = steps - path.steps
          const left = path.run(vm, frame, stack, sp)
          if (left === ENDED) break
          const exit = path.exits[left] as Exit
          pc = exit.pc
          sp += exit.change
          gas = frame.gas + exit.refund
          size = frame.size
          view = vm.view
          isStuck = exit.refund === path.gas
          steps = vm.steps
          if (steps <= 0) {
            steps = STEPS_BETWEEN_CHECKS
            check(vm)
          }
          continue
        }
      }
      isStuck = false
      const known = blocks[pc] as number
      const demand = known === 0 ? code.demand(pc, fork) : known
      const items = sp - floor
      if (
        gas >= (demand & MOST_GAS) &&
        items >= ((demand >> GAS_BITS) & MOST_ITEMS) &&
        items + (demand >>> GROWTH_SHIFT) <= STACK_LIMIT + 1 &&
        trace === null
      ) {
        gas -= demand & MOST_GAS
        ops = padded
        op = ops[pc] as number
        if (op === JUMPDEST) op = ops[++pc] as number
      } else {
        ops = stepsFor(padded.length)
        op = STEP_OPCODE
      }
      running: for (;;) {
        pc++
        if (op >= 0x5f && op <= 0x9f) {
          if (op >= 0x90) {
            const at = sp - op + 0x8f
            const kept = stack[sp] as Word
            stack[sp] = stack[at] as Word
            stack[at] = kept
          } else if (op >= 0x80) {
            const value = stack[sp - op + 0x80] as Word
            stack[++sp] = value
          } else if (op === 0x60) {
            stack[++sp] = padded[pc++] as number
          } else if (op === 0x61) {
            stack[++sp] = ((padded[pc] as number) << 8) | (padded[pc + 1] as number)
            pc += 2
          } else if (op === 0x5f) {
            stack[++sp] = 0
          } else {
            stack[++sp] = pushes[pc - 1] ?? code.pushed(pc - 1)
            pc += op - 0x5f
          }
          op = ops[pc] as number
          continue
        }
        switch (op) {
          case 0x01: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            const sum = typeof a === 'number' && typeof b === 'number' ? a + b : MAX_SAFE + 1
            stack[sp] = sum <= MAX_SAFE ? sum : add(a, b)
            break
          }
          case 0x02: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            const product = typeof a === 'number' && typeof b === 'number' ? a * b : MAX_SAFE + 1
            stack[sp] = product <= MAX_SAFE ? product : mul(a, b)
            break
          }
          case 0x03: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            stack[sp] = typeof a === 'number' && typeof b === 'number' && a >= b ? a - b : sub(a, b)
            break
          }
          case 0x04: {
            const a = stack[sp--] as Word
            stack[sp] = div(a, stack[sp] as Word)
            break
          }
          case 0x05: {
            const a = stack[sp--] as Word
            stack[sp] = sdiv(a, stack[sp] as Word)
            break
          }
          case 0x06: {
            const a = stack[sp--] as Word
            stack[sp] = mod(a, stack[sp] as Word)
            break
          }
          case 0x07: {
            const a = stack[sp--] as Word
            stack[sp] = smod(a, stack[sp] as Word)
            break
          }
          case 0x08:
            sp -= 2
            stack[sp] = addmod(stack[sp + 2] as Word, stack[sp + 1] as Word, stack[sp] as Word)
            break
          case 0x09:
            sp -= 2
            stack[sp] = mulmod(stack[sp + 2] as Word, stack[sp + 1] as Word, stack[sp] as Word)
            break
          case 0x0b: {
            const a = stack[sp--] as Word
            stack[sp] = signextend(a, stack[sp] as Word)
            break
          }
          case 0x10: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            stack[sp] = typeof a === 'number' && typeof b === 'number' ? (a < b ? 1 : 0) : lt(a, b)
            break
          }
          case 0x11: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            stack[sp] = typeof a === 'number' && typeof b === 'number' ? (a > b ? 1 : 0) : lt(b, a)
            break
          }
          case 0x12: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            stack[sp] = typeof a === 'number' && typeof b === 'number' ? (a < b ? 1 : 0) : slt(a, b)
            break
          }
          case 0x13: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            stack[sp] = typeof a === 'number' && typeof b === 'number' ? (a > b ? 1 : 0) : slt(b, a)
            break
          }
          case 0x14: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            stack[sp] =
              typeof a === 'number' && typeof b === 'number' ? (a === b ? 1 : 0) : eq(a, b)
            break
          }
          case 0x15:
            stack[sp] = stack[sp] === 0 ? 1 : 0
            break
          case 0x16: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            const isInt =
              typeof a === 'number' && typeof b === 'number' && a <= MAX_INT && b <= MAX_INT
            stack[sp] = isInt ? a & b : and(a, b)
            break
          }
          case 0x17: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            const isInt =
              typeof a === 'number' && typeof b === 'number' && a <= MAX_INT && b <= MAX_INT
            stack[sp] = isInt ? a | b : or(a, b)
            break
          }
          case 0x18: {
            const a = stack[sp--] as Word
            const b = stack[sp] as Word
            const isInt =
              typeof a === 'number' && typeof b === 'number' && a <= MAX_INT && b <= MAX_INT
            stack[sp] = isInt ? a ^ b : xor(a, b)
            break
          }
          case 0x19:
            stack[sp] = not(stack[sp] as Word)
            break
          case 0x1a: {
            const a = stack[sp--] as Word
            stack[sp] = byte(a, stack[sp] as Word)
            break
          }
          case 0x1b: {
            const a = stack[sp--] as Word
            stack[sp] = shl(a, stack[sp] as Word)
            break
          }
          case 0x1c: {
            const a = stack[sp--] as Word
            stack[sp] = shr(a, stack[sp] as Word)
            break
          }
          case 0x1d: {
            const a = stack[sp--] as Word
            stack[sp] = sar(a, stack[sp] as Word)
            break
          }
          case 0x50:
            sp--
            break
          case 0x51: {
            const at = stack[sp] as Word
            if (typeof at !== 'number' || at + 32 > size) {
              frame.gas = gas
              if (!vm.reserve(frame, at, 32)) {
                if (ops === padded) {
                  gas += feesFrom(padded, --pc, fork)
                  ops = stepsFor(padded.length)
                  op = STEP_OPCODE
                  continue running
                }
                error = ERROR.outOfGas
                break block
              }
              gas = frame.gas
              size = frame.size
              view = vm.view
            }
            stack[sp] = loadWord(view, base + Number(at))
            break
          }
          case 0x52: {
            const at = stack[sp--] as Word
            if (typeof at !== 'number' || at + 32 > size) {
              frame.gas = gas
              if (!vm.reserve(frame, at, 32)) {
                if (ops === padded) {
                  gas += feesFrom(padded, --pc, fork)
                  sp++
                  ops = stepsFor(padded.length)
                  op = STEP_OPCODE
                  continue running
                }
                error = ERROR.outOfGas
                break block
              }
              gas = frame.gas
              size = frame.size
              view = vm.view
            }
            storeWord(view, base + Number(at), stack[sp--] as Word)
            break
          }
          case 0x53: {
            const at = stack[sp--] as Word
            frame.gas = gas
            if (!vm.reserve(frame, at, 1)) {
              if (ops === padded) {
                gas += feesFrom(padded, --pc, fork)
                sp++
                ops = stepsFor(padded.length)
                op = STEP_OPCODE
                continue running
              }
              error = ERROR.outOfGas
              break block
            }
            gas = frame.gas
            size = frame.size
            view = vm.view
            const value = stack[sp--] as Word
            const low = typeof value === 'number' ? value % 256 : Number(value & 0xffn)
            view.setUint8(base + Number(at), low)
            break
          }
          case 0x56: {
            const target = stack[sp--] as Word
            if (typeof target !== 'number' || jumps[target] !== 1) {
              error = ERROR.invalidJump
              break block
            }
            pc = target
            if (--steps <= 0) {
              steps = STEPS_BETWEEN_CHECKS
              check(vm)
            }
            continue block
          }
          case 0x57: {
            const target = stack[sp--] as Word
            if (stack[sp--] === 0) continue block
            if (typeof target !== 'number' || jumps[target] !== 1) {
              error = ERROR.invalidJump
              break block
            }
            pc = target
            if (--steps <= 0) {
              steps = STEPS_BETWEEN_CHECKS
              check(vm)
            }
            continue block
          }
          case 0x58:
            stack[++sp] = pc - 1
            break
          case 0x59:
            stack[++sp] = size
            break
          case 0x5a:
            stack[++sp] = gas
            continue block
          case 0x5b:
            if (ops !== padded) break
            pc--
            continue block
          case 0x00:
            frame.gas = gas
            endFrame(vm, frame, null, EMPTY_BYTES)
            break block
          case 0x30:
          case 0x32:
          case 0x33:
          case 0x34:
          case 0x35:
          case 0x36:
          case 0x38:
          case 0x3a:
          case 0x3d:
          case 0x41:
          case 0x42:
          case 0x43:
          case 0x44:
          case 0x45:
          case 0x46:
          case 0x47:
          case 0x48:
          case 0x49:
          case 0x4a:
            frame.sp = sp
            HANDLERS[op]?.(vm, frame)
            sp = frame.sp
            break
          default: {
            frame.pc = pc
            frame.sp = sp
            frame.gas = gas
            if (--steps <= 0) {
              steps = STEPS_BETWEEN_CHECKS
              check(vm)
            }
            const handler = HANDLERS[op]
            if (handler !== undefined) {
              if (!handler(vm, frame)) break block
              sp = frame.sp
              gas = frame.gas
              size = frame.size
              view = vm.view
              continue block
            }
            if (op === 0x1e && hasClz) {
              stack[sp] = clz(stack[sp] as Word)
              continue block
            }
            if (op === STEP_OPCODE && ops !== padded) {
              frame.pc = --pc
              trace?.step(frame)
              op = padded[pc] as number
              const fee = demands[op] as number
              const held = sp - floor
              if (held < ((fee >> 16) & 0xff)) {
                error = ERROR.stackUnderflow
                break block
              }
              if (held + (fee >> 24) > STACK_LIMIT) {
                error = ERROR.stackOverflow
                break block
              }
              gas -= fee & 0xffff
              if (gas < 0) {
                error = ERROR.outOfGas
                break block
              }
              if (op !== STEP_OPCODE) continue running
              pc++
            }
            error = ERROR.invalidOpcode
            break block
          }
        }
        op = ops[pc] as number
      }
    }
    if (error !== null) {
      frame.gas = gas
      vm.trace?.flush(error)
      vm.fault = { op, items: sp - floor }
      endFrame(vm, frame, error, EMPTY_BYTES)
    }
  }
}

/** May throw through everything: the run is over and its state thrown away. */
function check(vm: Vm): void {
  if (vm.options.guard.shouldStop?.() === true) throw new ExecutionStopped()
}
