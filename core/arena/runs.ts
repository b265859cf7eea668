import { concatBytes } from '../primitives/bytes.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import { hashPairs } from './hasher.ts'
import type { ArenaPage } from './index.ts'
import { CHUNK_BYTES, layoutOf, PAGE_BYTES } from './layout.ts'
import { arenaRootOf, zeroNode } from './merkle.ts'
import type { Schema } from './schema.ts'

export { PAGE_BYTES } from './layout.ts'

/** Pages of a run: 1 MiB, a whole subtree of the Merkle tree. */
export const RUN_PAGES = 256
/** log2 of the chunks of a page, and of those of a run. */
const PAGE_LEVEL = 6
const RUN_LEVEL = 14

/** A run that is not all zero, with the hash at its top. */
export type ArenaRun = { readonly run: number; readonly hash: Uint8Array }

/** How many pages an arena commits to, and how deep its tree is. */
export type ArenaShape = { readonly pages: number; readonly depth: number }

export function arenaShapeOf(schema: Schema): ArenaShape {
  const { committedBytes, depth } = layoutOf(schema)
  return { pages: committedBytes / PAGE_BYTES, depth }
}

/** An arena smaller than a run is one. */
const levelOf = ({ depth }: ArenaShape): number => Math.min(depth, RUN_LEVEL)

/**
 * Hash at the top of a run that holds these pages and zeros elsewhere. BAD_PAGES unless they are of the run,
 * in order, whole and not zero. O(pages).
 */
export function hashRun(
  shape: ArenaShape,
  run: number,
  pages: readonly ArenaPage[],
): Result<Uint8Array, 'BAD_PAGES'> {
  let previous = run * RUN_PAGES - 1
  const end = Math.min((run + 1) * RUN_PAGES, shape.pages)
  for (const { index, bytes } of pages) {
    if (index <= previous || index >= end || bytes.length !== PAGE_BYTES) return reject('BAD_PAGES')
    if (isZero(bytes)) return reject('BAD_PAGES')
    previous = index
  }
  const hashes = new Map(pages.map(({ index, bytes }) => [index % RUN_PAGES, hashPage(bytes)]))
  return ok(foldUp(hashes, PAGE_LEVEL, levelOf(shape)))
}

/** The engine root over its runs, all others being zero. BAD_RUNS unless they are of the arena and in order. O(runs). */
export function rootOfRuns(
  shape: ArenaShape,
  runs: readonly ArenaRun[],
): Result<Uint8Array, 'BAD_RUNS'> {
  const level = levelOf(shape)
  const count = Math.ceil(shape.pages / RUN_PAGES)
  let previous = -1
  for (const { run, hash } of runs) {
    if (run <= previous || run >= count || hash.length !== 32) return reject('BAD_RUNS')
    previous = run
  }
  const hashes = new Map(runs.map(({ run, hash }) => [run, hash]))
  return ok(arenaRootOf(foldUp(hashes, level, shape.depth)))
}

export const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

function hashPage(page: Uint8Array): Uint8Array {
  let nodes = page
  while (nodes.length > CHUNK_BYTES / 2) {
    const above = new Uint8Array(nodes.length / 2)
    hashPairs(nodes, above)
    nodes = above
  }
  return nodes
}

/** Node 0 of level `to` over nodes of level `from`; those that are not named stand for zeros. */
function foldUp(nodes: ReadonlyMap<number, Uint8Array>, from: number, to: number): Uint8Array {
  let level = nodes
  for (let height = from; height < to; height++) {
    const above = new Map<number, Uint8Array>()
    for (const index of level.keys()) {
      const parent = Math.floor(index / 2)
      if (above.has(parent)) continue
      const left = level.get(parent * 2) ?? zeroBytes(height)
      const right = level.get(parent * 2 + 1) ?? zeroBytes(height)
      const node = new Uint8Array(32)
      hashPairs(concatBytes(left, right), node)
      above.set(parent, node)
    }
    level = above
  }
  return level.get(0) ?? zeroBytes(to)
}

const zeroBytes = (height: number): Uint8Array => new Uint8Array(zeroNode(height).slice().buffer)
