import { type ChildProcess, fork } from 'node:child_process'
import * as fs from 'node:fs'
import { NexusError } from '../../core/primitives/errors.ts'
import { isNodeMessage, type NodeMessage } from '../supervised.ts'

export type ValidatorProgram = {
  readonly index: number
  readonly home: string
  /** Standard output and error of the process are appended here. */
  readonly log: string
  readonly entry: string
  readonly args: readonly string[]
  readonly nodeFlags: readonly string[]
}

export type ValidatorState = 'starting' | 'ready' | 'ended'

export type ValidatorEnd = {
  readonly index: number
  readonly pid: number
  readonly code: number | null
  readonly signal: string | null
  /** What the process said before it ended by itself. */
  readonly failure: string | null
}

export type SupervisorOptions = {
  readonly restart: boolean
  /** A log larger than this is kept once as `.1` and begun anew at a start. */
  readonly maxLogBytes: number
  readonly restartDelayMs: number
}

export type SupervisorEvents = {
  readonly ready: (index: number) => void
  /** Not called for a process that we stopped. */
  readonly ended: (end: ValidatorEnd) => void
}

export const defaultSupervisorOptions: SupervisorOptions = {
  restart: false,
  maxLogBytes: 64 * 1024 * 1024,
  restartDelayMs: 1_000,
}

type Entry = {
  readonly program: ValidatorProgram
  child: ChildProcess | null
  state: ValidatorState
  failure: string | null
}

/** One operating-system process per validator: starts them, notices their end, stops them. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #events: SupervisorEvents
  readonly #entries: readonly Entry[]
  readonly #restarts = new Set<NodeJS.Timeout>()
  #stopping = false

  constructor(
    programs: readonly ValidatorProgram[],
    options: SupervisorOptions,
    events: SupervisorEvents,
  ) {
    this.#options = options
    this.#events = events
    this.#entries = programs.map((program) => ({
      program,
      child: null,
      state: 'ended',
      failure: null,
    }))
  }

  start(): void {
    for (const entry of this.#entries) this.#spawn(entry)
  }

  state(index: number): ValidatorState {
    return this.#entries[index]?.state ?? 'ended'
  }
  /** Null when the process has ended. */
  pid(index: number): number | null {
    return this.#entries[index]?.child?.pid ?? null
  }

  /** SIGTERM to all; SIGKILL to those that are left after the deadline. Resolves when none is. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true
    for (const timer of this.#restarts) clearTimeout(timer)
    const children = this.#children()
    const ends = children.map((child) => new Promise((resolve) => child.once('exit', resolve)))
    for (const child of children) child.kill('SIGTERM')
    const timer = setTimeout(() => this.kill(), deadlineMs)
    await Promise.all(ends)
    clearTimeout(timer)
  }

  /** Ends all at once: what they had not written is lost, as in a power failure. */
  kill(): void {
    this.#stopping = true
    for (const child of this.#children()) child.kill('SIGKILL')
  }

  #children(): ChildProcess[] {
    return this.#entries.flatMap(({ child }) => (child === null ? [] : [child]))
  }

  #spawn(entry: Entry): void {
    const { entry: script, args, nodeFlags, log } = entry.program
    const descriptor = openLog(log, this.#options.maxLogBytes)
    const child = fork(script, args, {
      execArgv: [...nodeFlags],
      env: withoutSettings(process.env),
      stdio: ['ignore', descriptor, descriptor, 'ipc'],
      // Its own group: Ctrl-C reaches us alone, and we stop the validators in our own way. When we
      // are killed, the closed channel tells them.
      detached: true,
    })
    fs.closeSync(descriptor)
    entry.child = child
    entry.state = 'starting'
    entry.failure = null
    child.on('message', (message) => {
      if (isNodeMessage(message)) this.#receive(entry, message)
    })
    child.once('exit', (code, signal) => this.#ended(entry, child, { code, signal }))
    child.once('error', (error) => {
      entry.failure = error.message
      if (child.pid === undefined) this.#ended(entry, child, { code: null, signal: null })
    })
  }

  #receive(entry: Entry, message: NodeMessage): void {
    if (message.kind === 'failed') {
      entry.failure = `${message.code}: ${message.message}`
      return
    }
    entry.state = 'ready'
    this.#events.ready(entry.program.index)
  }

  #ended(
    entry: Entry,
    child: ChildProcess,
    { code, signal }: { readonly code: number | null; readonly signal: string | null },
  ): void {
    if (entry.child !== child) return
    entry.child = null
    entry.state = 'ended'
    if (this.#stopping) return
    const { index } = entry.program
    this.#events.ended({ index, pid: child.pid ?? 0, code, signal, failure: entry.failure })
    if (!this.#options.restart || this.#stopping) return
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      this.#spawn(entry)
    }, this.#options.restartDelayMs)
    this.#restarts.add(timer)
  }
}

/** A devnet's validators are what its files say, whatever the shell exports for another node. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('NEXUS_')),
  )
}

function openLog(file: string, maxBytes: number): number {
  try {
    if ((fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) > maxBytes)
      fs.renameSync(file, `${file}.1`)
    return fs.openSync(file, 'a', 0o600)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new NexusError({ code: 'FILE_UNWRITABLE', path: file, reason }, { message: reason })
  }
}
