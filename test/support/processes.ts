import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { until } from './wait.ts'

/** The command under test: the checkout's own, or an installed one named by E2E_NEXUS_BIN (the node refuses unknown NEXUS_ variables). */
const NEXUS_BIN =
  process.env.E2E_NEXUS_BIN ?? fileURLToPath(new URL('../../bin/nexus.mjs', import.meta.url))

const OUTPUT_LINES = 400

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** One running `nexus` command with its output kept, newest last. */
export class NexusProcess {
  readonly stdout: string[] = []
  readonly stderr: string[] = []
  readonly #child: ChildProcess
  readonly exited: Promise<Exit>
  exit: Exit | null = null

  /** `preload`: modules that the process and its threads load before everything else; `flags`: of Node itself. */
  constructor(
    args: readonly string[],
    cwd?: string,
    preload: readonly URL[] = [],
    bin: string = NEXUS_BIN,
    flags: readonly string[] = [],
  ) {
    const imports = preload.flatMap(({ href }) => ['--import', href])
    this.#child = spawn(process.execPath, [...flags, ...imports, bin, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    })
    collect(this.#child.stdout, this.stdout)
    collect(this.#child.stderr, this.stderr)
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.exit = { code, signal }
        resolve(this.exit)
      })
    })
    if (this.#child.pid !== undefined) adopt(this.#child.pid)
  }

  get pid(): number {
    const { pid } = this.#child
    if (pid === undefined) throw new Error('the process did not start')
    return pid
  }
  get output(): string {
    return [...this.stdout, ...this.stderr].join('\n')
  }

  /** Sends a signal and waits for the end; past the deadline kills and throws. */
  async stop(signal: NodeJS.Signals = 'SIGINT', timeoutMs = 20_000): Promise<Exit> {
    if (this.exit !== null) return this.exit
    this.#child.kill(signal)
    try {
      return await until(
        { what: `pid ${this.pid} to end after ${signal}`, timeoutMs },
        () => this.exit,
      )
    } catch (error) {
      this.#child.kill('SIGKILL')
      await this.exited
      throw new Error(`${(error as Error).message}; its last output:\n${this.output}`)
    }
  }
}

/** Runs a command to its end. */
export async function runNexus(
  args: readonly string[],
  options: { readonly cwd?: string; readonly timeoutMs?: number } = {},
): Promise<{ readonly exit: Exit; readonly stdout: string; readonly stderr: string }> {
  const command = new NexusProcess(args, options.cwd)
  await until(
    { what: `nexus ${args.join(' ')}`, timeoutMs: options.timeoutMs ?? 30_000 },
    () => command.exit,
  ).catch(async (error: Error) => {
    await command.stop('SIGKILL')
    throw new Error(`${error.message}; its output:\n${command.output}`)
  })
  const exit = command.exit as Exit
  return { exit, stdout: command.stdout.join('\n'), stderr: command.stderr.join('\n') }
}

/** Start times by pid: a pid that the system gave to somebody else since is not ours to kill. */
const adopted = new Map<number, string>()

/** Marks a process, also one that a child of ours started, to be killed by `killAdopted`. */
export function adopt(pid: number): void {
  const started = startTimeOf(pid)
  if (started !== null) adopted.set(pid, started)
}

export const isRunning = (pid: number): boolean => startTimeOf(pid) !== null

/** SIGKILL to every process that tests started and that still runs. For `afterAll`, and on exit. */
export function killAdopted(): void {
  for (const [pid, started] of adopted) if (startTimeOf(pid) === started) kill(pid)
  adopted.clear()
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Ended between the look and the signal.
  }
}

/** Field 22 of /proc/pid/stat; null when there is no such process or it is a zombie. */
function startTimeOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

function collect(stream: NodeJS.ReadableStream | null, lines: string[]): void {
  let rest = ''
  stream?.setEncoding('utf8')
  stream?.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    // The first line is the contract of --json; of the others only the newest matter.
    if (lines.length > OUTPUT_LINES) lines.splice(1, lines.length - OUTPUT_LINES)
  })
  stream?.on('end', () => {
    if (rest !== '') lines.push(rest)
  })
}

process.on('exit', killAdopted)
