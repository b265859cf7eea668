// A TCP line between two nodes on one machine that is as long, and as bad, as a test wants.
import { connect, createServer, type Socket } from 'node:net'

/** Bytes on the way in one direction; beyond, the sender is not read. */
const MAX_FLYING = 4 << 20

export class Line {
  readonly #target: number
  readonly #delayMs: number
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((near) => this.#join(near))
  #port = 0
  #isCut = false
  /** Settles when the line carries again. */
  #held: Promise<void> = Promise.resolve()
  #release: () => void = () => undefined

  /** To a port of this machine; every byte arrives so much later. */
  constructor(target: number, delayMs: number) {
    this.#target = target
    this.#delayMs = delayMs
  }

  get port(): number {
    return this.#port
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    this.#port = typeof address === 'object' && address !== null ? address.port : 0
    return this
  }

  /** Ends every connection and takes none until it is mended. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }
  /** Connections stay, and nothing arrives: what is on the way waits. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve
    })
  }
  mend(): void {
    this.#isCut = false
    this.#release()
  }

  async close(): Promise<void> {
    this.cut()
    this.#release()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #join(near: Socket): void {
    if (this.#isCut) {
      near.destroy()
      return
    }
    const far = connect({ port: this.#target, host: '127.0.0.1', noDelay: true })
    near.setNoDelay(true)
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => this.#sockets.delete(socket))
    }
    this.#carry(near, far)
    this.#carry(far, near)
  }

  /** In order: each piece waits for its time, and for the one before it. */
  #carry(from: Socket, to: Socket): void {
    let last: Promise<void> = Promise.resolve()
    let flying = 0
    const send = (piece: Buffer | null): void => {
      const due = performance.now() + this.#delayMs
      last = last.then(async () => {
        const waitMs = due - performance.now()
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
        await this.#held
        if (piece === null) to.end()
        else if (!to.destroyed) to.write(piece)
        flying -= piece?.length ?? 0
        if (flying <= MAX_FLYING && from.isPaused()) from.resume()
      })
    }
    from.on('data', (piece: Buffer) => {
      flying += piece.length
      if (flying > MAX_FLYING) from.pause()
      send(piece)
    })
    from.on('end', () => send(null))
    from.on('close', () => send(null))
  }
}
