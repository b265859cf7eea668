import type { StructLog, StructTrace } from '../../core/chain/trace.ts'
import { fromHex, toHex } from '../../core/primitives/bytes.ts'
import type { TraceFrame, TraceStep } from '../tracer.ts'
import { forkOf } from '../vm/fork.ts'
import type { TraceBudget, TracedState, TransactionTracer } from './transactionTracer.ts'

export type StructLoggerOptions = {
  readonly enableMemory: boolean
  readonly disableStack: boolean
  readonly disableStorage: boolean
  readonly enableReturnData: boolean
  /** Most steps that are told; 0: all. */
  readonly limit: number
}

type OpenLog = { -readonly [K in keyof StructLog]: StructLog[K] }

const [SLOAD, SSTORE, RETURN, STOP, REVERT, CREATE, CREATE2] = [
  0x54, 0x55, 0xf3, 0x00, 0xfd, 0xf0, 0xf5,
]
/** The opcodes of which geth counts the price of a warm access as constant. */
const WARM_CONSTANT: ReadonlySet<number> = new Set([0x31, 0x3b, 0x3c, 0x3f, 0xf1, 0xf2, 0xf4, 0xfa])
/** Demands and fees of opcodes are the same in all forks that have them. */
const FORK = forkOf('osaka')
/** Of JSON around a step, and for each word. */
const STEP_BYTES = 80
const WORD_BYTES = 70

/** geth's default tracer (eth/tracers/logger). */
export function createStructLogger(
  options: StructLoggerOptions,
  budget: TraceBudget,
): TransactionTracer<StructTrace> {
  const logs: OpenLog[] = []
  const storage = new Map<string, Map<string, string>>()
  let state: TracedState | null = null
  /** The step told last: some of it is known only when the next thing happens. */
  let last: { readonly step: TraceStep; readonly log: OpenLog } | null = null
  function storageOf({ op, stack, address }: TraceStep): ReadonlyMap<string, string> | null {
    if (options.disableStorage || (op !== SLOAD && op !== SSTORE)) return null
    const [slot, value] = [stack.at(-1), stack.at(-2)]
    if (slot === undefined || (op === SSTORE && value === undefined)) return null
    const own = storage.get(toHex(address)) ?? new Map<string, string>()
    storage.set(toHex(address), own)
    const key = wordHex(slot)
    own.set(key, op === SSTORE ? wordHex(value ?? 0n) : loaded(state, address, key))
    return new Map(own)
  }
  return {
    tracer: {
      step(step) {
        // geth adds the refund of a store while it computes its price.
        if (last?.step.op === SSTORE && last.log.error === null) last.log.refund = step.refund
        last = null
        if (options.limit > 0 && logs.length >= options.limit) return
        const log = logOf(step, options, storageOf(step))
        budget.take(bytesOf(log))
        logs.push(log)
        last = { step, log }
      },
      enter({ gas, depth }: TraceFrame) {
        // What a creation gets is no part of its price.
        if (last === null || last.step.depth !== depth - 1) return
        if (last.step.op === CREATE || last.step.op === CREATE2) last.log.gasCost -= gas
        last = null
      },
    },
    start(_, traced) {
      logs.length = 0
      storage.clear()
      state = traced
      last = null
    },
    end: ({ gasUsed, error, returnData }) => ({
      gas: gasUsed,
      failed: error !== null,
      returnValue: returnData,
      structLogs: logs,
    }),
  }
}

function logOf(
  step: TraceStep,
  options: StructLoggerOptions,
  storage: ReadonlyMap<string, string> | null,
): OpenLog {
  return {
    pc: step.pc,
    op: step.name,
    gas: step.gas,
    gasCost: costOf(step),
    depth: step.depth,
    error: errorOf(step),
    refund: step.refund,
    stack: options.disableStack ? null : step.stack,
    memory: options.enableMemory ? step.memory.slice() : null,
    returnData: options.enableReturnData ? step.returnData : null,
    storage,
  }
}

/** What geth tells with the step: what stopped the opcode before it did anything. */
function errorOf({ op, stack, error }: TraceStep): string | null {
  switch (error) {
    case 'stack underflow':
      return `stack underflow (${stack.length} <=> ${FORK.least[op]})`
    case 'stack overflow':
      return `stack limit reached ${stack.length} (${FORK.most[op]})`
    case 'out of gas':
      return op === RETURN ? null : error
    default:
      return null
  }
}

function costOf(step: TraceStep): number {
  const { op, cost, error } = step
  if (error === 'stack underflow' || error === 'stack overflow')
    return WARM_CONSTANT.has(op) ? 100 : (FORK.fees[op] ?? 0)
  return op === STOP || op === RETURN || op === REVERT ? endingCost(step) : cost
}

/** Where a frame ends, what is taken from it after its last opcode is no part of that opcode's price. */
function endingCost({ op, stack, memory }: TraceStep): number {
  const [at = 0n, length = 0n] = [stack.at(-1), stack.at(-2)]
  if (op === STOP || length === 0n) return 0
  const [words, before] = [Math.ceil(Number(at + length) / 32), memory.length / 32]
  return words <= before ? 0 : memoryGas(words) - memoryGas(before)
}

/** Yellow Paper, C_mem. */
const memoryGas = (words: number): number => 3 * words + Math.floor((words * words) / 512)

const loaded = (state: TracedState | null, address: Uint8Array, slot: string): string =>
  toHex(state?.slot(address, fromHex(slot)) ?? new Uint8Array(0)).padStart(64, '0')

const wordHex = (word: bigint): string => word.toString(16).padStart(64, '0')

const bytesOf = ({ stack, memory, returnData, storage }: StructLog): number =>
  STEP_BYTES +
  WORD_BYTES * ((stack?.length ?? 0) / 2) +
  2 * ((memory?.length ?? 0) + (returnData?.length ?? 0)) +
  2 * WORD_BYTES * (storage?.size ?? 0)
