// The wires between simulated nodes. Consensus messages and gossip may be lost, doubled and overtaken;
// requests and answers go over a stream, where what is lost is sent again and so comes late.
import type { Random } from '../random.ts'
import type { LinkOptions } from './options.ts'
import type { Scheduler } from './scheduler.ts'
import type { Label } from './trace.ts'

/** Who may receive on a wire. */
export type Receiver = {
  /** Grows with every start of the node: what was sent to the process before is not delivered. */
  readonly life: number
  readonly isUp: boolean
  connected(peer: number): void
  disconnected(peer: number): void
}

export type Traffic = { readonly label: Label; readonly reliable: boolean }

export class VirtualNetwork {
  readonly #scheduler: Scheduler
  readonly #random: Random
  #link: LinkOptions
  readonly #receivers: Receiver[] = []
  /** Pairs that are connected, `low · 1024 + high`. */
  readonly #connections = new Set<number>()
  /** Ordered pairs that nothing passes, `from · 1024 + to`: how many faults cut each. */
  readonly #cuts = new Map<number, number>()
  /** Ordered pairs that hold back what they carry, until when. */
  readonly #clogs = new Map<number, number>()
  readonly #slow = new Map<number, number>()
  /** Told of every frame that arrives. */
  onDelivered: (from: number, to: number, label: Label) => void = () => {}
  sent = 0
  lost = 0

  constructor(scheduler: Scheduler, random: Random, link: LinkOptions) {
    this.#scheduler = scheduler
    this.#random = random
    this.#link = link
  }

  add(receiver: Receiver): void {
    this.#receivers.push(receiver)
  }

  /** Carries a frame; `deliver` runs when it arrives at the process it was sent to. */
  transmit(from: number, to: number, traffic: Traffic, deliver: () => void): void {
    const receiver = this.#receivers[to] as Receiver
    const { life } = receiver
    const arrive = (): void => {
      if (!receiver.isUp || receiver.life !== life || !this.isConnected(from, to)) return
      this.onDelivered(from, to, traffic.label)
      deliver()
    }
    this.sent++
    if (traffic.reliable) {
      this.#carry(from, to, arrive)
      return
    }
    if (this.#isLost(from, to)) {
      this.lost++
      return
    }
    this.#after(from, to, arrive)
    if (this.#random.chance(this.#link.duplicatePercent)) this.#after(from, to, arrive)
  }

  isConnected(a: number, b: number): boolean {
    return this.#connections.has(pairOf(a, b))
  }

  peersOf(node: number): number[] {
    return [...this.#receivers.keys()].filter((other) => this.isConnected(node, other))
  }

  /** A node has started: it dials, and is dialed by, everybody else. */
  up(node: number): void {
    for (const other of this.#receivers.keys()) if (other !== node) this.#dial(node, other)
  }

  /** The sockets of a dead process are closed, and its peers see that after a moment. */
  down(node: number): void {
    for (const other of this.peersOf(node)) this.#close(node, other)
  }

  /** One side has had enough of the other. */
  disconnect(a: number, b: number, mayReturn: boolean): void {
    if (!this.isConnected(a, b)) return
    this.#close(a, b)
    ;(this.#receivers[a] as Receiver).disconnected(b)
    if (mayReturn) this.#dial(a, b)
  }

  cut(from: number, to: number): void {
    const pair = from * 1024 + to
    this.#cuts.set(pair, (this.#cuts.get(pair) ?? 0) + 1)
  }
  join(from: number, to: number): void {
    const pair = from * 1024 + to
    const left = (this.#cuts.get(pair) ?? 0) - 1
    if (left > 0) this.#cuts.set(pair, left)
    else this.#cuts.delete(pair)
  }
  clog(from: number, to: number, forMs: number): void {
    this.#clogs.set(from * 1024 + to, this.#scheduler.now + forMs)
  }
  /** What a node receives waits for its slow processor. */
  slow(node: number, byMs: number): void {
    this.#slow.set(node, byMs)
  }

  /** Ends all faults, and from now on every wire is as good as `link`. */
  heal(link: LinkOptions): void {
    this.#cuts.clear()
    this.#clogs.clear()
    this.#slow.clear()
    this.#link = link
  }

  #isCut(from: number, to: number): boolean {
    return this.#cuts.size > 0 && (this.#cuts.get(from * 1024 + to) ?? 0) > 0
  }

  #isLost(from: number, to: number): boolean {
    return this.#random.chance(this.#link.lossPercent) || this.#isCut(from, to)
  }

  #carry(from: number, to: number, arrive: () => void): void {
    if (!this.#isLost(from, to)) this.#after(from, to, arrive)
    else if (this.isConnected(from, to))
      this.#scheduler.after(RETRANSMIT_MS, () => this.#carry(from, to, arrive))
  }

  #after(from: number, to: number, run: () => void): void {
    const { minMs, tailMs } = this.#link
    const clog = this.#clogs.size === 0 ? 0 : (this.#clogs.get(from * 1024 + to) ?? 0)
    const held = Math.max(0, clog - this.#scheduler.now)
    const slow = this.#slow.size === 0 ? 0 : (this.#slow.get(to) ?? 0)
    const delay = held + minMs + this.#random.tail(tailMs) + this.#random.range(0, slow)
    this.#scheduler.post(delay, run, to)
  }

  #dial(a: number, b: number): void {
    const [one, two] = [this.#receivers[a] as Receiver, this.#receivers[b] as Receiver]
    const lives = [one.life, two.life]
    const attempt = (): void => {
      // The side that starts later dials again.
      if (!one.isUp || !two.isUp || lives[0] !== one.life || lives[1] !== two.life) return
      if (this.isConnected(a, b)) return
      if (this.#isCut(a, b) || this.#isCut(b, a)) {
        this.#scheduler.after(this.#random.range(50, REDIAL_MS), attempt)
        return
      }
      this.#connections.add(pairOf(a, b))
      one.connected(b)
      two.connected(a)
    }
    this.#scheduler.after(this.#random.range(1, 50), attempt)
  }

  #close(a: number, b: number): void {
    this.#connections.delete(pairOf(a, b))
    const other = this.#receivers[b] as Receiver
    const { life } = other
    this.#scheduler.after(1, () => {
      if (other.isUp && other.life === life) other.disconnected(a)
    })
  }
}

const RETRANSMIT_MS = 200
const REDIAL_MS = 2_000

const pairOf = (a: number, b: number): number => Math.min(a, b) * 1024 + Math.max(a, b)
