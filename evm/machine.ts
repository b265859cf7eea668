import type { EthereumHeader, ExecutedBlock } from '../core/chain/executedBlock.ts'
import type { FeeRecipient } from '../core/chain/params.ts'
import type { CorePort, SystemOutcome, SystemTransaction } from '../core/host/corePort.ts'
import { assert } from '../core/primitives/assert.ts'
import { bytesToBigint } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { type Body, type Decoded, runBody } from './blockBody.ts'
import { BLOB_BASE_FEE } from './blockEnvironment.ts'
import { type BlockState, finishBlockState } from './blockState.ts'
import { createEngine, type Engine, enter } from './engine.ts'
import type { ExecutiveName } from './executive.ts'
import { type Hardfork, transactionGasCap } from './forks.ts'
import { sealHeader } from './header.ts'
import { encodeReceipt, mergeBlooms } from './receipts.ts'
import { CallRecord, checkShadow, coreThrough } from './shadow.ts'
import { CommittedState, type StateCacheOptions } from './state/committedState.ts'
import { FlatState } from './state/flatState.ts'
import { StateTrie } from './stateTrie.ts'
import type { EvmChange, EvmStore } from './store.ts'
import { decodeTransaction } from './transaction.ts'
import type { BlockContext, FeeTotals } from './transition.ts'
import { orderedRoot } from './trie/orderedRoot.ts'

export type EvmCacheOptions = StateCacheOptions & {
  readonly cachedNodes: number
  readonly cachedHashes: number
}

/**
 * About 250 MB when full: an account 300 bytes, a slot 150, a trie node at most 900. The nodes are all
 * branches of a trie of a million accounts.
 */
export const defaultEvmCacheOptions: EvmCacheOptions = {
  cachedAccounts: 100_000,
  cachedSlots: 200_000,
  cachedCodes: 1_000,
  cachedNodes: 150_000,
  cachedHashes: 200_000,
}

/** Which executive runs blocks; shadow: nexus, and the reference again behind it, to halt on any difference. */
export type ExecutionMode = ExecutiveName | 'shadow'

export type EvmMachineOptions = {
  readonly store: EvmStore
  readonly chainId: number
  readonly hardfork: Hardfork
  /** Absent: nexus. */
  readonly execution?: ExecutionMode
  readonly caches?: EvmCacheOptions
  /** Monotonic seconds, for timings only; never reaches the state. */
  readonly now: () => number
}

export type EvmTransactionInput = {
  readonly bytes: Uint8Array
  /** Null: not recovered yet. */
  readonly sender: Uint8Array | null
  readonly hash?: Uint8Array
}

export type EvmBlockInput = {
  readonly number: number
  readonly timestampMs: number
  /** The proposer. */
  readonly coinbase: Uint8Array
  readonly parent: EthereumHeader
  /** Nexus id of the block before, shown as `parentBeaconBlockRoot`. */
  readonly parentBlockId: Uint8Array
  readonly prevRandao: Uint8Array
  readonly gasLimit: number
  readonly baseFeePerGas: bigint
  readonly baseFeeRecipient: FeeRecipient
  readonly tipRecipient: FeeRecipient
  readonly treasury: Uint8Array
  readonly transactions: readonly EvmTransactionInput[]
  /** Ethereum hash of an earlier block, for BLOCKHASH; asked for the last 256 only. */
  readonly ancestorHash: (number: number) => Uint8Array | null
  /** Absent: no engine answers. */
  readonly core?: EvmBlockCore
}

/** NexusCore's part in a block of the EVM. */
export type EvmBlockCore = {
  readonly port: CorePort
  /** Run first, in order; they may call engines like any other. The sum of their gas limits fits the block. */
  readonly systemTransactions: readonly SystemTransaction[]
  /** Told what they did; transactions wait for it, since they see Core after its own actions. */
  afterSystem(outcomes: readonly SystemOutcome[]): Promise<void>
}

export type EvmTimings = {
  readonly decode: number
  readonly execute: number
  readonly stateRoot: number
  readonly header: number
}

export type IncludedTransaction = {
  readonly hash: Uint8Array
  readonly sender: Uint8Array
  readonly nonce: number
}

export type EvmBlockResult = {
  readonly executed: Omit<ExecutedBlock, 'blockId'>
  readonly included: readonly IncludedTransaction[]
  readonly changes: readonly EvmChange[]
  /** Fees in wei: burned, and paid to the treasury and to the proposer. */
  readonly fees: Readonly<FeeTotals>
  /** Σ of new − old balances in wei: what was minted, less `burnedWei` and less what engines took in. */
  readonly nativeDelta: bigint
  /** Base fees burned and coins that contracts destroyed, in wei. */
  readonly burnedWei: bigint
  /** A slot after this block; until the next one is executed. */
  readonly slot: (address: Uint8Array, slot: Uint8Array) => bigint
  /** Seconds by phase. */
  readonly timings: EvmTimings
}

export type EvmMachine = {
  /**
   * Runs a block on the committed state and leaves its result pending. Deterministic: the same
   * input on the same state gives the same result. Errors: `EVM_DIVERGED` in shadow mode.
   */
  execute(input: EvmBlockInput): Promise<EvmBlockResult>
  /** Makes the pending result the base of the next block. The store holds its changes by then. */
  commit(): void
  /** Drops the pending result, if there is one. */
  discard(): void
}

