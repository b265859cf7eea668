import { toHex } from '../../../core/primitives/bytes.ts'
import { isNexusError, NexusError } from '../../../core/primitives/errors.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import type { ChainReader } from '../../../node/storage/chainReader.ts'
import { testValidators } from '../../support/testChain.ts'
import type { PowerCut } from './sectors.ts'
import type { Fault, Moment, Operation, VirtualDisk } from './virtualDisk.ts'
import { CrashWorld, type Machine } from './world.ts'

/** spare: the others decide without the victim. needed: nothing is decided without it, and height 2 takes rounds and locks. */
export type Topology = 'spare' | 'needed'

/** Where the victim's machine or process ends, and what is left on its disk. */
export type Crash = {
  /** Operations since the last start; at the first start since ever. */
  readonly after: number
  readonly moment: Moment
  readonly fate: PowerCut | 'kill'
}

export type CrashCase = {
  readonly topology: Topology
  readonly heights: number
  readonly seed: number
  /** One per life of the process; null: it is left alone. */
  readonly crashes: readonly (Crash | null)[]
  /** Asked at every operation of the victim. */
  readonly fault: (operation: Operation) => Fault | null
  /** Changes what is on the victim's disk before it starts for the second time. */
  readonly tamper: (disk: VirtualDisk) => void
}

export const undisturbed: Pick<CrashCase, 'crashes' | 'fault' | 'tamper'> = {
  crashes: [],
  fault: () => null,
  tamper: () => {},
}

export type CrashOutcome = {
  /**
   * agreed: it runs, and all have the same. refused CODE: it does not start. ends CODE: it starts, and
   * ends at what is damaged.
   */
  readonly kind: 'agreed' | `refused ${string}` | `ends ${string}`
  /** How lives ended that were ended by a fault. */
  readonly ended: readonly string[]
  readonly signatures: number
  /** Of the victim over all its lives. */
  readonly operations: readonly Operation[]
  readonly crashes: number
  /** Faults that were asked for and happened. */
  readonly faults: number
}

const LIMIT_MS = 10_000

const POWERS = { spare: [10, 10, 10, 10], needed: [20, 10, 10, 10] }

/** Runs one case in virtual time: 5 to 50 ms of real time. Throws when a promise is broken. */
export async function runCase(options: CrashCase): Promise<CrashOutcome> {
  const victim = victimOf(options.topology)
  const world = new CrashWorld({
    powers: POWERS[options.topology],
    seed: options.seed,
    delivers: options.topology === 'needed' ? roughHeightTwo(victim) : () => true,
    equivocator: (victim + 1) % 4,
  })
  return new CaseRun(world, options, victim).run()
}

class CaseRun {
  readonly #world: CrashWorld
  readonly #options: CrashCase
  readonly #machine: Machine
  readonly #operations: Operation[] = []
  readonly #ended: string[] = []
  #crashes = 0
  #faults = 0
  /** Heights that the victim may have told the world about. */
  #promised = 0

  constructor(world: CrashWorld, options: CrashCase, victim: number) {
    this.#world = world
    this.#options = options
    this.#machine = world.machine(victim)
    const { disk } = this.#machine
    disk.onOperation = (operation) => void this.#operations.push(operation)
    disk.faultOn = (operation) => {
      const fault = options.fault(operation)
      if (fault !== null) this.#faults++
      return fault
    }
  }

  async run(): Promise<CrashOutcome> {
    for (const machine of this.#world.machines)
      if (machine !== this.#machine) this.#world.start(machine.index)
    const { checker, penalties } = this.#world
    const kind = await this.#live().finally(() => {
      // Worse than whatever else went wrong.
      if (checker.violations.length > 0) throw broken('DOUBLE SIGN', checker.violations.join('; '))
    })
    if (kind === 'agreed') this.#checkAgreement()
    if (penalties.length > 0) throw broken('PENALTY', penalties.join('; '))
    return {
      kind,
      ended: this.#ended,
      signatures: checker.signatures,
      operations: this.#operations,
      crashes: this.#crashes,
      faults: this.#faults,
    }
  }

