import { isReserved } from '../../core/host/precompile.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import type { TraceBudget, TransactionTracer } from './transactionTracer.ts'

const CALLS: ReadonlySet<string> = new Set(['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL'])
const ENTRY_BYTES = 40

/** How often each function was called, by `0xselector-bytes of arguments` (geth's 4byteTracer). */
export type FourByteTrace = Readonly<Record<string, number>>

export function createFourByteTracer(budget: TraceBudget): TransactionTracer<FourByteTrace> {
  const counts = new Map<string, number>()
  return {
    tracer: {
      enter({ kind, to, input, depth }) {
        if (input.length < 4) return
        // geth leaves out precompiles below the transaction's own call.
        if (depth > 1 && (!CALLS.has(kind) || isReserved(to))) return
        const key = `0x${toHex(input.subarray(0, 4))}-${input.length - 4}`
        if (!counts.has(key)) budget.take(ENTRY_BYTES)
        counts.set(key, (counts.get(key) ?? 0) + 1)
      },
    },
    start: () => counts.clear(),
    end: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}
