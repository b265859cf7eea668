import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { engineAddress } from '../../../evm/index.ts'
import { homePaths } from '../../../node/config/paths.ts'
import { devnetCore } from '../../../node/devnet/core.ts'
import { type RollbackProgress, rollBack } from '../../../node/maintenance/rollback.ts'
import { defaultDatabaseOptions, openDatabase } from '../../../node/storage/database.ts'
import { callOf, signedAction } from '../../support/chainActions.ts'
import { keyNumber, signTransaction } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { copyOf, differences, dumpOf } from '../../support/rollbackWorld.ts'

const [maker, taker] = [keyNumber(1), keyNumber(2)] as const
let chain: RealChain | null = null
const copies: { remove(): void }[] = []
afterEach(async () => {
  await chain?.close()
  chain = null
  for (const copy of copies.splice(0)) copy.remove()
})

/** Deposits and trades in the engines, transfers and new contracts in the EVM; prices of its own. */
async function busyBlock(on: RealChain, height: number): Promise<void> {
  const order = (side: 'buy' | 'sell', price: number) =>
    callOf('exchange', 'placeOrder', {
      market: 0,
      side,
      price,
      size: 4,
      timeInForce: 'GTC',
      expiry: 0,
      clientId: 0n,
      selfTrade: 'cancelMaker',
    })
  const deposit = (asset: number, amount: number) =>
    callOf('ledger', 'depositTo', { engine: 2, asset, amount })
  const price = 60_000 + (height % 50)
  const at = on.head.summary.time + height
  const actions = [
    signedAction(maker, at, [deposit(2, 10_000), order('sell', price)]),
    signedAction(taker, at, [deposit(0, 10_000_000_000), order('buy', price)]),
  ]
  const transactions = [
    signTransaction({ nonce: 2 * (height - 1), to: fresh(height), value: 1n }, maker),
    signTransaction(
      height % 5 === 0
        ? { nonce: 2 * height - 1, to: engineAddress(1), value: 5n * 10n ** 18n, ...NATIVE }
        : { nonce: 2 * height - 1, to: null, gasLimit: 200_000, data: STORES },
      maker,
    ),
  ]
  const { included, actions: done } = await on.block(transactions, actions)
  expect(included, `height ${height}`).toHaveLength(2)
  expect(done.map(({ code }) => code)).toEqual([null, null])
}
const fresh = (height: number): Uint8Array => new Uint8Array(20).fill(height)
/** depositNative(). */
const NATIVE = { gasLimit: 200_000, data: fromHex('db6b5246') }
/** Writes a slot and deploys one byte of code: SSTORE(0, 7), RETURN(0, 1). */
const STORES = fromHex('600760005560016000f3')

const HEIGHTS = 70
/** Of EIP-4788 and of EIP-2935, whose hashes depend on the block ids. */
const KEEPS_BLOCK_IDS =
  /000f3df6d732807ef1319fb7b8bb8522d0beac02|0000f90827f1c53a10cb7a02335b175320002935/

function onlyCore(head: RealChain['head'] | undefined) {
  const { coreRoot, queueRoot } = head?.summary.roots ?? {}
  return { coreRoot, queueRoot }
}

