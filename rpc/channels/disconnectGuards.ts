import { toHex } from '../../core/primitives/bytes.ts'
import type { CoreBackend } from '../coreBackend.ts'
import type { Outcome } from '../outcome.ts'

/** Something signed in advance, and how long a lost connection may be lost, in milliseconds. */
export type Guard = {
  readonly signer: Uint8Array
  readonly envelope: Uint8Array
  readonly graceMs: number
}

/**
 * Cancel-on-disconnect. A guard is armed with a connection; when that closes and the same signer
 * does not arm another one within the grace period, the node submits the envelope.
 */
export class DisconnectGuards {
  readonly #core: Pick<CoreBackend, 'submitAction'>
  readonly #onOutcome: (outcome: Outcome<Uint8Array>) => void
  readonly #onFault: (error: unknown) => void
  readonly #armed = new Map<string, Guard>()
  readonly #waiting = new Map<string, NodeJS.Timeout>()

  constructor(modules: {
    readonly core: Pick<CoreBackend, 'submitAction'>
    readonly onOutcome: (outcome: Outcome<Uint8Array>) => void
    readonly onFault: (error: unknown) => void
  }) {
    this.#core = modules.core
    this.#onOutcome = modules.onOutcome
    this.#onFault = modules.onFault
  }

  /** Guards of lost connections that still may come back. */
  get waiting(): number {
    return this.#waiting.size
  }

  arm(subscription: string, guard: Guard): void {
    this.#armed.set(subscription, guard)
    const signer = toHex(guard.signer)
    clearTimeout(this.#waiting.get(signer))
    this.#waiting.delete(signer)
  }

  /** The client ended its subscription itself. */
  disarm(subscription: string): void {
    this.#armed.delete(subscription)
  }

  /** The connection of this subscription is gone. */
  lost(subscription: string): void {
    const guard = this.#armed.get(subscription)
    if (guard === undefined) return
    this.#armed.delete(subscription)
    const signer = toHex(guard.signer)
    // Another connection of the same signer lives on and has its own guard.
    if ([...this.#armed.values()].some((other) => toHex(other.signer) === signer)) return
    clearTimeout(this.#waiting.get(signer))
    this.#waiting.set(
      signer,
      setTimeout(() => this.#fire(signer, guard), guard.graceMs),
    )
  }

  /** The server closes: its clients did not. */
  close(): void {
    for (const timer of this.#waiting.values()) clearTimeout(timer)
    this.#waiting.clear()
    this.#armed.clear()
  }

  #fire(signer: string, guard: Guard): void {
    this.#waiting.delete(signer)
    this.#core.submitAction(guard.envelope).then(this.#onOutcome, this.#onFault)
  }
}
