import type { RpcFailure } from './jsonRpc.ts'

export type Ok<T> = { readonly ok: true; readonly value: T }
export type Failed = { readonly ok: false; readonly failure: RpcFailure }

/** A `Result` whose rejection carries what its message needs. */
export type Outcome<T> = Ok<T> | Failed

export const fail = (failure: RpcFailure): Failed => ({ ok: false, failure })

export type Awaitable<T> = T | Promise<T>