  /** Starts the victim until it stays up, or refuses to, or ends twice with nobody's help. */
  async #live(): Promise<CrashOutcome['kind']> {
    const { disk } = this.#machine
    let unprovoked: string | null = null
    for (let life = 0; life < MAX_LIVES; life++) {
      const plan = this.#options.crashes[life] ?? null
      if (plan !== null) disk.crashAt(disk.operations + plan.after, plan.moment)
      const faultsBefore = this.#faults
      const isUp = await this.#start()
      if (isUp && (await this.#reachTarget())) return 'agreed'
      const { failure } = this.#machine
      if (failure !== null) {
        const code = codeOf(failure)
        if (this.#faults > faultsBefore) this.#ended.push(code)
        else if (!isUp) return `refused ${code}`
        else if (unprovoked === code) return `ends ${code}`
        else unprovoked = code
      }
      await this.#restart(failure === null ? (plan?.fate ?? 'kill') : 'kill', life === 0)
    }
    throw broken('RESTARTS', 'it ends again and again')
  }

  /** Whether it runs; else it is off or has a failure. */
  async #start(): Promise<boolean> {
    this.#world.start(this.#machine.index)
    const { time } = this.#world
    const isSettled = (): boolean => this.#machine.running !== null || this.#isDown()
    if (!(await time.runUntil(isSettled, LIMIT_MS))) throw broken('STUCK', 'at start')
    if (this.#isDown()) return false
    const height = this.#world.heightOf(this.#machine.index)
    if (height < this.#promised)
      throw broken('REGRESSED', `${this.#promised} was durable, now ${height}`)
    return true
  }

  /** Two more heights for everybody, unless it goes down before. */
  async #reachTarget(): Promise<boolean> {
    const { time, machines } = this.#world
    const heights = (): number[] => machines.map(({ index }) => this.#world.heightOf(index))
    const isFirst = this.#crashes === 0
    const target = Math.max(this.#options.heights, isFirst ? 0 : Math.max(...heights()) + 2)
    const isReached = (): boolean => Math.min(...heights()) >= target
    const isDone = await time.runUntil(() => this.#isDown() || isReached(), LIMIT_MS)
    if (!isDone) throw broken('STALLED', `at ${heights()}, not at ${target}`)
    return !this.#isDown()
  }

  async #restart(fate: Crash['fate'], isFirst: boolean): Promise<void> {
    this.#crashes++
    this.#promised = Math.max(this.#promised, this.#machine.announced)
    this.#machine.disk.restart(fate)
    if (isFirst) this.#options.tamper(this.#machine.disk)
    // The others go on for a while, or do not.
    await this.#world.time.runUntil(() => false, (this.#operations.length % 3) * 8)
  }

  #isDown(): boolean {
    return this.#machine.disk.isOff || this.#machine.failure !== null
  }

  /** Equal block ids and roots at every height that two machines have and can read. */
  #checkAgreement(): void {
    const readers = this.#world.machines.map(({ running }) => running?.reader)
    const lowest = Math.min(...readers.map((reader) => reader?.height ?? 0))
    for (let height = 0; height <= lowest; height++) {
      const told = new Set(readers.map((reader) => outcomeAt(reader, height)))
      told.delete(null)
      if (told.size > 1) throw broken('DISAGREEMENT', `at ${height}`)
    }
  }
}

/** Null where the record is damaged, and said to be. */
function outcomeAt(reader: ChainReader | undefined, height: number): string | null {
  try {
    const summary = reader?.summary(height)
    return summary == null ? null : `${summary.blockId} ${toHex(summary.stateRoot)}`
  } catch (error) {
    if (isNexusError(error, 'STORAGE_CORRUPT')) return null
    throw error
  }
}

const MAX_LIVES = 24

const broken = (promise: string, detail: string): Error => new Error(`${promise} ${detail}`)

/** Anything without a code is a bug, of the node or of this file. */
function codeOf(error: Error): string {
  if (error instanceof NexusError) return String(error.detail.code)
  throw error
}

/** Of equals the first; where one is needed, that one. */
const victimOf = (topology: Topology): number =>
  topology === 'spare'
    ? 0
    : testValidators(POWERS.needed).set.validators.findIndex(({ power }) => power === 20)

/** Height 2 without a decision in round 0: one never sees the proposal, another lacks a prevote of the polka. */
function roughHeightTwo(
  victim: number,
): (from: number, to: number, message: ConsensusMessage) => boolean {
  const [b, c, d] = [(victim + 1) % 4, (victim + 2) % 4, (victim + 3) % 4]
  return (from, to, message) => {
    if (message.kind === 'proposal')
      return !(to === d && message.proposal.height === 2 && message.proposal.round === 0)
    if (message.kind === 'polkaCertificate')
      return !(to === c && message.certificate.height === 2 && message.certificate.round === 0)
    if (message.kind !== 'vote') return true
    const { vote } = message
    const isPrevote = vote.type === 'prevote' && vote.height === 2 && vote.round === 0
    return !(isPrevote && from === b && to === c)
  }
}
