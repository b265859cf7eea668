import { randomInt } from 'node:crypto'
import { createArena } from '../../core/arena/index.ts'
import { signedEnvelopeCodec } from '../../core/chain/action.ts'
import type { Registry } from '../../core/host/registry.ts'
import { type CoreMachine, createCoreMachine } from '../../core/machine/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { decode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import type { CoreGenesis } from '../../genesis/core.ts'
import { createEnginePool, defaultEnginePoolOptions } from '../engines/enginePool.ts'
import type { CoreSource } from '../storage/rollback.ts'

export type CoreOptions = {
  readonly chainId: number
  readonly core: CoreGenesis
  readonly registry: Registry
  /** Of a module that exports the same registry as `coreRegistry`, for the threads. */
  readonly registryModule: URL
  /** Threads for the batches of signed actions; with 0 they run in this one. */
  readonly engineThreads: number
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

/** The machine with empty memories, and the threads that it may have. */
export type OpenCore = { readonly machine: CoreMachine; close(): Promise<void> }

/** Of a new state's hash tables, so that nobody can choose keys that collide; a state that is loaded brings its own. */
export const randomArenaSeed = (): number => randomInt(1, 2 ** 31)

export async function createCore(
  options: CoreOptions,
  seed = randomArenaSeed(),
): Promise<OpenCore> {
  const { chainId, core, registry, registryModule, engineThreads: threads, now } = options
  const memories = registry.engines.map(
    ({ schema }) => createArena(schema, undefined, { seed }).memory,
  )
  const pool =
    threads === 0
      ? null
      : createEnginePool({
          ...defaultEnginePoolOptions,
          ...{ registry, registryModule, memories, threads },
        })
  await pool?.ready()
  const machine = createCoreMachine({
    registry,
    params: { chainId, blockGas: core.blockGas, gasRatio: core.gasRatio },
    ...(pool === null ? {} : { runner: pool }),
    memories,
    now,
  })
  return { machine, close: async () => pool?.close() }
}

/** The engines as they were after the committed height: the stored memories, and the heights since done again. */
export async function restoreCore(core: CoreMachine, store: CoreSource): Promise<void> {
  const checkpoint = store.coreCheckpoint(core.arenas.length)
  for (const [engine, arena] of core.arenas.entries()) {
    const pages = []
    for await (const page of store.corePages(engine)) pages.push(page)
    arena.loadPages(pages)
    arena.seal()
  }
  for (let height = checkpoint + 1; height <= store.height; height++)
    await replay(core, store, heightOf(height))
  const broken = core.checkFull()
  if (broken.length > 0)
    throw new NexusError(
      { code: 'STATE_BROKEN', broken },
      { message: `the stored state of the engines is not sound: ${broken.join('; ')}` },
    )
}

async function replay(core: CoreMachine, store: CoreSource, height: Height): Promise<void> {
  const { block, record } = store.replayOf(height)
  core.begin({
    height,
    time: block.header.time,
    messages: block.payload.messages,
    actions: block.payload.core.map((bytes) => ({ bytes, signer: signerOf(bytes) })),
  })
  const { coreRoot } = await core.replay(record)
  const expected = store.summary(height)?.roots.coreRoot
  if (expected === undefined || !equalBytes(coreRoot, expected))
    throw new NexusError(
      { code: 'STATE_MISMATCH', height, found: toHex(coreRoot) },
      {
        message: `doing height ${height} again gave another state of the engines: the database is damaged, or another version of this program made it; delete it and sync again`,
      },
    )
  core.commit()
}

/** A committed block was judged: each envelope's signature is its signer's. */
function signerOf(bytes: Uint8Array): Uint8Array {
  const decoded = decode(signedEnvelopeCodec, bytes)
  assert(decoded.ok, 'a committed block holds canonical envelopes')
  return decoded.value.envelope.signer
}
