// A whole network of real nodes on one thread, in virtual time. First anything goes and only safety is
// asked for; then enough of it is healed, and the chain must grow.
import type { Block } from '../../../core/chain/block.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { NexusError } from '../../../core/primitives/errors.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { addressOfPrivateKey } from '../../../core/primitives/signature.ts'
import type { Commit } from '../../../node/consensus/ports.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import { Random } from '../random.ts'
import { createChain, type SimChain } from './chain.ts'
import { START_MS } from './chainIdentity.ts'
import { Checker } from './checker.ts'
import { fail, SimFailure } from './failure.ts'
import { useFakeSignatures } from './fakeSignatures.ts'
import { type FaultCounts, FaultPlayer } from './faultPlayer.ts'
import { Host } from './host.ts'
import { VirtualNetwork } from './network.ts'
import { nodeCount, type ScheduledFault, type SimOptions, scheduleFromSeed } from './options.ts'
import type { Mutation } from './process.ts'
import { Scheduler } from './scheduler.ts'
import { Trace } from './trace.ts'
import { drained, trapped } from './trap.ts'
import { Workload } from './workload.ts'

export type SimInput = {
  readonly seed: number
  readonly options: SimOptions
  readonly schedule: readonly ScheduledFault[]
}

export type SimExtras = {
  readonly mutation?: Mutation
  readonly keepLog?: boolean
  /** By node, where only some have the planted bug. */
  readonly onStep?: (simulation: Simulation) => void
}

export type SimResult = {
  readonly failure: SimFailure | null
  /** Virtual milliseconds to the end, or to the failure. */
  readonly atMs: number
  readonly healedAtMs: number
  readonly heights: number
  readonly events: number
  readonly messages: number
  readonly transactions: number
  /** Calls of Core's engines that ran, as the first node saw it. */
  readonly coreCalls: number
  readonly maxRound: number
  readonly restarts: number
  readonly syncedBlocks: number
  readonly convictions: number
  readonly setChanges: number
  readonly faults: FaultCounts
  readonly hash: string
  readonly log: readonly string[] | null
}

const HEALED = { minMs: 0.5, tailMs: 2, lossPercent: 0, duplicatePercent: 0 }
const HEIGHTS_AFTER_HEALING = 3
const HEAL_LIMIT_MS = 60_000
const MAX_EVENTS = 4_000_000
/** Steps between real turns of the event loop. */
const BREATH = 20_000
/** Of the running height, its successor, and two that are being removed. */
const MAX_WAL_FILES = 5
/** Who dies right after a commit has not removed the two files of that life. */
const MAX_WAL_FILES_OF_CRASHES = 21
const QUEUE_CAPACITY = 4_096
const POOL_CAPACITY = 2_000
const MAX_EARLY = LIMITS.heightsAhead * LIMITS.messagesPerHeightAhead
/** What no honest node can be accused of; the rest is lateness. */
const LATENESS = new Set([
  'REQUEST_TIMEOUT',
  'RATE_LIMITED',
  'WRONG_HEIGHT',
  'ROUND_TOO_FAR',
  'CLAIM_NOT_SERVED',
])

export class Simulation {
  readonly #input: SimInput
  readonly #extras: SimExtras
  readonly scheduler = new Scheduler()
  readonly network: VirtualNetwork
  readonly checker: Checker
  readonly hosts: readonly Host[]
  readonly faults: FaultPlayer
  readonly #trace: Trace
  readonly #workload: Workload
  readonly #chain: SimChain
  #failure: SimFailure | null = null
  #steps = 0
  #synced = 0
  #calls = 0
  #healedAtMs = 0
  /** Heights that ended when all was well, and whose time is not ahead of the clocks. */
  readonly #calm = new Set<number>()

  constructor(input: SimInput, extras: SimExtras = {}) {
    this.#input = input
    this.#extras = extras
    const { options, seed } = input
    this.#trace = new Trace(extras.keepLog ?? false)
    const random = new Random(seed)
    this.#chain = createChain(options, random.split('membership'))
    this.network = new VirtualNetwork(this.scheduler, random.split('network'), options.link)
    this.network.onDelivered = (from, to, label) =>
      this.#trace.delivered(this.scheduler.now, from, to, label)
    const { validators, membership, acted } = this.#chain
    this.checker = new Checker({
      ...{ first: validators, liars: this.#liars() },
      expectedSet: (height) => (membership ?? acted)?.setAt(height) ?? null,
    })
    this.hosts = this.#createHosts(random)
    for (const host of this.hosts) this.network.add(host)
    this.faults = new FaultPlayer({
      ...{ hosts: this.hosts, network: this.network, scheduler: this.scheduler },
      log: (text) => this.#log(text),
      onWiped: (host) => this.checker.wiped(host.index),
      onStopped: (host) => this.checker.died(host.index),
      onRotten: ({ keys }) => this.checker.rotten(keys),
    })
    this.#workload = new Workload(options, {
      ...{ random: random.split('workload'), scheduler: this.scheduler },
      ...{ checker: this.checker, hosts: this.hosts, clients: this.#chain.clients },
      operator: this.#chain.acted,
      onError: (host, error) => this.#fatal(host, error),
    })
  }

