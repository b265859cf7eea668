import type { Key, RowProof } from '../core/arena/index.ts'
import type { ActionReceipt, Envelope } from '../core/chain/action.ts'
import type { Header } from '../core/chain/block.ts'
import type { Certificate } from '../core/chain/certificate.ts'
import type { StateRoots } from '../core/chain/roots.ts'
import type { Coprocessor, EngineEvent } from '../core/host/coprocessor.ts'
import type { AccountNames } from '../core/host/fieldCodec.ts'
import type { Fields, Values } from '../core/host/fields.ts'
import type { Awaitable, Outcome } from './outcome.ts'

/**
 * NexusCore as the server needs it. Reads are of the committed state and move on together with the
 * committed height, between two turns of the event loop.
 */
export type CoreBackend = {
  /** In id order. */
  readonly engines: readonly Coprocessor[]
  /** Accounts are addresses outside and ledger ids inside. */
  readonly names: AccountNames
  /** Accounts in arguments and result are ids. CORE_REJECTED with the view's code. */
  view(engine: number, name: string, args: Values<Fields>): Outcome<Values<Fields>>
  /**
   * The hash once the pool has taken a signed envelope. Checks everything: BAD_ENVELOPE, BAD_ACTION,
   * WRONG_CHAIN and WRONG_SIGNER of `envelopeOf`, CORE_REJECTED with an admission code, and the pool's.
   */
  submitAction(bytes: Uint8Array): Promise<Outcome<Uint8Array>>
  /** All checks of `submitAction` on the committed state, without effect. The hash. */
  wouldAdmit(bytes: Uint8Array): Awaitable<Outcome<Uint8Array>>
  receipt(hash: Uint8Array): LocatedAction | null
  /** In the order of the block; null above the committed height. */
  actions(height: number): readonly LocatedAction[] | null
  /** The row that a hash index has under a key, 0 for none. */
  rowOf(engine: number, index: string, key: readonly Key[]): number
  /** Of the latest height whose root is certified; it may wait for the block that carries it. */
  proof(engine: number, table: string, row: number): Awaitable<Outcome<CoreProof>>
}

export type LocatedAction = {
  readonly height: number
  /** Among the envelopes of the block. */
  readonly index: number
  readonly blockId: string
  readonly receipt: ActionReceipt
  /** What was signed; null where the node keeps receipts only. */
  readonly envelope: Envelope | null
}

/** From a row to a certificate: row → engine root → core root → state root → header → signatures. */
export type CoreProof = {
  /** Whose state holds the row. */
  readonly height: number
  readonly proof: RowProof
  /** In engine id order. */
  readonly engineRoots: readonly Uint8Array[]
  readonly roots: StateRoots
  /** Of height + 1: a header commits to the state after the block before. */
  readonly header: Header
  /** Of height + 1. */
  readonly certificate: Certificate
}

/** Once for each height, after its `head`. */
export type CoreHeight = {
  readonly kind: 'core'
  readonly height: number
  /** Of the block, in milliseconds. */
  readonly time: number
  readonly receipts: readonly ActionReceipt[]
  /** In the order they were emitted; accounts are ids. */
  readonly events: readonly CoreEvent[]
}

export type CoreEvent = { readonly engine: number; readonly event: EngineEvent }
