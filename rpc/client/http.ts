import { NexusError } from '../../core/primitives/errors.ts'
import { type Answer, resultOf } from './rpcError.ts'

/** One JSON-RPC call. NexusError: the node's own (`rpcErrorOf`), or NO_ANSWER when there is no JSON-RPC behind the address. */
export async function callHttp(
  url: string,
  method: string,
  params: readonly unknown[],
): Promise<unknown> {
  return resultOf(await post(url, { jsonrpc: '2.0', id: 1, method, params }))
}

async function post(url: string, request: object): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    return (await response.json()) as Answer
  } catch (cause) {
    throw new NexusError({ code: 'NO_ANSWER', url }, { cause })
  }
}
