import { unreachable } from '../../core/primitives/assert.ts'
import {
  createCallTracer,
  createFourByteTracer,
  createPrestateTracer,
  createStructLogger,
  TraceBudget,
  type TransactionTracer,
} from '../../evm/index.ts'
import type { Trace, TracerChoice, Tracing } from '../../rpc/index.ts'

/** Makes a tracer for each transaction of one answer; together they hold at most so many bytes. */
export function tracingOf({ tracer, maxBytes }: Tracing): () => TransactionTracer<Trace> {
  const budget = new TraceBudget(maxBytes)
  return () => tracerOf(tracer, budget)
}

function tracerOf(choice: TracerChoice, budget: TraceBudget): TransactionTracer<Trace> {
  switch (choice.kind) {
    case 'struct':
      return mapped(createStructLogger(choice, budget), (trace) => ({ kind: 'struct', trace }))
    case 'call':
      return mapped(createCallTracer(choice, budget), (trace) => ({ kind: 'call', trace }))
    case 'prestate':
      return mapped(createPrestateTracer(choice, budget), (trace) => ({ kind: 'prestate', trace }))
    case 'fourByte':
      return mapped(createFourByteTracer(budget), (trace) => ({ kind: 'fourByte', trace }))
    case 'noop':
      return { tracer: {}, start: () => undefined, end: () => ({ kind: 'noop' }) }
    default:
      return unreachable(choice)
  }
}

const mapped = <T>(
  inner: TransactionTracer<T>,
  show: (trace: T) => Trace,
): TransactionTracer<Trace> => ({
  tracer: inner.tracer,
  start: (transaction, state) => inner.start(transaction, state),
  end: (outcome) => show(inner.end(outcome)),
})
