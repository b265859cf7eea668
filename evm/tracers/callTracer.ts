import type { CallLog, CallTrace } from '../../core/chain/trace.ts'
import { assert } from '../../core/primitives/assert.ts'
import { gethError } from '../gethError.ts'
import type { TraceResult } from '../tracer.ts'
import type { TraceBudget, TransactionTracer } from './transactionTracer.ts'

export type CallTracerOptions = { readonly onlyTopCall: boolean; readonly withLog: boolean }

type OpenFrame = { -readonly [K in keyof CallTrace]: CallTrace[K] } & {
  readonly calls: CallTrace[]
  logs: CallLog[]
}

/** Of JSON around the bytes of a frame or log. */
const FRAME_BYTES = 300
const LOG_BYTES = 400

/** geth's callTracer (eth/tracers/native/call.go). */
export function createCallTracer(
  { onlyTopCall, withLog }: CallTracerOptions,
  budget: TraceBudget,
): TransactionTracer<CallTrace> {
  const open: OpenFrame[] = []
  let gasLimit = 0
  let logs = 0
  const isSeen = (depth: number): boolean => !onlyTopCall || depth === 1
  return {
    tracer: {
      enter({ kind, from, to, value, gas, input, depth }) {
        if (!isSeen(depth)) return
        budget.take(FRAME_BYTES + 2 * input.length)
        open.push({
          ...{ kind, from, to, gasUsed: 0, output: null, error: null, isReverted: false },
          value: kind === 'STATICCALL' ? null : value,
          gas: depth === 1 ? gasLimit : gas,
          input: input.slice(),
          calls: [],
          logs: [],
        })
      },
      exit({ depth, gasUsed, error, fault, output }) {
        if (!isSeen(depth)) return
        const frame = open.at(-1)
        assert(frame !== undefined, 'a frame is entered before it is left')
        frame.gasUsed = gasUsed
        budget.take(2 * output.length)
        finish(frame, { error, fault, output })
        if (open.length === 1) return
        open.pop()
        open.at(-1)?.calls.push(frame)
      },
      log({ address, topics, data, depth }) {
        const index = logs++
        const frame = open.at(-1)
        if (!withLog || !isSeen(depth) || frame === undefined) return
        budget.take(LOG_BYTES + 2 * data.length)
        const position = frame.calls.length
        frame.logs.push({ address, topics: [...topics], data: data.slice(), index, position })
      },
    },
    start(transaction) {
      open.length = 0
      logs = 0
      gasLimit = transaction.gasLimit
    },
    end({ gasUsed }) {
      const [frame] = open
      assert(frame !== undefined && open.length === 1, 'a transaction is one frame')
      frame.gasUsed = gasUsed
      return withoutFailedLogs(frame, false)
    },
  }
}

function finish(
  frame: OpenFrame,
  { error, fault, output }: Pick<TraceResult, 'error' | 'fault' | 'output'>,
): void {
  if (error === null) {
    frame.output = output.length === 0 ? null : output.slice()
    return
  }
  frame.error = gethError(error, fault)
  frame.isReverted = error === 'revert'
  if (frame.kind === 'CREATE' || frame.kind === 'CREATE2') frame.to = null
  if (frame.isReverted && output.length > 0) frame.output = output.slice()
}

/** What failed, or is below what failed, left no logs. */
function withoutFailedLogs(frame: CallTrace, isBelow: boolean): CallTrace {
  const isFailed = isBelow || frame.error !== null
  return {
    ...frame,
    logs: isFailed ? [] : frame.logs,
    calls: frame.calls.map((call) => withoutFailedLogs(call, isFailed)),
  }
}
