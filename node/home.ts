import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { NexusError } from '../core/primitives/errors.ts'
import { formatProblems, type Genesis, parseGenesis } from '../genesis/index.ts'
import type { HomePaths } from './config/paths.ts'
import { readTextFile } from './keys/files.ts'
import { generateNodeKey, loadNodeKey, type NodeKey, saveNodeKey } from './keys/nodeKey.ts'

/** Makes the directory of a node; others may neither list nor enter it. */
export function makeHome({ home }: HomePaths): void {
  fs.mkdirSync(home, { recursive: true, mode: 0o700 })
}

/** The node key of a home, made if there is none. */
export async function ensureNodeKey(paths: HomePaths): Promise<NodeKey> {
  if (!fs.existsSync(paths.nodeKey)) saveNodeKey(paths.nodeKey, await generateNodeKey())
  return loadNodeKey(paths.nodeKey)
}

/** A copy outside Buffer's shared pool, which later strings may show. */
export const randomBytesOf = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))

/** INVALID_GENESIS with all problems in its message, or FILE_UNREADABLE. */
export function readGenesis(file: string): { readonly text: string; readonly value: Genesis } {
  const text = readTextFile(file)
  const parsed = parseGenesis(text)
  if (parsed.ok) return { text, value: parsed.value }
  throw new NexusError(
    { code: 'INVALID_GENESIS', path: file },
    { message: `${file}:\n${formatProblems(parsed.problems)}` },
  )
}

/** HOME_MISSING unless the files that `init` writes are there. */
export function assertHome(paths: HomePaths): void {
  for (const file of [paths.genesis, paths.nodeKey]) {
    if (!fs.existsSync(file))
      throw new NexusError(
        { code: 'HOME_MISSING', path: file },
        { message: `${paths.home} is not the home of a node: ${file} does not exist` },
      )
  }
}
