import { NexusError } from '../../core/primitives/errors.ts'
import type { ReconnectOptions } from './options.ts'

export type DialerModules = {
  /** Resolves when a connection to the address exists. */
  readonly dial: (address: string, signal: AbortSignal) => Promise<void>
  /** Whether the handshake with this peer is done. */
  readonly isConnected: (peerId: string) => boolean
  /** In [0, 1). */
  readonly random: () => number
}

type Target = {
  readonly address: string
  readonly peerId: string
  failures: number
  dialing: boolean
  timer: NodeJS.Timeout | null
}

/** Keeps dialing configured peers until they are connected, slower with every failure in a row. */
export class Dialer {
  readonly #options: ReconnectOptions
  readonly #modules: DialerModules
  readonly #targets = new Map<string, Target>()
  readonly #stop = new AbortController()

  constructor(
    targets: readonly { readonly address: string; readonly peerId: string }[],
    options: ReconnectOptions,
    modules: DialerModules,
  ) {
    this.#options = options
    this.#modules = modules
    for (const { address, peerId } of targets)
      this.#targets.set(peerId, { address, peerId, failures: 0, dialing: false, timer: null })
  }

  start(): void {
    for (const target of this.#targets.values()) void this.#dial(target)
  }

  stop(): void {
    this.#stop.abort()
    for (const target of this.#targets.values()) clearTimeout(target.timer ?? undefined)
  }

  isTarget(peerId: string): boolean {
    return this.#targets.has(peerId)
  }

  connected(peerId: string): void {
    const target = this.#targets.get(peerId)
    if (target !== undefined) target.failures = 0
  }

  disconnected(peerId: string): void {
    const target = this.#targets.get(peerId)
    if (target !== undefined && !target.dialing) this.#schedule(target)
  }

  #schedule(target: Target): void {
    const { minMs, maxMs } = this.#options
    const delayMs = Math.min(maxMs, minMs * 2 ** Math.min(target.failures, 30))
    // Half of it is random: two nodes that lost each other should not dial at the same moment for ever.
    const jitteredMs = delayMs * (0.5 + this.#modules.random() / 2)
    clearTimeout(target.timer ?? undefined)
    if (this.#stop.signal.aborted) return
    target.timer = setTimeout(() => void this.#dial(target), jitteredMs)
  }

  async #dial(target: Target): Promise<void> {
    const { signal } = this.#stop
    if (signal.aborted || target.dialing || this.#modules.isConnected(target.peerId)) return
    target.dialing = true
    try {
      await this.#modules.dial(target.address, signal)
    } catch {
      // Refused, unreachable or too slow: the next attempt tells whether it lasts.
    } finally {
      target.dialing = false
    }
    if (this.#modules.isConnected(target.peerId)) return
    // Also after a connection whose handshake is still to come: by then it is done, or it failed.
    target.failures++
    this.#schedule(target)
  }
}

/** NexusError BAD_PEER_ADDRESS for an address without /p2p/. The node's own address, as a shared list may hold it, is left out. */
export function targetsOf(
  addresses: readonly string[],
  ownId: string,
): { readonly address: string; readonly peerId: string }[] {
  return addresses
    .map((address) => ({ address, peerId: peerIdIn(address) }))
    .filter(({ peerId }) => peerId !== ownId)
}

function peerIdIn(address: string): string {
  const peerId = /\/p2p\/([^/]+)$/.exec(address)?.[1]
  if (peerId !== undefined) return peerId
  const message = `The peer address ${address} does not end in /p2p/ and a peer id.`
  throw new NexusError({ code: 'BAD_PEER_ADDRESS', address }, { message })
}
