import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Abi } from 'viem'
import { compileSolidity, SETTINGS, sourcesOf } from '../../../contracts/compile.ts'
import { fromHex } from '../../../core/primitives/bytes.ts'

/** A contract as tests use it. */
export type Contract = {
  readonly abi: Abi
  readonly creation: Uint8Array
  readonly runtime: Uint8Array
}

type Cached = Record<string, { abi: Abi; creation: string; runtime: string }>

const require = createRequire(import.meta.url)
const cacheFolder = new URL('../../../node_modules/.cache/nexus-contracts/', import.meta.url)

/** The contracts of a Solidity file, by name; compiled once for the same sources, then from a cache. */
export async function contractsOf(path: string): Promise<(name: string) => Contract> {
  const { version } = JSON.parse(readFileSync(require.resolve('solc/package.json'), 'utf8'))
  const key = createHash('sha256')
    .update([version, JSON.stringify(SETTINGS), ...[...sourcesOf(path)].flat()].join('\0'))
    .digest('hex')
  const file = new URL(`${key.slice(0, 24)}.json`, cacheFolder)
  const cached = readCache(file) ?? (await compile(path, file))
  return (name) => {
    const contract = cached[name]
    if (contract === undefined) throw new Error(`${path} has no contract ${name}`)
    const { abi, creation, runtime } = contract
    return { abi, creation: fromHex(creation), runtime: fromHex(runtime) }
  }
}

function readCache(file: URL): Cached | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Cached
  } catch {
    return null
  }
}

async function compile(path: string, file: URL): Promise<Cached> {
  const contracts = Object.fromEntries(
    [...(await compileSolidity(path))].map(([name, { abi, creation, runtime }]) => [
      name,
      { abi: abi as Abi, creation, runtime },
    ]),
  )
  mkdirSync(cacheFolder, { recursive: true })
  const temporary = new URL(`${process.pid}-${key(file)}.tmp`, cacheFolder)
  writeFileSync(temporary, JSON.stringify(contracts))
  renameSync(temporary, file)
  return contracts
}

const key = (file: URL): string => file.pathname.split('/').at(-1) ?? ''
