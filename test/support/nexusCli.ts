import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const BINARY = fileURLToPath(new URL('../../bin/nexus.mjs', import.meta.url))

export type CliRun = { readonly code: number | null; readonly out: string; readonly err: string }

/** Runs the real program and waits for its end. `directory` is where it runs and its HOME. */
export function runNexus(
  args: readonly string[],
  {
    directory,
    input = '',
    environment = {},
    node = process.execPath,
  }: {
    readonly directory: string
    readonly input?: string
    readonly environment?: Readonly<Record<string, string>>
    readonly node?: string
  },
): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [BINARY, ...args], {
      cwd: directory,
      env: { PATH: process.env.PATH, HOME: directory, NO_COLOR: '1', ...environment },
    })
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
    child.stdin.end(input)
  })
}
