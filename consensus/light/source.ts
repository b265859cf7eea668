import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { BlockId, Height } from '../../core/primitives/units.ts'
import { checkLightBlock, decodeLightBlock, type LightBlock } from './lightBlock.ts'

export type ProviderCode =
  /** It has no block of this height: not yet, or not any more. */
  | 'NOT_FOUND'
  /** Nothing within its time. */
  | 'NO_ANSWER'

/**
 * Somebody who is asked and not believed. `fetch` answers within a time of its own and never throws;
 * it may wait a little for a height that is about to be decided.
 */
export type LightProvider = {
  /** For reports. */
  readonly name: string
  /** The bytes of a light block (`lightBlockCodec`). */
  readonly fetch: (height: Height | 'latest') => Promise<Result<Uint8Array, ProviderCode>>
}

export type SourceCode =
  | ProviderCode
  /** Not a light block, or not that of the height or the chain that was asked for. */
  | 'BAD_BLOCK'
  | 'TOO_MANY_FETCHES'

/** A block whose parts belong together; who signed it is not looked at yet. */
export type FetchedBlock = { readonly block: LightBlock; readonly id: BlockId }

/** One provider during one request: how much is asked of it is bounded. */
export class Source {
  readonly provider: LightProvider
  readonly #chainId: number
  readonly #maxFetches: number
  /** By height: the ways of a search cross. */
  readonly #fetched = new Map<Height, FetchedBlock>()
  fetches = 0

  constructor(provider: LightProvider, options: { chainId: number; maxFetches: number }) {
    this.provider = provider
    this.#chainId = options.chainId
    this.#maxFetches = options.maxFetches
  }

  async fetch(height: Height | 'latest'): Promise<Result<FetchedBlock, SourceCode>> {
    const known = height === 'latest' ? undefined : this.#fetched.get(height)
    if (known !== undefined) return ok(known)
    if (this.fetches >= this.#maxFetches) return reject('TOO_MANY_FETCHES')
    this.fetches++
    const answer = await this.provider.fetch(height)
    if (!answer.ok) return answer
    const decoded = decodeLightBlock(answer.value)
    if (!decoded.ok) return reject('BAD_BLOCK')
    const block = decoded.value
    const checked = checkLightBlock(block, this.#chainId)
    if (!checked.ok) return reject('BAD_BLOCK')
    if (height !== 'latest' && block.header.height !== height) return reject('BAD_BLOCK')
    const fetched = { block, id: checked.value }
    this.#fetched.set(block.header.height, fetched)
    return ok(fetched)
  }
}
