// One simulated machine: a disk, a clock, and the process that runs on it at the moment, if any.

import { dirname } from 'node:path'
import { defaultTimeoutOptions, type TimeoutOptions } from '../../../consensus/index.ts'
import type { Block } from '../../../core/chain/block.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { Vote } from '../../../core/chain/vote.ts'
import { EMPTY_BYTES } from '../../../core/primitives/bytes.ts'
import { addressOfPrivateKey } from '../../../core/primitives/signature.ts'
import type { Clock } from '../../../node/consensus/clock.ts'
import type { Commit } from '../../../node/consensus/ports.ts'
import { storedValidatorSet } from '../../../node/executor/chainHead.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import { type Logger, silentLogger } from '../../../node/observability/logger.ts'
import type { OpenDatabase } from '../../../node/storage/database.ts'
import {
  type Fault as DiskFault,
  type Operation,
  type OperationKind,
  VirtualDisk,
} from '../disk/virtualDisk.ts'
import type { Random } from '../random.ts'
import type { SimChain } from './chain.ts'
import { START_MS } from './chainIdentity.ts'
import { EchoMachine, type Machine } from './echoMachine.ts'
import { Liar } from './liar.ts'
import type { Receiver, VirtualNetwork } from './network.ts'
import type { Fate, SimOptions } from './options.ts'
import { NodePort } from './port.ts'
import {
  DATABASE_PATH,
  type Key,
  type Mutation,
  type NodeProcess,
  startProcess,
  WAL_DIRECTORY,
} from './process.ts'
import { openRealMachine } from './realMachine.ts'
import type { Scheduler } from './scheduler.ts'

export type HostModules = {
  readonly options: SimOptions
  readonly chain: SimChain
  readonly scheduler: Scheduler
  readonly network: VirtualNetwork
  readonly random: { readonly disk: Random; readonly work: Random; readonly lies: Random }
  readonly mutation: Mutation
  readonly portOf: (node: number) => NodePort | null
  readonly events: HostEvents
}

export type HostEvents = {
  readonly onSaid: (host: Host, message: ConsensusMessage) => void
  /** Signed beside what the host's node said. */
  readonly onLie: (vote: Vote) => void
  readonly onCommitted: (host: Host, commit: Commit, block: Block) => void
  /** The process of the host cannot go on. */
  readonly onFatal: (host: Host, error: unknown) => void
  readonly onPenalty: (host: Host, peer: number, code: string) => void
  readonly onQueue: (host: Host, length: number) => void
  readonly onPool: (host: Host, transactions: number) => void
  readonly onSynced: (host: Host) => void
  readonly onStarted: (host: Host, process: NodeProcess) => void
  readonly note: (host: Host, text: string) => void
}

export class Host implements Receiver {
  readonly index: number
  readonly #modules: HostModules
  /** The keys of this machine; one at a time is used. */
  readonly #keys: readonly Key[]
  readonly #liar: Liar | null
  #key: Key | null
  /** Its owner runs another machine with the same key, or another program. */
  readonly isLiar: boolean
  #disk: VirtualDisk
  #process: NodeProcess | null = null
  #port: NodePort | null = null
  #isOn = false
  #isInstant = false
  life = 0
  starts = 0
  skewMs: number
  driftPerMille = 0
  diskSlowMs = 0
  /** What it remembers may be wrong: it may forget a lock, and refuse to start. */
  isRotten = false
  #fullUntilMs = 0
  /** The process that runs was given a disk fault: it may fail. */
  wasFaulted = false
  /** Highest height of a vote or proposal that left. */
  lastSaidHeight = 0
  /** After a loss of data: votes again above this height, for below it may have voted. */
  silentUpTo: number | null = null
  /** Left behind for good: nobody starts it again. */
  isLeft = false
  /** Committed, and told to the world. */
  durableHeight = 0

