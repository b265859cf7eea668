import { type ActionReceipt, actionReceiptCodec, receiptsRoom } from '../chain/action.ts'
import { coreRootOf, queueRootOf } from '../chain/roots.ts'
import type { ValidatorSet } from '../chain/validatorSet.ts'
import { checkValidatorTarget } from '../chain/validatorUpdates.ts'
import type { SystemOutcome, SystemTransaction } from '../host/corePort.ts'
import { EventLog } from '../host/eventLog.ts'
import type { Registry } from '../host/registry.ts'
import type { ReplayCall, ReplayRecord } from '../host/replay.ts'
import type { EngineRunner } from '../host/runner.ts'
import type { Runtime } from '../host/runtime.ts'
import { assert } from '../primitives/assert.ts'
import { Writer } from '../primitives/codec.ts'
import { NexusError } from '../primitives/errors.ts'
import { DOMAIN, hash } from '../primitives/hash.ts'
import { checkConservation, nativeInEvm } from './conservation.ts'
import { brokenConstraints } from './constraints.ts'
import { runActions } from './corePhase.ts'
import type { EvmCalls } from './evmCalls.ts'
import {
  assertPending,
  pendingMessages,
  queuedMessages,
  runMessages,
  settleMessages,
} from './messages.ts'
import type {
  ActionInput,
  BlockInput,
  CoreBlockResult,
  CoreParams,
  EvmTotals,
  PhaseTimings,
} from './types.ts'

/** Where a block is. `running`: its actions are on their way; nothing may be asked meanwhile. `failed`: only to be discarded. */
type Stage = 'idle' | 'begun' | 'running' | 'open' | 'finished' | 'failed'

type Parts = {
  readonly registry: Registry
  readonly params: CoreParams
  readonly runtime: Runtime
  readonly calls: EvmCalls
  readonly runner: EngineRunner
  readonly now: () => number
}

/** The block under way. */
type Block = {
  readonly mark: number
  readonly actions: readonly ActionInput[]
  readonly nativeBefore: bigint
  readonly events: EventLog
  readonly timings: { -readonly [K in keyof PhaseTimings]: number }
  transactions: readonly SystemTransaction[]
  /** What system transactions did to Core. */
  system: Pick<ReplayRecord, 'systemCalls' | 'systemGas' | 'outcomes'>
  receipts: readonly ActionReceipt[]
  /** When the phase began. */
  since: number
}

/** Takes one block at a time through the phases of architecture §5, in their order and no other. */
export class BlockStep {
  readonly #parts: Parts
  #stage: Stage = 'idle'
  #block: Block | null = null

  constructor(parts: Parts) {
    this.#parts = parts
  }

  assertIdle(): void {
    assert(this.#stage === 'idle', 'no block is under way')
  }

  assertOpen(): void {
    const isOpen = this.#stage === 'begun' || this.#stage === 'open'
    assert(isOpen, 'contracts call engines before or after the actions, until finish')
  }

  begin(input: BlockInput): readonly SystemTransaction[] {
    this.assertIdle()
    const { runtime, registry, calls, params } = this.#parts
    assertPending(input.messages, pendingMessages(runtime, registry))
    const block = this.#open(input)
    runtime.context.height = input.height
    runtime.context.time = input.time
    runtime.gas.fill(0)
    for (const host of runtime.hosts) {
      runtime.actAsBlock(host)
      runtime.guarded(host, 'beginBlock', () =>
        host.engine.beginBlock?.(host.state, runtime.context),
      )
    }
    runtime.deliverPosts()
    block.events.take(runtime.context)
    this.#lap(block, 'begin')
    const { messages } = input
    const { gasRatio } = params
    block.transactions = runMessages(runtime, calls, { registry, messages, gasRatio })
    block.events.take(runtime.context)
    this.#lap(block, 'messages')
    return block.transactions
  }

  async actions(outcomes: readonly SystemOutcome[]): Promise<void> {
    const block = this.#at('begun')
    const { registry, runtime, runner, params } = this.#parts
    const { transactions, events } = block
    block.since = this.#parts.now()
    block.system = {
      systemCalls: [...runtime.calls],
      systemGas: [...runtime.gas],
      outcomes,
    }
    runtime.calls.length = 0
    runtime.forgetAfter(block.mark)
    settleMessages(runtime, { registry, transactions, outcomes })
    events.take(runtime.context)
    this.#lap(block, 'messages')
    this.#stage = 'running'
    try {
      block.receipts = await runActions({ runtime, runner, params, events }, block.actions)
      this.#stage = 'open'
    } finally {
      if (this.#stage === 'running') this.#stage = 'failed'
    }
    this.#lap(block, 'core')
  }

  finish(evm: EvmTotals): CoreBlockResult {
    const { nativeBefore } = this.#at('open')
    return this.#finish(evm.burnedWei, { ...evm, nativeBefore })
  }

  async replay(record: ReplayRecord): Promise<CoreBlockResult> {
    this.#at('begun')
    this.#redo(record.systemCalls, record.systemGas)
    await this.actions(record.outcomes)
    this.#redo(record.calls, record.gas)
    return this.#finish(record.burnedWei, null)
  }

  commit(): void {
    this.#at('finished')
    this.#close()
  }

  discard(): void {
    const block = this.#block
    assert(block !== null && this.#stage !== 'running', 'a block to discard is at rest')
    this.#parts.runtime.revertTo(block.mark)
    this.#close()
  }

  /** Makes calls that stood once; refused ones left nothing but the gas they used. */
  #redo(stood: readonly ReplayCall[], gasAfter: readonly number[]): void {
    const { runtime, calls } = this.#parts
    calls.replaying = true
    for (const call of stood) {
      const result = calls.enter({ ...call, isStatic: false })
      assert(
        result.kind === 'success' && result.mark !== null,
        'a call that stood once stands again',
      )
      runtime.forget(result.mark)
      runtime.calls.push(call)
    }
    calls.replaying = false
    for (const [i, gas] of gasAfter.entries()) runtime.gas[i] = gas
  }

  #open({ actions }: BlockInput): Block {
    const { runtime, registry, now } = this.#parts
    const { ledger, ledgerHost } = runtime
    assert(ledger === registry.ledger, 'one ledger')
    const timings = { begin: 0, messages: 0, core: 0, evm: 0, settle: 0, check: 0, root: 0 }
    const block: Block = {
      mark: runtime.mark(),
      actions,
      nativeBefore: nativeInEvm(ledger.supplies(ledgerHost.state)),
      events: new EventLog((engine) => runtime.hostOf(engine)),
      timings,
      transactions: [],
      system: { systemCalls: [], systemGas: [], outcomes: [] },
      receipts: [],
      since: now(),
    }
    this.#block = block
    this.#stage = 'begun'
    return block
  }

  #at(stage: Stage): Block {
    assert(this.#block !== null && this.#stage === stage, `the block is ${stage}`)
    return this.#block
  }

  #close(): void {
    const { runtime, calls } = this.#parts
    runtime.forget(0)
    runtime.calls.length = 0
    runtime.context.posts = []
    runtime.context.dropEvents(0)
    calls.replaying = false
    this.#block = null
    this.#stage = 'idle'
  }

