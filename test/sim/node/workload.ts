// Clients that want every one of their transactions in the chain, whatever happens: each sends its
// next ones to some node, and sends again what it does not find in a block.

import { isAction, isTransaction, type Pooled } from '../../../node/mempool/action.ts'
import type { Random } from '../random.ts'
import type { ActedMembership } from './actedMembership.ts'
import type { Checker } from './checker.ts'
import type { Clients } from './clients.ts'
import { fail } from './failure.ts'
import type { Host } from './host.ts'
import type { SimOptions } from './options.ts'
import type { Scheduler } from './scheduler.ts'

const MAX_OPEN = 8
const OPERATOR_EVERY_MS = 100
/** Why a node may refuse what is valid: it knows it, it is full, or it has not seen what comes before. */
const FAIR = new Set([
  'ALREADY_KNOWN',
  'NONCE_TOO_LOW',
  'NONCE_GAP_TOO_LARGE',
  'POOL_FULL',
  'NONCE_PENDING',
])

export class Workload {
  readonly #options: SimOptions
  readonly #random: Random
  readonly #scheduler: Scheduler
  readonly #checker: Checker
  readonly #hosts: readonly Host[]
  readonly #clients: Clients
  readonly #operator: ActedMembership | null
  readonly #onError: (host: Host, error: unknown) => void
  readonly #open = new Map<number, Pooled[]>()
  readonly #next = new Map<number, number>()
  #isEnding = false
  submitted = 0

  constructor(
    options: SimOptions,
    modules: {
      readonly random: Random
      readonly scheduler: Scheduler
      readonly checker: Checker
      readonly hosts: readonly Host[]
      readonly clients: Clients
      /** Changes the validator set of real machines. */
      readonly operator: ActedMembership | null
      readonly onError: (host: Host, error: unknown) => void
    },
  ) {
    this.#options = options
    this.#random = modules.random
    this.#scheduler = modules.scheduler
    this.#checker = modules.checker
    this.#hosts = modules.hosts
    this.#clients = modules.clients
    this.#operator = modules.operator
    this.#onError = modules.onError
  }

  start(): void {
    for (let client = 0; client < this.#options.clients; client++) {
      this.#open.set(client, [])
      this.#tick(client)
    }
    if (this.#operator !== null) this.#operate(this.#operator)
  }

  /** Nothing new from here on; what is open is still wanted. */
  end(): void {
    this.#isEnding = true
  }

  get openCount(): number {
    for (const [client, open] of this.#open)
      this.#open.set(
        client,
        open.filter(({ hash }) => !this.#checker.isIncluded(hash)),
      )
    const operators = this.#operator?.isOpen ? 1 : 0
    return [...this.#open.values()].reduce((sum, open) => sum + open.length, operators)
  }

  #operate(operator: ActedMembership): void {
    this.#scheduler.after(this.#random.range(1, OPERATOR_EVERY_MS), () => {
      const item = operator.item(!this.#isEnding)
      if (item !== null) this.#send(this.#random.pick(this.#hosts), [item])
      this.#operate(operator)
    })
  }

  #tick(client: number): void {
    this.#scheduler.after(this.#random.range(1, 2 * this.#options.clientEveryMs), () => {
      this.#act(client)
      this.#tick(client)
    })
  }

  #act(client: number): void {
    const open = (this.#open.get(client) ?? []).filter(
      ({ hash }) => !this.#checker.isIncluded(hash),
    )
    const number = this.#next.get(client) ?? 0
    const padding = this.#random.pick([0, 100, 1_000])
    if (!this.#isEnding && open.length < MAX_OPEN) {
      const item = this.#clients.item(client, number, padding)
      if (item !== null) {
        open.push(item)
        this.#next.set(client, number + 1)
        this.submitted++
      }
    }
    this.#open.set(client, open)
    this.#send(this.#random.pick(this.#hosts), open)
  }

  /** Nothing where the node cannot read its own data. */
  #submitted<T>(host: Host, submit: () => readonly T[]): readonly T[] {
    try {
      return submit()
    } catch (error) {
      this.#onError(host, error)
      return []
    }
  }

  /** All of them, in order: a node that never saw the first cannot run the others. */
  #send(host: Host, open: readonly Pooled[]): void {
    // A node that knows itself to be behind takes nothing.
    if (host.process === null || host.process.sync.catchingUp) return
    const { flow } = host.process
    const results = this.#submitted(host, () => [
      ...flow.submit(open.filter(isTransaction)),
      ...flow.submitActions(open.filter(isAction)),
    ])
    for (const result of results)
      if (!result.ok && !FAIR.has(result.code))
        fail('transactions', `node ${host.index} refused what is valid: ${result.code}`)
  }
}
