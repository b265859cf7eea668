import { NexusError } from '../../core/primitives/errors.ts'
import { type Clock, systemClock } from '../consensus/clock.ts'
import type { Request, RequestBody, Response, ResponseBody } from './requests.ts'

export type RequestClientOptions = {
  /** Requests that one peer may owe us an answer to. */
  readonly maxOutstanding: number
}

const ANSWER_OF = {
  getBatches: 'batches',
  getBlocks: 'blocks',
  getBlock: 'block',
  getLightBlock: 'lightBlock',
  listSnapshots: 'snapshots',
  getSnapshotPart: 'snapshotPart',
} as const
type AnswerKind<R extends RequestBody> = (typeof ANSWER_OF)[R['kind']]
export type AnswerOf<R extends RequestBody> = Extract<ResponseBody, { kind: AnswerKind<R> }>

export type RequestCode =
  | 'PEER_UNKNOWN'
  | 'PEER_GONE'
  | 'REQUEST_TIMEOUT'
  | 'REQUEST_ABORTED'
  | 'REQUEST_REFUSED'
  | 'REQUESTS_EXHAUSTED'

type Waiting = {
  readonly kind: ResponseBody['kind']
  readonly settle: (outcome: Response | RequestCode) => void
}

export const requestError = (code: RequestCode, peerId: string): NexusError =>
  new NexusError({ code, peerId })

/** Our questions to one peer: numbers them and finds the question of an answer. */
export class RequestClient {
  readonly #options: RequestClientOptions
  readonly #peerId: string
  readonly #send: (request: Request) => void
  readonly #clock: Pick<Clock, 'setTimer'>
  readonly #waiting = new Map<number, Waiting>()
  /** Given up by us; its answer may still come, once. */
  readonly #abandoned = new Set<number>()
  #nextId = 1
  #closed = false

  constructor(
    options: RequestClientOptions,
    peerId: string,
    send: (request: Request) => void,
    clock: Pick<Clock, 'setTimer'> = systemClock,
  ) {
    this.#options = options
    this.#peerId = peerId
    this.#send = send
    this.#clock = clock
  }

  /** Rejects with a NexusError of a RequestCode. */
  async ask<R extends RequestBody>(
    body: R,
    limits: { readonly timeoutMs: number; readonly signal: AbortSignal | null },
  ): Promise<AnswerOf<R>> {
    const { timeoutMs, signal } = limits
    if (this.#closed) throw requestError('PEER_GONE', this.#peerId)
    if (signal?.aborted === true) throw requestError('REQUEST_ABORTED', this.#peerId)
    const open = this.#waiting.size + this.#abandoned.size
    if (open >= this.#options.maxOutstanding) throw requestError('REQUESTS_EXHAUSTED', this.#peerId)
    const id = this.#nextId
    this.#nextId = (id % 0xffffffff) + 1
    const outcome = await this.#wait(id, body, timeoutMs, signal)
    if (typeof outcome === 'string') throw requestError(outcome, this.#peerId)
    if (outcome.kind === 'refused') throw requestError('REQUEST_REFUSED', this.#peerId)
    return outcome as unknown as AnswerOf<R>
  }

  /** False: nothing was asked that this answers. */
  receive(response: Response): boolean {
    if (this.#abandoned.delete(response.id)) return true
    const waiting = this.#waiting.get(response.id)
    if (waiting === undefined) return false
    if (response.kind !== waiting.kind && response.kind !== 'refused') return false
    waiting.settle(response)
    return true
  }

  close(): void {
    this.#closed = true
    for (const waiting of [...this.#waiting.values()]) waiting.settle('PEER_GONE')
    this.#abandoned.clear()
  }

  #wait(
    id: number,
    body: RequestBody,
    timeoutMs: number,
    signal: AbortSignal | null,
  ): Promise<Response | RequestCode> {
    return new Promise((resolve) => {
      const settle = (outcome: Response | RequestCode): void => {
        cancelTimer()
        signal?.removeEventListener('abort', onAbort)
        this.#waiting.delete(id)
        if (outcome === 'REQUEST_TIMEOUT' || outcome === 'REQUEST_ABORTED') this.#abandoned.add(id)
        resolve(outcome)
      }
      const onAbort = (): void => settle('REQUEST_ABORTED')
      const cancelTimer = this.#clock.setTimer(() => settle('REQUEST_TIMEOUT'), timeoutMs)
      signal?.addEventListener('abort', onAbort)
      this.#waiting.set(id, { kind: ANSWER_OF[body.kind], settle })
      this.#send({ ...body, id })
    })
  }
}
