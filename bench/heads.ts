import { WebSocket } from 'ws'

type Message = {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
  readonly params?: { readonly result: { readonly number: string } }
}

/** A subscription to newHeads, with calls over the same socket. */
export class HeadsClient {
  readonly #socket: WebSocket
  readonly #waiting = new Map<
    number,
    { readonly resolve: (message: Message) => void; readonly reject: (error: Error) => void }
  >()
  #nextId = 1
  #isClosing = false
  #cause: Error | undefined
  onLost: (error: Error) => void = (error) => {
    throw error
  }
  onHead: (height: number, atMs: number) => void = () => undefined

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => this.#receive(data))
    socket.on('error', (error) => {
      this.#cause = error
    })
    socket.on('close', (code: number) => {
      const message = `the WebSocket closed with code ${code}`
      const error = new Error(message, { cause: this.#cause })
      if (!this.#isClosing) this.onLost(error)
      for (const { reject } of this.#waiting.values()) reject(error)
    })
  }

  static async open(url: string): Promise<HeadsClient> {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    const client = new HeadsClient(socket)
    await client.call('eth_subscribe', ['newHeads'])
    return client
  }

  call<T>(method: string, params: readonly unknown[]): Promise<T> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        resolve: ({ result, error }) =>
          error === undefined ? resolve(result as T) : reject(new Error(error.message)),
        reject,
      })
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    })
  }

  close(): void {
    this.#isClosing = true
    this.#socket.close()
  }

  #receive(data: Buffer): void {
    // Taken before parsing: a block of thousands takes milliseconds to parse.
    const atMs = performance.now()
    const message = JSON.parse(data.toString('utf8')) as Message
    if (message.id === undefined) {
      if (message.params !== undefined) this.onHead(Number(message.params.result.number), atMs)
      return
    }
    this.#waiting.get(message.id)?.resolve(message)
    this.#waiting.delete(message.id)
  }
}
