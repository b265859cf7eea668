import { type CrossMessage, crossMessageCodec } from '../chain/block.ts'
import { rejectedError } from '../host/abi.ts'
import type { SystemOutcome, SystemTransaction } from '../host/corePort.ts'
import type { EngineHost } from '../host/engineHost.ts'
import { engineAt } from '../host/precompile.ts'
import type { Registry } from '../host/registry.ts'
import type { Runtime } from '../host/runtime.ts'
import { assert } from '../primitives/assert.ts'
import { EMPTY_BYTES, equalBytes } from '../primitives/bytes.ts'
import { encode } from '../primitives/codec.ts'
import type { EvmCalls } from './evmCalls.ts'

function messengerOf(runtime: Runtime, registry: Registry): EngineHost | undefined {
  return registry.messenger === undefined ? undefined : runtime.hostOf(registry.messenger.engine)
}

/** What the next block's `payload.messages` must be, exactly. */
export function pendingMessages(runtime: Runtime, registry: Registry): readonly CrossMessage[] {
  const host = messengerOf(runtime, registry)
  return host === undefined ? [] : (registry.messenger?.pending(host.state) ?? [])
}

/** All that waits after the block, encoded, in order: what the queue root covers. */
export function queuedMessages(runtime: Runtime, registry: Registry): readonly Uint8Array[] {
  const host = messengerOf(runtime, registry)
  if (host === undefined) return []
  const queued = registry.messenger?.queued(host.state) ?? []
  return [...queued].map((message) => encode(crossMessageCodec, message))
}

/** The proposal was checked before: a block with other messages does not get here. */
export function assertPending(
  given: readonly CrossMessage[],
  pending: readonly CrossMessage[],
): void {
  const same = (message: CrossMessage, i: number): boolean => {
    const other = given[i]
    return (
      other !== undefined &&
      equalBytes(encode(crossMessageCodec, message), encode(crossMessageCodec, other))
    )
  }
  assert(
    given.length === pending.length && pending.every(same),
    'a block carries out exactly the pending messages',
  )
}

/**
 * Phase 2: runs the calls into Core in order, each on its own gas and each leaving its callback in
 * the queue; returns what the EVM must run, in order, and counts as arrived what that brings there.
 */
export function runMessages(
  runtime: Runtime,
  calls: EvmCalls,
  options: {
    readonly registry: Registry
    readonly messages: readonly CrossMessage[]
    readonly gasRatio: number
  },
): readonly SystemTransaction[] {
  const { registry, messages, gasRatio } = options
  const host = messengerOf(runtime, registry)
  const transactions: SystemTransaction[] = []
  for (const message of messages) {
    assert(host !== undefined, 'messages come with a messenger')
    const { nonce, source, target, mint, gasLimit, params } = message
    if (message.kind === 'toEvm') {
      transactions.push({ nonce, from: source, to: target, mint, gasLimit, data: params })
      continue
    }
    const result = calls.enter({
      engine: engineAt(target),
      caller: source,
      value: 0n,
      data: params,
      isStatic: false,
      gasLimit: Math.floor(gasLimit / gasRatio),
    })
    if (result.kind === 'success' && result.mark !== null) runtime.forget(result.mark)
    runtime.callInternal(host, 'called', {
      nonce,
      status: result.kind,
      returnData:
        result.kind === 'success'
          ? result.returnData
          : result.kind === 'revert'
            ? rejectedError(result.code)
            : EMPTY_BYTES,
    })
  }
  for (const { nonce } of transactions) {
    assert(host !== undefined, 'system transactions come with a messenger')
    runtime.callInternal(host, 'leaves', { nonce })
  }
  runtime.deliverPosts()
  return transactions
}

/** Takes in how the system transactions ended. One outcome for each, in their order. */
export function settleMessages(
  runtime: Runtime,
  options: {
    readonly registry: Registry
    readonly transactions: readonly SystemTransaction[]
    readonly outcomes: readonly SystemOutcome[]
  },
): void {
  const { registry, transactions, outcomes } = options
  const host = messengerOf(runtime, registry)
  assert(outcomes.length === transactions.length, 'every system transaction has an outcome')
  for (const [i, { nonce, status }] of outcomes.entries()) {
    assert(host !== undefined, 'system transactions come with a messenger')
    assert(nonce === transactions[i]?.nonce, 'outcomes come in the order of their transactions')
    runtime.callInternal(host, 'settled', { nonce, status })
  }
  runtime.deliverPosts()
}