  constructor(
    index: number,
    identity: {
      readonly keys: readonly Uint8Array[]
      readonly isLiar: boolean
      /** Runs the program of `liar.ts`. */
      readonly lies: boolean
    },
    modules: HostModules,
  ) {
    this.index = index
    this.#keys = identity.keys.map((privateKey, number) => ({
      ...{ privateKey, address: addressOfPrivateKey(privateKey) },
      lastSignedPath: `keys/last-signed-${number}`,
    }))
    this.#key = this.#keys[0] ?? null
    this.isLiar = identity.isLiar
    this.#modules = modules
    this.#liar = identity.lies ? this.#createLiar() : null
    const { skewMs } = modules.options
    this.skewMs = modules.random.work.range(-skewMs, skewMs)
    this.#disk = this.#newDisk()
  }

  get isUp(): boolean {
    return this.#process !== null
  }
  get isOn(): boolean {
    return this.#isOn
  }
  get process(): NodeProcess | null {
    return this.#process
  }
  get port(): NodePort | null {
    return this.#process === null ? null : this.#port
  }
  get height(): number {
    return this.#process?.engine.head.summary.height ?? this.durableHeight
  }
  get isVoter(): boolean {
    return this.#key !== null && this.silentUpTo === null
  }
  /** Of the key in use; null for an observer. */
  get address(): Uint8Array | null {
    return this.#key?.address ?? null
  }

  /** Addresses of all its keys. */
  get keys(): readonly Uint8Array[] {
    return this.#keys.map(({ address }) => address)
  }

  /** Whether another key of this machine has more power in a set, and is in use from the next start on. */
  changesKeyFor(set: ValidatorSet): boolean {
    const powerOf = ({ address }: Key): number => set.powerOf(set.indexOf(address))
    for (const key of this.#keys) {
      if (this.#key === null || powerOf(key) <= powerOf(this.#key)) continue
      this.#key = key
      return true
    }
    return false
  }
  get walFiles(): number {
    const prefix = `${WAL_DIRECTORY}/`
    return this.#disk.durablePaths().filter((path) => path.startsWith(prefix)).length
  }

  connected(peer: number): void {
    this.#port?.connected(peer)
  }
  disconnected(peer: number): void {
    this.#port?.disconnected(peer)
  }

  /** Starts the process; it is up when everything is open. */
  start(): void {
    if (this.#isOn || this.isLeft) return
    this.#isOn = true
    this.#fillDisk()
    const life = ++this.life
    this.starts++
    this.#open(life).catch((error) => {
      if (this.life === life) this.#modules.events.onFatal(this, error)
    })
  }

  /** The process is gone, and with 'kill' nothing else; with any other fate the power of the machine, too. */
  stop(fate: Fate): void {
    if (!this.#isOn) return
    this.#isOn = false
    this.life++
    this.#process = null
    this.#port = null
    this.wasFaulted = false
    this.#modules.network.down(this.index)
    this.#disk.faultOn = () => null
    this.#disk.powerCut()
    this.#disk.restart(fate)
  }

  /** Loses all data but the last-signed file. The machine must be off. */
  wipe(): void {
    const files = this.#disk.durableFiles()
    this.#disk = this.#newDisk()
    this.durableHeight = 0
    if (this.#key !== null) this.silentUpTo = Math.max(this.lastSaidHeight, 1)
    const { fileSystem } = this.#disk
    this.#isInstant = true
    void (async () => {
      for (const { lastSignedPath: path } of this.#keys) {
        const lastSigned = files.get(path)
        if (lastSigned === undefined) continue
        await fileSystem.makeDirectory(dirname(path))
        const file = await fileSystem.create(path)
        await file.write(lastSigned, 0)
        await file.sync()
        await fileSystem.syncDirectory(dirname(path))
      }
      this.#isInstant = false
    })()
  }

  failNextOperation(fault: Exclude<DiskFault, 'misdirected'>): void {
    if (!this.#isOn) return
    this.#disk.faultOn = ({ kind }) => {
      const isHit = fault === 'fsync' ? kind === 'sync' : kind !== 'makeDirectory'
      if (!isHit) return null
      this.#disk.faultOn = () => null
      this.wasFaulted = true
      this.#modules.events.note(this, `${kind} fails with ${fault}`)
      return fault
    }
  }

  /** No room until then, for this process and those that follow. */
  diskFull(untilMs: number): void {
    this.#fullUntilMs = untilMs
    this.#fillDisk()
  }

  #fillDisk(): void {
    const { scheduler } = this.#modules
    if (!this.#isOn || scheduler.now >= this.#fullUntilMs) return
    this.wasFaulted = true
    const isChange = ({ kind }: Operation): boolean => kind !== 'sync' && kind !== 'syncDirectory'
    this.#disk.faultOn = (operation) =>
      scheduler.now < this.#fullUntilMs && isChange(operation) ? 'ENOSPC' : null
  }

  /** The next write of a file goes elsewhere in it. */
  misdirectWrite(): void {
    if (!this.#isOn) return
    this.#disk.faultOn = ({ kind, path }) => {
      if (kind !== 'write') return null
      this.#disk.faultOn = () => null
      this.isRotten = true
      this.#modules.events.note(this, `a write to ${path} goes elsewhere`)
      return 'misdirected'
    }
  }

  /** Flips a bit of a durable file or record, of all there are. */
  rot(place: number): void {
    const files = [...this.#disk.durableFiles()].filter(([, { length }]) => length > 0)
    const records = this.#disk.durableRecords(DATABASE_PATH)
    const [path, bytes] = files[place % Math.max(1, files.length)] ?? []
    const record = records[place % Math.max(1, records.length)]
    this.isRotten = true
    if (place % 3 === 0 && record !== undefined && record.value.length > 0) {
      this.#modules.events.note(this, 'a record rots')
      this.#disk.rotRecord(DATABASE_PATH, record.key, place % record.value.length, place % 8)
    } else if (path !== undefined && bytes !== undefined) {
      this.#modules.events.note(this, `${path} rots`)
      this.#disk.rotFile(path, place % bytes.length, place % 8)
    }
  }

  /** Ends what is wrong with its clock and disk. */
  calm(): void {
    const { skewMs } = this.#modules.options
    this.skewMs = Math.max(-skewMs, Math.min(skewMs, this.skewMs))
    this.driftPerMille = 0
    this.diskSlowMs = 0
    this.#fullUntilMs = 0
    this.#disk.faultOn = () => null
  }

  async #open(life: number): Promise<void> {
    const { chain, options, random, mutation, events } = this.#modules
    const isAlive = (): boolean => this.life === life
    const clock = this.#clock(isAlive)
    const port = this.#createPort(clock, isAlive)
    const key = this.isVoter ? this.#key : null
    const onFatal = (error: unknown): void => {
      if (isAlive()) events.onFatal(this, error)
    }
    const process = await startProcess(
      {
        ...{ chain, key, mutation },
        timeouts: timeoutsOf(options.timeoutPercent),
        walPreallocatedBytes: options.walPreallocatedBytes,
        doubleSignCheckHeights: this.isLiar ? 0 : options.doubleSignCheckHeights,
      },
      {
        ...{ fileSystem: this.#disk.fileSystem, openDatabase: this.#disk.openDatabase },
        ...{ clock, port, onFatal, recovery: chain.clients.recovery, log: this.#logger(isAlive) },
        openMachine: (path, open) => this.#openMachine(clock, path, open),
        randomBytes: (length) => random.work.bytes(length),
        work: () => new Promise((resolve) => clock.setTimer(resolve, this.#workMs())),
        watch: {
          queue: (length) => events.onQueue(this, length),
          pool: (transactions) => events.onPool(this, transactions),
          equivocation: () => events.note(this, 'saw an equivocation'),
          synced: () => events.onSynced(this),
        },
        onCommitted: (commit, block) => {
          if (isAlive()) events.onCommitted(this, commit, block)
        },
      },
    )
    if (!isAlive()) return
    this.#port = port
    this.#process = process
    events.onStarted(this, process)
    this.#modules.network.up(this.index)
    if (this.#liar !== null) this.#lieUnasked(this.#liar, clock, port)
  }

  #createLiar(): Liar | null {
    const { random, events } = this.#modules
    const privateKey = this.#keys[0]?.privateKey
    if (privateKey === undefined) return null
    return new Liar({ privateKey, random: random.lies, signed: events.onLie })
  }

  /** `clock` is that of the process: with it this ends. */
  #lieUnasked(liar: Liar, clock: Clock, port: NodePort): void {
    const { random } = this.#modules
    clock.setTimer(
      () => {
        const peers = port.peerIds()
        const set = storedValidatorSet(
          (this.#process as NodeProcess).engine.head.summary.validators,
        )
        const index = Math.max(0, set.indexOf(this.address ?? EMPTY_BYTES))
        const frames = liar.unasked(this.height, index)
        if (peers.length > 0) port.lie(frames, Number(random.lies.pick(peers)))
        this.#lieUnasked(liar, clock, port)
      },
      random.lies.range(20, 400),
    )
  }

  #openMachine(clock: Clock, path: string, open: OpenDatabase): Promise<Machine> {
    const { chain, options } = this.#modules
    return options.machines === 'real'
      ? openRealMachine(chain, { path, open, clock, random: this.#modules.random.work })
      : EchoMachine.open(chain, path, open)
  }

  #createPort(clock: Clock, isAlive: () => boolean): NodePort {
    const { network, portOf, events } = this.#modules
    return new NodePort(this.index, {
      ...{ network, clock, isAlive, portOf, height: () => this.height, liar: this.#liar },
      onFatal: (error) => events.onFatal(this, error),
      onPenalty: (peer, code) => events.onPenalty(this, peer, code),
      onSaid: (message) => events.onSaid(this, message),
    })
  }

  /** What an operator would be shown. */
  #logger(isAlive: () => boolean): Logger {
    const { events } = this.#modules
    const say = (text: string, context: object = {}): void => {
      if (isAlive()) events.note(this, `says: ${text} ${JSON.stringify(context)}`)
    }
    const log: Logger = { ...silentLogger, warn: say, error: say, fatal: say, child: () => log }
    return log
  }

  #clock(isAlive: () => boolean): Clock {
    const { scheduler } = this.#modules
    return {
      wallMs: () => {
        const driftMs = Math.floor((scheduler.now * this.driftPerMille) / 1_000)
        return START_MS + Math.floor(scheduler.now) + driftMs + this.skewMs
      },
      monoMs: () => scheduler.now,
      setTimer: (run, afterMs) =>
        scheduler.after(
          afterMs,
          () => {
            if (isAlive()) run()
          },
          this.index,
        ),
    }
  }

  #newDisk(): VirtualDisk {
    const { scheduler, random, options } = this.#modules
    const latency = (kind: OperationKind): Promise<void> => {
      const isCheap = kind === 'create' || kind === 'rename' || kind === 'remove'
      const ms = isCheap ? 0 : fractionOf(random.disk, options.diskMs) + this.diskSlowMs
      if (this.#isInstant || ms === 0) return Promise.resolve()
      return new Promise((resolve) => scheduler.after(ms, resolve, this.index))
    }
    return new VirtualDisk({ random: (bound) => random.disk.range(0, bound - 1), latency })
  }

  #workMs(): number {
    return fractionOf(this.#modules.random.work, this.#modules.options.executionMs)
  }
}

/** Between two bounds in milliseconds, in steps of a tenth. */
const fractionOf = (random: Random, [min, max]: readonly [number, number]): number =>
  max === 0 ? 0 : random.range(Math.floor(min * 10), Math.floor(max * 10)) / 10

function timeoutsOf(percent: number): TimeoutOptions {
  const scaled = (ms: number): number => Math.floor((ms * percent) / 100)
  const { maxMs, ...spans } = defaultTimeoutOptions
  const entries = Object.entries(spans).map(([kind, { baseMs, perRoundMs }]) => [
    kind,
    { baseMs: scaled(baseMs), perRoundMs: scaled(perRoundMs) },
  ])
  return { ...(Object.fromEntries(entries) as typeof spans), maxMs }
}
