import type {
  CallTrace,
  PrestateTrace,
  StructLog,
  StructTrace,
  TracedAccount,
} from '../../core/chain/trace.ts'
import { unreachable } from '../../core/primitives/assert.ts'
import type { Trace } from '../inspection.ts'
import { revertReasonOf } from '../revertReason.ts'
import { data, quantity } from './hex.ts'

/** As geth's tracers write it, members in their order. */
export function traceOf(trace: Trace): unknown {
  switch (trace.kind) {
    case 'struct':
      return structTraceOf(trace.trace)
    case 'call':
      return callTraceOf(trace.trace)
    case 'prestate':
      return prestateOf(trace.trace)
    case 'fourByte':
      return trace.trace
    case 'noop':
      return {}
    default:
      return unreachable(trace)
  }
}

const structTraceOf = ({ gas, failed, returnValue, structLogs }: StructTrace) => ({
  gas,
  failed,
  returnValue: data(returnValue),
  structLogs: structLogs.map(structLogOf),
})

const structLogOf = (log: StructLog) => ({
  pc: log.pc,
  op: log.op,
  gas: log.gas,
  gasCost: log.gasCost,
  depth: log.depth,
  ...(log.error === null ? {} : { error: log.error }),
  ...(log.stack === null ? {} : { stack: log.stack.map(quantity) }),
  ...(log.returnData === null || log.returnData.length === 0
    ? {}
    : { returnData: data(log.returnData) }),
  ...(log.memory === null || log.memory.length === 0 ? {} : { memory: wordsOf(log.memory) }),
  ...(log.storage === null || log.storage.size === 0 ? {} : { storage: slotsOf(log.storage) }),
  ...(log.refund === 0 ? {} : { refund: log.refund }),
})

/** The EVM's memory grows by whole words. */
function wordsOf(memory: Uint8Array): string[] {
  const words: string[] = []
  for (let at = 0; at < memory.length; at += 32) words.push(data(memory.subarray(at, at + 32)))
  return words
}

const slotsOf = (slots: ReadonlyMap<string, string>): Record<string, string> =>
  Object.fromEntries(
    [...slots]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([slot, value]) => [`0x${slot}`, `0x${value}`]),
  )

function callTraceOf(frame: CallTrace): object {
  const { output, error, isReverted, to, value, calls, logs } = frame
  const reason = isReverted && output !== null ? revertReasonOf(output) : null
  return {
    from: data(frame.from),
    gas: quantity(frame.gas),
    gasUsed: quantity(frame.gasUsed),
    ...(to === null ? {} : { to: data(to) }),
    input: data(frame.input),
    ...(output === null ? {} : { output: data(output) }),
    ...(error === null ? {} : { error }),
    ...(reason === null ? {} : { revertReason: reason }),
    ...(calls.length === 0 ? {} : { calls: calls.map(callTraceOf) }),
    ...(logs.length === 0 ? {} : { logs: logs.map(callLogOf) }),
    ...(value === null ? {} : { value: quantity(value) }),
    type: frame.kind,
  }
}

const callLogOf = ({
  address,
  topics,
  data: bytes,
  index,
  position,
}: CallTrace['logs'][number]) => ({
  address: data(address),
  topics: topics.map(data),
  data: data(bytes),
  index: quantity(index),
  position: quantity(position),
})

const prestateOf = ({ pre, post }: PrestateTrace) =>
  post === null ? accountsOf(pre) : { post: accountsOf(post), pre: accountsOf(pre) }

const accountsOf = (accounts: ReadonlyMap<string, TracedAccount>) =>
  Object.fromEntries(
    [...accounts].map(([address, account]) => [`0x${address}`, accountOf(account)]),
  )

const accountOf = ({ balance, code, codeHash, nonce, storage }: TracedAccount) => ({
  ...(balance === null ? {} : { balance: quantity(balance) }),
  ...(code === null || code.length === 0 ? {} : { code: data(code) }),
  ...(codeHash === null ? {} : { codeHash: data(codeHash) }),
  ...(nonce === 0 ? {} : { nonce }),
  ...(storage.size === 0 ? {} : { storage: slotsOf(storage) }),
})
