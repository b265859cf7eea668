// A chain with a snapshot of height 64, and everything that a restore of it needs.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signedEnvelopeCodec } from '../../core/chain/action.ts'
import { blockCodec } from '../../core/chain/block.ts'
import { concatBytes } from '../../core/primitives/bytes.ts'
import { decode, encode } from '../../core/primitives/codec.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import type { GenesisAccount } from '../../genesis/genesis.ts'
import { devnetCore } from '../../node/devnet/core.ts'
import type { Executor } from '../../node/executor/executor.ts'
import { defaultExecutorSurroundings, openExecutor } from '../../node/executor/openExecutor.ts'
import { lightBlockOf } from '../../node/snapshots/anchors.ts'
import { type Anchor, checkManifest } from '../../node/snapshots/checkManifest.ts'
import { writeSnapshot } from '../../node/snapshots/createSnapshot.ts'
import { Restore } from '../../node/snapshots/restore.ts'
import { readManifest, readPart, SnapshotWriter } from '../../node/snapshots/snapshotFiles.ts'
import { openSource } from '../../node/snapshots/snapshotSource.ts'
import { ChainReader, defaultChainReaderOptions } from '../../node/storage/chainReader.ts'
import { defaultDatabaseOptions, openDatabase } from '../../node/storage/database.ts'
import { callOf, signedAction } from './chainActions.ts'
import { COIN, keyNumber, signTransaction } from './evmWorld.ts'
import { type RealAction, RealChain } from './realChain.ts'

const [maker, taker] = [keyNumber(1), keyNumber(2)] as const
const wordOf = (n: number): Uint8Array => {
  const word = new Uint8Array(32)
  new DataView(word.buffer).setUint32(28, n)
  return word
}
const addressNumber = (n: number): Uint8Array => keccak256(wordOf(n)).slice(12)

/** PUSH1 0 SLOAD STOP, and as many different codes as there are contracts. */
const codeNumber = (n: number): Uint8Array => Uint8Array.of(0x60, n, 0x54, 0x00)

const contract = (n: number, slots: number): GenesisAccount => ({
  address: addressNumber(1_000_000 + n),
  balance: 0n,
  nonce: 1,
  code: codeNumber(n),
  storage: Array.from({ length: slots }, (_, i) => ({ slot: wordOf(i), value: wordOf(i + 1) })),
})

export type SnapshotWorldOptions = {
  readonly accounts: number
  /** Slots of each contract. */
  readonly contracts: readonly number[]
}

export class SnapshotWorld {
  readonly chain: RealChain
  /** Of the snapshots. */
  readonly root: string
  readonly height: number
  readonly anchor: Anchor
  readonly #folder: string
  #restores = 0

  private constructor(chain: RealChain, folder: string, height: number, anchor: Anchor) {
    this.chain = chain
    this.#folder = folder
    this.root = join(folder, 'snapshots')
    this.height = height
    this.anchor = anchor
  }

  static async create({ accounts, contracts }: SnapshotWorldOptions): Promise<SnapshotWorld> {
    const chain = await RealChain.create([maker, taker], {
      core: devnetCore([maker.address, taker.address]),
      accounts: [
        ...Array.from({ length: accounts }, (_, n) => ({
          address: addressNumber(n),
          balance: BigInt(n + 1) * COIN,
          nonce: 0,
          code: new Uint8Array(0),
          storage: [],
        })),
        ...contracts.map((slots, n) => contract(n, slots)),
      ],
    })
    for (let height = 1; height <= 64; height++) await tradeOn(chain, height)
    const folder = mkdtempSync(join(tmpdir(), 'nexus-snapshot-'))
    const anchor = await takeSnapshot(chain, join(folder, 'snapshots'))
    return new SnapshotWorld(chain, folder, 64, anchor)
  }

  get manifest(): Uint8Array {
    return readManifest(this.root, this.height)
  }

