import type { ClientBudget } from './clientBudgets.ts'
import type { Dispatcher, DispatcherModules } from './dispatcher.ts'
import { errorText, type RpcFailure } from './jsonRpc.ts'
import type { Awaitable } from './outcome.ts'

export type HttpAnswer = {
  readonly status: 200 | 204 | 429
  /** JSON; null with 204 only. */
  readonly text: string | null
  /** Seconds; null but with 429. */
  readonly retryAfter: number | null
}

export type HttpAnswersModules = {
  readonly dispatcher: Dispatcher
  readonly onRefused: DispatcherModules['onRefused']
}

/** From the body of a POST to what is answered over HTTP. Never throws. */
export class HttpAnswers {
  readonly #modules: HttpAnswersModules

  constructor(modules: HttpAnswersModules) {
    this.#modules = modules
  }

  answer(body: string, budget: ClientBudget): Awaitable<HttpAnswer> {
    const { dispatcher, onRefused } = this.#modules
    if (dispatcher.isBusy) {
      onRefused('TOO_BUSY')
      return turnedAway({ code: 'TOO_BUSY' }, 1)
    }
    // A request costs a unit, and each call in it its own.
    const retryAfterMs = budget.take(1)
    if (retryAfterMs > 0) {
      onRefused('RATE_LIMITED')
      return turnedAway({ code: 'RATE_LIMITED', retryAfterMs }, Math.ceil(retryAfterMs / 1_000))
    }
    const answer = dispatcher.answer(body, { budget, subscriber: null })
    return answer instanceof Promise ? answer.then(answered) : answered(answer)
  }
}

const answered = (text: string | null): HttpAnswer => ({
  status: text === null ? 204 : 200,
  text,
  retryAfter: null,
})

const turnedAway = (failure: RpcFailure, retryAfter: number): HttpAnswer => ({
  status: 429,
  text: errorText(null, failure),
  retryAfter,
})