export async function createEvmMachine(options: EvmMachineOptions): Promise<EvmMachine> {
  const { store, chainId, hardfork, caches = defaultEvmCacheOptions } = options
  const committed = new CommittedState(store, caches)
  const trie = new StateTrie({ store, ...caches })
  const mode = options.execution ?? 'nexus'
  const createWith = (executive: ExecutiveName): Promise<Engine> =>
    createEngine({ chainId, hardfork, committed, executive })
  const parts: Parts = {
    ...{ options, committed, trie },
    engine: await createWith(mode === 'reference' ? 'reference' : 'nexus'),
    shadow: mode === 'shadow' ? await createWith('reference') : null,
  }
  let pending: BlockState | null = null
  let running = false
  return {
    async execute(input) {
      assert(pending === null && !running, 'a block is executed on a committed state')
      running = true
      try {
        const { result, state } = await executeBlock(parts, input)
        pending = state
        return result
      } finally {
        running = false
      }
    },
    commit() {
      assert(pending !== null, 'there is a pending result to commit')
      for (const [key, entry] of pending.accounts) committed.learnAccount(key, entry)
      for (const [key, value] of pending.slots) committed.learnSlot(key, value)
      for (const [hash, code] of pending.codes) committed.learnCode(hash, code)
      trie.commit()
      pending = null
    },
    discard() {
      trie.discard()
      pending = null
    },
  }
}

type Parts = {
  readonly options: EvmMachineOptions
  readonly engine: Engine
  /** Runs every block again, and must come to the same. */
  readonly shadow: Engine | null
  readonly committed: CommittedState
  readonly trie: StateTrie
}

async function executeBlock(
  { options, engine, shadow, committed, trie }: Parts,
  input: EvmBlockInput,
): Promise<{ readonly result: EvmBlockResult; readonly state: BlockState }> {
  const { now } = options
  assert(input.number === input.parent.number + 1, 'a block follows its parent')
  const context = contextOf(input)
  engine.ancestors.hashOf = input.ancestorHash
  const started = now()
  const decoded = input.transactions.map((transaction) =>
    decodeOne(options, input.gasLimit, transaction),
  )
  const ready = now()
  const record =
    shadow === null || input.core === undefined ? null : new CallRecord(input.core.port)
  const core = record === null ? input.core : coreThrough(input.core, record)
  enter(engine, new FlatState(committed), core?.port ?? null)
  const body = await runBody(engine, context, decoded, core)
  const executed = now()
  if (shadow !== null) {
    const expected = { body, context, flat: engine.flat, record }
    await checkShadow(shadow, new FlatState(committed), contextOf(input), {
      ...{ expected, decoded, core: input.core, ancestorHash: input.ancestorHash },
    })
  }
  const { flat } = engine
  const state = finishBlockState(flat, trie)
  const rooted = now()
  const header = headerOf(input, body, state.stateRoot)
  const timings = {
    decode: ready - started,
    execute: executed - ready,
    stateRoot: rooted - executed,
    header: now() - rooted,
  }
  const { transactions, included, skipped } = body
  const result: EvmBlockResult = {
    executed: { header, transactions, skipped },
    included,
    changes: state.changes,
    fees: context.totals,
    nativeDelta: state.nativeDelta,
    burnedWei: context.totals.burned + flat.destroyed,
    slot: (address, slot) => bytesToBigint(flat.slot(address, slot)),
    timings,
  }
  return { result, state }
}

function contextOf(input: EvmBlockInput): BlockContext {
  const environment = {
    number: input.number,
    timestamp: secondsOf(input.timestampMs),
    coinbase: input.coinbase,
    prevRandao: input.prevRandao,
    gasLimit: input.gasLimit,
    baseFeePerGas: input.baseFeePerGas,
    blobBaseFee: BLOB_BASE_FEE,
  }
  const { baseFeeRecipient, tipRecipient, treasury, coinbase: proposer } = input
  return {
    environment,
    fees: { baseFeeRecipient, tipRecipient, treasury, proposer },
    totals: { burned: 0n, treasury: 0n, proposer: 0n },
  }
}

const secondsOf = (timestampMs: number): number => Math.floor(timestampMs / 1_000)

function decodeOne(
  { chainId, hardfork }: EvmMachineOptions,
  gasLimit: number,
  input: EvmTransactionInput,
): Decoded {
  const hash = input.hash ?? keccak256(input.bytes)
  const rules = { chainId, blockGasLimit: Math.min(gasLimit, transactionGasCap(hardfork)) }
  return { hash, result: decodeTransaction(input.bytes, rules, { sender: input.sender, hash }) }
}

function headerOf(input: EvmBlockInput, body: Body, stateRoot: Uint8Array): EthereumHeader {
  const bytes = body.transactions.map((transaction) => transaction.bytes)
  const receipts = body.transactions.map(({ receipt }) => receipt)
  return sealHeader(
    {
      parentHash: input.parent.hash,
      coinbase: input.coinbase,
      stateRoot,
      transactionsRoot: orderedRoot(bytes),
      receiptsRoot: orderedRoot(receipts.map(encodeReceipt)),
      logsBloom: mergeBlooms(receipts.map((receipt) => receipt.logsBloom)),
      number: input.number,
      gasLimit: input.gasLimit,
      gasUsed: body.gasUsed,
      timestamp: secondsOf(input.timestampMs),
      prevRandao: input.prevRandao,
      baseFeePerGas: input.baseFeePerGas,
      parentBeaconBlockRoot: input.parentBlockId,
    },
    bytes,
  )
}
