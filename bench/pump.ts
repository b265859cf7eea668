/** Closed loop: as many unfinished transactions as `window`. Open loop: `perSecond`, whatever comes back. */
export type Pace =
  | { readonly kind: 'closed'; readonly window: number }
  | { readonly kind: 'open'; readonly perSecond: number }

export type Prepared = { readonly raw: string; readonly hash: string }
/** Sends a JSON body and gives the answer's. */
type Poster = { post(body: string): Promise<string> }
type Final = { readonly hash: string; readonly sentMs: number; readonly finalMs: number }

const TICK_MS = 2

export type PumpOptions = {
  readonly pace: Pace
  /** The most transactions in one request; null: one each, and not in an array. */
  readonly batch: number | null
}

/** Sends prepared transactions to the nodes, each lane over its client, and keeps the time of every one. */
export class Pump {
  readonly #clients: readonly Poster[]
  readonly #lanes: readonly (readonly Prepared[])[]
  readonly #pace: Pace
  readonly #batch: number
  readonly #isSingle: boolean
  /** Next transaction of each lane, those of it to send again, and whether a batch is on its way. */
  readonly #cursors: { next: number; again: Prepared[]; busy: boolean }[]
  readonly #sentMs = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #startedMs = 0
  #isDraining = false
  #resolveExhausted: () => void = () => undefined
  readonly exhausted = new Promise<void>((resolve) => {
    this.#resolveExhausted = resolve
  })
  readonly finalTransactions: Final[] = []
  readonly errors = new Map<string, number>()
  sent = 0
  accepted = 0
  isExhausted = false

  constructor(
    clients: readonly Poster[],
    lanes: readonly (readonly Prepared[])[],
    options: PumpOptions,
  ) {
    this.#clients = clients
    this.#lanes = lanes
    this.#pace = options.pace
    this.#batch = options.batch ?? 1
    this.#isSingle = options.batch === null
    this.#cursors = lanes.map(() => ({ next: 0, again: [], busy: false }))
  }

  /** Sent and neither final nor refused. */
  get pending(): number {
    return this.#sentMs.size
  }

  start(): void {
    this.#startedMs = performance.now()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }
  /** No new transactions; waits until those under way are final, sending again what is refused. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true
    const deadlineMs = performance.now() + timeoutMs
    const isBusy = (): boolean =>
      this.pending > 0 || this.#cursors.some(({ again }) => again.length > 0)
    while (isBusy() && performance.now() < deadlineMs)
      await new Promise((resolve) => setTimeout(resolve, 20))
    clearInterval(this.#timer)
  }

  finalized(hashes: readonly string[], atMs: number): void {
    for (const hash of hashes) {
      const sentMs = this.#sentMs.get(hash)
      if (sentMs === undefined) continue
      this.#sentMs.delete(hash)
      this.finalTransactions.push({ hash, sentMs, finalMs: atMs })
    }
    this.#tick()
  }

  #allowance(): number {
    if (this.#pace.kind === 'closed') return this.#pace.window - this.pending
    const due = ((performance.now() - this.#startedMs) / 1000) * this.#pace.perSecond
    return Math.floor(due) - this.sent
  }

  #tick(): void {
    const allowance = this.#allowance()
    const free = this.#cursors.map((_, lane) => lane).filter((lane) => this.#isReady(lane))
    if (!this.#isDraining && this.#cursors.every((_, lane) => !this.#hasMore(lane))) {
      this.isExhausted = true
      this.#resolveExhausted()
    }
    // Spread over all lanes: a small allowance must not always feed the first node.
    const share = Math.min(this.#batch, Math.ceil(allowance / Math.max(1, free.length)))
    if (share > 0) for (const lane of free) void this.#send(lane, share)
  }

  #isReady(lane: number): boolean {
    const cursor = this.#cursors[lane]
    return cursor !== undefined && !cursor.busy && this.#hasMore(lane)
  }

  #hasMore(lane: number): boolean {
    const { next = 0, again = [] } = this.#cursors[lane] ?? {}
    return again.length > 0 || (!this.#isDraining && next < (this.#lanes[lane]?.length ?? 0))
  }

  /** One batch at a time on each lane keeps the nonces of a sender in order. */
  async #send(lane: number, count: number): Promise<void> {
    const [cursor, client] = [this.#cursors[lane], this.#clients[lane]]
    if (cursor === undefined || client === undefined) return
    const batch = cursor.again.splice(0, count)
    const room = this.#isDraining ? 0 : count - batch.length
    const fresh = (this.#lanes[lane] ?? []).slice(cursor.next, cursor.next + room)
    cursor.next += fresh.length
    batch.push(...fresh)
    cursor.busy = true
    this.sent += batch.length
    const requests = batch.map(requestOf).join(',')
    const body = this.#isSingle ? requests : `[${requests}]`
    const sentMs = performance.now()
    for (const { hash } of batch) this.#sentMs.set(hash, sentMs)
    try {
      cursor.again.push(...this.#count(batch, await client.post(body)))
    } catch (error) {
      this.#fail(String(error), batch)
      cursor.again.push(...batch)
    }
    cursor.busy = false
    // A connection that carries one transaction at a time must not wait for the clock after each.
    if (this.#isSingle && this.#isReady(lane) && this.#allowance() > 0) void this.#send(lane, 1)
  }

  /** What was refused: later transactions of its sender would wait for it for ever, so it is sent again. */
  #count(batch: readonly Prepared[], text: string): readonly Prepared[] {
    type Answer = { id: number; error?: { message: string } }
    const parsed = JSON.parse(text) as Answer | Answer[]
    const answers = this.#isSingle ? [parsed].flat() : parsed
    if (!Array.isArray(answers)) {
      this.#fail(text.slice(0, 200), batch)
      return batch
    }
    const refused: Prepared[] = []
    for (const { id, error } of answers.sort((a, b) => a.id - b.id)) {
      const prepared = batch[id]
      if (error === undefined) this.accepted++
      else if (prepared !== undefined) {
        this.#fail(error.message, [prepared])
        if (!IN_POOL_OR_CHAIN.test(error.message)) refused.push(prepared)
      }
    }
    return refused
  }

  #fail(message: string, batch: readonly Prepared[]): void {
    this.errors.set(message, (this.errors.get(message) ?? 0) + batch.length)
    this.sent -= batch.length
    for (const { hash } of batch) this.#sentMs.delete(hash)
  }
}

/** Answers to a second delivery. */
const IN_POOL_OR_CHAIN = /already known|nonce too low/

const requestOf = ({ raw }: Prepared, id: number): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"eth_sendRawTransaction","params":["${raw}"]}`
