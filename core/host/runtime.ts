import type { Arena } from '../arena/index.ts'
import type { Schema } from '../arena/schema.ts'
import { assert } from '../primitives/assert.ts'
import { LIMITS } from '../primitives/limits.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import { bounceOf } from './bounce.ts'
import { ENGINE } from './coprocessor.ts'
import { type EngineHost, engineFault, engineTableOf } from './engineHost.ts'
import type { AccountNames } from './fieldCodec.ts'
import { HostContext } from './hostContext.ts'
import type { LedgerPort } from './ledgerPort.ts'
import type { Registry } from './registry.ts'
import type { ReplayCall } from './replay.ts'
import type { SentPost } from './runner.ts'

/** The engines with their memories and the one context, as the executor thread enters them. */
export class Runtime {
  readonly hosts: readonly EngineHost[]
  readonly context = new HostContext()
  readonly ledger: LedgerPort
  readonly ledgerHost: EngineHost
  readonly names: AccountNames
  /** Core gas of the block, by engine in registry order. */
  readonly gas: number[]
  readonly #byId: (EngineHost | undefined)[] = []
  readonly #blockGas: number
  /** Calls from the EVM that stand so far. */
  readonly calls: ReplayCall[] = []
  /** Per mark: every arena's, then the numbers of events and calls. */
  readonly #marks: number[] = []

  constructor(registry: Registry, arenas: readonly Arena<Schema>[], blockGas: number) {
    this.#blockGas = blockGas
    this.hosts = registry.engines.map((engine, index) => {
      const arena = arenas[index]
      assert(arena !== undefined, 'every engine has its arena')
      return { ...engineTableOf(engine), index, arena, state: arena.state }
    })
    for (const host of this.hosts) this.#byId[host.engine.id] = host
    const ledger = registry.ledger
    const ledgerHost = this.#byId[ledger.engine]
    assert(ledgerHost !== undefined, 'the ledger is registered')
    this.ledger = ledger
    this.ledgerHost = ledgerHost
    this.names = {
      idOf: (address) => ledger.idOf(ledgerHost.state, address),
      addressOf: (account) => ledger.addressOf(ledgerHost.state, account),
    }
    this.gas = this.hosts.map(() => 0)
  }

  hostOf(engine: number): EngineHost | undefined {
    return this.#byId[engine]
  }

  /** Every arena, event and post from here on, as one number. */
  mark(): number {
    const at = this.#marks.length
    for (const host of this.hosts) this.#marks.push(host.arena.mark())
    this.#marks.push(this.context.eventCount, this.calls.length)
    return at
  }

  revertTo(mark: number): void {
    const { hosts, context, calls } = this
    const marks = this.#marks
    assert(mark + hosts.length + 1 < marks.length, 'a mark is reverted to once')
    for (const host of hosts) host.arena.revertTo(marks[mark + host.index] as number)
    context.dropEvents(marks[mark + hosts.length] as number)
    calls.length = marks[mark + hosts.length + 1] as number
    context.posts = []
    marks.length = mark
  }

  /** The mark and those after it are of no more use. */
  forget(mark: number): void {
    this.#marks.length = mark
  }

  /** Marks after this one are of no more use: what lies between them and now stands. */
  forgetAfter(mark: number): void {
    this.#marks.length = mark + this.hosts.length + 2
  }

  /** Core gas that the block has left for calls of contracts. */
  get gasLeft(): number {
    return Math.max(0, this.#blockGas - this.gasUsed)
  }

  addGas(host: EngineHost, gas: number): void {
    this.gas[host.index] = (this.gas[host.index] as number) + gas
  }

  get gasUsed(): number {
    return this.gas.reduce((sum, gas) => sum + gas, 0)
  }

  /** Runs code of an engine; what it throws becomes a coded fault. */
  guarded<T>(host: EngineHost, fn: string, run: () => T): T {
    try {
      return run()
    } catch (cause) {
      throw engineFault(host.engine, { fn, height: this.context.height }, cause)
    }
  }

  /** For the block itself: hooks, and the messenger's side of the queue. */
  actAsBlock(host: EngineHost): void {
    const { context } = this
    context.actFor(0, ZERO_ADDRESS, 'block')
    context.engine = host.engine.id
    context.unmetered()
  }

  /**
   * Delivers what was posted, and what that posts, in order. A refused post leaves nothing but what
   * its bounce does: value that was on its way returns to where it came from.
   */
  deliverPosts(): void {
    const { context } = this
    for (let round = 0; context.posts.length > 0; round++) {
      assert(round < LIMITS.postRounds, 'a chain of posts ends within its rounds')
      const posts = context.posts
      context.posts = []
      for (const sent of posts) {
        context.unmetered()
        const delivered = this.#deliver(sent)
        if (!delivered.ok) this.#bounce(sent, delivered.code)
      }
    }
  }

  /** The same inside a call, on its gas meter: the first refusal is returned, and the caller reverts. */
  deliverWithin(): Result<null, string> {
    const { context } = this
    for (let round = 0; context.posts.length > 0; round++) {
      assert(round < LIMITS.postRounds, 'a chain of posts ends within its rounds')
      const posts = context.posts
      context.posts = []
      for (const sent of posts) {
        const delivered = this.#deliver(sent)
        if (!delivered.ok) return delivered
      }
    }
    return ok(null)
  }

  #deliver(sent: SentPost): Result<null, string> {
    const { context } = this
    const { post } = sent
    const host = this.#byId[post.target]
    if (host === undefined) return reject('UNKNOWN_ENGINE')
    const fn = host.internalFns.get(post.fn)
    if (fn === undefined) return reject('UNKNOWN_FUNCTION')
    const mark = host.arena.mark()
    const { eventCount } = context
    const posted = context.posts.length
    context.actFor(sent.caller, sent.callerAddress, 'engine')
    context.source = sent.source
    context.engine = post.target
    const result = this.guarded(host, post.fn, () => fn(host.state, post.args as never, context))
    if (result.ok && !context.overrun) return result
    host.arena.revertTo(mark)
    context.dropEvents(eventCount)
    context.posts.length = posted
    return reject(result.ok ? 'OUT_OF_GAS' : result.code)
  }

  #bounce(sent: SentPost, code: string): void {
    const { context } = this
    const messenger = this.#byId[ENGINE.messenger]
    if (messenger !== undefined) {
      context.engine = ENGINE.messenger
      context.emit({ kind: 'PostRefused', source: sent.source, target: sent.post.target, code })
    }
    const post = bounceOf(sent, this.ledger.engine)
    if (post === null) return
    const { caller, callerAddress } = sent
    context.posts.push({ source: sent.post.target, caller, callerAddress, post })
  }

  /** An internal function as the block calls it; a refusal is a fault of the engine. */
  callInternal(host: EngineHost, name: string, args: object): void {
    const fn = host.internalFns.get(name)
    assert(fn !== undefined, `engine ${host.engine.name} has the internal function ${name}`)
    this.actAsBlock(host)
    const result = this.guarded(host, name, () => fn(host.state, args as never, this.context))
    assert(result.ok, `${host.engine.name}.${name} is never refused`)
  }
}

const ZERO_ADDRESS = new Uint8Array(20)
