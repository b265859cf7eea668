import * as path from 'node:path'
import { defaultHome } from '../config/paths.ts'
import { readHidden } from './prompt.ts'

/** What a command sees of the world; tests give their own. */
export type CliContext = {
  /** Results: what a script may read. */
  readonly write: (text: string) => void
  /** Everything for people only. */
  readonly writeError: (text: string) => void
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly directory: string
  readonly readInput: () => Promise<string>
  /** Asks on the terminal without showing the answer; absent where there is none. */
  readonly askHidden?: (question: string) => Promise<Uint8Array>
  /** Of the process, when the command ends by itself. */
  readonly setExitCode: (code: number) => void
}

export const processContext = (): CliContext => ({
  write: (text) => void process.stdout.write(`${text}\n`),
  writeError: (text) => void process.stderr.write(`${text}\n`),
  environment: process.env,
  directory: process.cwd(),
  readInput: readStandardInput,
  ...(process.stdin.isTTY ? { askHidden: askOnTerminal } : {}),
  setExitCode: (code) => {
    process.exitCode = code
  },
})

const askOnTerminal = (question: string): Promise<Uint8Array> =>
  readHidden(process.stdin, (text) => void process.stderr.write(text), question)

export const EXIT = { ok: 0, failed: 1, usage: 2, forced: 130 } as const

/** `--home`, then NEXUS_HOME, then `~/.nexus/node`; absolute. */
export function resolveHome(context: CliContext, flag: string | undefined): string {
  return path.resolve(context.directory, flag ?? context.environment.NEXUS_HOME ?? defaultHome())
}

export const resolveFile = (context: CliContext, file: string): string =>
  path.resolve(context.directory, file)

export const json = (value: unknown): string => JSON.stringify(value, null, 2)

export type HomeOptions = { readonly home?: string; readonly json?: true }

export const HOME_OPTION = [
  '--home <dir>',
  'home of the node (default: NEXUS_HOME or ~/.nexus/node)',
] as const
export const JSON_OPTION = ['--json', 'print JSON'] as const

/** Larger than any key or mnemonic, smaller than a mistaken file. */
const MAX_INPUT = 64 * 1024

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer)
    length += (chunk as Buffer).length
    if (length > MAX_INPUT) break
  }
  return Buffer.concat(chunks).toString('utf8')
}