  /** Never rejects for what the simulated nodes do. */
  async run(): Promise<SimResult> {
    return this.script(async (breathe) => {
      await this.begin()
      await this.runUntil(() => this.scheduler.now >= this.#input.options.chaosMs, breathe)
      this.heal()
      await this.#runToEnd(breathe)
    })
  }

  /** Runs what is wanted with the trap set and every rule checked. */
  async script(play: (breathe: () => Promise<void>) => Promise<void>): Promise<SimResult> {
    const restore = this.#input.options.signatures === 'fake' ? useFakeSignatures() : (): void => {}
    const onRejection = (error: unknown): void => this.failed(asFailure(error))
    process.on('unhandledRejection', onRejection)
    try {
      await trapped(play)
    } catch (error) {
      this.failed(asFailure(error))
    } finally {
      process.off('unhandledRejection', onRejection)
      restore()
    }
    return this.#result()
  }

  async begin(): Promise<void> {
    for (const host of this.hosts) host.start()
    for (const { atMs, fault } of this.#input.schedule)
      this.scheduler.after(atMs, () => this.faults.play(fault))
    this.#workload.start()
    await drained()
  }

  host(index: number): Host {
    return this.hosts[index] ?? fail('node failed', `there is no node ${index}`)
  }

  /** The first failure counts. */
  failed(failure: SimFailure): void {
    if (this.#failure !== null) return
    this.#failure = failure
    this.#log(`FAILED ${failure.message}`)
  }

  async runUntil(isDone: () => boolean, breathe: () => Promise<void>): Promise<void> {
    while (!isDone()) {
      const ran = this.scheduler.step()
      if (ran === undefined) fail('liveness', 'nothing is left to do')
      await drained()
      const host = ran.node === null ? undefined : this.hosts[ran.node]
      if (host?.process != null) this.#observe(host)
      this.#extras.onStep?.(this)
      if (this.#failure !== null) throw this.#failure
      this.#steps++
      if (this.#steps > MAX_EVENTS) fail('liveness', `${MAX_EVENTS} events`)
      if (this.#steps % BREATH === 0) await breathe()
    }
  }

  /** Ends the faults; of the validators that can be spared some are left behind for good. */
  heal(): void {
    const { leftBehind, expendable } = this.#input.options
    this.#healedAtMs = this.scheduler.now
    this.#log(`healed, ${leftBehind}: ${expendable.join()}`)
    this.network.heal(HEALED)
    this.faults.end()
    this.#workload.end()
    for (const host of this.hosts) {
      host.calm()
      if (!this.#isLeftBehind(host)) host.start()
      else if (leftBehind === 'dead') {
        host.isLeft = true
        this.faults.stop(host, 'none')
      } else
        for (const other of this.hosts) {
          this.network.cut(host.index, other.index)
          this.network.cut(other.index, host.index)
        }
    }
  }

  /** Three more heights at every node that is connected, and every transaction in one of them. */
  async #runToEnd(breathe: () => Promise<void>): Promise<void> {
    const healedHeight = this.checker.height
    const target = healedHeight + HEIGHTS_AFTER_HEALING
    const { liars } = this.#input.options
    // Whom all have banned cannot follow.
    const core = this.hosts.filter(
      (host) => !this.#isLeftBehind(host) && !liars.includes(host.index),
    )
    const deadline = this.scheduler.now + HEAL_LIMIT_MS
    const isLate = (): boolean => {
      if (this.scheduler.now < deadline) return false
      const state = core.map((host) => `${host.index}: ${positionOf(host)}`).join(', ')
      if (this.checker.height < target) fail('liveness', `wanted ${target}, are at ${state}`)
      if (this.#workload.openCount > 0)
        fail('transactions', `${this.#workload.openCount} are in no block; ${state}`)
      return fail('convergence', `wanted ${target}, are at ${state}`)
    }
    // A liar can make a node believe for moments that it is behind, and no longer.
    const arrived = new Set<Host>()
    const isThere = (host: Host): boolean => {
      if (arrived.has(host) || host.isLeft) return true
      if (host.height >= target && host.process?.sync.catchingUp === false) arrived.add(host)
      return arrived.has(host)
    }
    await this.runUntil(
      () => (core.every(isThere) && this.#workload.openCount === 0) || isLate(),
      breathe,
    )
    // The round that was under way, and one for every validator that is missing. Whoever signs twice can
    // give one validator a lock that the others know nothing of: it lasts until its turn to propose.
    const { twins, expendable } = this.#input.options
    const liarCount = twins.length + liars.length
    const bound = expendable.length + liarCount + 3 + (liarCount > 0 ? this.#longestTurn() : 0)
    const rounds = this.checker.roundsAfter(this.#calm)
    if (rounds > bound) fail('bounded rounds', `round ${rounds} after healing, at most ${bound}`)
  }

  /** Rounds in which every validator proposes. */
  #longestTurn(): number {
    const set = this.checker.setAt(this.checker.height)
    return Math.ceil(set.totalPower / Math.min(...set.validators.map(({ power }) => power)))
  }

  /** For scripts: clients send nothing new. */
  endWorkload(): void {
    this.#workload.end()
  }

  #isLeftBehind(host: Host): boolean {
    const { leftBehind, expendable } = this.#input.options
    return leftBehind !== 'healed' && expendable.includes(host.index)
  }

  #observe(host: Host): void {
    const process = host.process
    if (process === null) return
    try {
      const { state, earlyMessages } = process.engine
      this.checker.observed(host.index, state)
      if (earlyMessages > MAX_EARLY) this.#limit('early messages', host, earlyMessages, MAX_EARLY)
    } catch (error) {
      this.failed(asFailure(error))
    }
  }

  /** Checks that run inside a node's code must not end up as its own error. */
  guard(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.failed(asFailure(error))
    }
  }

  #log(text: string): void {
    this.#trace.add(this.scheduler.now, text)
  }

  /** Addresses of the keys of twins and liars. */
  #liars(): ReadonlySet<string> {
    const { twins, liars } = this.#input.options
    const keys = [...twins, ...liars].flatMap(this.#chain.keysOf)
    return new Set(keys.map((key) => toHex(addressOfPrivateKey(key))))
  }

  /** Validators, spare ones, observers, then the second lives of the twins. */
  #createHosts(random: Random): Host[] {
    const { options } = this.#input
    const firstTwin = nodeCount(options) - options.twins.length
    return Array.from({ length: nodeCount(options) }, (_, index) => {
      const isLiar =
        index >= firstTwin || options.twins.includes(index) || options.liars.includes(index)
      return new Host(
        index,
        { keys: this.#chain.keysOf(index), isLiar, lies: options.liars.includes(index) },
        {
          ...{ options, chain: this.#chain, scheduler: this.scheduler, network: this.network },
          random: {
            disk: random.split(`disk ${index}`),
            work: random.split(`work ${index}`),
            lies: random.split(`lies ${index}`),
          },
          mutation: this.#extras.mutation ?? {},
          portOf: (node) => this.hosts[node]?.port ?? null,
          events: {
            onLie: (vote) => this.checker.liarSigned(vote),
            onSaid: (host, message) => this.guard(() => this.#said(host, message)),
            onCommitted: (host, commit, block) =>
              this.guard(() => this.#committed(host, commit, block)),
            onFatal: (host, error) => this.#fatal(host, error),
            onPenalty: (host, peer, code) => this.guard(() => this.#penalty(host, peer, code)),
            onQueue: (host, length) => this.#limit('queue', host, length, QUEUE_CAPACITY),
            onPool: (host, count) => this.#limit('pool', host, count, POOL_CAPACITY),
            onSynced: () => this.#synced++,
            onStarted: (host) => this.guard(() => this.#started(host)),
            note: (host, text) => this.#log(`${host.index} ${text}`),
          },
        },
      )
    })
  }

  #limit(what: string, host: Host, size: number, limit: number): void {
    if (size > limit)
      this.failed(new SimFailure('memory', `the ${what} of node ${host.index} holds ${size}`))
  }

  #started(host: Host): void {
    const { height } = host
    this.#log(`${host.index} is up at ${height}${host.isVoter ? '' : ', observing'}`)
    if (height < host.durableHeight)
      fail('durable height', `node ${host.index} came back at ${height}, had ${host.durableHeight}`)
  }

  #said(host: Host, message: ConsensusMessage): void {
    if (message.kind !== 'vote' && message.kind !== 'proposal') return
    const signed = message.kind === 'vote' ? message.vote : message.proposal
    // The rest is of others, and sent again.
    if (host.address === null) return
    if (this.checker.setAt(signed.height).indexOf(host.address) !== signed.validatorIndex) return
    host.lastSaidHeight = Math.max(host.lastSaidHeight, signed.height)
    if (message.kind === 'vote') this.checker.voteSigned(message.vote)
    else this.checker.proposalSigned(message.proposal)
  }

  #committed(host: Host, { head, certificate, result }: Commit, block: Block): void {
    const { summary } = head
    const { height, blockId } = summary
    this.#log(`${host.index} committed ${height} ${blockId.slice(0, 6)} in ${certificate.round}`)
    host.durableHeight = height
    // The first to commit it, not one that catches up.
    const isNew = height > this.checker.height && this.#healedAtMs > 0
    if (isNew && summary.time <= START_MS + this.scheduler.now) this.#calm.add(height)
    const ran = result.actions.filter(({ code }) => code === null)
    this.#calls += host.index === 0 ? result.coreCalls.accepted : 0
    const included = [...result.included, ...ran]
    if (height === this.checker.height + 1) this.#chain.acted?.committed(included)
    this.checker.committed(host.index, { block, certificate, summary, included })
    const isQuiet = this.#healedAtMs > 0 && host.keys.length <= 1
    if (host.walFiles > (isQuiet ? MAX_WAL_FILES : MAX_WAL_FILES_OF_CRASHES))
      fail('memory', `node ${host.index} keeps ${host.walFiles} files of its WAL`)
    if (host.silentUpTo !== null && height > host.silentUpTo) this.faults.rejoin(host)
    if (host.changesKeyFor(this.checker.setAt(height + 1))) this.faults.changeKey(host)
    this.faults.committed(host, height)
  }

  #penalty(host: Host, peer: number, code: string): void {
    if (LATENESS.has(code)) return
    if (!host.isLiar && !host.isRotten && this.hosts[peer]?.isLiar === false)
      fail('honest peer', `node ${host.index} accuses ${peer} of ${code}`)
  }

  #fatal(host: Host, error: unknown): void {
    if (error instanceof SimFailure) {
      this.failed(error)
      return
    }
    if (host.isRotten && error instanceof NexusError && isRuin(error.detail.code)) {
      this.faults.ruined(host, error.detail.code)
      return
    }
    if (host.wasFaulted) {
      this.faults.failedOn(host, String(error))
      return
    }
    const cause = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.failed(new SimFailure('node failed', `node ${host.index}: ${cause}`, error))
  }

  #result(): SimResult {
    return {
      failure: this.#failure,
      atMs: this.scheduler.now,
      healedAtMs: this.#healedAtMs,
      heights: this.checker.height,
      events: this.#steps,
      messages: this.network.sent,
      transactions: this.#workload.submitted,
      coreCalls: this.#calls,
      maxRound: this.checker.maxRound,
      restarts: this.hosts.reduce((sum, { starts }) => sum + Math.max(0, starts - 1), 0),
      syncedBlocks: this.#synced,
      convictions: this.checker.convictions,
      setChanges: this.checker.setChanges,
      faults: this.faults.counts,
      hash: this.#trace.hash,
      log: this.#trace.lines,
    }
  }
}

/** What a node says of data that it cannot trust; see docs/operations.md. */
const isRuin = (code: string): boolean =>
  ['WAL_CORRUPT', 'STORAGE_CORRUPT', 'LAST_SIGNED_CORRUPT', 'WAL_WRONG_CHAIN'].includes(code)

const positionOf = ({ process, isOn, height }: Host): string =>
  process === null
    ? `${isOn ? 'starting' : 'off'} at ${height}`
    : `${height}/${process.engine.state.round} ${process.engine.state.step}`

const asFailure = (error: unknown): SimFailure =>
  error instanceof SimFailure
    ? error
    : new SimFailure('node failed', error instanceof Error ? String(error.stack) : String(error))

export const simulate = (input: SimInput, extras: SimExtras = {}): Promise<SimResult> =>
  new Simulation(input, extras).run()

export const inputFromSeed = (seed: number, options: SimOptions): SimInput => ({
  ...{ seed, options, schedule: scheduleFromSeed(seed, options) },
})
