import type { CallRequest } from '../backend.ts'
import { type Deadline, deadlineIn } from '../deadline.ts'
import { data } from '../format/hex.ts'
import { traceOf } from '../format/trace.ts'
import type { RawBlock } from '../inspection.ts'
import { type Call, heavy, type MethodModules, type MethodTable, method } from '../method.ts'
import { fail, type Outcome } from '../outcome.ts'
import {
  type BlockParameter,
  blockNumber,
  blockReference,
  existingHeightOf,
  heightOf,
  LATEST,
} from '../params/block.ts'
import { callMessage } from '../params/call.ts'
import { hash } from '../params/hex.ts'
import { blockOverrides, NO_BLOCK_OVERRIDES, stateOverrides } from '../params/overrides.ts'
import { MemberReader, membersOf, optional, type Parser, required } from '../params/parameter.ts'
import { DEFAULT_TRACE, type TraceConfig, traceConfig } from '../params/traceConfig.ts'

/** What transactions did, step by step, and blocks as their bytes. */
export function debugMethods(modules: MethodModules): MethodTable {
  const { backend } = modules
  const config = optional(traceConfig, DEFAULT_TRACE)
  const message = required(callMessage(backend.identity.chainId))
  const byNumber = required(blockNumber)
  const byHash = required(hash)
  return {
    debug_traceTransaction: heavy(
      method([byHash, config], (call, wanted, how) => traceTransaction(modules, call, wanted, how)),
    ),
    debug_traceBlockByNumber: heavy(
      method([byNumber, config], (call, at, how) => traceBlock(modules, call, at, how)),
    ),
    debug_traceBlockByHash: heavy(
      method([byHash, config], (call, wanted, how) =>
        traceBlock(modules, call, { kind: 'hash', hash: wanted }, how),
      ),
    ),
    debug_traceCall: heavy(
      method(
        [message, optional(blockReference, LATEST), optional(callConfig, DEFAULT_CALL)],
        async (call, wanted, at, how) => {
          const height = existingHeightOf(backend, at)
          if (!height.ok) return height
          const request: CallRequest = {
            ...{ message: wanted, height: height.value, deadline: deadlineOf(call, how) },
            ...{ stateOverrides: how.stateOverrides, blockOverrides: how.blockOverrides },
          }
          const maxBytes = modules.options.limits.traceBytes
          const traced = await backend.inspection.traceCall(request, {
            tracer: how.tracer,
            maxBytes,
          })
          return traced.ok ? { ok: true, value: traceOf(traced.value) } : traced
        },
      ),
    ),
    debug_getRawHeader: raw(modules, ({ header }) => data(header)),
    debug_getRawBlock: raw(modules, ({ block }) => data(block)),
    debug_getRawReceipts: raw(modules, ({ receipts }) => receipts.map(data)),
    debug_getRawTransaction: method([byHash], (_, wanted) => {
      const place = backend.location(wanted)
      const found = place === null ? null : backend.block(place.height)?.transactions[place.index]
      return { ok: true, value: data(found?.bytes ?? new Uint8Array(0)) }
    }),
    // A block that breaks a rule is refused before it is one.
    debug_getBadBlocks: method([], () => ({ ok: true, value: [] })),
  }
}

type CallConfig = TraceConfig & Pick<CallRequest, 'stateOverrides' | 'blockOverrides'>

const DEFAULT_CALL: CallConfig = {
  ...DEFAULT_TRACE,
  stateOverrides: [],
  blockOverrides: NO_BLOCK_OVERRIDES,
}

/** geth's TraceCallConfig. */
const callConfig: Parser<CallConfig> = (json) => {
  const config = traceConfig(json)
  const members = membersOf(json)
  if (!config.ok) return config
  if (!members.ok) return members
  const reader = new MemberReader(members.value)
  return reader.finish({
    ...config.value,
    stateOverrides: reader.read('stateOverrides', stateOverrides, []),
    blockOverrides: reader.read('blockOverrides', blockOverrides, NO_BLOCK_OVERRIDES),
  })
}

function deadlineOf({ deadline }: Call, { timeoutMs }: TraceConfig): Deadline {
  const own = timeoutMs === null ? deadline : deadlineIn(timeoutMs)
  return own.atMs < deadline.atMs ? own : deadline
}

async function traceTransaction(
  { backend, options }: MethodModules,
  call: Call,
  wanted: Uint8Array,
  how: TraceConfig,
): Promise<Outcome<unknown>> {
  const place = backend.location(wanted)
  if (place === null) return fail({ code: 'TRANSACTION_NOT_FOUND' })
  const traced = await backend.inspection.traceTransactions({
    ...place,
    tracer: how.tracer,
    maxBytes: options.limits.traceBytes,
    deadline: deadlineOf(call, how),
  })
  if (!traced.ok) return traced
  const [trace] = traced.value
  return trace === undefined
    ? fail({ code: 'TRANSACTION_NOT_FOUND' })
    : { ok: true, value: traceOf(trace) }
}

async function traceBlock(
  { backend, options }: MethodModules,
  call: Call,
  at: BlockParameter,
  how: TraceConfig,
): Promise<Outcome<unknown>> {
  const height = heightOf(backend, at)
  if (height === null) return fail({ code: 'TRACED_BLOCK_NOT_FOUND', block: nameOf(at) })
  if (height === 0) return fail({ code: 'GENESIS_NOT_TRACEABLE' })
  const traced = await backend.inspection.traceTransactions({
    ...{ height, index: null, tracer: how.tracer },
    maxBytes: options.limits.traceBytes,
    deadline: deadlineOf(call, how),
  })
  const transactions = backend.block(height)?.transactions ?? []
  return traced.ok
    ? {
        ok: true,
        value: traced.value.map((trace, i) => ({
          txHash: data(transactions[i]?.hash ?? new Uint8Array(32)),
          result: traceOf(trace),
        })),
      }
    : traced
}

function nameOf(at: BlockParameter): string {
  if (at.kind === 'hash') return data(at.hash)
  return at.kind === 'number' ? `#${at.number}` : at.kind
}

const raw = ({ backend }: MethodModules, show: (block: RawBlock) => unknown) =>
  method([required(blockReference)], (_, at) => {
    const height = existingHeightOf(backend, at)
    if (!height.ok) return height
    const block = backend.inspection.rawBlock(height.value)
    return block === null ? fail({ code: 'HISTORY_PRUNED' }) : { ok: true, value: show(block) }
  })
