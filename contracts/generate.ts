// Writes contracts/interfaces from the engines of the registry: `node contracts/generate.ts`.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Coprocessor } from '../core/host/coprocessor.ts'
import { addressesSolidity, jsonAbiOf, solidityOf } from '../core/host/solidity.ts'
import { interfaceNameOf } from '../core/host/solidityShape.ts'
import { coreRegistry } from '../node/engines/registry.ts'

export const INTERFACES = new URL('./interfaces/', import.meta.url)

/** Every file of the folder by name, as the engines want it. */
export function interfaceFiles(engines: readonly Coprocessor[]): ReadonlyMap<string, string> {
  const files = new Map([['NexusAddresses.sol', addressesSolidity(engines)]])
  for (const engine of engines) {
    files.set(`${interfaceNameOf(engine)}.sol`, solidityOf(engine))
    files.set(`${interfaceNameOf(engine)}.json`, jsonAbiOf(engine))
  }
  return files
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = interfaceFiles(coreRegistry.engines)
  mkdirSync(INTERFACES, { recursive: true })
  for (const name of readdirSync(INTERFACES)) {
    if (!files.has(name)) rmSync(new URL(name, INTERFACES))
  }
  for (const [name, text] of files) writeFileSync(new URL(name, INTERFACES), text)
}
