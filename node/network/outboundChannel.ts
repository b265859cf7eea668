import type { Stream } from '@libp2p/interface'
import { assert } from '../../core/primitives/assert.ts'

export type OutboundChannelOptions = {
  readonly maxBytes: number
  readonly maxFrames: number
  /** What gives way when the queue is full: its oldest whole frame, or the peer. */
  readonly overflow: 'dropOldest' | 'fail'
}

export type OutboundChannelHandlers = {
  readonly onSent: (kind: string, sizeBytes: number) => void
  readonly onDropped: (kind: string) => void
  /** The channel is of no use any more: its queue is full, or its stream is gone. */
  readonly onFailed: (code: 'SEND_QUEUE_FULL' | 'STREAM_CLOSED') => void
  /** The number of waiting frames changed by this much. */
  readonly onQueued: (change: number) => void
}

type Queued = { readonly frame: Uint8Array; readonly kind: string; offset: number }

/**
 * Sends frames in order over one stream that may not be open yet. Hands the muxer no more than it
 * can pass on, so the queue that grows is this one, which is bounded, and a frame of another stream
 * of the connection waits for one chunk, not for a whole proposal.
 */
export class OutboundChannel {
  readonly #options: OutboundChannelOptions
  readonly #handlers: OutboundChannelHandlers
  #queue: Queued[] = []
  #queuedBytes = 0
  #stream: Stream | null = null
  #closed = false
  #idle: PromiseWithResolvers<void> | null = null

  constructor(options: OutboundChannelOptions, handlers: OutboundChannelHandlers) {
    this.#options = options
    this.#handlers = handlers
  }

  attach(stream: Stream): void {
    assert(this.#stream === null, 'a channel has one stream')
    if (this.#closed) {
      stream.close().catch(() => {})
      return
    }
    this.#stream = stream
    stream.addEventListener('drain', () => this.#flush())
    stream.addEventListener('close', () => this.#fail('STREAM_CLOSED'))
    this.#flush()
  }

  /** Leaves before it returns when the connection takes it; else waits its turn. The bytes must not change any more. */
  send(frame: Uint8Array, kind: string): void {
    if (this.#closed) return
    this.#queue.push({ frame, kind, offset: 0 })
    this.#queuedBytes += frame.length
    this.#handlers.onQueued(1)
    this.#flush()
    if (!this.#closed) this.#bound()
  }

  /** When everything queued so far has been handed on, or the channel closed. */
  whenIdle(): Promise<void> {
    if (this.#queue.length === 0 || this.#closed) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  /** Gives away the frames of which nothing was sent yet. */
  takeWaiting(): readonly { readonly frame: Uint8Array; readonly kind: string }[] {
    const begun = this.#queue.filter(({ offset }) => offset > 0)
    const waiting = this.#queue.filter(({ offset }) => offset === 0)
    this.#queue = begun
    this.#queuedBytes -= waiting.reduce((sum, { frame }) => sum + frame.length, 0)
    this.#handlers.onQueued(-waiting.length)
    return waiting
  }

  /** Forgets what is queued; no handler is called afterwards. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#handlers.onQueued(-this.#queue.length)
    this.#queue = []
    this.#queuedBytes = 0
    this.#idle?.resolve()
  }

  #flush(): void {
    const stream = this.#stream
    if (stream === null) return
    while (!this.#closed && !stream.writableNeedsDrain) {
      const head = this.#queue[0]
      if (head === undefined) break
      const end = Math.min(head.offset + CHUNK_BYTES, head.frame.length)
      const chunk = head.frame.subarray(head.offset, end)
      head.offset = end
      this.#queuedBytes -= chunk.length
      if (end === head.frame.length) this.#shift(head)
      if (!trySend(stream, chunk)) this.#fail('STREAM_CLOSED')
    }
    if (this.#queue.length === 0) {
      this.#idle?.resolve()
      this.#idle = null
    }
  }

  #shift(head: Queued): void {
    this.#queue.shift()
    this.#handlers.onQueued(-1)
    this.#handlers.onSent(head.kind, head.frame.length)
  }

  #bound(): void {
    const { maxBytes, maxFrames, overflow } = this.#options
    while (this.#queuedBytes > maxBytes || this.#queue.length > maxFrames) {
      // A frame that has begun must end, or the peer could not find the next one; the newest is what matters.
      const first = this.#queue[0]?.offset === 0 ? 0 : 1
      if (overflow === 'fail' || first >= this.#queue.length - 1) {
        this.#fail('SEND_QUEUE_FULL')
        return
      }
      for (const dropped of this.#queue.splice(first, 1)) {
        this.#queuedBytes -= dropped.frame.length
        this.#handlers.onQueued(-1)
        this.#handlers.onDropped(dropped.kind)
      }
    }
  }

  #fail(code: 'SEND_QUEUE_FULL' | 'STREAM_CLOSED'): void {
    if (this.#closed) return
    this.close()
    this.#handlers.onFailed(code)
  }
}

/** One noise message of 65,519 bytes with the 12 bytes of the muxer's header. */
const CHUNK_BYTES = 65_507

function trySend(stream: Stream, chunk: Uint8Array): boolean {
  if (stream.writeStatus !== 'writable') return false
  try {
    stream.send(chunk)
    return true
  } catch {
    return false
  }
}
