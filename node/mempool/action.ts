import type { ActionCall } from '../../core/chain/action.ts'
import { ENGINE } from '../../core/host/coprocessor.ts'
import type { EngineTable } from '../../core/host/engineHost.ts'
import type { PooledTransaction } from './transaction.ts'

/** What the pool needs to know of a signed Core envelope that was decoded and whose signer was recovered. */
export type PooledAction = {
  /** keccak256 of `bytes`. */
  readonly hash: Uint8Array
  readonly signer: Uint8Array
  /** Milliseconds; unused among the signer's recent ones. */
  readonly nonce: number
  /** Last block time it may run at, in milliseconds. */
  readonly expiresAfter: number | null
  readonly calls: number
  /** Core gas of all calls before what they add while they run. */
  readonly gas: number
  /** Does nothing but use up its nonce. */
  readonly isNoop: boolean
  readonly bytes: Uint8Array
}

/** What travels in batches. */
export type Pooled = PooledTransaction | PooledAction

export const isAction = (item: Pooled): item is PooledAction => 'signer' in item
export const isTransaction = (item: Pooled): item is PooledTransaction => !isAction(item)

/** Whether the calls do nothing, and are signed for their nonce only. */
export const isNoop = (
  calls: readonly ActionCall[],
  tables: ReadonlyMap<number, EngineTable>,
): boolean =>
  calls.every(
    ({ engine, fn }) => engine === ENGINE.ledger && tables.get(engine)?.fns[fn]?.name === 'noop',
  )
