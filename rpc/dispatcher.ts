import { type ClientBudget, HEAVY_UNITS } from './clientBudgets.ts'
import { type Deadline, deadlineIn, turn } from './deadline.ts'
import { parseStrictJson } from './json.ts'
import {
  errorText,
  parseRequest,
  type RpcFailure,
  type RpcId,
  resultText,
  wireErrorOf,
} from './jsonRpc.ts'
import type { Method } from './method.ts'
import type { RpcLimits } from './options.ts'
import { type Awaitable, fail, type Outcome } from './outcome.ts'
import { Overdue } from './overdue.ts'
import type { Subscriber } from './subscriptions.ts'

export type DispatcherModules = {
  readonly methods: ReadonlyMap<string, Method>
  readonly limits: RpcLimits
  /** After each call. `code` is `ok` or the JSON-RPC number; an unknown method is called `unknown`. */
  readonly onCall: (method: string, code: string, seconds: number) => void
  /** A client asked for more than it may. */
  readonly onRefused: (reason: 'RATE_LIMITED' | 'TOO_BUSY' | 'TOO_MANY_CONNECTIONS') => void
  /** A method threw: our bug, or a disk that failed. The caller has got an internal error. */
  readonly onFault: (error: unknown, method: string) => void
}

/** Milliseconds of a batch between two turns of the event loop. */
const SLICE_MS = 5

/** Who asks: what it may still ask for, and where later messages for it go; null over HTTP. */
export type Caller = { readonly budget: ClientBudget; readonly subscriber: Subscriber | null }

/** Answers one text, a request or a batch, with one text. Never throws. */
export class Dispatcher {
  readonly #modules: DispatcherModules
  readonly #overdue = new Overdue()
  #inFlight = 0

  constructor(modules: DispatcherModules) {
    this.#modules = modules
  }

  get inFlight(): number {
    return this.#inFlight
  }
  get isBusy(): boolean {
    return this.#inFlight >= this.#modules.limits.inFlight
  }

  /** Null: there is nothing to answer, since all were notifications. At once where no method waits. */
  answer(text: string, caller: Caller): Awaitable<string | null> {
    if (this.isBusy) {
      this.#modules.onRefused('TOO_BUSY')
      return errorText(null, { code: 'TOO_BUSY' })
    }
    const json = parseStrictJson(text)
    if (!json.ok)
      return errorText(
        null,
        json.code === 'BAD_JSON'
          ? { code: 'PARSE_ERROR' }
          : { code: 'INVALID_REQUEST', problem: PROBLEMS[json.code] },
      )
    this.#inFlight++
    const answer = Array.isArray(json.value)
      ? this.#answerBatch(json.value, caller)
      : this.#answerOne(json.value, deadlineIn(this.#modules.limits.requestMs), caller)
    if (answer instanceof Promise) return this.#counted(answer)
    this.#inFlight--
    return answer
  }