  /** A restore of the snapshot into a new directory, with nothing accepted yet. */
  async begin(manifest = this.manifest): Promise<{ restore: Restore; directory: string }> {
    const { registry } = defaultExecutorSurroundings
    const checked = checkManifest(manifest, this.anchor, registry)
    if (!checked.ok) throw new Error(checked.code)
    const directory = join(this.#folder, `db${this.#restores++}`)
    const restore = await Restore.begin(
      { genesis: this.chain.genesis, directory, surroundings: defaultExecutorSurroundings },
      { checked: checked.value, anchor: this.anchor },
    )
    return { restore, directory }
  }

  /** The directory of a database restored from the snapshot. */
  async restored(): Promise<string> {
    const { restore, directory } = await this.begin()
    for (const part of restore.parts) {
      const code = await restore.accept(part, readPart(this.root, this.height, part))
      if (code !== null) throw new Error(`${part.file}: ${code}`)
    }
    await restore.finish()
    return directory
  }

  /** On a database of this chain. */
  open(databasePath: string): Promise<Executor> {
    return openExecutor({ databasePath, genesisText: this.chain.genesisText, historyBlocks: 16 })
  }

  async close(): Promise<void> {
    await this.chain.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** One block: coins to somebody new, and orders that trade. */
export async function tradeOn(chain: RealChain, nonce: number): Promise<void> {
  const price = 60_000 + (nonce % 50)
  const transfer = signTransaction(
    { nonce: nonce - 1, to: addressNumber(2_000_000 + nonce), value: COIN },
    maker,
  )
  const order = (side: 'buy' | 'sell', at: number, size: number) =>
    callOf('exchange', 'placeOrder', {
      market: 0,
      side,
      price: at,
      size,
      timeInForce: 'GTC',
      expiry: 0,
      clientId: 0n,
      selfTrade: 'cancelMaker',
    })
  const deposit = (asset: number, amount: number) =>
    callOf('ledger', 'depositTo', { engine: 2, asset, amount })
  const actions: RealAction[] = [
    signedAction(maker, chain.head.summary.time + nonce, [
      deposit(2, 10_000),
      order('sell', price, 10),
      order('sell', price + 5, 3),
    ]),
    signedAction(taker, chain.head.summary.time + nonce, [
      deposit(0, 10_000_000_000),
      order('buy', price, 4),
      order('buy', price - 9, 2),
    ]),
  ]
  const result = await chain.block([transfer], actions)
  if (result.included.length !== 1) throw new Error('the transfer was included')
}

/** Of the chain's height, and one block more, which certifies it. */
export async function takeSnapshot(chain: RealChain, root: string): Promise<Anchor> {
  const height = chain.head.summary.height
  const database = await openDatabase(chain.directory, defaultDatabaseOptions)
  const source = openSource(database)
  const writer = new SnapshotWriter(root, height)
  const { chainId } = chain.genesis
  const { registry } = defaultExecutorSurroundings
  await tradeOn(chain, height + 1)
  await writeSnapshot(source, { chainId, registry }, writer)
  await source.close()
  await database.close()
  const reader = await ChainReader.open(chain.directory, {
    ...defaultChainReaderOptions,
    ...chain.identity,
  })
  const [base, next] = [lightBlockOf(reader, height), lightBlockOf(reader, height + 1)]
  await reader.close()
  if (base === null || next === null) throw new Error('both heights are committed')
  writer.publish(height, { base, next })
  return { base, next }
}

/** Executes and commits blocks of a chain on another executor, from its height to the chain's. */
export async function follow(executor: Executor, chain: RealChain): Promise<void> {
  const reader = await ChainReader.open(chain.directory, {
    ...defaultChainReaderOptions,
    ...chain.identity,
  })
  for (let height = executor.head.summary.height + 1; height <= reader.height; height++) {
    const [block, certificate] = [reader.block(height), reader.certificate(height)]
    if (block === null || certificate === null) throw new Error('committed')
    const { blockId } = certificate
    const signers = block.payload.core.map((bytes) => {
      const decoded = decode(signedEnvelopeCodec, bytes)
      if (!decoded.ok) throw new Error(decoded.code)
      return decoded.value.envelope.signer
    })
    const bytes = encode(blockCodec, block)
    const nobody = new Uint8Array(0)
    const request = { height, blockId, block: bytes, senders: nobody }
    await executor.execute({ ...request, signers: concatBytes(...signers) })
    await executor.commit(blockId, certificate)
  }
  await reader.close()
}
