import { verifyRowProof } from '../../core/arena/index.ts'
import type { Validator } from '../../core/chain/validatorSet.ts'
import { assert } from '../../core/primitives/assert.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { addressOfPublicKey, signatures } from '../../core/primitives/signature.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import { decodeAccount } from '../../evm/account.ts'
import { checksumAddress } from '../../genesis/index.ts'
import { coreRegistry } from '../engines/registry.ts'
import { readPendingHashes, readProgress, readSummary } from '../storage/chainRecords.ts'
import { readCheckpoint } from '../storage/coreState.ts'
import { latestEvmStore, pastEvmStore } from '../storage/evmState.ts'
import { columnSizes } from '../storage/levelTools.ts'
import type { Progress } from '../storage/meta.ts'
import { rollbackReach } from '../storage/rollback.ts'
import { withEngines } from './engines.ts'
import { plainJson } from './plainJson.ts'
import type { StoppedNode } from './stoppedNode.ts'

/** The heights that a stopped node knows, and one of them. */
export type KnownHeight = { readonly progress: Progress; readonly height: Height }

/** Throws HEIGHT_UNKNOWN for a height without records; the latest for null. */
export function knownHeight({ read }: StoppedNode, asked: number | null): KnownHeight {
  const progress = readProgress(read)
  assert(progress !== null, 'a database with an identity has progress')
  const height = asked ?? progress.height
  if (height < progress.start || height > progress.height)
    throw new NexusError(
      { code: 'HEIGHT_UNKNOWN', height },
      {
        message: `the database has heights ${progress.start} to ${progress.height}, not ${height}`,
      },
    )
  return { progress, height: heightOf(height) }
}

/** Roots, validator sets, history and sizes. Rebuilds the engines when the height can be restored. */
export async function inspectSummary(node: StoppedNode, asked: number | null) {
  const { read, paths } = node
  const { progress, height } = knownHeight(node, asked)
  const summary = readSummary(read, height, progress)
  assert(summary !== null, 'a known height has a summary')
  const { lowest, bound } = rollbackReach(read)
  const engines =
    height < lowest
      ? null
      : await withEngines(node, height, ({ arenas }) =>
          arenas.map((arena, i) => ({
            engine: coreRegistry.engines[i]?.name ?? String(i),
            root: `0x${toHex(arena.root())}`,
          })),
        )
  const columns = [...(await columnSizes(paths.database))].map(([column, bytes]) => ({
    column,
    bytes,
  }))
  const { validators, nextValidators, ...rest } = summary
  return {
    ...(plainJson(rest) as object),
    height: summary.height,
    blockId: `0x${summary.blockId}`,
    time: new Date(summary.time).toISOString(),
    engines,
    validators: validators.map(validatorJson),
    nextValidators: nextValidators.map(validatorJson),
    committedHeight: progress.height,
    start: progress.start,
    historyStart: progress.historyStart,
    checkpoint: readCheckpoint(read).height,
    rollback: { lowest, bound },
    pendingEvidence: readPendingHashes(read).length,
    columns,
  }
}

const validatorJson = ({ publicKey, power, priority }: Validator) => ({
  address: checksumAddress(addressOfPublicKey(signatures.expand(publicKey))),
  publicKey: `0x${toHex(publicKey)}`,
  power,
  priority,
})

/** An account of the EVM after a height; throws HEIGHT_UNKNOWN where its history is not kept. */
export function inspectAccount(node: StoppedNode, address: Uint8Array, asked: number | null) {
  const { progress, height } = knownHeight(node, asked)
  if (height < progress.historyStart)
    throw new NexusError(
      { code: 'HEIGHT_UNKNOWN', height },
      {
        message: `the state of past heights is kept from ${progress.historyStart} on, not of ${height}`,
      },
    )
  const store =
    height === progress.height ? latestEvmStore(node.read) : pastEvmStore(node.read, height)
  const stored = store.get('account', address)
  const known = { address: checksumAddress(address), height }
  if (stored === undefined) return { ...known, exists: false as const }
  const { nonce, balance, storageRoot, codeHash } = decodeAccount(stored)
  return {
    ...known,
    exists: true as const,
    nonce,
    balanceWei: balance.toString(),
    storageRoot: `0x${toHex(storageRoot)}`,
    codeHash: `0x${toHex(codeHash)}`,
    codeBytes: store.get('code', codeHash)?.length ?? 0,
  }
}

export type RowName = { readonly engine: string; readonly table: string; readonly row: number }

/**
 * A row of an engine's table after a height, proved against the engine's root. Throws UNKNOWN_TABLE,
 * ROW_MISSING, HEIGHT_UNKNOWN where the engines of the height cannot be restored.
 */
export async function inspectRow(node: StoppedNode, name: RowName, asked: number | null) {
  const { height } = knownHeight(node, asked)
  const { lowest } = rollbackReach(node.read)
  if (height < lowest)
    throw new NexusError(
      { code: 'HEIGHT_UNKNOWN', height },
      { message: `the engines can be restored from height ${lowest} on, not of ${height}` },
    )
  const index = coreRegistry.engines.findIndex((engine) => engine.name === name.engine)
  const schema = coreRegistry.engines[index]?.schema
  const tables = Object.entries(schema ?? {}).filter(([, { kind }]) => kind === 'table')
  if (schema === undefined || !tables.some(([table]) => table === name.table))
    throw unknownTable(
      name,
      tables.map(([table]) => table),
    )
  return withEngines(node, height, ({ arenas }) => {
    const arena = arenas[index]
    assert(arena !== undefined, 'every engine has an arena')
    const table = arena.state[name.table] as unknown as LiveRows
    const highest = table.highest()
    if (name.row > highest || !table.isLive(name.row))
      throw new NexusError(
        { code: 'ROW_MISSING', ...name, highest },
        {
          message: `${name.engine}.${name.table} has no row ${name.row} at height ${height}; its highest was ${highest}`,
        },
      )
    const proof = arena.prove(name.table, name.row)
    const root = arena.root()
    const values = verifyRowProof(schema, root, proof)
    assert(values.ok, 'a proof of a live row holds')
    return {
      ...name,
      height,
      root: `0x${toHex(root)}`,
      values: plainJson(values.value),
      highestRow: highest,
    }
  })
}

type LiveRows = { isLive(row: number): boolean; highest(): number }

function unknownTable({ engine, table }: RowName, tables: readonly string[]): NexusError {
  const known =
    tables.length === 0
      ? `engines are ${coreRegistry.engines.map(({ name }) => name).join(', ')}`
      : `tables of ${engine} are ${tables.join(', ')}`
  return new NexusError(
    { code: 'UNKNOWN_TABLE', engine, table },
    { message: `there is no table ${engine}.${table}: ${known}` },
  )
}
