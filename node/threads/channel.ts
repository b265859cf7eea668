import type { MessagePort, Transferable, Worker } from 'node:worker_threads'
import { AssertionError } from '../../core/primitives/assert.ts'
import { NexusError } from '../../core/primitives/errors.ts'

/**
 * Request and response between two threads of one process. A request carries an id and is answered
 * once; an event is not answered. `Api` maps a method's name to its function as the serving thread
 * implements it; arguments and results are structured-cloned, byte arrays named in `transfer` move.
 */
type Port = Pick<MessagePort | Worker, 'postMessage' | 'on' | 'off'>

type Message =
  | {
      readonly kind: 'request'
      readonly id: number
      readonly method: string
      readonly argument: unknown
    }
  | { readonly kind: 'response'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure }
  | { readonly kind: 'event'; readonly name: string; readonly argument: unknown }

type Failure = {
  readonly fatal: boolean
  readonly detail: { readonly code: string }
  readonly message: string
  readonly stack: string
}

// biome-ignore lint/suspicious/noExplicitAny: the bound of a generic over functions of any argument
export type ThreadApi = { readonly [method: string]: (argument: any) => unknown }
export type EventMap = { readonly [name: string]: unknown }

type Waiting = { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }

/** Both ends of a channel: calls the other side's `Remote` and serves `Local`. */
export class Channel<Remote extends ThreadApi, Events extends EventMap = EventMap> {
  readonly #port: Port
  readonly #handlers: ThreadApi
  readonly #onEvent: (name: keyof Events & string, argument: never) => void
  readonly #waiting = new Map<number, Waiting>()
  readonly #listener = (message: Message): void => this.#receive(message)
  #nextId = 1
  #closed: Error | null = null

  constructor(options: {
    readonly port: Port
    readonly handlers?: ThreadApi
    readonly onEvent?: (name: keyof Events & string, argument: never) => void
  }) {
    this.#port = options.port
    this.#handlers = options.handlers ?? {}
    this.#onEvent = options.onEvent ?? (() => {})
    this.#port.on('message', this.#listener)
  }

  call<M extends keyof Remote & string>(
    method: M,
    argument: Parameters<Remote[M]>[0],
    transfer: readonly Transferable[] = [],
  ): Promise<Awaited<ReturnType<Remote[M]>>> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject })
      this.#post({ kind: 'request', id, method, argument }, transfer)
    })
  }

  emit<E extends keyof Events & string>(name: E, argument: Events[E]): void {
    if (this.#closed === null) this.#post({ kind: 'event', name, argument }, [])
  }

  /** Fails every call that waits: the other thread is gone. */
  close(reason: Error): void {
    if (this.#closed !== null) return
    this.#closed = reason
    this.#port.off('message', this.#listener)
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }

  #post(message: Message, transfer: readonly Transferable[]): void {
    this.#port.postMessage(message, [...transfer])
  }

  #receive(message: Message): void {
    switch (message.kind) {
      case 'request':
        void this.#serve(message.id, message.method, message.argument)
        return
      case 'event':
        this.#onEvent(message.name, message.argument as never)
        return
      case 'response':
        this.#take(message.id)?.resolve(message.value as never)
        return
      case 'failure':
        this.#take(message.id)?.reject(errorOf(message.failure))
        return
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  async #serve(id: number, method: string, argument: unknown): Promise<void> {
    try {
      const handler = this.#handlers[method]
      if (handler === undefined) throw new AssertionError(`thread method ${method} exists`)
      this.#post({ kind: 'response', id, value: await handler(argument) }, [])
    } catch (error) {
      this.#post({ kind: 'failure', id, failure: failureOf(error) }, [])
    }
  }
}

function failureOf(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new AssertionError(String(error))
  const coded = error instanceof NexusError
  return {
    fatal: !coded,
    detail: coded ? error.detail : { code: 'THREAD_FAILED' },
    message,
    stack: stack ?? message,
  }
}

/** An error of the other thread keeps its kind: a code stays a code, a broken invariant stays fatal. */
function errorOf(failure: Failure): Error {
  const error = failure.fatal
    ? new AssertionError(failure.message)
    : new NexusError(failure.detail, { message: failure.message })
  error.stack = failure.stack
  return error
}
