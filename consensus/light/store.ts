import { assert } from '../../core/primitives/assert.ts'
import type { Height } from '../../core/primitives/units.ts'
import type { LightBlock } from './lightBlock.ts'
import type { TrustedState } from './trusted.ts'

/** `block` is null for a state that came without one: the genesis. */
export type StoredState = { readonly state: TrustedState; readonly block: LightBlock | null }

/** Verified heights in order, at most `capacity`: the lowest goes first, the highest never. */
export class LightStore {
  readonly #capacity: number
  readonly #entries: StoredState[] = []

  constructor(capacity: number) {
    assert(capacity >= 1, 'a store keeps what it grows from')
    this.#capacity = capacity
  }

  get size(): number {
    return this.#entries.length
  }
  /** Of a height that it has already, it takes the block if it has none. O(size). */
  add(entry: StoredState): void {
    const { height } = entry.state
    const at = this.#entries.findIndex(({ state }) => state.height >= height)
    const known = this.#entries[at]
    if (known === undefined) this.#entries.push(entry)
    else if (known.state.height !== height) this.#entries.splice(at, 0, entry)
    else if (known.block === null) this.#entries[at] = entry
    if (this.#entries.length > this.#capacity) this.#entries.shift()
  }
  at(height: Height): StoredState | null {
    return this.#entries.find(({ state }) => state.height === height) ?? null
  }
  /** The highest below a height. */
  below(height: Height): StoredState | null {
    return this.#entries.findLast(({ state }) => state.height < height) ?? null
  }
  /** The lowest above a height that has its block. */
  above(height: Height): LightBlock | null {
    return (
      this.#entries.find(({ state, block }) => state.height > height && block !== null)?.block ??
      null
    )
  }
  get latest(): StoredState | null {
    return this.#entries.at(-1) ?? null
  }
}
