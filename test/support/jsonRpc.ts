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

/** A raw POST: for bodies that are no JSON-RPC at all. */
export async function post(
  url: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  timeoutMs = 10_000,
): Promise<HttpAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: body as string,
    signal: AbortSignal.timeout(timeoutMs),
  })
  return { status: response.status, body: await response.text() }
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
