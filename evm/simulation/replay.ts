import { SYSTEM_TRANSACTION_TYPE } from '../../core/chain/executedBlock.ts'
import type { CorePort, SystemTransaction } from '../../core/host/corePort.ts'
import { assert } from '../../core/primitives/assert.ts'
import { bytesToBigint } from '../../core/primitives/bytes.ts'
import { recoverAuthority } from '../accessList.ts'
import type { BlockEnvironment } from '../blockEnvironment.ts'
import { contractAddress } from '../contractAddress.ts'
import { type Engine, enter } from '../engine.ts'
import type { MessageOutcome } from '../message.ts'
import { decodeRlp } from '../rlp.ts'
import type { CommittedState } from '../state/committedState.ts'
import { FlatState } from '../state/flatState.ts'
import { type Ancestry, callSystemContracts } from '../systemContracts.ts'
import { applySystemTransaction } from '../systemTransaction.ts'
import {
  type TracedTransaction,
  TraceTooLarge,
  type TransactionTracer,
} from '../tracers/transactionTracer.ts'
import { type DecodedTransaction, decodeTransaction } from '../transaction.ts'
import { applyTransaction, type BlockContext, type FeeRules } from '../transition.ts'
import { ExecutionStopped } from '../vm/vm.ts'

/** A committed block, to be executed again on the state before it. */
export type ReplayedBlock = {
  readonly environment: BlockEnvironment
  readonly fees: FeeRules
  readonly ancestry: Ancestry
  readonly transactions: readonly {
    readonly hash: Uint8Array
    readonly sender: Uint8Array
    readonly bytes: Uint8Array
    /** That of the receipt: what the replay must come to. */
    readonly gasUsed: number
  }[]
  readonly ancestorHash: (number: number) => Uint8Array | null
  /** Engines as they answered then. Absent: calls of engines fail. */
  readonly core?: CorePort
}

export type ReplayRange = {
  /** The transactions before this one run untraced, those after `last` not at all. */
  readonly first: number
  readonly last: number
}

/** `timedOut`, `tooLarge`: limits of the caller. `differs`: the state or the program is not that of the block. */
export type ReplayFailure = 'timedOut' | 'tooLarge' | 'differs'

export type Replay<T> =
  | { readonly ok: true; readonly traces: readonly T[] }
  | { readonly ok: false; readonly failure: ReplayFailure }

/** Traces of some of a block's transactions, each by the tracer that `follow` returns for it. */
export async function replayBlock<T>(
  engine: Engine,
  committed: CommittedState,
  block: ReplayedBlock,
  { first, last }: ReplayRange,
  follow: () => TransactionTracer<T>,
): Promise<Replay<T>> {
  const flat = new FlatState(committed)
  enter(engine, flat, block.core ?? null)
  engine.ancestors.hashOf = block.ancestorHash
  engine.core.install(flat)
  const { environment, fees, ancestry } = block
  const context = { environment, fees, totals: { burned: 0n, treasury: 0n, proposer: 0n } }
  const traces: T[] = []
  let gasLeft = environment.gasLimit
  try {
    await callSystemContracts(engine, environment, ancestry)
    for (const [index, transaction] of block.transactions.entries()) {
      if (index > last) break
      if (engine.guard.shouldStop?.() === true) return { ok: false, failure: 'timedOut' }
      const step = decoded(engine, environment, transaction)
      const tracer = index < first ? null : follow()
      tracer?.start(partiesOf(step, context), flat)
      engine.tracer = tracer?.tracer ?? null
      const outcome = await run(engine, context, step, gasLeft)
      if (outcome === null || outcome.gasUsed !== transaction.gasUsed)
        return { ok: false, failure: 'differs' }
      gasLeft -= outcome.gasUsed
      if (tracer !== null) traces.push(tracer.end(outcome))
    }
    return { ok: true, traces }
  } catch (error) {
    if (error instanceof ExecutionStopped) return { ok: false, failure: 'timedOut' }
    if (error instanceof TraceTooLarge) return { ok: false, failure: 'tooLarge' }
    throw error
  } finally {
    engine.tracer = null
  }
}

type Step =
  | { readonly kind: 'system'; readonly transaction: SystemTransaction }
  | { readonly kind: 'signed'; readonly transaction: DecodedTransaction }

function decoded(
  { chainId, faucet }: Engine,
  { gasLimit }: BlockEnvironment,
  { bytes, sender, hash }: ReplayedBlock['transactions'][number],
): Step {
  if (bytes[0] === SYSTEM_TRANSACTION_TYPE)
    return { kind: 'system', transaction: decodeSystemTransaction(bytes) }
  const rules = { chainId, blockGasLimit: gasLimit, impersonates: faucet !== null }
  const transaction = decodeTransaction(bytes, rules, { sender, hash })
  assert(transaction.ok, 'what a block executed decodes')
  return { kind: 'signed', transaction: transaction.value }
}

/** What `encodeSystemTransaction` wrote, but for its place in the queue. */
function decodeSystemTransaction(bytes: Uint8Array): SystemTransaction {
  const items = decodeRlp(bytes.subarray(1))
  assert(items.ok, 'a system transaction decodes')
  const [, from, to, mint, , gasLimit, , data] = items.value as readonly Uint8Array[]
  assert(from && to && mint && gasLimit && data, 'a system transaction is complete')
  return {
    nonce: 0,
    from,
    to,
    mint: bytesToBigint(mint),
    gasLimit: Number(bytesToBigint(gasLimit)),
    data,
  }
}

/** Null: the state refuses it. */
async function run(
  engine: Engine,
  context: BlockContext,
  step: Step,
  gasLeft: number,
): Promise<MessageOutcome | null> {
  if (step.kind === 'system')
    return await applySystemTransaction(engine, context.environment, step.transaction)
  const applied = await applyTransaction(engine, context, step.transaction, gasLeft)
  return applied.ok ? applied.value.outcome : null
}

function partiesOf({ kind, transaction }: Step, context: BlockContext): TracedTransaction {
  const { coinbase } = context.environment
  const { gasLimit } = transaction
  const paid = kind === 'system' ? [coinbase] : paidBy(context)
  if (kind === 'system') {
    const { from: sender, to } = transaction
    return { sender, to, isCreation: false, paid, gasLimit, authorities: [] }
  }
  const { sender, nonce, authorizations } = transaction
  return {
    sender,
    to: transaction.to ?? contractAddress(sender, nonce),
    isCreation: transaction.to === null,
    paid,
    gasLimit,
    authorities: authorizations.map(recoverAuthority).filter((address) => address !== null),
  }
}

/** Whoever a fee goes to. */
function paidBy({ environment, fees }: BlockContext): readonly Uint8Array[] {
  const toTreasury = [fees.baseFeeRecipient, fees.tipRecipient].includes('treasury')
  return toTreasury ? [environment.coinbase, fees.treasury] : [environment.coinbase]
}
