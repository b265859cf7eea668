import {
  type ExecutedTransaction,
  type Receipt,
  type SkippedTransaction,
  SYSTEM_TRANSACTION_TYPE,
} from '../core/chain/executedBlock.ts'
import type { SystemOutcome, SystemTransaction } from '../core/host/corePort.ts'
import { assert } from '../core/primitives/assert.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import type { Result } from '../core/primitives/result.ts'
import { contractAddress } from './contractAddress.ts'
import type { Engine } from './engine.ts'
import { andThen } from './executive.ts'
import type { EvmBlockCore, IncludedTransaction } from './machine.ts'
import type { MessageOutcome } from './message.ts'
import { bloomOf } from './receipts.ts'
import { callSystemContracts } from './systemContracts.ts'
import {
  applySystemTransaction,
  encodeSystemTransaction,
  systemOutcomeOf,
} from './systemTransaction.ts'
import type { DecodedTransaction, TransactionCode } from './transaction.ts'
import { type AppliedTransaction, applyTransaction, type BlockContext } from './transition.ts'

/** What became of a block's transactions. */
export type Body = {
  readonly transactions: ExecutedTransaction[]
  readonly included: IncludedTransaction[]
  readonly skipped: SkippedTransaction[]
  gasUsed: number
}

export type Decoded = {
  readonly hash: Uint8Array
  readonly result: Result<DecodedTransaction, TransactionCode>
}

/** Tells the system contracts, then runs system transactions, Core's part and the block's own transactions. With nexus, only Core's part waits. */
export async function runBody(
  engine: Engine,
  context: BlockContext,
  decoded: readonly Decoded[],
  core: EvmBlockCore | undefined,
): Promise<Body> {
  const body: Body = { transactions: [], included: [], skipped: [], gasUsed: 0 }
  const told = callSystemContracts(engine, context.environment, context.ancestry)
  if (told instanceof Promise) await told
  if (core !== undefined) await runCore(engine, context, core, body)
  for (const { hash, result } of decoded) {
    if (!result.ok) {
      body.skipped.push({ hash, code: result.code })
      continue
    }
    const waiting = runOne(engine, context, result.value, body)
    if (waiting instanceof Promise) await waiting
  }
  return body
}

/** System transactions, then what Core does before the block's own (phases 2 and 3). */
async function runCore(
  engine: Engine,
  context: BlockContext,
  core: EvmBlockCore,
  body: Body,
): Promise<void> {
  await core.afterSystem(await runSystem(engine, context, core.systemTransactions, body))
}

async function runSystem(
  engine: Engine,
  { environment }: BlockContext,
  systemTransactions: readonly SystemTransaction[],
  body: Body,
): Promise<readonly SystemOutcome[]> {
  const promised = systemTransactions.reduce((sum, { gasLimit }) => sum + gasLimit, 0)
  assert(promised <= environment.gasLimit, 'what Core queues for a block fits it')
  engine.core.install(engine.flat)
  const outcomes: SystemOutcome[] = []
  for (const transaction of systemTransactions) {
    const applied = applySystemTransaction(engine, environment, transaction)
    const outcome = applied instanceof Promise ? await applied : applied
    outcomes.push(systemOutcomeOf(transaction.nonce, outcome))
    const bytes = encodeSystemTransaction(transaction, environment.number)
    body.gasUsed += outcome.gasUsed
    body.transactions.push({
      hash: keccak256(bytes),
      sender: transaction.from,
      bytes,
      receipt: systemReceiptOf(outcome, body.gasUsed),
    })
  }
  return outcomes
}

const systemReceiptOf = (outcome: MessageOutcome, cumulativeGasUsed: number): Receipt => ({
  type: SYSTEM_TRANSACTION_TYPE,
  status: outcome.error === null ? 1 : 0,
  gasUsed: outcome.gasUsed,
  cumulativeGasUsed,
  effectiveGasPrice: 0n,
  contractAddress: null,
  logs: outcome.logs,
  logsBloom: bloomOf(outcome.logs),
})

function runOne(
  engine: Engine,
  context: BlockContext,
  transaction: DecodedTransaction,
  body: Body,
): void | Promise<void> {
  const gasLeft = context.environment.gasLimit - body.gasUsed
  const { hash, sender, nonce, bytes } = transaction
  return andThen(applyTransaction(engine, context, transaction, gasLeft), (applied) => {
    if (!applied.ok) {
      body.skipped.push({ hash, code: applied.code })
      return
    }
    body.gasUsed += applied.value.outcome.gasUsed
    const receipt = receiptOf(transaction, applied.value, body.gasUsed)
    body.transactions.push({ hash, sender, bytes, receipt })
    body.included.push({ hash, sender, nonce })
  })
}

function receiptOf(
  transaction: DecodedTransaction,
  { outcome, effectiveGasPrice }: AppliedTransaction,
  cumulativeGasUsed: number,
): Receipt {
  const { type, to, sender, nonce } = transaction
  return {
    type,
    status: outcome.error === null ? 1 : 0,
    gasUsed: outcome.gasUsed,
    cumulativeGasUsed,
    effectiveGasPrice,
    // As geth shows it: also when the creation failed.
    contractAddress: to === null ? contractAddress(sender, nonce) : null,
    logs: outcome.logs,
    logsBloom: bloomOf(outcome.logs),
  }
}
