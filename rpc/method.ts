import type { RpcBackend } from './backend.ts'
import type { CoreServices } from './coreServices.ts'
import type { Deadline } from './deadline.ts'
import type { Filters } from './filters.ts'
import type { RpcOptions } from './options.ts'
import type { Awaitable, Outcome } from './outcome.ts'
import { fail } from './outcome.ts'
import { type ParametersOf, parseParameters } from './params/parameter.ts'
import type { ReceiptWaiters } from './receiptWaiters.ts'
import type { Subscriber } from './subscriptions.ts'

/** What methods share. */
export type MethodModules = {
  readonly options: RpcOptions
  readonly backend: RpcBackend
  readonly filters: Filters
  readonly receipts: ReceiptWaiters
  /** Null or absent: the node runs no engines. */
  readonly core?: CoreServices | null
}

/** What belongs to one call. */
export type Call = {
  readonly deadline: Deadline
  /** Null over HTTP, where nothing can be sent later. */
  readonly subscriber: Subscriber | null
}

export type Method = {
  readonly run: (params: readonly unknown[], call: Call) => Awaitable<Outcome<unknown>>
  /** Uses the processor for long: the calls of a batch wait for each other. */
  readonly isHeavy: boolean
  /** Ends by itself, whenever; `deadline` is not for it. */
  readonly isPatient: boolean
}

/** Names to methods. */
export type MethodTable = { readonly [name: string]: Method }

/** A method whose parameters are parsed before it runs. */
export function method<P extends readonly unknown[]>(
  parameters: ParametersOf<P>,
  run: (call: Call, ...args: P) => Awaitable<Outcome<unknown>>,
): Method {
  return {
    isHeavy: false,
    isPatient: false,
    run: (params, call) => {
      const parsed = parseParameters<P>(parameters, params)
      return parsed.ok
        ? run(call, ...parsed.value)
        : fail({ code: 'INVALID_PARAMS', problem: parsed.problem })
    },
  }
}

export const heavy = (inner: Method): Method => ({ ...inner, isHeavy: true })
export const patient = (inner: Method): Method => ({ ...inner, isPatient: true })
