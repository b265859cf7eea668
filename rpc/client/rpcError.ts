import { NexusError } from '../../core/primitives/errors.ts'

/**
 * What a node answered instead of a result. `code` is the stable one of `data` where there is one (an
 * engine's own code for a rejected action), else RPC_ERROR; `number` is JSON-RPC's.
 */
export type RpcErrorDetail = {
  readonly code: string
  readonly number: number
  readonly data: unknown
}

export type WireError = {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

export function rpcErrorOf({ code: number, message, data }: WireError): NexusError<RpcErrorDetail> {
  const code = codeIn(data) ?? 'RPC_ERROR'
  return new NexusError({ code, number, data: data ?? null }, { message })
}

function codeIn(data: unknown): string | null {
  if (typeof data !== 'object' || data === null || !('code' in data)) return null
  return typeof data.code === 'string' ? data.code : null
}

export type Answer = {
  readonly id?: unknown
  readonly result?: unknown
  readonly error?: WireError
}

/** The result of an answer; throws its error. */
export function resultOf({ result, error }: Answer): unknown {
  if (error !== undefined) throw rpcErrorOf(error)
  return result
}
