import type { Socket } from 'node:net'
import type { ClientBudget } from './clientBudgets.ts'
import type { HttpTimes } from './http.ts'
import type { HttpAnswer } from './httpAnswers.ts'
import type { RpcOptions } from './options.ts'
import type { Awaitable } from './outcome.ts'
import { plainBodyBytes } from './requestHead.ts'

export type FastLaneModules = {
  readonly options: RpcOptions
  readonly times: HttpTimes
  readonly answer: (text: string, budget: ClientBudget) => Awaitable<HttpAnswer>
  /** Takes over a connection between two answers, with what was read of it and not answered. */
  readonly handOver: (socket: Socket) => void
}

/**
 * Answers plain requests from the socket: most of what programs send comes in one piece, and a
 * server that must be ready for everything spends more on such a request than its answer takes.
 * The first piece of any other form hands its connection over to that server, for good.
 */
export class FastLane {
  readonly #modules: FastLaneModules
  readonly #connections = new Set<Connection>()
  #isClosed = false

  constructor(modules: FastLaneModules) {
    this.#modules = modules
  }

  take(socket: Socket, budget: ClientBudget): void {
    if (this.#isClosed) {
      socket.destroy()
      return
    }
    const connection = new Connection(socket, budget, this.#modules, () =>
      this.#connections.delete(connection),
    )
    this.#connections.add(connection)
  }

  close(): void {
    this.#isClosed = true
    for (const { socket } of this.#connections) socket.destroy()
  }
}

const HEAD_END = '\r\n\r\n'

class Connection {
  readonly socket: Socket
  readonly #budget: ClientBudget
  readonly #modules: FastLaneModules
  readonly #onLeave: () => void
  /** The last head and what it announces: a client's heads differ in their lengths, if at all. */
  #head = ''
  #bodyBytes: number | null = null
  #isAnswering = false
  /** More came before the answer was there. */
  #isHolding = false

  constructor(socket: Socket, budget: ClientBudget, modules: FastLaneModules, onLeave: () => void) {
    this.socket = socket
    this.#budget = budget
    this.#modules = modules
    this.#onLeave = onLeave
    socket.setTimeout(modules.times.headersMs)
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('timeout', this.#onTimeout)
    socket.on('error', this.#onError)
    socket.on('close', onLeave)
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#isAnswering) {
      this.#hold(bytes)
      return
    }
    const text = this.#bodyOf(bytes)
    if (text === null || this.socket.writableNeedDrain) {
      this.#hold(bytes)
      this.#handOver()
      return
    }
    this.#isAnswering = true
    const { keepAliveMs } = this.#modules.times
    if (this.socket.timeout !== keepAliveMs) this.socket.setTimeout(keepAliveMs)
    const answer = this.#modules.answer(text, this.#budget)
    if (answer instanceof Promise) void answer.then(this.#send)
    else this.#send(answer)
  }

  /** Null: this is not one whole plain request. */
  #bodyOf(bytes: Buffer): string | null {
    const { allowedHosts, limits } = this.#modules.options
    const headEnd = bytes.indexOf(HEAD_END)
    if (headEnd < 0 || headEnd > limits.headerBytes) return null
    const head = bytes.toString('latin1', 0, headEnd)
    if (head !== this.#head) {
      this.#head = head
      this.#bodyBytes = plainBodyBytes(head, allowedHosts)
    }
    const start = headEnd + HEAD_END.length
    const bodyBytes = bytes.length - start
    if (this.#bodyBytes !== bodyBytes || bodyBytes > limits.bodyBytes) return null
    return bytes.toString('utf8', start)
  }

  readonly #send = (answer: HttpAnswer): void => {
    this.#isAnswering = false
    const { socket } = this
    if (socket.destroyed) return
    const { text } = answer
    const bytes = text === null ? 0 : Buffer.byteLength(text)
    const head = headOf(answer, bytes, this.#modules.times.keepAliveMs)
    // As many bytes as characters: all of it is ASCII, which needs no encoder.
    if (text === null) socket.write(head, 'latin1')
    else socket.write(head + text, bytes === text.length ? 'latin1' : 'utf8')
    if (socket.readableEnded) socket.end()
    else if (this.#isHolding) this.#handOver()
  }

  /** Back to where it came from, so that whoever reads next finds it. */
  #hold(bytes: Buffer): void {
    this.#isHolding = true
    this.socket.pause()
    this.socket.unshift(bytes)
  }

  #handOver(): void {
    const { socket } = this
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('timeout', this.#onTimeout)
    socket.off('error', this.#onError)
    socket.off('close', this.#onLeave)
    this.#onLeave()
    this.#modules.handOver(socket)
    socket.resume()
  }

  /** A client may close its half and wait for the answer. */
  readonly #onEnd = (): void => {
    if (!this.#isAnswering) this.socket.end()
  }

  readonly #onTimeout = (): void => {
    const { socket } = this
    const { keepAliveMs, idleMs } = this.#modules.times
    const isBusy = this.#isAnswering || socket.writableLength > 0
    if (isBusy && socket.timeout === keepAliveMs && idleMs > keepAliveMs)
      socket.setTimeout(idleMs - keepAliveMs)
    else socket.destroy()
  }

  /** The connection ends by itself. */
  readonly #onError = (): void => undefined
}

const STATUS = {
  200: '200 OK',
  204: '204 No Content',
  429: '429 Too Many Requests',
} as const

/** What comes before the body, with the empty line. */
function headOf(
  { status, text, retryAfter }: HttpAnswer,
  bytes: number,
  keepAliveMs: number,
): string {
  const seconds = Math.floor(keepAliveMs / 1_000)
  const start = `HTTP/1.1 ${STATUS[status]}\r\nDate: ${date()}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n`
  const retry = retryAfter === null ? '' : `Retry-After: ${retryAfter}\r\n`
  return text === null
    ? `${start}\r\n`
    : `${start}${retry}Content-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`
}

let dateSecond = 0
let dateText = ''

/** The time as HTTP writes it, made once a second. */
function date(): string {
  const second = Math.floor(Date.now() / 1_000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(second * 1_000).toUTCString()
  }
  return dateText
}
