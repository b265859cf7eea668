import type { CallContext, EngineEvent, Origin, Post } from '../../core/host/coprocessor.ts'

export type ContextOptions = {
  readonly caller: number
  readonly callerAddress: Uint8Array
  readonly height: number
  readonly time: number
  readonly origin: Origin
  readonly source: number
  readonly value: number
  /** What `charge` may take in all. */
  readonly gasLimit: number
}

/** A context that a test makes by hand, and what the engine did with it. */
export type RecordingContext = CallContext & {
  readonly events: EngineEvent[]
  readonly posts: Post[]
  /** By `charge`, beyond the base gas. */
  charged(): number
}

export function createContext(options: Partial<ContextOptions> = {}): RecordingContext {
  const { gasLimit = Number.MAX_SAFE_INTEGER, ...given } = options
  const events: EngineEvent[] = []
  const posts: Post[] = []
  let charged = 0
  return {
    height: 1,
    time: 0,
    caller: 0,
    callerAddress: new Uint8Array(20),
    origin: 'core',
    source: 0,
    value: 0,
    ...given,
    events,
    posts,
    emit: (event) => events.push(event),
    post: (post) => posts.push(post),
    charge(gas) {
      if (charged + gas > gasLimit) return false
      charged += gas
      return true
    },
    charged: () => charged,
  }
}
