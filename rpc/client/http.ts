import { NexusError } from '../../core/primitives/errors.ts'
import { type Answer, resultOf } from './rpcError.ts'

/** What is taken from a server that is not trusted. */
export type HttpLimits = { readonly timeoutMs: number; readonly maxBytes: number }

/** One JSON-RPC call. NexusError: the node's own (`rpcErrorOf`), or NO_ANSWER when there is no JSON-RPC behind the address. */
export async function callHttp(
  url: string,
  method: string,
  params: readonly unknown[],
  limits?: HttpLimits,
): Promise<unknown> {
  return resultOf(await post(url, { jsonrpc: '2.0', id: 1, method, params }, limits))
}

async function post(url: string, request: object, limits?: HttpLimits): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal: limits === undefined ? null : AbortSignal.timeout(limits.timeoutMs),
    })
    if (limits === undefined) return (await response.json()) as Answer
    return JSON.parse(await textUpTo(response, limits.maxBytes)) as Answer
  } catch (cause) {
    throw new NexusError({ code: 'NO_ANSWER', url }, { cause })
  }
}

/** Throws as soon as a body is longer. */
async function textUpTo({ body }: Response, maxBytes: number): Promise<string> {
  if (body === null) return ''
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let [text, left] = ['', maxBytes]
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    left -= part.value.length
    if (left < 0) {
      await reader.cancel()
      throw new NexusError({ code: 'ANSWER_TOO_LONG', maxBytes })
    }
    text += decoder.decode(part.value, { stream: true })
  }
  return text + decoder.decode()
}
