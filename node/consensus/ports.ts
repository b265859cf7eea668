import type { Payload } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import type { ChainHead, ExecutionResult } from '../executor/chainHead.ts'
import type { ConsensusMessage, ProposalBody } from '../network/messages.ts'

/** What consensus needs of the network: votes leave at once, nothing here waits. */
export type ConsensusNetwork = {
  broadcast(message: ConsensusMessage): void
  send(peerId: string, message: ConsensusMessage): void
  penalize(peerId: string, code: string): void
  peerIds(): readonly string[]
  /** A block that is not decided yet, by its id; null when the peer lacks it. */
  requestBlock(peerId: string, height: number, blockId: string): Promise<Uint8Array | null>
}

/** What users signed of a block's payload. */
export type SignedPayload = Pick<Payload, 'evm' | 'core'>

/** Who signed it, 20 bytes each. */
export type Signatories = {
  /** By EVM transaction. */
  readonly senders: Uint8Array
  /** By Core envelope. */
  readonly signers: Uint8Array
}

export type ResolvedBody = SignedPayload & Signatories

export type SelectedTransactions = ResolvedBody &
  Pick<ProposalBody, 'batches' | 'inline' | 'transactions'>

/** What consensus needs of the mempool. */
export type TransactionSource = {
  /** Whether a block made now would hold a transaction or an envelope. */
  hasPending(): boolean
  /** What the next block should hold: about `targetBytes`, and never more than it may. */
  select(head: ChainHead, params: ConsensusParams, targetBytes: number): SelectedTransactions
  /**
   * The transactions a body names: at once when all batches are here, else after fetching from the
   * peer. 'INVALID': one does not decode or the references do not fit. 'MISSING': not to be had.
   */
  resolve(
    body: ProposalBody,
    from: string | null,
  ): ResolvedBody | 'INVALID' | Promise<ResolvedBody | 'INVALID' | 'MISSING'>
  /** Who signed what arrived in a whole block; null when something in it is not acceptable. */
  signatoriesOf(payload: SignedPayload): Promise<Signatories | null>
  committed(result: ExecutionResult, head: ChainHead): void
}

export type Commit = {
  readonly head: ChainHead
  readonly certificate: Certificate
  readonly result: ExecutionResult
  /** From the decision to durable: the executor's turn and its synced batch. */
  readonly commitSeconds: number
}
