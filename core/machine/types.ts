import type { Arena, ArenaDelta, ArenaMemory, ArenaOptions } from '../arena/index.ts'
import type { Schema } from '../arena/schema.ts'
import type { ActionReceipt } from '../chain/action.ts'
import type { CrossMessage } from '../chain/block.ts'
import type { ValidatorSet } from '../chain/validatorSet.ts'
import type { CorePort, SystemOutcome, SystemTransaction } from '../host/corePort.ts'
import type { Registry } from '../host/registry.ts'
import type { ReplayCall, ReplayRecord } from '../host/replay.ts'
import type { EngineRunner } from '../host/runner.ts'

export type CoreParams = {
  readonly chainId: number
  /** Core gas per block. */
  readonly blockGas: number
  /** EVM gas per Core gas. */
  readonly gasRatio: number
}

export type CoreMachineOptions = {
  readonly registry: Registry
  readonly params: CoreParams
  /** Inline where absent. */
  readonly runner?: EngineRunner
  /** By engine in registry order: opens state that exists. */
  readonly memories?: readonly ArenaMemory[]
  /** Size of the journals, and the seed of the hash indexes, which no other node should know. */
  readonly arena?: Partial<ArenaOptions>
  /** Milliseconds of any monotonic clock, for `timings` only. */
  readonly now: () => number
}

/**
 * By engine name. A function instead of parameters is asked when the ledger exists, and given its
 * accounts: `idOf` of an address, 0 for none.
 */
export type GenesisParams = { readonly [engine: string]: unknown }

/** An action of the payload, and who signed it; null where no signer could be recovered. */
export type ActionInput = { readonly bytes: Uint8Array; readonly signer: Uint8Array | null }

export type BlockInput = {
  readonly height: number
  /** Milliseconds. */
  readonly time: number
  readonly messages: readonly CrossMessage[]
  readonly actions: readonly ActionInput[]
}

/** What the EVM tells at the end of its phase. */
export type EvmTotals = {
  readonly burnedWei: bigint
  /** Signed sum of all balance changes of the block, in wei. */
  readonly nativeDelta: bigint
  /** Total supply of a system ERC-20. */
  readonly tokenSupply: (token: Uint8Array) => bigint
}

export type PhaseTimings = {
  readonly begin: number
  readonly messages: number
  readonly core: number
  readonly evm: number
  readonly settle: number
  readonly check: number
  readonly root: number
}

export type CoreBlockResult = {
  readonly coreRoot: Uint8Array
  readonly queueRoot: Uint8Array
  /** Over receipts and events. */
  readonly receiptsHash: Uint8Array
  /** By action of the payload. */
  readonly receipts: readonly ActionReceipt[]
  /** Encoded with `eventsCodec`; accounts are ledger ids. */
  readonly events: Uint8Array
  /** Core gas. */
  readonly gasUsed: number
  /** In registry order. */
  readonly gasByEngine: readonly number[]
  /** Who shall validate, without priorities; null: no engine says anything about it. */
  readonly validatorTarget: ValidatorSet | null
  /** By transactions, in order; those of system transactions are in the record. */
  readonly calls: readonly ReplayCall[]
  /** What `replay` needs to do the block again without an EVM. */
  readonly record: ReplayRecord
  /** Milliseconds. */
  readonly timings: PhaseTimings
}

/**
 * NexusCore's block step. One block at a time: begin, system transactions, actions, transactions,
 * finish, then commit or discard; `discard` works at any point after `begin`.
 */
export type CoreMachine = {
  /** Arenas by engine in registry order. */
  readonly arenas: readonly Arena<Schema>[]
  /** Between `begin` and `actions`, for system transactions, and after it (phase 4). */
  readonly port: CorePort
  /** First state. */
  genesis(params: GenesisParams): void
  /** Phases 1 and 2: hooks, queued calls into Core. Returns what the EVM must run first, in order. */
  begin(input: BlockInput): readonly SystemTransaction[]
  /** Takes in what the system transactions did, then runs the signed actions (phase 3). */
  actions(outcomes: readonly SystemOutcome[]): Promise<void>
  /** Phases 5 to 7. Throws CONSERVATION_BROKEN, CONSTRAINT_BROKEN. */
  finish(evm: EvmTotals): CoreBlockResult
  /** In place of `actions`, `port` and `finish`: the same block from its record, without an EVM. */
  replay(record: ReplayRecord): Promise<CoreBlockResult>
  /** The block stands. Changed chunks by engine in registry order. */
  commit(): readonly ArenaDelta[]
  /** Undoes the block under way: every arena is exactly as before `begin`. */
  discard(): void
  /** What the next block's `payload.messages` must be. */
  pendingMessages(): readonly CrossMessage[]
  /** Every constraint, also those that walk the tables. Words for each breach. */
  checkFull(): readonly string[]
}
