import type { ClientBudget } from './clientBudgets.ts'
import type { DispatcherModules } from './dispatcher.ts'
import { codeOf, type RpcFailure, wireErrorOf } from './jsonRpc.ts'
import type { Outcome } from './outcome.ts'

/** `[u32 request id][signed envelope]`, answered by `[u32 request id][u8 status][32 bytes hash | code]`. */
const ID_BYTES = 4
const ACCEPTED = 0
const REFUSED = 1

export type ActionFramesModules = {
  readonly submit: (envelope: Uint8Array) => Promise<Outcome<Uint8Array>>
  /** Frames that may wait for an answer at a time, over all connections. */
  readonly inFlight: number
  readonly onCall: DispatcherModules['onCall']
  readonly onRefused: DispatcherModules['onRefused']
  readonly onFault: DispatcherModules['onFault']
}

/** The name under which frames are counted and their faults reported. */
const NAME = 'nexus_sendAction'

/**
 * The compact way in, for bots: one binary WebSocket frame is one action, without JSON and hex.
 * Answers come in any order; the request id, big-endian and chosen by the client, tells them apart.
 * The code of a refusal is ASCII.
 */
export class ActionFrames {
  readonly #modules: ActionFramesModules
  #inFlight = 0

  constructor(modules: ActionFramesModules) {
    this.#modules = modules
  }

  /** Never throws. `frame` is not kept. */
  async answer(frame: Uint8Array, budget: ClientBudget): Promise<Uint8Array> {
    const startMs = performance.now()
    const id = new Uint8Array(frame.subarray(0, ID_BYTES))
    const outcome = await this.#submit(frame, budget)
    const code = outcome.ok ? 'ok' : String(wireErrorOf(outcome.failure).code)
    this.#modules.onCall(NAME, code, (performance.now() - startMs) / 1_000)
    return answerOf(id, outcome)
  }

  async #submit(frame: Uint8Array, budget: ClientBudget): Promise<Outcome<Uint8Array>> {
    if (frame.length <= ID_BYTES)
      return { ok: false, failure: { code: 'BAD_ENVELOPE', problem: 'TRUNCATED' } }
    const retryAfterMs = budget.take(1)
    if (retryAfterMs > 0) return this.#refuse({ code: 'RATE_LIMITED', retryAfterMs })
    if (this.#inFlight >= this.#modules.inFlight) return this.#refuse({ code: 'TOO_BUSY' })
    this.#inFlight++
    try {
      // A copy: the frame is a view of a buffer of the socket, and the envelope may cross threads.
      return await this.#modules.submit(new Uint8Array(frame.subarray(ID_BYTES)))
    } catch (error) {
      this.#modules.onFault(error, NAME)
      return { ok: false, failure: { code: 'INTERNAL_ERROR' } }
    } finally {
      this.#inFlight--
    }
  }

  #refuse(failure: RpcFailure & { readonly code: 'RATE_LIMITED' | 'TOO_BUSY' }): Outcome<never> {
    this.#modules.onRefused(failure.code)
    return { ok: false, failure }
  }
}

function answerOf(id: Uint8Array, outcome: Outcome<Uint8Array>): Uint8Array {
  const body = outcome.ok ? outcome.value : new TextEncoder().encode(codeOf(outcome.failure))
  const answer = new Uint8Array(ID_BYTES + 1 + body.length)
  answer.set(id)
  answer[ID_BYTES] = outcome.ok ? ACCEPTED : REFUSED
  answer.set(body, ID_BYTES + 1)
  return answer
}
