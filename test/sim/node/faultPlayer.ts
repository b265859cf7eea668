import type { Host } from './host.ts'
import type { VirtualNetwork } from './network.ts'
import type { Fate, Fault, FaultKind } from './options.ts'
import type { Scheduler } from './scheduler.ts'

export type FaultCounts = Readonly<Partial<Record<FaultKind | 'rejoin' | 'diskFailure', number>>>

/** Makes faults happen, and ends each when its time is over. */
export class FaultPlayer {
  readonly #hosts: readonly Host[]
  readonly #network: VirtualNetwork
  readonly #scheduler: Scheduler
  readonly #log: (text: string) => void
  readonly #onWiped: (host: Host) => void
  readonly #onStopped: (host: Host) => void
  readonly #counts: { [kind: string]: number } = {}
  /** Faults end with the age they were made in. */
  #age = 0
  /** How long a node with a broken disk waits for its operator. */
  readonly #repairMs = new Map<number, number>()

  constructor(modules: {
    readonly hosts: readonly Host[]
    readonly network: VirtualNetwork
    readonly scheduler: Scheduler
    readonly log: (text: string) => void
    readonly onWiped: (host: Host) => void
    readonly onStopped: (host: Host) => void
  }) {
    this.#hosts = modules.hosts
    this.#network = modules.network
    this.#scheduler = modules.scheduler
    this.#log = modules.log
    this.#onWiped = modules.onWiped
    this.#onStopped = modules.onStopped
  }

  get counts(): FaultCounts {
    return this.#counts
  }

  /** All that was played is over; what was to end later is ended by whoever heals. */
  end(): void {
    this.#age++
  }

  play(fault: Fault): void {
    this.#log(`fault ${JSON.stringify(fault)}`)
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
    this.#scheduler.after(0, () => {
      this.stop(host, 'kill')
      host.start()
    })
  }

  /** A node stopped on a fault of its disk, as it must. */
  failedOn(host: Host, reason: string): void {
    this.#log(`${host.index} stops: ${reason}`)
    this.#count('diskFailure')
    this.stop(host, 'kill')
    this.#later(host, this.#repairMs.get(host.index) ?? 100)
  }

  /** True: something changed. */
  #apply(fault: Fault): boolean {
    if (fault.kind === 'partition') return this.#partition(fault)
    if (fault.kind === 'clog') {
      this.#network.clog(fault.from, fault.to, fault.forMs)
      return true
    }
    const host = this.#hosts[fault.node]
    return host !== undefined && this.#applyTo(host, fault)
  }

  #applyTo(host: Host, fault: Exclude<Fault, { kind: 'partition' | 'clog' }>): boolean {
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

  #count(kind: FaultKind | 'rejoin' | 'diskFailure'): void {
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1
  }
}
