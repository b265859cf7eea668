import { type Arena, type ArenaPages, createArena } from '../../core/arena/index.ts'
import { PAGE_BYTES } from '../../core/arena/layout.ts'
import type { Schema, StateOf } from '../../core/arena/schema.ts'
import type { AccountNames } from '../../core/host/fieldCodec.ts'
import type { Registry } from '../../core/host/registry.ts'
import { assert } from '../../core/primitives/assert.ts'
import type { FeedMessage } from '../executor/committedFeed.ts'

/**
 * The engines' committed state in this thread: a copy of the executor's memories that takes in each
 * height's changed chunks, so that views never see a block that is being tried out, and never lock.
 */
export class CoreReplica {
  readonly registry: Registry
  /** By engine in registry order. */
  readonly arenas: readonly Arena<Schema>[]
  readonly names: AccountNames
  /** Called when a height's changes are in, for every height, in order. */
  onTaken: () => void = () => undefined
  #height = -1
  #time = 0
  #holds = 0
  #waiting: FeedMessage[] = []

  constructor(registry: Registry) {
    this.registry = registry
    this.arenas = registry.engines.map((engine) => createArena(engine.schema))
    const { ledger } = registry
    const state = this.stateOf(ledger.engine)
    this.names = {
      idOf: (address) => ledger.idOf(state, address),
      addressOf: (id) => ledger.addressOf(state, id),
    }
  }

  /** The committed height that views see; −1 before the first message. */
  get height(): number {
    return this.#height
  }
  /** Of that height's block, in milliseconds. */
  get time(): number {
    return this.#time
  }

  stateOf(engine: number): StateOf<Schema> {
    return this.arenaOf(engine).state
  }

  arenaOf(engine: number): Arena<Schema> {
    const arena = this.arenas[this.registry.engines.findIndex(({ id }) => id === engine)]
    assert(arena !== undefined, 'an engine of the registry has a memory')
    return arena
  }

  /** False: the state is held, and the message waits for its turn. */
  receive(message: FeedMessage): boolean {
    if (this.#holds === 0) this.#take(message)
    else this.#waiting.push(message)
    return this.#holds === 0
  }

  /** Keeps the state where it is while a call is tried out on it. */
  async holding<T>(task: () => Promise<T>): Promise<T> {
    this.#holds++
    try {
      return await task()
    } finally {
      this.#holds--
      if (this.#holds === 0) for (const message of this.#waiting.splice(0)) this.#take(message)
    }
  }

  #take(message: FeedMessage): void {
    for (const [index, arena] of this.arenas.entries()) {
      if (message.kind === 'snapshot') loadAll(arena, message.pages[index] ?? [])
      else {
        const delta = message.deltas[index]
        assert(delta !== undefined, 'every engine has its changes in a commit')
        arena.apply(delta)
      }
      arena.seal()
    }
    const follows = message.kind === 'snapshot' || message.height === this.#height + 1
    assert(follows, 'a replica takes in every height')
    this.#height = message.height
    this.#time = message.time
    this.onTaken()
  }
}

/** What was written here and is not there is zero again: the chain may have gone back. */
function loadAll(arena: Arena<Schema>, pages: ArenaPages): void {
  const known = new Set(pages.map(({ index }) => index))
  const gone = arena.allPages().filter(({ index }) => !known.has(index))
  arena.loadPages([
    ...gone.map(({ index }) => ({ index, bytes: new Uint8Array(PAGE_BYTES) })),
    ...pages,
  ])
}