describe('nexus rollback, on what the executor wrote', () => {
  it('restores any height key by key, and the chain goes on from there as it did', async () => {
    const on = await RealChain.create([maker, taker], {
      core: devnetCore([maker.address, taker.address]),
      historyBlocks: 1_000,
    })
    chain = on
    const twins = new Map<number, Awaited<ReturnType<typeof dumpOf>>>()
    const heads = new Map<number, RealChain['head']>([[0, on.head]])
    for (let height = 1; height <= HEIGHTS; height++) {
      await busyBlock(on, height)
      heads.set(height, on.head)
      if (height % 21 === 0)
        await on.restart(async () => void twins.set(height, await dumpOf(on.directory)))
    }
    let before = new Map<string, string>()
    await on.restart(async () => {
      before = await dumpOf(on.directory)
    })
    // From 63 on the checkpoint of height 64 has to be undone.
    for (const to of [66, 63, 42, 21, 0]) {
      const progress: RollbackProgress[] = []
      await on.restart(async () => {
        const { stateRoot } = await rollHere(on, to, (each) => progress.push(each))
        expect(stateRoot).toBe(toHex((heads.get(to) as RealChain['head']).summary.stateRoot))
        const twin = twins.get(to)
        if (twin === undefined) return
        const left = differences(await dumpOf(on.directory), twin)
        // Codes are found by their hash and stay.
        expect(
          left.filter((each) => !/^evmCode .*extra$/.test(each)),
          `height ${to}`,
        ).toEqual([])
      })
      expect(progress.at(-1)).toEqual({ kind: 'at', height: to })
      expect(on.head).toEqual(heads.get(to))
    }
    for (let height = 1; height <= HEIGHTS; height++) await busyBlock(on, height)
    // Certificates differ, and block ids with them, which two contracts keep; all else that was executed does not.
    const { coreRoot, queueRoot } = on.head.summary.roots
    expect({ coreRoot, queueRoot }).toEqual(onlyCore(heads.get(HEIGHTS)))
    await on.restart(async () => {
      const state = differences(await dumpOf(on.directory), before).filter((each) =>
        /^evm(Account|Storage|Code) /.test(each),
      )
      expect(state.length).toBeGreaterThan(0)
      expect(state.filter((each) => !KEEPS_BLOCK_IDS.test(each))).toEqual([])
    })
  }, 120_000)

  it('changes nothing when the engines do not come out as they were', async () => {
    const on = await RealChain.create([maker, taker], {
      core: devnetCore([maker.address, taker.address]),
      historyBlocks: 1_000,
    })
    chain = on
    for (let height = 1; height <= 4; height++) await busyBlock(on, height)
    await on.restart(async () => {
      const before = await dumpOf(on.directory)
      const database = await openDatabase(on.directory, defaultDatabaseOptions)
      const foreign = await RealChain.create([maker, taker])
      const node = { ...stopped(on, database), genesis: foreign.genesis }
      const [page] = await database
        .keys({ gte: Uint8Array.of(0x32), lte: Uint8Array.of(0x32, 255) })
        .all()
      const read = (key: Uint8Array) =>
        Buffer.compare(key, page as Uint8Array) === 0 ? undefined : database.getSync(key)
      await expect(rollBack({ ...node, read }, 2, () => {})).rejects.toMatchObject({
        detail: { code: 'STORAGE_CORRUPT' },
      })
      await foreign.close()
      await database.close()
      expect(differences(await dumpOf(on.directory), before)).toEqual([])
    })
  }, 60_000)

  it('refuses what is ahead of it and what it does not know any more', async () => {
    const on = await RealChain.create([maker, taker], { historyBlocks: 2 })
    chain = on
    for (let height = 1; height <= 5; height++) await on.block([])
    await on.restart(async () => {
      await expect(rollHere(on, 6)).rejects.toMatchObject({
        detail: { code: 'ROLLBACK_AHEAD', height: 5 },
      })
      await expect(rollHere(on, 2)).rejects.toMatchObject({
        detail: { code: 'ROLLBACK_TOO_FAR', lowest: 3, bound: 'stateHistory' },
      })
      const { walFilesRemoved } = await rollHere(on, 5)
      expect(walFilesRemoved).toBe(0)
    })
    expect(on.head.summary.height).toBe(5)
  })

  it('removes the WAL, and leaves the last signature alone', async () => {
    const on = await RealChain.create([maker, taker])
    chain = on
    for (let height = 1; height <= 3; height++) await on.block([])
    await on.restart(async () => {
      const home = copyOf(on.directory)
      copies.push(home)
      const paths = homePaths(home.path)
      mkdirSync(paths.wal, { recursive: true })
      for (const height of [2, 3, 4, 5])
        writeFileSync(join(paths.wal, `${String(height).padStart(16, '0')}.wal`), '')
      writeFileSync(paths.lastSigned, 'untouched')
      const database = await openDatabase(on.directory, defaultDatabaseOptions)
      const { walFilesRemoved } = await rollBack(
        { ...stopped(on, database), paths },
        2,
        () => undefined,
      )
      await database.close()
      expect(walFilesRemoved).toBe(4)
    })
  })
})

function stopped(on: RealChain, database: Awaited<ReturnType<typeof openDatabase>>) {
  return {
    paths: homePaths(join(on.directory, 'home')),
    genesis: on.genesis,
    database,
    read: (key: Uint8Array) => database.getSync(key),
    close: () => database.close(),
  }
}

async function rollHere(
  on: RealChain,
  to: number,
  onProgress: (progress: RollbackProgress) => void = () => {},
) {
  const database = await openDatabase(on.directory, defaultDatabaseOptions)
  try {
    return await rollBack(stopped(on, database), to, onProgress)
  } finally {
    await database.close()
  }
}