  async #counted(answer: Promise<string | null>): Promise<string | null> {
    try {
      return await answer
    } finally {
      this.#inFlight--
    }
  }

  async #answerBatch(requests: readonly unknown[], caller: Caller): Promise<string | null> {
    const { batchRequests, batchMs, requestMs } = this.#modules.limits
    if (requests.length === 0)
      return errorText(null, { code: 'INVALID_REQUEST', problem: 'empty batch' })
    if (requests.length > batchRequests)
      return errorText(null, {
        code: 'INVALID_REQUEST',
        problem: `batch too large: ${requests.length} requests, limit ${batchRequests}`,
      })
    const whole = deadlineIn(batchMs)
    const answers: Awaitable<string | null>[] = []
    const size = { bytes: 0 }
    let sliceEndMs = performance.now() + SLICE_MS
    for (const request of requests) {
      if (performance.now() > sliceEndMs) {
        await turn()
        sliceEndMs = performance.now() + SLICE_MS
      }
      const call = deadlineIn(requestMs)
      const deadline = call.atMs < whole.atMs ? call : whole
      const answer = this.#answerOne(request, deadline, caller, size)
      // Light calls run side by side in the order of the batch, heavy ones wait for each other.
      answers.push(isHeavy(request, this.#modules.methods) ? await answer : answer)
    }
    const texts = (await Promise.all(answers)).filter((text) => text !== null)
    return texts.length === 0 ? null : `[${texts.join(',')}]`
  }

  /** `size`: what the answers of a batch have come to. */
  #answerOne(
    json: unknown,
    deadline: Deadline,
    { budget, subscriber }: Caller,
    size: { bytes: number } = { bytes: 0 },
  ): Awaitable<string | null> {
    const request = parseRequest(json)
    if (!request.ok) {
      this.#modules.onCall('invalid', String(wireErrorOf(request.failure).code), 0)
      return errorText(request.id, request.failure)
    }
    const { id, method: name, params } = request.value
    const method = this.#modules.methods.get(name)
    const call = {
      id,
      name: method === undefined ? 'unknown' : name,
      startMs: performance.now(),
      deadline,
      size,
    }
    const retryAfterMs = budget.take(method?.isHeavy === true ? HEAVY_UNITS : 1)
    if (retryAfterMs > 0) {
      this.#modules.onRefused('RATE_LIMITED')
      return this.#finish(call, fail({ code: 'RATE_LIMITED', retryAfterMs }))
    }
    if (method === undefined)
      return this.#finish(call, fail({ code: 'METHOD_NOT_FOUND', method: name }))
    const isLate = call.startMs > deadline.atMs
    if (isLate || size.bytes > this.#modules.limits.responseBytes)
      return this.#finish(call, fail({ code: isLate ? 'TIMED_OUT' : 'RESPONSE_TOO_LARGE' }))
    try {
      const outcome = method.run(params, { deadline, subscriber })
      if (outcome instanceof Promise) return this.#settled(call, method, outcome)
      return this.#finish(call, outcome)
    } catch (error) {
      this.#modules.onFault(error, name)
      return this.#finish(call, INTERNAL)
    }
  }

  async #settled(
    call: Running,
    { isPatient }: Method,
    outcome: Promise<Outcome<unknown>>,
  ): Promise<string | null> {
    try {
      return this.#finish(
        call,
        await (isPatient ? outcome : this.#overdue.inTime(outcome, call.deadline)),
      )
    } catch (error) {
      this.#modules.onFault(error, call.name)
      return this.#finish(call, INTERNAL)
    }
  }

  #finish({ id, name, startMs, size }: Running, outcome: Outcome<unknown>): string | null {
    const { limits, onCall } = this.#modules
    const answer = outcome.ok ? resultOf(outcome.value, limits, size) : outcome
    const code = answer.ok ? 'ok' : String(wireErrorOf(answer.failure).code)
    onCall(name, code, (performance.now() - startMs) / 1_000)
    if (id === undefined) return null
    return answer.ok ? resultText(id, answer.value) : errorText(id, answer.failure)
  }
}

/** A call that began. */
type Running = {
  readonly id: RpcId | undefined
  readonly name: string
  readonly startMs: number
  readonly deadline: Deadline
  readonly size: { bytes: number }
}

const PROBLEMS = {
  TOO_DEEP: 'invalid request: nested too deeply',
  DUPLICATE_KEY: 'invalid request: an object names a member twice',
  TOO_COMPLEX: 'invalid request: too many members',
} as const

const INTERNAL: Outcome<never> = fail({ code: 'INTERNAL_ERROR' } satisfies RpcFailure)

/** JSON text; all of it is ASCII but for what callers sent themselves, so characters count as bytes. */
function resultOf(value: unknown, limits: RpcLimits, size: { bytes: number }): Outcome<string> {
  const text = JSON.stringify(value)
  size.bytes += text.length
  return size.bytes > limits.responseBytes
    ? fail({ code: 'RESPONSE_TOO_LARGE' })
    : { ok: true, value: text }
}

function isHeavy(json: unknown, methods: ReadonlyMap<string, Method>): boolean {
  if (typeof json !== 'object' || json === null) return false
  const { method } = json as { readonly method?: unknown }
  return typeof method === 'string' && methods.get(method)?.isHeavy === true
}
