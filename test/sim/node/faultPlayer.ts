import type { Host } from './host.ts'
import type { VirtualNetwork } from './network.ts'
import type { Fate, Fault, FaultKind } from './options.ts'
import type { Scheduler } from './scheduler.ts'

type Counted = FaultKind | 'rejoin' | 'diskFailure' | 'keyChange' | 'ruin'
export type FaultCounts = Readonly<Partial<Record<Counted, number>>>

type CrashAt = Extract<Fault, { kind: 'crashAt' }>

/** Makes faults happen, and ends each when its time is over. */
export class FaultPlayer {
  readonly #hosts: readonly Host[]
  readonly #network: VirtualNetwork
  readonly #scheduler: Scheduler
  readonly #log: (text: string) => void
  readonly #onWiped: (host: Host) => void
  readonly #onStopped: (host: Host) => void
  readonly #onRotten: (host: Host) => void
  readonly #counts: { [kind: string]: number } = {}
  /** Faults end with the age they were made in. */
  #age = 0
  /** How long a node with a broken disk waits for its operator. */
  readonly #repairMs = new Map<number, number>()
  /** Crashes that wait for their height. */
  #armed: CrashAt[] = []

  constructor(modules: {
    readonly hosts: readonly Host[]
    readonly network: VirtualNetwork
    readonly scheduler: Scheduler
    readonly log: (text: string) => void
    readonly onWiped: (host: Host) => void
    readonly onStopped: (host: Host) => void
    /** It may forget what it promised. */
    readonly onRotten: (host: Host) => void
  }) {
    this.#hosts = modules.hosts
    this.#network = modules.network
    this.#scheduler = modules.scheduler
    this.#log = modules.log
    this.#onWiped = modules.onWiped
    this.#onStopped = modules.onStopped
    this.#onRotten = modules.onRotten
  }

  get counts(): FaultCounts {
    return this.#counts
  }

  /** All that was played is over; what was to end later is ended by whoever heals. */
  end(): void {
    this.#age++
    this.#armed = []
  }

  play(fault: Fault): void {
    this.#log(`fault ${JSON.stringify(fault)}`)
    if (fault.kind === 'crashAt') {
      this.#armed.push(fault)
      return
    }
    if (!this.#apply(fault)) return
    this.#count(fault.kind)
  }

  stop(host: Host, fate: Fate): void {
    if (!host.isOn) return
    host.stop(fate)
    this.#onStopped(host)
  }

  /** A node that lost its data has followed the chain beyond everything it may have voted on. */
  rejoin(host: Host): void {
    this.#log(`${host.index} votes again`)
    this.#count('rejoin')
    host.silentUpTo = null
    this.#restart(host)
  }

  /** The operator starts the node with another of its keys. */
  changeKey(host: Host): void {
    this.#log(`${host.index} changes its key`)
    this.#count('keyChange')
    this.#restart(host)
  }

  /** A node has committed a height. */
  committed(host: Host, height: number): void {
    const due = (one: CrashAt): boolean => one.node === host.index && one.height === height
    for (const { forMs, fate } of this.#armed.filter(due))
      this.#scheduler.after(0, () => this.play({ kind: 'crash', node: host.index, forMs, fate }))
    for (const _ of this.#armed.filter(due)) this.#count('crashAt')
    this.#armed = this.#armed.filter((one) => !due(one))
  }

  #restart(host: Host): void {
    const { life } = host
    this.#scheduler.after(0, () => {
      if (host.life !== life) return
      this.stop(host, 'kill')
      host.start()
    })
  }

  /**
   * A node refuses to go on with what it has on disk. Its operator gives it new data, but for the
   * last-signed state there is no other: without it the validator is gone.
   */
  ruined(host: Host, code: string): void {
    this.#log(`${host.index} is ruined: ${code}`)
    this.#count('ruin')
    this.stop(host, 'kill')
    if (code.startsWith('LAST_SIGNED')) {
      host.isLeft = true
      return
    }
    host.wipe()
    this.#onWiped(host)
    this.#later(host, this.#repairMs.get(host.index) ?? 100)
  }

  /** A node stopped on a fault of its disk, as it must. */
  failedOn(host: Host, reason: string): void {
    this.#log(`${host.index} stops: ${reason}`)
    this.#count('diskFailure')
    this.stop(host, 'kill')
    this.#later(host, this.#repairMs.get(host.index) ?? 100)
  }

  /** True: something changed. */
  #apply(fault: Exclude<Fault, CrashAt>): boolean {
    if (fault.kind === 'partition') return this.#partition(fault)
    if (fault.kind === 'clog') {
      this.#network.clog(fault.from, fault.to, fault.forMs)
      return true
    }
    const host = this.#hosts[fault.node]
    return host !== undefined && this.#applyTo(host, fault)
  }

  #applyTo(host: Host, fault: Exclude<Fault, CrashAt | { kind: 'partition' | 'clog' }>): boolean {
    switch (fault.kind) {
      case 'crash':
      case 'wipe': {
        if (!host.isOn) return false
        this.stop(host, fault.kind === 'crash' ? fault.fate : 'none')
        if (fault.kind === 'wipe') {
          host.wipe()
          this.#onWiped(host)
        }
        this.#later(host, fault.forMs)
        return true
      }
      case 'pause':
        this.#scheduler.pause(host.index, this.#scheduler.now + fault.forMs)
        return true
      case 'clockStep':
        host.skewMs += fault.byMs
        return true
      case 'clockDrift':
        host.driftPerMille = fault.perMille
        return true
      case 'slowNode':
        this.#network.slow(host.index, fault.byMs)
        this.#after(fault.forMs, () => this.#network.slow(host.index, 0))
        return true
      case 'slowDisk':
        host.diskSlowMs = fault.byMs
        this.#after(fault.forMs, () => {
          host.diskSlowMs = 0
        })
        return true
      case 'rot':
        this.#repairMs.set(host.index, fault.forMs)
        host.rot(fault.place)
        this.#onRotten(host)
        return true
      case 'misdirected':
        this.#repairMs.set(host.index, fault.forMs)
        host.misdirectWrite()
        this.#onRotten(host)
        return host.isOn
      case 'fullDisk':
        host.diskFull(this.#scheduler.now + fault.forMs)
        return host.isOn
      case 'diskFault':
        this.#repairMs.set(host.index, fault.forMs)
        host.failNextOperation(fault.fault)
        return host.isOn
    }
  }

  #partition({ side, oneWay, forMs }: Extract<Fault, { kind: 'partition' }>): boolean {
    const here = new Set(side)
    const cuts: [number, number][] = []
    for (const { index: other } of this.#hosts) {
      if (here.has(other)) continue
      for (const one of side) {
        cuts.push([one, other])
        if (!oneWay) cuts.push([other, one])
      }
    }
    for (const [from, to] of cuts) this.#network.cut(from, to)
    this.#after(forMs, () => {
      for (const [from, to] of cuts) this.#network.join(from, to)
    })
    return cuts.length > 0
  }

  #later(host: Host, ms: number): void {
    this.#scheduler.after(ms, () => host.start())
  }

  #after(ms: number, run: () => void): void {
    const age = this.#age
    this.#scheduler.after(ms, () => {
      if (age === this.#age) run()
    })
  }

  #count(kind: Counted): void {
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1
  }
}
