import { execFile } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Abi, Hex } from 'viem'
import type { Artifact } from '../artifacts.ts'
import { temporaryDirectory } from '../devnet.ts'

const project = fileURLToPath(new URL('../../../', import.meta.url))
const require = createRequire(join(project, 'package.json'))

/** A file of a package, whatever the package says that it exports; `root` has the `node_modules`. */
export function fileOf(name: string, path: string, root = project): string {
  const file = join(root, 'node_modules', name, path)
  if (existsSync(file)) return file
  throw new Error(`${file} is missing: npm ci installs what these tests use`)
}

/** A contract as its authors published it. */
export function publishedArtifact(name: string, path: string): Artifact {
  const { abi, bytecode } = JSON.parse(readFileSync(fileOf(name, path), 'utf8')) as {
    abi: Abi
    bytecode: Hex
  }
  return { abi, bytecode }
}

/** Multicall3's creation code, which viem carries for calls that nobody deployed it for. */
export async function multicall3Bytecode(): Promise<Hex> {
  const file = join(require.resolve('viem/package.json'), '../_esm/constants/contracts.js')
  const constants = (await import(pathToFileURL(file).href)) as { multicall3Bytecode: Hex }
  return constants.multicall3Bytecode
}

/** A copy of a project of `test/support/tools`, beside the packages of `root` that it imports. */
export function projectFrom(name: 'forge' | 'hardhat', root = project): string {
  const directory = temporaryDirectory(name)
  cpSync(fileURLToPath(new URL(name, import.meta.url)), directory, { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  if (name === 'forge') chmodSync(join(directory, 'solc.mjs'), 0o755)
  return directory
}

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

export type Command = {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end; its exit code is for the caller to judge. */
export function run({ file, args, cwd = project, env = {} }: Command): Promise<Ran> {
  // This Node runs what starts with #!/usr/bin/env node.
  const path = `${join(process.execPath, '..')}:${process.env.PATH}`
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      { cwd, env: { ...process.env, CI: '1', ...env, PATH: path }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
        resolve({ code, stdout, stderr })
      },
    )
  })
}

/** Standard output; a failure fails the test with all that the program said. */
export async function output(command: Command): Promise<string> {
  const { code, stdout, stderr } = await run(command)
  if (code !== 0)
    throw new Error(`${command.args.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`)
  return stdout.trim()
}

/** Foundry's programs. Their npm launcher spends half a second before it starts the same file. */
export const foundry = (name: 'anvil' | 'cast' | 'forge', root = project): string =>
  fileOf(`@foundry-rs/${name}-${process.platform}-${archOf(process.arch)}`, `bin/${name}`, root)

const archOf = (arch: string): string => (arch === 'x64' ? 'amd64' : arch)

export const hardhatProgram = (root: string): string => fileOf('hardhat', 'dist/src/cli.js', root)
