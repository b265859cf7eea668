import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPorts, type PortPlan } from './ports.ts'
import { adopt, isRunning, kill, killAdopted, NexusProcess } from './processes.ts'
import { until } from './wait.ts'

/** The line that `nexus devnet --json` prints once every validator answers. */
export type DevnetReport = {
  readonly chainId: number
  readonly validators: readonly ValidatorReport[]
  readonly accounts: readonly {
    readonly address: `0x${string}`
    readonly privateKey: `0x${string}`
  }[]
}

export type ValidatorReport = {
  readonly index: number
  readonly rpc: string
  readonly ws: string
  readonly metrics: string
  readonly home: string
  readonly log: string
  readonly pid: number
  readonly address: `0x${string}`
}

export type DevnetOptions = {
  readonly validators?: number
  /** Kept when given; otherwise a temporary directory that `dispose` removes. */
  readonly data?: string
  readonly ports?: PortPlan
  readonly args?: readonly string[]
  readonly timeoutMs?: number
}

const temporary = new Set<string>()

export function temporaryDirectory(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `nexus-${name}-`))
  temporary.add(path)
  return path
}

/** Kills what tests started and removes their data. For `afterAll`; safe to call twice. */
export function disposeAll(): void {
  killAdopted()
  for (const path of temporary) rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  temporary.clear()
}

export class Devnet {
  readonly data: string
  readonly ports: PortPlan
  readonly supervisor: NexusProcess
  readonly report: DevnetReport
  /** Validators started one by one since, by index. */
  readonly #restarted = new Map<number, NexusProcess>()

  private constructor(
    supervisor: NexusProcess,
    report: DevnetReport,
    place: { data: string; ports: PortPlan },
  ) {
    this.supervisor = supervisor
    this.report = report
    this.data = place.data
    this.ports = place.ports
  }

  /** Resolves once the JSON line is there. */
  static async start(options: DevnetOptions = {}): Promise<Devnet> {
    const data = options.data ?? temporaryDirectory('devnet')
    const ports = options.ports ?? (await findPorts())
    const args = ['devnet', '--json', '--data', data, ...portArguments(ports)]
    if (options.validators !== undefined) args.push('--validators', String(options.validators))
    const supervisor = new NexusProcess([...args, ...(options.args ?? [])])
    await until(
      { what: 'the devnet to be ready', timeoutMs: options.timeoutMs ?? 60_000 },
      () => supervisor.stdout.length > 0 || supervisor.exit !== null,
    ).catch(async (error: Error) => {
      await supervisor.stop('SIGKILL')
      throw new Error(`${error.message}; its output:\n${supervisor.output}`)
    })
    const line = supervisor.stdout[0]
    if (line === undefined) throw new Error(`the devnet ended at once:\n${supervisor.output}`)
    const report = JSON.parse(line) as DevnetReport
    for (const { pid } of report.validators) adopt(pid)
    return new Devnet(supervisor, report, { data, ports })
  }

  validator(index: number): ValidatorReport {
    const validator = this.report.validators[index]
    if (validator === undefined) throw new Error(`there is no validator ${index}`)
    return validator
  }
  pidOf(index: number): number {
    return this.#restarted.get(index)?.pid ?? this.validator(index).pid
  }

  /** SIGKILL, and waits until the process is gone. */
  async kill(index: number): Promise<void> {
    const pid = this.pidOf(index)
    kill(pid)
    await until({ what: `validator ${index} to be gone` }, () => !isRunning(pid))
  }

  /** Validators that ended without being asked to, each with the end of its log. */
  deaths(): string[] {
    return this.report.validators
      .filter(({ index }) => !isRunning(this.pidOf(index)))
      .map(({ index, log }) => {
        const lines = readFileSync(log, 'utf8').trimEnd().split('\n')
        return `validator ${index} ended:\n${lines.slice(-20).join('\n')}`
      })
  }

  /** Starts one validator alone, as a person would after a crash. */
  startValidator(index: number, args: readonly string[] = []): NexusProcess {
    const started = new NexusProcess(['start', '--home', this.validator(index).home, ...args])
    this.#restarted.set(index, started)
    return started
  }

  /** Every process of the devnet at once, supervisor included: a power cut. */
  async killAll(): Promise<void> {
    const pids = this.report.validators.map(({ index }) => this.pidOf(index))
    kill(this.supervisor.pid)
    for (const pid of pids) kill(pid)
    await until({ what: 'all processes to be gone' }, () =>
      [...pids, this.supervisor.pid].every((pid) => !isRunning(pid)),
    )
  }

  /** Ctrl-C, for the supervisor and for whatever was started alone. */
  async stop(): Promise<void> {
    for (const process of this.#restarted.values()) await process.stop('SIGINT')
    await this.supervisor.stop('SIGINT')
  }
}

export const portArguments = (ports: PortPlan): string[] => [
  ...['--port', String(ports.rpc)],
  ...['--metrics-port', String(ports.metrics)],
  ...['--p2p-port', String(ports.p2p)],
]
