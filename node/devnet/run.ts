import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { checksumAddress, genesisHash } from '../../genesis/index.ts'
import { readGenesis } from '../home.ts'
import { readTextFileIfPresent } from '../keys/files.ts'
import { loadValidatorKey } from '../keys/validatorKey.ts'
import { acquireLock, type Lock, lockHolder } from '../lock.ts'
import { onShutdown } from '../shutdown.ts'
import { formatBanner, formatDevnetJson, type RunningDevnet, urlsOf } from './banner.ts'
import { testAccounts } from './chainHomes.ts'
import { ChainViewer, formatView } from './chainView.ts'
import {
  claimDirectory,
  createDevnet,
  devnetPaths,
  openDevnet,
  resetDevnet,
  validatorPaths,
  writeConfigs,
} from './files.ts'
import { HealthPoller } from './health.ts'
import {
  type DevnetChain,
  type DevnetOptions,
  defaultDevnetChain,
  MAX_VALIDATORS,
} from './options.ts'
import { assertPortsFree, portsOf } from './ports.ts'
import { createScreen, type Screen } from './screen.ts'
import {
  defaultSupervisorOptions,
  Supervisor,
  type ValidatorEnd,
  type ValidatorProgram,
} from './supervisor.ts'

const HOST = '127.0.0.1'
const READY_MS = 120_000
const POLL_READY_MS = 100
const POLL_STATUS_MS = 1_000
const HEALTH_TIMEOUT_MS = 2_000
const STOP_MS = 20_000
/** Chains with a longer interval of empty blocks are ready when their validators are connected. */
const LONG_INTERVAL_MS = 5_000
const NODE_FLAGS = ['--disable-proto=throw', '--unhandled-rejections=strict']
const ENTRY = fileURLToPath(new URL('../main.ts', import.meta.url))

export type DevnetSurroundings = {
  readonly write: (text: string) => void
  readonly directory: string
}

/** Runs a devnet until it is told to stop; resolves with the exit code when all of it is stopped. */
export async function runDevnet(
  options: DevnetOptions,
  surroundings: DevnetSurroundings,
): Promise<number> {
  // With --json standard output holds one line only; people read the other stream.
  const output = options.json ? process.stderr : process.stdout
  const screen = createScreen(output, () => performance.now())
  claimDirectory(options.data)
  const lock = lockDevnet(options.data)
  process.on('exit', () => lock.release())
  const { chain, continued } = await prepare(options)
  const poller = new HealthPoller(
    Array.from({ length: chain.validators }, (_, i) => options.ports.metrics + i),
    HEALTH_TIMEOUT_MS,
  )
  const { directory } = surroundings
  const session = new DevnetSession(options, chain, { screen, poller, directory })
  try {
    if (await session.start()) {
      const devnet = session.describe(continued)
      if (options.json) surroundings.write(formatDevnetJson(devnet))
      else screen.line(formatBanner(devnet, surroundings.directory))
      await session.watch()
    }
    screen.line('Stopping')
  } finally {
    await session.stop()
    poller.close()
    screen.close()
  }
  return 0
}

async function prepare(
  options: DevnetOptions,
): Promise<{ readonly chain: DevnetChain; readonly continued: boolean }> {
  const { data, ports, logLevel } = options
  if (options.reset) {
    assertNoneRuns(data)
    resetDevnet(data)
  }
  const found = openDevnet(data, options.chain)
  const { validators } = found ?? { ...defaultDevnetChain, ...options.chain }
  const uses = portsOf(ports, validators)
  assertNoneRuns(data)
  await assertPortsFree(uses, HOST)
  const chain = found ?? (await createDevnet(data, options.chain, Date.now()))
  writeConfigs(data, chain, { ports, logLevel })
  return { chain, continued: found !== null }
}

function lockDevnet(data: string): Lock {
  const file = devnetPaths(data).lock
  const pid = lockHolder(file)
  if (pid === null) return acquireLock(file)
  throw new NexusError(
    { code: 'DEVNET_RUNNING', path: data, pid },
    { message: `process ${pid} runs the devnet in ${data}` },
  )
}

/** A validator that was started again by hand outlives its devnet. */
function assertNoneRuns(data: string): void {
  for (let i = 0; i < MAX_VALIDATORS; i++) {
    const file = validatorPaths(data, i).lock
    const pid = lockHolder(file)
    if (pid !== null)
      throw new NexusError(
        { code: 'LOCKED', path: file, pid },
        { message: `validator ${i} runs already, as process ${pid}` },
      )
  }
}

type SessionModules = {
  readonly screen: Screen
  readonly poller: HealthPoller
  readonly directory: string
}

/** From the first fork to the last exit. */
class DevnetSession {
  readonly #options: DevnetOptions
  readonly #chain: DevnetChain
  readonly #modules: SessionModules
  readonly #supervisor: Supervisor
  readonly #stopped = new AbortController()
  readonly #unlisten: () => void
  #isReady = false
  #failure: ValidatorEnd | null = null

