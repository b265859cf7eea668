import type { ArenaPage } from '../../core/arena/index.ts'
import { arenaShapeOf, hashRun, isZero, RUN_PAGES, rootOfRuns } from '../../core/arena/runs.ts'
import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import { coreRootOf, receiptsRootOf } from '../../core/chain/roots.ts'
import type { Registry } from '../../core/host/registry.ts'
import { receiptsHashOf } from '../../core/machine/index.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, fromHex } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { ZERO_HASH } from '../../core/primitives/hash.ts'
import { readAncestor, readBlock, readExecuted, readSummary } from '../storage/chainRecords.ts'
import { readCheckpointHeight, readCoreOutcome } from '../storage/coreState.ts'
import { latestEvmStore } from '../storage/evmState.ts'
import { corrupt, type Read } from '../storage/record.ts'
import { heightKey, META } from '../storage/schema.ts'
import type { StateSummary } from '../storage/stateSummary.ts'
import { EvmParts } from './evmParts.ts'
import {
  type CodePart,
  encodeManifest,
  type Manifest,
  type RunPart,
  SNAPSHOT_FORMAT,
} from './manifest.ts'
import {
  ANCESTORS,
  ancestorsPartCodec,
  codesPartCodec,
  PART_TARGET_BYTES,
  runPartCodec,
} from './parts.ts'
import type { SnapshotWriter } from './snapshotFiles.ts'
import { notAtCheckpoint, type SnapshotSource } from './snapshotSource.ts'

/**
 * Writes the parts and the manifest of the source's height. Reads everything once, in the order of keys;
 * memory: some parts, and 66 bytes for each different code. SNAPSHOT_NOT_AT_CHECKPOINT,
 * SNAPSHOT_TOO_LARGE, STORAGE_CORRUPT.
 */
export async function writeSnapshot(
  source: SnapshotSource,
  options: { readonly chainId: number; readonly registry: Registry },
  writer: SnapshotWriter,
): Promise<Manifest> {
  const { read, progress } = source
  const { height } = progress
  const checkpoint = readCheckpointHeight(read, options.registry.engines.length)
  if (checkpoint !== height) throw notAtCheckpoint(height, checkpoint)
  const summary = readSummary(read, height, progress)
  assert(summary !== null, 'the committed height has a summary')
  const ancestors = writer.write('ancestors', encode(ancestorsPartCodec, ancestorsOf(source)))
  const evm = new EvmParts(read, writer).writeAll(summary.roots.evmRoot)
  const { runs, engineRoots } = await writeRuns(source, options.registry, writer)
  if (!equalBytes(coreRootOf(engineRoots), summary.roots.coreRoot))
    throw corrupt(META.coreCheckpoint, 'OTHER_ROOT')
  const manifest: Manifest = {
    format: SNAPSHOT_FORMAT,
    chainId: options.chainId,
    height,
    roots: summary.roots,
    engineRoots,
    ethereumHash: summary.ethereumHash,
    coreReceipts: coreReceiptsOf(source, summary),
    ancestors,
    accounts: evm.accounts,
    runs,
    contracts: evm.contracts,
    codes: writeCodes(read, evm.codes, writer),
  }
  writer.writeManifest(manifest, encodeManifest(manifest))
  return manifest
}

function coreReceiptsOf({ read, progress }: SnapshotSource, summary: StateSummary): Uint8Array {
  const outcome = readCoreOutcome(read, summary.height, progress)
  // The height that a restored database began with has no outcome, and no snapshot of its own is needed.
  if (outcome === null) throw notAtCheckpoint(summary.height, summary.height)
  const coreReceipts =
    summary.height === 0 ? ZERO_HASH : receiptsHashOf(outcome.receipts, outcome.events)
  const receiptsRoot = receiptsRootOf(summary.ethereumHash, coreReceipts)
  if (!equalBytes(receiptsRoot, summary.receiptsRoot))
    throw corrupt(heightKey('coreOutcome', summary.height), 'OTHER_ROOT')
  return coreReceipts
}

/** Without their sizes, which no hash covers. */
function ancestorsOf({ read, progress }: SnapshotSource): readonly EthereumHeader[] {
  const { height, start } = progress
  const headers: EthereumHeader[] = []
  for (let at = Math.max(0, height - ANCESTORS + 1); at <= height; at++) {
    const header =
      at < start
        ? readAncestor(read, at)
        : readExecuted(read, at, readBlock(read, at, progress)).header
    if (header === null) throw corrupt(heightKey('ancestor', at), 'MISSING')
    headers.push({ ...header, size: 0 })
  }
  return headers
}

async function writeRuns(
  source: SnapshotSource,
  { engines }: Registry,
  writer: SnapshotWriter,
): Promise<{ readonly runs: readonly RunPart[]; readonly engineRoots: readonly Uint8Array[] }> {
  const runs: RunPart[] = []
  const engineRoots: Uint8Array[] = []
  for (const [engine, { schema }] of engines.entries()) {
    const shape = arenaShapeOf(schema)
    const own: RunPart[] = []
    const flush = (pages: readonly ArenaPage[]): void => {
      if (pages.length === 0) return
      const run = Math.floor((pages[0] as ArenaPage).index / RUN_PAGES)
      const hash = hashRun(shape, run, pages)
      assert(hash.ok, 'stored pages are whole and in order')
      const bytes = writer.write('run', encode(runPartCodec, pages))
      own.push({ engine, run, hash: hash.value, bytes })
    }
    let pages: ArenaPage[] = []
    for await (const page of source.pages(engine)) {
      // What is derived from the tables is made anew.
      if (page.index >= shape.pages) break
      if (isZero(page.bytes)) continue
      const first = pages[0]
      if (first !== undefined && !isSameRun(first, page)) {
        flush(pages)
        pages = []
      }
      pages.push(page)
    }
    flush(pages)
    const root = rootOfRuns(shape, own)
    assert(root.ok, 'runs come in order')
    runs.push(...own)
    engineRoots.push(root.value)
  }
  return { runs, engineRoots }
}

const isSameRun = (a: ArenaPage, b: ArenaPage): boolean =>
  Math.floor(a.index / RUN_PAGES) === Math.floor(b.index / RUN_PAGES)

function writeCodes(
  read: Read,
  hashes: ReadonlySet<string>,
  writer: SnapshotWriter,
): readonly CodePart[] {
  const store = latestEvmStore(read)
  const parts: CodePart[] = []
  let codes: Uint8Array[] = []
  let size = 0
  const flush = (): void => {
    if (codes.length === 0) return
    parts.push({ count: codes.length, bytes: writer.write('codes', encode(codesPartCodec, codes)) })
    codes = []
    size = 0
  }
  for (const hash of [...hashes].sort()) {
    const code = store.get('code', fromHex(hash))
    assert(code !== undefined, 'the code of an account is stored')
    if (size + code.length > PART_TARGET_BYTES) flush()
    codes.push(code.slice())
    size += code.length
  }
  flush()
  return parts
}
