import type { MessagePort } from 'node:worker_threads'
import type { Arena, ArenaDelta, ArenaPages } from '../../core/arena/index.ts'
import type { Schema } from '../../core/arena/schema.ts'

export type CommittedPoint = {
  readonly height: number
  /** Of the block, in milliseconds. */
  readonly time: number
}

/** What a follower gets: once everything, then each height's changes; by engine in registry order. */
export type FeedMessage =
  | (CommittedPoint & { readonly kind: 'snapshot'; readonly pages: readonly ArenaPages[] })
  | (CommittedPoint & { readonly kind: 'committed'; readonly deltas: readonly ArenaDelta[] })

/** Tells followers in other threads what the engines' committed memory is. A slow one's messages wait in its port. */
export class CommittedFeed {
  readonly #arenas: readonly Arena<Schema>[]
  readonly #ports = new Set<MessagePort>()

  constructor(arenas: readonly Arena<Schema>[]) {
    this.#arenas = arenas
  }

  attach(port: MessagePort, at: CommittedPoint): void {
    port.on('close', () => this.#ports.delete(port))
    this.#ports.add(port)
    this.#send(port, {
      kind: 'snapshot',
      ...at,
      pages: this.#arenas.map((arena) => arena.allPages()),
    })
  }

  publish(at: CommittedPoint, deltas: readonly ArenaDelta[]): void {
    for (const port of this.#ports) this.#send(port, { kind: 'committed', ...at, deltas })
  }

  close(): void {
    for (const port of this.#ports) port.close()
    this.#ports.clear()
  }

  #send(port: MessagePort, message: FeedMessage): void {
    port.postMessage(message)
  }
}
