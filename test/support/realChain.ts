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
import { fundedAccount, type Genesis, type GenesisAccount } from '../../genesis/genesis.ts'
import { genesisHash, parseGenesis } from '../../genesis/index.ts'
import { buildBlock } from '../../node/consensus/blockBuilder.ts'
import type { ExecutionResult } from '../../node/executor/chainHead.ts'
import { type ChainHead, storedValidatorSet } from '../../node/executor/chainHead.ts'
import type { Executor } from '../../node/executor/executor.ts'
import { openExecutor } from '../../node/executor/openExecutor.ts'
import { COIN, type Key } from './evmWorld.ts'
import { testCertificate, testValidators } from './testChain.ts'

const { set, keys } = testValidators([1])

export class RealChain {
  readonly directory: string
  readonly genesis: Genesis
  readonly #genesisText: string
  #executor: Executor
  #lastCommit: Block['payload']['lastCommit'] = null

  private constructor(
    directory: string,
    chain: { readonly text: string; readonly genesis: Genesis; readonly executor: Executor },
  ) {
    this.directory = directory
    this.#genesisText = chain.text
    this.genesis = chain.genesis
    this.#executor = chain.executor
  }

  get executor(): Executor {
    return this.#executor
  }

  /** As a process that was killed between two commits comes back. */
  async restart(): Promise<void> {
    await this.#executor.close()
    const [databasePath, genesisText] = [this.directory, this.#genesisText]
    this.#executor = await openExecutor({ databasePath, genesisText, historyBlocks: 16 })
  }

  /** 1,000 coins for each key. */
  static async create(
    funded: readonly Key[],
    options: {
      readonly historyBlocks?: number
      readonly accounts?: readonly GenesisAccount[]
      readonly core?: CoreGenesis
      readonly engineThreads?: number
    } = {},
  ): Promise<RealChain> {
    const created = createGenesis({
      chainId: 3940,
      genesisTime: millisOf(1_700_000_000_000),
      validators: [
        { name: 'solo', publicKey: signatures.publicKeyOf(keys[0] as Uint8Array), power: 1 },
      ],
      accounts: [
        ...funded.map(({ address }) => fundedAccount(address, 1_000n * COIN)),
        ...(options.accounts ?? []),
      ],
      consensus: defaultConsensusParams,
      evm: defaultEvmParams,
      core: options.core ?? defaultCoreGenesis,
    })
    if (!created.ok) throw new Error(created.problems)
    const parsed = parseGenesis(created.text)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
    const directory = mkdtempSync(join(tmpdir(), 'nexus-chain-'))
    const executor = await openExecutor({
      databasePath: directory,
      genesisText: created.text,
      historyBlocks: options.historyBlocks ?? 16,
      engineThreads: options.engineThreads ?? 0,
    })
    return new RealChain(directory, { text: created.text, genesis: parsed.value, executor })
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
      timeMs: summary.time + 1_000,
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
