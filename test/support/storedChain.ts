// A chain of made-up blocks with the shapes and sizes of real ones: what storage tests commit.
import type { Block } from '../../core/chain/block.ts'
import { blockIdOf, payloadHashOf } from '../../core/chain/block.ts'
import type { Evidence } from '../../core/chain/evidence.ts'
import type { EthereumHeader, ExecutedTransaction, Log } from '../../core/chain/executedBlock.ts'
import { stateRootOf } from '../../core/chain/roots.ts'
import { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { signatures } from '../../core/primitives/signature.ts'
import { type BlockId, heightOf, millisOf, roundOf } from '../../core/primitives/units.ts'
import { bloomOf } from '../../evm/receipts.ts'
import type { EvmChange, EvmNamespace } from '../../evm/store.ts'
import type { ChainReader } from '../../node/storage/chainReader.ts'
import type { GenesisRecord, HeightRecord } from '../../node/storage/chainStore.ts'
import type { CoreRecord } from '../../node/storage/coreState.ts'

export const CHAIN_ID = 3940
export const GENESIS_HASH = keccak256(new TextEncoder().encode('genesis'))
export const IDENTITY = { chainId: CHAIN_ID, genesisHash: GENESIS_HASH }

export const privateKeyOf = (index: number): Uint8Array => keccak256(Uint8Array.of(index + 1, 77))

export function validatorSet(size = 4, power = 10): ValidatorSet {
  const set = ValidatorSet.create(
    Array.from({ length: size }, (_, index) => ({
      publicKey: signatures.publicKeyOf(privateKeyOf(index)),
      power: power + index,
      priority: 0,
    })),
  )
  if (!set.ok) throw new Error(set.code)
  return set.value
}

/** 32 bytes that differ by label. */
export const digest = (label: string): Uint8Array => keccak256(new TextEncoder().encode(label))
export const addressOf = (label: string): Uint8Array => digest(label).slice(12)
export const bytesFrom = (label: string, length: number): Uint8Array => {
  const out = new Uint8Array(length)
  const seed = digest(label)
  for (let i = 0; i < length; i++) out[i] = (seed[i % 32] as number) ^ (i >>> 5)
  return out
}

export function ethereumHeader(height: number): EthereumHeader {
  return {
    hash: digest(`ethereum ${height}`),
    parentHash: digest(`ethereum ${height - 1}`),
    coinbase: addressOf('coinbase'),
    stateRoot: digest(`state ${height}`),
    transactionsRoot: digest(`transactions ${height}`),
    receiptsRoot: digest(`receipts ${height}`),
    logsBloom: new Uint8Array(256),
    number: height,
    gasLimit: 30_000_000,
    gasUsed: 21_000,
    timestamp: 1_700_000_000 + height,
    extraData: new Uint8Array(0),
    prevRandao: digest(`randao ${height}`),
    baseFeePerGas: 1_000_000_000n,
    withdrawalsRoot: digest('withdrawals'),
    parentBeaconBlockRoot: digest('beacon'),
    requestsHash: digest('requests'),
    size: 600,
  }
}

export type HeightOptions = {
  readonly transactions?: readonly Uint8Array[]
  readonly changes?: readonly EvmChange[]
  readonly evidence?: readonly Evidence[]
  readonly validators?: ValidatorSet
  readonly core?: CoreRecord
  /** Of the first transaction. */
  readonly logs?: readonly Log[]
}

export const NO_OUTCOME: CoreRecord['outcome'] = { receipts: [], events: new Uint8Array(0) }
export const NO_REPLAY: CoreRecord['replay'] = {
  systemCalls: [],
  systemGas: [],
  outcomes: [],
  calls: [],
  gas: [],
  burnedWei: 0n,
}

/** Makes consistent records one after the other; remembers values to fill in `previous`. */
export class ChainMaker {
  readonly values = new Map<string, Uint8Array | null>()
  #validators: ValidatorSet
  #next: ValidatorSet
  #blockId = toHex(GENESIS_HASH) as BlockId
  #height = 0

  constructor(validators = validatorSet()) {
    this.#validators = validators
    this.#next = validators.advance()
  }

  genesis(changes: readonly EvmChange[] = []): GenesisRecord {
    this.#remember(changes)
    return {
      executed: {
        blockId: this.#blockId,
        header: ethereumHeader(0),
        transactions: [],
        skipped: [],
      },
      evmChanges: changes,
      core: { outcome: NO_OUTCOME, replay: null, checkpoint: [] },
      summary: this.#summary(this.#blockId),
    }
  }

  /** Sets (or deletes) keys, with the `previous` that the store must hold. */
  change(namespace: EvmNamespace, key: Uint8Array, value: Uint8Array | null): EvmChange {
    const versioned = namespace === 'account' || namespace === 'storage'
    const previous = versioned ? (this.values.get(`${namespace}${toHex(key)}`) ?? null) : null
    return { namespace, key, value, previous }
  }

  next(options: HeightOptions = {}): HeightRecord {
    const { transactions = [], changes = [], evidence = [] } = options
    this.#height++
    this.#validators = this.#next
    this.#next = options.validators ?? this.#next.advance()
    const block = this.#block(transactions, evidence)
    const blockId = blockIdOf(block.header)
    this.#blockId = blockId
    this.#remember(changes)
    const height = heightOf(this.#height)
    return {
      block,
      blockId,
      certificate: {
        height,
        round: roundOf(0),
        blockId,
        signatures: [0, 1, 2].map((validatorIndex) => ({
          validatorIndex,
          signature: bytesFrom(`signature ${height} ${validatorIndex}`, 64),
        })),
      },
      executed: {
        blockId,
        header: ethereumHeader(height),
        transactions: transactions.map((bytes, index) =>
          withLogs(executedTransaction(bytes, index), (index === 0 ? options.logs : null) ?? []),
        ),
        skipped: [],
      },
      evmChanges: changes,
      core: options.core ?? { outcome: NO_OUTCOME, replay: NO_REPLAY, checkpoint: null },
      summary: this.#summary(blockId),
    }
  }

  #block(evm: readonly Uint8Array[], evidence: readonly Evidence[]): Block {
    const payload = { evm, core: [], messages: [], evidence, lastCommit: null }
    return {
      header: {
        chainId: CHAIN_ID,
        height: heightOf(this.#height),
        time: millisOf(1_700_000_000_000 + this.#height),
        previousBlockId: this.#blockId,
        proposer: addressOf('proposer'),
        validatorsHash: this.#validators.hash,
        nextValidatorsHash: this.#next.hash,
        consensusParamsHash: digest('params'),
        payloadHash: payloadHashOf(payload),
        stateRoot: digest('root'),
        receiptsRoot: digest('receipts'),
      },
      payload,
    }
  }

  #summary(blockId: BlockId): HeightRecord['summary'] {
    const height = heightOf(this.#height)
    const roots = {
      evmRoot: digest(`evm ${height}`),
      coreRoot: digest('core'),
      queueRoot: digest('queue'),
      consensusRoot: digest(`consensus ${height}`),
    }
    return {
      height,
      blockId,
      time: millisOf(1_700_000_000_000 + height),
      roots,
      stateRoot: stateRootOf(roots, height),
      receiptsRoot: digest(`outcome ${height}`),
      ethereumHash: ethereumHeader(height).hash,
      validators: this.#validators.validators,
      nextValidators: this.#next.validators,
    }
  }

  #remember(changes: readonly EvmChange[]): void {
    for (const { namespace, key, value } of changes)
      this.values.set(`${namespace}${toHex(key)}`, value)
  }
}

export function executedTransaction(bytes: Uint8Array, index: number): ExecutedTransaction {
  return {
    hash: keccak256(bytes),
    sender: addressOf(`sender ${toHex(bytes)}`),
    bytes,
    receipt: {
      type: 2,
      status: 1,
      gasUsed: 21_000,
      cumulativeGasUsed: 21_000 * (index + 1),
      effectiveGasPrice: 1_500_000_000n,
      contractAddress: null,
      logs: [],
      logsBloom: new Uint8Array(256),
    },
  }
}

const withLogs = (transaction: ExecutedTransaction, logs: readonly Log[]): ExecutedTransaction => ({
  ...transaction,
  receipt: { ...transaction.receipt, logs, logsBloom: bloomOf(logs) },
})

export const transfer = (label: string): Uint8Array => bytesFrom(label, 117)

const COUNTER = addressOf('counter')

/** The counter, and 40 accounts that make a batch larger than one write of the operating system. */
export const changesOfHeight = (maker: ChainMaker, height: number): EvmChange[] => [
  maker.change('account', COUNTER, counterValue(height)),
  ...Array.from({ length: 40 }, (_, i) =>
    maker.change('account', addressOf(`busy ${i}`), bytesFrom(`${height} ${i}`, 70)),
  ),
]

export const counterValue = (height: number): Uint8Array => {
  const value = new Uint8Array(4)
  new DataView(value.buffer).setUint32(0, height)
  return value
}

/** Throws when what a reader of such a chain shows is not all of one height. */
export function checkCounterChain(reader: ChainReader): void {
  const { height } = reader
  const latest = reader.evmStore()
  const counter = latest.get('account', COUNTER)
  latest.release()
  if (counter === undefined || toHex(counter) !== toHex(counterValue(height)))
    throw new Error(`height ${height} shows counter ${counter === undefined ? '' : toHex(counter)}`)
  if (reader.block(height + 1) !== null) throw new Error(`block above ${height}`)
  if (height === 0) return
  const block = reader.block(height)
  const executed = reader.executedBlock(height)
  if (block?.header.height !== height || executed?.header.number !== height)
    throw new Error(`records of ${height}`)
  if (reader.summary(height)?.blockId !== reader.certificate(height)?.blockId)
    throw new Error(`block ids of ${height}`)
  const below = reader.evmStoreAt(height - 1)
  const before = below?.get('account', COUNTER)
  below?.release()
  if (before === undefined || toHex(before) !== toHex(counterValue(height - 1)))
    throw new Error(`state before ${height}`)
}