  /** Adds the time since the last lap to a phase. */
  #lap(block: Block, phase: keyof PhaseTimings): void {
    const now = this.#parts.now()
    block.timings[phase] += now - block.since
    block.since = now
  }

  #finish(
    burnedWei: bigint,
    evm: (EvmTotals & { readonly nativeBefore: bigint }) | null,
  ): CoreBlockResult {
    const block = this.#at('open')
    const { runtime, registry, params } = this.#parts
    const { ledger, ledgerHost } = runtime
    const { system, receipts, timings } = block
    block.events.take(runtime.context)
    const calls = [...runtime.calls]
    const record = { ...system, calls, gas: [...runtime.gas], burnedWei }
    this.#lap(block, 'evm')
    ledger.noteEvmBurn(ledgerHost.state, burnedWei)
    this.#settle(block)
    const { gasUsed } = runtime
    ledger.updateGasPrice(ledgerHost.state, gasUsed, params.blockGas)
    this.#lap(block, 'settle')
    const broken = brokenConstraints(runtime, ['block'])
    if (broken.length > 0) throw brokenError(runtime.context.height, broken)
    checkConservation(ledger.supplies(ledgerHost.state), evm)
    this.#lap(block, 'check')
    const validatorTarget = this.#validatorTarget()
    const events = block.events.finish()
    const coreRoot = coreRootOf(runtime.hosts.map((host) => host.arena.root()))
    const queueRoot = queueRootOf(queuedMessages(runtime, registry))
    const receiptsHash = receiptsHashOf(receipts, events)
    this.#lap(block, 'root')
    this.#stage = 'finished'
    const gasByEngine = [...runtime.gas]
    const roots = { coreRoot, queueRoot, receiptsHash }
    const costs = { gasUsed, gasByEngine, timings }
    return { ...roots, ...costs, receipts, events, validatorTarget, calls, record }
  }

  /** Of the state alone, so a block that is done again asks for nothing twice. */
  #validatorTarget(): ValidatorSet | null {
    const { hosts } = this.#parts.runtime
    const host = hosts.find(({ engine }) => engine.validators !== undefined)
    if (host === undefined) return null
    return this.#parts.runtime.guarded(host, 'validators', () => {
      const wanted = host.engine.validators?.(host.state) ?? null
      if (wanted === null) return null
      const target = checkValidatorTarget(wanted)
      assert(target.ok, 'an engine asks for a validator set')
      return target.value
    })
  }

  #settle(block: Block): void {
    const { runtime } = this.#parts
    for (const host of runtime.hosts) {
      runtime.actAsBlock(host)
      runtime.guarded(host, 'endBlock', () => host.engine.endBlock?.(host.state, runtime.context))
    }
    runtime.deliverPosts()
    block.events.take(runtime.context)
  }
}

/** One hash over all: a receipt is shown with its block, not proved on its own. */
export function receiptsHashOf(receipts: readonly ActionReceipt[], events: Uint8Array): Uint8Array {
  const writer = new Writer(receiptsRoom(receipts) + events.length)
  writer.u32(receipts.length)
  for (const receipt of receipts) actionReceiptCodec.write(writer, receipt)
  writer.raw(events)
  return hash(DOMAIN.coreReceipts, writer.finish())
}

const brokenError = (height: number, broken: readonly string[]): NexusError =>
  new NexusError(
    { code: 'CONSTRAINT_BROKEN', height, broken },
    { message: `Constraints broken at height ${height}: ${broken.join('; ')}` },
  )
