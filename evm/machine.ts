import type { EthereumHeader, ExecutedBlock } from '../core/chain/executedBlock.ts'
import type { FeeRecipient } from '../core/chain/params.ts'
import type { CorePort, SystemOutcome, SystemTransaction } from '../core/host/corePort.ts'
import { assert } from '../core/primitives/assert.ts'
import { bytesToBigint } from '../core/primitives/bytes.ts'
import { HASH_LENGTH } from '../core/primitives/hash.ts'
import { type Body, type Decoded, runBody } from './blockBody.ts'
import { BLOB_BASE_FEE } from './blockEnvironment.ts'
import { type BlockState, finishBlockState } from './blockState.ts'
import { createEngine, type Engine, enter } from './engine.ts'
import type { ExecutiveName } from './executive.ts'
import { type Hardfork, transactionGasCap } from './forks.ts'
import { sealHeader } from './header.ts'
import { keccakMany } from './keccakMany.ts'
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
  readonly cachedNodeBytes: number
}

const MIB = 1024 * 1024

/** At most 352 MiB and the codes: accounts and trie of a state of a million accounts, and a million slots. Taken as it is used. */
export const defaultEvmCacheOptions: EvmCacheOptions = {
  accountBytes: 96 * MIB,
  slotBytes: 64 * MIB,
  cachedCodes: 1_000,
  cachedNodeBytes: 192 * MIB,
}

/** Which executive runs blocks; shadow: nexus, and the reference again behind it, to halt on any difference. */
export type ExecutionMode = ExecutiveName | 'shadow'

export type EvmMachineOptions = {
  readonly store: EvmStore
  readonly chainId: number
  readonly hardfork: Hardfork
  /** Absent or null: not a development network. */
  readonly faucet?: Uint8Array | null
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
  const { store, chainId, hardfork, faucet = null, caches = defaultEvmCacheOptions } = options
  const committed = new CommittedState(store, caches)
  const trie = new StateTrie({ store, ...caches })
  const mode = options.execution ?? 'nexus'
  const createWith = (executive: ExecutiveName): Promise<Engine> =>
    createEngine({ chainId, hardfork, faucet, committed, executive })
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
      committed.learn(pending.changes)
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
  const decoded = decodeAll(options, input)
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
    ancestry: { parentHash: input.parent.hash, parentBeaconBlockRoot: input.parentBlockId },
  }
}

const secondsOf = (timestampMs: number): number => Math.floor(timestampMs / 1_000)

function decodeAll(
  { chainId, hardfork, faucet = null }: EvmMachineOptions,
  { gasLimit, transactions }: EvmBlockInput,
): Decoded[] {
  const blockGasLimit = Math.min(gasLimit, transactionGasCap(hardfork))
  const rules = { chainId, blockGasLimit, impersonates: faucet !== null }
  const hashes = keccakMany(transactions.map(({ bytes }) => bytes))
  return transactions.map(({ bytes, sender }, i) => {
    const hash = hashes.slice(i * HASH_LENGTH, (i + 1) * HASH_LENGTH)
    return { hash, result: decodeTransaction(bytes, rules, { sender, hash }) }
  })
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
