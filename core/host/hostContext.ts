import { assert } from '../primitives/assert.ts'
import { EMPTY_BYTES } from '../primitives/bytes.ts'
import type { CallContext, EngineEvent, Origin, Post } from './coprocessor.ts'
import type { SentPost } from './runner.ts'

/** Events in order, each with the engine that emitted it: the first `count` of the arrays, which keep their memory. */
export type EventList = {
  readonly engines: number[]
  readonly events: EngineEvent[]
  count: number
}

/** Longer arrays are let go when they are emptied. */
const KEPT_EVENTS = 1_024

/**
 * The one context that every call of a thread is given: filled in before a call, read after it.
 * A call must not keep it, and none is made per call.
 */
export class HostContext implements CallContext {
  height = 0
  time = 0
  caller = 0
  callerAddress: Uint8Array = EMPTY_BYTES
  origin: Origin = 'block'
  source = 0
  value = 0
  /** Engine that runs: its events and posts are its own. */
  engine = 0
  gasLimit = Number.MAX_SAFE_INTEGER
  gasUsed = 0
  /** A charge was refused: the call fails whatever its function returns. */
  overrun = false
  readonly emitted: EventList = { engines: [], events: [], count: 0 }
  /** Not yet delivered. */
  posts: SentPost[] = []

  emit(event: EngineEvent): void {
    const { emitted } = this
    const at = emitted.count++
    emitted.engines[at] = this.engine
    emitted.events[at] = event
  }

  post(post: Post): void {
    const { engine, caller, callerAddress } = this
    this.posts.push({ source: engine, caller, callerAddress, post })
  }

  charge(gas: number): boolean {
    assert(Number.isSafeInteger(gas) && gas >= 0, 'gas is a whole number')
    if (gas > this.gasLimit - this.gasUsed) {
      this.overrun = true
      return false
    }
    this.gasUsed += gas
    return true
  }

  /** Opens the meter of a call. False when the limit does not cover `base`. */
  meter(base: number, limit: number): boolean {
    this.gasLimit = limit
    this.gasUsed = base
    this.overrun = base > limit
    return !this.overrun
  }

  /** For work that nobody is charged for: hooks, posts at a barrier. */
  unmetered(): void {
    this.meter(0, Number.MAX_SAFE_INTEGER)
  }

  actFor(caller: number, callerAddress: Uint8Array, origin: Origin): void {
    this.caller = caller
    this.callerAddress = callerAddress
    this.origin = origin
    this.source = 0
    this.value = 0
  }

  get eventCount(): number {
    return this.emitted.count
  }

  dropEvents(count: number): void {
    const { emitted } = this
    emitted.count = count
    if (count > 0 || emitted.events.length <= KEPT_EVENTS) return
    emitted.engines.length = 0
    emitted.events.length = 0
  }
}
