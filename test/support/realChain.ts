// A chain that the real executor makes on a real database, block by block, without consensus.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Block, blockCodec, blockIdOf } from '../../core/chain/block.ts'
import { concatBytes } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { signatures } from '../../core/primitives/signature.ts'
import { millisOf } from '../../core/primitives/units.ts'
import { type CoreGenesis, defaultCoreGenesis } from '../../genesis/core.ts'
import { createGenesis, defaultConsensusParams, defaultEvmParams } from '../../genesis/create.ts'
import {
  type EvmParams,
  fundedAccount,
  type Genesis,
  type GenesisAccount,
} from '../../genesis/genesis.ts'
import { genesisHash, parseGenesis } from '../../genesis/index.ts'
import { buildBlock } from '../../node/consensus/blockBuilder.ts'
import type { ExecutionResult } from '../../node/executor/chainHead.ts'
import { type ChainHead, storedValidatorSet } from '../../node/executor/chainHead.ts'
import type { Executor } from '../../node/executor/executor.ts'
import {
  defaultExecutorSurroundings,
  type ExecutorSurroundings,
  openExecutor,
} from '../../node/executor/openExecutor.ts'
import { COIN, type Key } from './evmWorld.ts'
import { testCertificate, testValidators } from './testChain.ts'

const { set, keys } = testValidators([1])

export class RealChain {
  readonly directory: string
  readonly genesis: Genesis
  readonly #genesisText: string
  readonly #historyBlocks: number
  readonly #surroundings: ExecutorSurroundings
  readonly #blockMs: number
  #executor: Executor
  #lastCommit: Block['payload']['lastCommit'] = null

  private constructor(
    directory: string,
    chain: {
      readonly text: string
      readonly genesis: Genesis
      readonly executor: Executor
      readonly historyBlocks: number
      readonly surroundings: ExecutorSurroundings
      readonly blockMs: number
    },
  ) {
    this.#surroundings = chain.surroundings
    this.#blockMs = chain.blockMs
    this.#historyBlocks = chain.historyBlocks
    this.directory = directory
    this.#genesisText = chain.text
    this.genesis = chain.genesis
    this.#executor = chain.executor
    const { height, blockId } = chain.executor.head.summary
    // One validator signs: what it signed for the last block, whoever committed that.
    if (height > 0) this.#lastCommit = testCertificate(keys, { height, blockId, signers: [0] })
  }

  get executor(): Executor {
    return this.#executor
  }

  /** As a process that was killed between two commits comes back. */
  async restart(between: () => Promise<void> = async () => {}): Promise<void> {
    await this.#executor.close()
    await between()
    const [databasePath, genesisText] = [this.directory, this.#genesisText]
    const historyBlocks = this.#historyBlocks
    const options = { databasePath, genesisText, historyBlocks }
    this.#executor = await openExecutor(options, this.#surroundings)
  }

  /** 1,000 coins for each key. */
  static async create(
    funded: readonly Key[],
    options: {
      readonly historyBlocks?: number
      readonly accounts?: readonly GenesisAccount[]
      readonly core?: CoreGenesis
      readonly engineThreads?: number
      /** One of power 1 where absent. */
      readonly validators?: Genesis['validators']
      readonly surroundings?: Partial<ExecutorSurroundings>
      readonly chainId?: number
      readonly evm?: Partial<EvmParams>
      readonly maxBlockGas?: number
      readonly blockMs?: number
    } = {},
  ): Promise<RealChain> {
    const created = createGenesis({
      chainId: options.chainId ?? 3940,
      genesisTime: millisOf(1_700_000_000_000),
      validators: options.validators ?? [
        { name: 'solo', publicKey: signatures.publicKeyOf(keys[0] as Uint8Array), power: 1 },
      ],
      accounts: [
        ...funded.map(({ address }) => fundedAccount(address, 1_000n * COIN)),
        ...(options.accounts ?? []),
      ],
      consensus: {
        ...defaultConsensusParams,
        maxBlockGas: options.maxBlockGas ?? defaultConsensusParams.maxBlockGas,
      },
      evm: { ...defaultEvmParams, ...options.evm },
      core: options.core ?? defaultCoreGenesis,
    })
    if (!created.ok) throw new Error(created.problems)
    const parsed = parseGenesis(created.text)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
    const directory = mkdtempSync(join(tmpdir(), 'nexus-chain-'))
    const { historyBlocks = 16 } = options
    const surroundings = { ...defaultExecutorSurroundings, ...options.surroundings }
    const executor = await openExecutor(
      {
        databasePath: directory,
        genesisText: created.text,
        historyBlocks,
        engineThreads: options.engineThreads ?? 0,
      },
      surroundings,
    )
    return new RealChain(directory, {
      text: created.text,
      genesis: parsed.value,
      executor,
      historyBlocks,
      surroundings,
      blockMs: options.blockMs ?? 1_000,
    })
  }

  get genesisText(): string {
    return this.#genesisText
  }
  get identity() {
    return { chainId: this.genesis.chainId, genesisHash: genesisHash(this.genesis) }
  }
  get head(): ChainHead {
    return this.executor.head
  }

  /** Executes and commits one block. */
  async block(
    transactions: readonly Uint8Array[],
    actions: readonly RealAction[] = [],
  ): Promise<ExecutionResult> {
    const { summary, pendingMessages } = this.executor.head
    const block = buildBlock({
      chainId: this.genesis.chainId,
      params: this.genesis.consensus,
      head: summary,
      validators: storedValidatorSet(summary.validators),
      nextValidators: storedValidatorSet(summary.nextValidators),
      proposer: set.addresses[0] as Uint8Array,
      timeMs: summary.time + this.#blockMs,
      transactions,
      actions: actions.map(({ bytes }) => bytes),
      messages: pendingMessages,
      evidence: [],
      lastCommit: this.#lastCommit,
    })
    const blockId = blockIdOf(block.header)
    const result = await this.executor.execute({
      height: block.header.height,
      blockId,
      block: encode(blockCodec, block),
      senders: new Uint8Array(0),
      signers: concatBytes(...actions.map(({ signer }) => signer)),
    })
    const { height } = block.header
    this.#lastCommit = testCertificate(keys, { height, blockId, signers: [0] })
    await this.executor.commit(blockId, this.#lastCommit)
    return result
  }

  /** After every reader of the database. */
  async close(): Promise<void> {
    await this.executor.close()
    rmSync(this.directory, { recursive: true })
  }
}

/** A signed envelope, and who signed it. */
export type RealAction = { readonly bytes: Uint8Array; readonly signer: Uint8Array }
