import { request } from 'node:http'

export type RpcError = { readonly code: number; readonly message: string; readonly data?: unknown }

/** What a node answers to one call: the error as data, for tables of them. */
export type RpcAnswer =
  | { readonly kind: 'result'; readonly result: unknown }
  | ({ readonly kind: 'error' } & RpcError)

export class RpcFailure extends Error {
  readonly error: RpcError
  constructor(method: string, error: RpcError) {
    super(`${method}: ${error.code} ${error.message}`)
    this.error = error
  }
}

type Wire = { readonly id?: unknown; readonly result?: unknown; readonly error?: RpcError }

/** One call over HTTP, with nothing of a client library between test and node. */
export async function ask(
  url: string,
  method: string,
  params: readonly unknown[] = [],
  timeoutMs = 10_000,
): Promise<RpcAnswer> {
  const { body } = await post(
    url,
    JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    {},
    timeoutMs,
  )
  const { result, error } = JSON.parse(body) as Wire
  return error === undefined ? { kind: 'result', result } : { kind: 'error', ...error }
}

/** The result, or a throw of `RpcFailure`. */
export async function call<T>(
  url: string,
  method: string,
  params: readonly unknown[] = [],
): Promise<T> {
  const answer = await ask(url, method, params)
  if (answer.kind === 'error') throw new RpcFailure(method, answer)
  return answer.result as T
}

export type HttpAnswer = { readonly status: number; readonly body: string }

/** A raw request, POST unless told otherwise: for bodies that are no JSON-RPC and headers that `fetch` will not send. */
export function post(
  url: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  timeoutMs = 10_000,
  method = 'POST',
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method,
        headers: {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
          ...headers,
        },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        )
        response.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Several calls as one batch, answers in the order of the calls. */
export async function askMany(
  url: string,
  calls: readonly (readonly [method: string, params: readonly unknown[]])[],
): Promise<readonly RpcAnswer[]> {
  const batch = calls.map(([method, params], id) => ({ jsonrpc: '2.0', id, method, params }))
  const { body } = await post(url, JSON.stringify(batch))
  const answers = JSON.parse(body) as Wire[]
  if (!Array.isArray(answers)) throw new Error(`a batch got no list: ${body.slice(0, 200)}`)
  const byId = new Map(answers.map((answer) => [answer.id, answer]))
  return calls.map(([method], id) => {
    const answer = byId.get(id)
    if (answer === undefined) throw new Error(`no answer to call ${id} (${method}) of a batch`)
    const { result, error } = answer
    return error === undefined ? { kind: 'result', result } : { kind: 'error', ...error }
  })
}
