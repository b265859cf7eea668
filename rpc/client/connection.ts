import { NexusError } from '../../core/primitives/errors.ts'
import { type Answer, resultOf, rpcErrorOf } from './rpcError.ts'

/** What the other end says on its own. */
export type Notification = { readonly subscription: string; readonly result: unknown }

export type ConnectionEvents = {
  readonly onNotification: (notification: Notification) => void
  /** Once, when the connection is gone for whatever reason. */
  readonly onClose: () => void
}

type Pending = {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

const ID_BYTES = 4
const ACCEPTED = 0

/** One WebSocket: JSON calls and binary action frames side by side. It does not come back by itself. */
export class Connection {
  readonly #socket: WebSocket
  readonly #events: ConnectionEvents
  readonly #calls = new Map<number, Pending>()
  readonly #frames = new Map<number, Pending>()
  #nextId = 1

  private constructor(socket: WebSocket, events: ConnectionEvents) {
    this.#socket = socket
    this.#events = events
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => this.#receive(data))
    socket.addEventListener('close', () => this.#closed())
  }

  /** `url` may begin with http or ws. NO_CONNECTION when nobody answers there. */
  static open(url: string, events: ConnectionEvents): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url.replace(/^http/, 'ws'))
      let connection: Connection | null = null
      const refuse = (): void => {
        if (connection === null) reject(new NexusError({ code: 'NO_CONNECTION', url }))
      }
      socket.addEventListener('open', () => {
        connection = new Connection(socket, events)
        resolve(connection)
      })
      socket.addEventListener('error', refuse)
      socket.addEventListener('close', refuse)
    })
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }
  /** Bytes handed over and not yet sent. */
  get buffered(): number {
    return this.#socket.bufferedAmount
  }

  /** The result; throws the node's error, or CONNECTION_LOST. */
  call(method: string, params: readonly unknown[]): Promise<unknown> {
    return this.callThen(method, params, (result) => result)
  }

  /**
   * The same, with the result handed over before any later message is: what follows a result in one
   * packet is received before the code that awaits the result goes on.
   */
  callThen<T>(
    method: string,
    params: readonly unknown[],
    receive: (result: unknown) => T,
  ): Promise<T> {
    return this.#ask(
      this.#calls,
      (id) => JSON.stringify({ jsonrpc: '2.0', id, method, params }),
      receive,
    )
  }

  /** The hash of a signed envelope that the node has taken; throws why it has not. */
  sendAction(envelope: Uint8Array): Promise<Uint8Array> {
    return this.#ask(
      this.#frames,
      (id) => {
        const frame = new Uint8Array(ID_BYTES + envelope.length)
        new DataView(frame.buffer).setUint32(0, id)
        frame.set(envelope, ID_BYTES)
        return frame
      },
      (hash) => hash as Uint8Array,
    )
  }

  close(): void {
    this.#socket.close()
  }

  #ask<T>(
    pending: Map<number, Pending>,
    message: (id: number) => string | Uint8Array<ArrayBuffer>,
    receive: (value: unknown) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) {
        reject(lost())
        return
      }
      // Ids of 32 bits come round after four thousand million calls.
      const id = this.#nextId
      this.#nextId = (this.#nextId + 1) % 2 ** 32
      pending.set(id, { resolve: (value) => resolve(receive(value)), reject })
      this.#socket.send(message(id))
    })
  }

  #receive(data: unknown): void {
    if (data instanceof ArrayBuffer) this.#receiveFrame(new Uint8Array(data))
    else if (typeof data === 'string') this.#receiveJson(JSON.parse(data) as Answer)
  }

  #receiveFrame(frame: Uint8Array): void {
    if (frame.length <= ID_BYTES) return
    const id = new DataView(frame.buffer).getUint32(0)
    const pending = this.#frames.get(id)
    this.#frames.delete(id)
    const body = frame.slice(ID_BYTES + 1)
    if (frame[ID_BYTES] === ACCEPTED) pending?.resolve(body)
    else pending?.reject(refusal(new TextDecoder().decode(body)))
  }

  #receiveJson(message: Answer & { readonly params?: Notification }): void {
    if (typeof message.id !== 'number') {
      if (message.params !== undefined) this.#events.onNotification(message.params)
      return
    }
    const pending = this.#calls.get(message.id)
    this.#calls.delete(message.id)
    try {
      pending?.resolve(resultOf(message))
    } catch (error) {
      pending?.reject(error as Error)
    }
  }

  #closed(): void {
    const waiting = [...this.#calls.values(), ...this.#frames.values()]
    this.#calls.clear()
    this.#frames.clear()
    for (const { reject } of waiting) reject(lost())
    this.#events.onClose()
  }
}

const lost = (): NexusError => new NexusError({ code: 'CONNECTION_LOST' })

/** A binary answer carries the code alone, which is what programs branch on. */
const refusal = (code: string): NexusError =>
  rpcErrorOf({ code: -32_000, message: `rejected: ${code}`, data: { code } })
