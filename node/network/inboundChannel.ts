import type { Stream } from '@libp2p/interface'
import { type Frame, type FrameCode, type FrameFormat, FrameReader } from './frames.ts'
import { type Rate, TokenBucket } from './tokenBucket.ts'

export type ChannelRates = { readonly messages: Rate; readonly bytes: Rate }

export type InboundChannelOptions<T> = {
  readonly format: FrameFormat<T>
  readonly rates: ChannelRates
  readonly nowMs: () => number
}

export type InboundChannelHandlers<T> = {
  readonly onFrame: (frame: Frame<T>) => void
  /** The bytes are not of this protocol; nothing more is read. */
  readonly onGarbage: (code: FrameCode) => void
  /** The peer sent faster than its rate; the stream is not read until the debt is paid. */
  readonly onLimited: () => void
}

/**
 * Reads messages from a stream at most as fast as the rates allow. Over the rate nothing is lost:
 * the stream is paused, its window fills, and the sender waits.
 */
export class InboundChannel<T> {
  readonly #stream: Stream
  readonly #options: InboundChannelOptions<T>
  readonly #handlers: InboundChannelHandlers<T>
  readonly #reader: FrameReader<T>
  readonly #messages: TokenBucket
  readonly #bytes: TokenBucket
  #resumeTimer: NodeJS.Timeout | null = null
  #closed = false

  constructor(
    stream: Stream,
    options: InboundChannelOptions<T>,
    handlers: InboundChannelHandlers<T>,
  ) {
    this.#stream = stream
    this.#options = options
    this.#handlers = handlers
    this.#reader = new FrameReader(options.format)
    const { rates, nowMs } = options
    this.#messages = new TokenBucket(rates.messages, nowMs())
    this.#bytes = new TokenBucket(rates.bytes, nowMs())
    stream.addEventListener('message', ({ data }) => {
      if (this.#closed) return
      for (const chunk of data instanceof Uint8Array ? [data] : data) this.#reader.push(chunk)
      if (this.#resumeTimer === null) this.#drain()
    })
    stream.addEventListener('close', () => this.close())
  }

  /** No handler is called afterwards. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#resumeTimer ?? undefined)
    this.#resumeTimer = null
  }

  #drain(): void {
    while (!this.#closed) {
      const read = this.#reader.read()
      if (!read.ok) {
        this.close()
        this.#handlers.onGarbage(read.code)
        return
      }
      if (read.value === null) return
      this.#handlers.onFrame(read.value)
      const waitMs = this.#debtMs(read.value.sizeBytes)
      if (waitMs > 0) {
        this.#wait(waitMs)
        return
      }
    }
  }

  #debtMs(sizeBytes: number): number {
    const now = this.#options.nowMs()
    return Math.max(this.#messages.take(1, now), this.#bytes.take(sizeBytes, now))
  }

  #wait(waitMs: number): void {
    if (this.#closed) return
    if (this.#stream.readStatus === 'readable') this.#stream.pause()
    this.#resumeTimer = setTimeout(
      () => {
        this.#resumeTimer = null
        this.#drain()
        if (this.#resumeTimer === null && this.#stream.readStatus === 'paused')
          this.#stream.resume()
      },
      Math.max(waitMs, MIN_PAUSE_MS),
    )
    this.#handlers.onLimited()
  }
}

/** Shorter pauses would cost more than what they hold back. */
const MIN_PAUSE_MS = 20
