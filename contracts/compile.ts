import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** What the Solidity compiler makes of one contract; hex digits without prefix. */
export type Compiled = {
  readonly abi: readonly unknown[]
  readonly creation: string
  readonly runtime: string
  /** Where each state variable is. */
  readonly slots: ReadonlyMap<string, bigint>
}

type Output = {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[]
  readonly contracts?: Record<string, Record<string, ContractOutput>>
}

type ContractOutput = {
  readonly abi: readonly unknown[]
  readonly evm: {
    readonly bytecode: { readonly object: string }
    readonly deployedBytecode: { readonly object: string }
  }
  readonly storageLayout?: {
    readonly storage: readonly { readonly label: string; readonly slot: string }[]
  }
}

type Solc = {
  version(): string
  compile(input: string, callbacks: { import: (path: string) => object }): string
}

const require = createRequire(import.meta.url)
const root = new URL('../', import.meta.url)

/** Changes with anything that changes what `compileSolidity` returns for the same sources. */
export const SETTINGS = {
  evmVersion: 'prague',
  optimizer: { enabled: true, runs: 200 },
  // The code then depends on what is written, not on comments, paths or the compiler's name.
  metadata: { appendCBOR: false, bytecodeHash: 'none' },
  outputSelection: {
    '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object', 'storageLayout'] },
  },
} as const

/**
 * The contracts of one file, by name, with the compiler from npm. `path` is relative to the
 * repository; imports are relative paths or packages. About 2 s the first time. Throws the
 * compiler's words.
 */
export async function compileSolidity(path: string): Promise<ReadonlyMap<string, Compiled>> {
  // Nine megabytes of WebAssembly: only who compiles loads it.
  const { default: solc } = (await import('solc')) as { default: Solc }
  const input = {
    language: 'Solidity',
    sources: { [path]: { content: readSource(path) } },
    settings: SETTINGS,
  }
  const output = JSON.parse(
    solc.compile(JSON.stringify(input), { import: (name) => ({ contents: readSource(name) }) }),
  ) as Output
  const problems = output.errors?.filter(({ severity }) => severity === 'error') ?? []
  const contracts = output.contracts?.[path]
  if (problems.length > 0 || contracts === undefined) {
    throw new Error(problems.map(({ formattedMessage }) => formattedMessage).join('\n'))
  }
  return new Map(Object.entries(contracts).map(([name, contract]) => [name, compiledOf(contract)]))
}

/** Every file that `path` is made of: itself and what it imports. */
export function sourcesOf(path: string, known = new Map<string, string>()): Map<string, string> {
  if (known.has(path)) return known
  const content = readSource(path)
  known.set(path, content)
  for (const [, name = ''] of content.matchAll(/^import\s[^;]*?["']([^"']+)["'];/gm)) {
    sourcesOf(name.startsWith('.') ? resolve(path, name) : name, known)
  }
  return known
}

const resolve = (from: string, name: string): string =>
  new URL(name, `file:///${from}`).pathname.slice(1)

const compiledOf = ({ abi, evm, storageLayout }: ContractOutput): Compiled => ({
  abi,
  creation: evm.bytecode.object,
  runtime: evm.deployedBytecode.object,
  slots: new Map(storageLayout?.storage.map(({ label, slot }) => [label, BigInt(slot)]) ?? []),
})

function readSource(path: string): string {
  const own = /^(contracts|test)\//.test(path)
  return readFileSync(own ? fileURLToPath(new URL(path, root)) : require.resolve(path), 'utf8')
}
