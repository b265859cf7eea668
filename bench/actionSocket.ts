import { WebSocket } from 'ws'

/** Sends signed envelopes as binary frames: `[u32 id][envelope]`, answered by `[u32 id][u8 status][hash | code]`. */
export class ActionSocket {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (code: string | null) => void>()
  #nextId = 1

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => {
      const id = data.readUInt32BE(0)
      this.#waiting.get(id)?.(data[4] === 0 ? null : data.toString('latin1', 5))
      this.#waiting.delete(id)
    })
    socket.on('close', () => {
      for (const settle of this.#waiting.values()) settle('CLOSED')
      this.#waiting.clear()
    })
  }

  static async open(url: string): Promise<ActionSocket> {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return new ActionSocket(socket)
  }

  /** Null: the node has taken it. Otherwise its code. */
  send(envelope: Uint8Array): Promise<string | null> {
    const id = this.#nextId++ >>> 0
    const frame = Buffer.allocUnsafe(4 + envelope.length)
    frame.writeUInt32BE(id)
    frame.set(envelope, 4)
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.send(frame)
    })
  }

  close(): void {
    this.#socket.close()
  }
}
