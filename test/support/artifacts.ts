import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Abi, Hex } from 'viem'

/** What a client needs to deploy a contract and to talk to it. */
export type Artifact = { readonly abi: Abi; readonly bytecode: Hex }

const require = createRequire(import.meta.url)
const cacheFolder = new URL('../../node_modules/.cache/nexus-contracts/', import.meta.url)
const sourceOf = (path: string): string => readFileSync(path, 'utf8')

/** Published by Uniswap on npm, compiled with solc 0.5.16 and 0.6.6; the router's init code hash is that of this pair. */
export const uniswap = {
  factory: published('@uniswap/v2-core/build/UniswapV2Factory.json'),
  pair: published('@uniswap/v2-core/build/UniswapV2Pair.json'),
  router: published('@uniswap/v2-periphery/build/UniswapV2Router02.json'),
  weth: published('@uniswap/v2-periphery/build/WETH9.json'),
}

function published(path: string): Artifact {
  const { abi, bytecode } = JSON.parse(sourceOf(require.resolve(path))) as {
    abi: Abi
    bytecode: string
  }
  return { abi, bytecode: (bytecode.startsWith('0x') ? bytecode : `0x${bytecode}`) as Hex }
}

type CompilerOutput = {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[]
  readonly contracts?: Record<
    string,
    Record<string, { abi: Abi; evm: { bytecode: { object: string } } }>
  >
}

/** Compiles `contracts/<name>.sol` with the npm compiler and OpenZeppelin's sources; 3 s the first time, then from a cache. */
export async function compiled(name: 'Token' | 'Delegate' | 'Loop'): Promise<Artifact> {
  const content = sourceOf(new URL(`contracts/${name}.sol`, import.meta.url).pathname)
  const versions = ['solc', '@openzeppelin/contracts'].map(
    (dependency) => JSON.parse(sourceOf(require.resolve(`${dependency}/package.json`))).version,
  )
  const key = createHash('sha256')
    .update([content, ...versions].join('\0'))
    .digest('hex')
  const cached = new URL(`${name}-${key.slice(0, 16)}.json`, cacheFolder)
  try {
    return JSON.parse(readFileSync(cached, 'utf8')) as Artifact
  } catch {
    const artifact = await compile(name, content)
    mkdirSync(cacheFolder, { recursive: true })
    const temporary = new URL(`${process.pid}.tmp`, cacheFolder)
    writeFileSync(temporary, JSON.stringify(artifact))
    renameSync(temporary, cached)
    return artifact
  }
}

async function compile(name: string, content: string): Promise<Artifact> {
  // Nine megabytes of WebAssembly: loaded only when the cache does not help.
  const { default: solc } = (await import('solc')) as {
    default: {
      compile: (input: string, callbacks: { import: (path: string) => object }) => string
    }
  }
  const input = {
    language: 'Solidity',
    sources: { [`${name}.sol`]: { content } },
    settings: {
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  }
  const output = JSON.parse(
    solc.compile(JSON.stringify(input), {
      import: (path) => ({ contents: sourceOf(require.resolve(path)) }),
    }),
  ) as CompilerOutput
  const failures = output.errors?.filter(({ severity }) => severity === 'error') ?? []
  const contract = output.contracts?.[`${name}.sol`]?.[name]
  if (failures.length > 0 || contract === undefined)
    throw new Error(failures.map(({ formattedMessage }) => formattedMessage).join('\n'))
  return { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` }
}
