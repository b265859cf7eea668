// What a page or an extension of a browser does, over HTTP: nothing but fetch.
export type Reply = {
  readonly status: number
  readonly allowOrigin: string | null
  readonly result: unknown
  readonly error: {
    readonly code: number
    readonly message: string
    readonly data?: unknown
  } | null
}

/** The origin of MetaMask in Chrome. */
export const METAMASK_ORIGIN = 'chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn'

export class BrowserClient {
  readonly #url: string
  readonly #origin: string
  #id = 0

  constructor(url: string, origin: string) {
    this.#url = url
    this.#origin = origin
  }

  /** What a browser asks before it posts JSON. */
  async preflight(): Promise<{ readonly status: number; readonly headers: Headers }> {
    const { status, headers } = await fetch(this.#url, {
      method: 'OPTIONS',
      headers: {
        origin: this.#origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    })
    return { status, headers }
  }

  async send(method: string, params: readonly unknown[] = []): Promise<Reply> {
    const id = ++this.#id
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { origin: this.#origin, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
    })
    const body = (await response.json()) as {
      id?: unknown
      result?: unknown
      error?: Reply['error']
    }
    if (response.ok && body.id !== id) throw new Error(`${method}: the answer of another request`)
    return {
      status: response.status,
      allowOrigin: response.headers.get('access-control-allow-origin'),
      result: body.result,
      error: body.error ?? null,
    }
  }

  /** The result; an error fails the test. */
  async ask<T>(method: string, params: readonly unknown[] = []): Promise<T> {
    const { result, error } = await this.send(method, params)
    if (error !== null) throw new Error(`${method}: ${error.code} ${error.message}`)
    return result as T
  }
}