  constructor(options: DevnetOptions, chain: DevnetChain, modules: SessionModules) {
    this.#options = options
    this.#chain = chain
    this.#modules = modules
    const programs = Array.from({ length: chain.validators }, (_, i) => programOf(options.data, i))
    const { restart } = options
    this.#supervisor = new Supervisor(
      programs,
      { ...defaultSupervisorOptions, restart },
      {
        ready: (index) => this.#onReady(index),
        ended: (end) => this.#onEnded(end),
      },
    )
    this.#unlisten = onShutdown(
      {
        stop: () => this.#stopped.abort(),
        force: () => {
          this.#supervisor.kill()
          process.exit(130)
        },
      },
      () => performance.now(),
    )
  }

  /** True when the chain makes blocks, false when a stop was asked for before. VALIDATOR_FAILED, DEVNET_SLOW. */
  async start(): Promise<boolean> {
    const { validators } = this.#chain
    this.#modules.screen.line(`Starting ${validators} validators in ${this.#options.data}`)
    this.#supervisor.start()
    const deadline = performance.now() + READY_MS
    let lowest: number | null = null
    while (!this.#stopped.signal.aborted) {
      if (this.#failure !== null) throw failed(this.#failure, this.#options.data)
      if (performance.now() > deadline) throw slow(validators)
      const reports = await this.#modules.poller.poll()
      const up = reports.filter((report) => report !== null)
      const height = Math.max(0, ...up.map((report) => report.height))
      const isConnected = up.every(({ peers }) => peers >= validators - 1)
      const moves = lowest !== null && height > lowest
      const isSlow = this.#chain.blockTimeMs > LONG_INTERVAL_MS && isConnected
      if (this.#allReady() && up.length === validators && (moves || isSlow)) {
        this.#isReady = true
        return true
      }
      lowest ??= up.length === validators ? height : null
      await this.#pause(POLL_READY_MS)
    }
    return false
  }

  /** Until a stop is asked for. */
  async watch(): Promise<void> {
    const viewer = new ChainViewer()
    while (!this.#stopped.signal.aborted) {
      if (!this.#options.json) {
        const reports = await this.#modules.poller.poll()
        const view = viewer.view({ atMs: performance.now(), reports })
        this.#modules.screen.status(formatView(view))
      }
      await this.#pause(this.#options.json ? 60_000 : POLL_STATUS_MS)
    }
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop(STOP_MS)
    this.#unlisten()
  }

  describe(continued: boolean): RunningDevnet {
    const { data, ports } = this.#options
    const { value: genesis } = readGenesis(validatorPaths(data, 0).genesis)
    return {
      chain: this.#chain,
      data,
      genesisHash: `0x${toHex(genesisHash(genesis))}`,
      accounts: testAccounts(this.#chain.accounts),
      continued,
      validators: Array.from({ length: this.#chain.validators }, (_, index) => {
        const paths = validatorPaths(data, index)
        return {
          index,
          ...urlsOf(ports, index),
          home: paths.home,
          log: paths.log,
          pid: this.#supervisor.pid(index),
          address: checksumAddress(loadValidatorKey(paths.validatorKey).address),
        }
      }),
    }
  }

  #allReady(): boolean {
    return Array.from({ length: this.#chain.validators }).every(
      (_, i) => this.#supervisor.state(i) === 'ready',
    )
  }

  #onReady(index: number): void {
    this.#modules.screen.line(`validator ${index} is ready`)
  }

  #onEnded(end: ValidatorEnd): void {
    if (!this.#isReady) {
      this.#failure ??= end
      return
    }
    const home = path.relative(
      this.#modules.directory,
      validatorPaths(this.#options.data, end.index).home,
    )
    const next = this.#options.restart
      ? 'it is started again'
      : `start it again with: npx nexus start --home ${home}`
    this.#modules.screen.line(`${describeEnd(end)}; ${next}`)
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stopped
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
      if (signal.aborted) done()
    })
  }
}

const programOf = (data: string, index: number): ValidatorProgram => {
  const paths = validatorPaths(data, index)
  return {
    index,
    home: paths.home,
    log: paths.log,
    entry: ENTRY,
    args: ['start', '--home', paths.home],
    nodeFlags: NODE_FLAGS,
  }
}

function describeEnd({ index, pid, code, signal, failure }: ValidatorEnd): string {
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`
  return `validator ${index} (process ${pid}) ended ${how}${failure === null ? '' : `: ${failure}`}`
}

function failed(end: ValidatorEnd, data: string): NexusError {
  const { log } = validatorPaths(data, end.index)
  // A process that ended before it could speak has at least written why.
  const lines = end.failure === null ? lastLines(log).map((line) => `  ${line}`) : []
  const message = [describeEnd(end), ...lines, `its log is ${log}`].join('\n')
  return new NexusError({ code: 'VALIDATOR_FAILED', index: end.index }, { message })
}

const SHOWN_LINES = 6
function lastLines(file: string): readonly string[] {
  const text = readTextFileIfPresent(file) ?? ''
  return text.trimEnd().split('\n').slice(-SHOWN_LINES)
}

const slow = (validators: number): NexusError =>
  new NexusError(
    { code: 'DEVNET_SLOW' },
    { message: `${validators} validators made no block in ${READY_MS / 1_000} seconds` },
  )
