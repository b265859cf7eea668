import { LIMITS } from '../../core/primitives/limits.ts'
import type { ConsensusMessage } from '../network/messages.ts'

export type EarlyMessage = {
  readonly peerId: string
  readonly message: ConsensusMessage
  readonly receivedAt: number
}

/**
 * Messages of heights ahead of ours, unverified, so bounded by height and per height; the farthest
 * height makes room for a nearer one (Malachite ADR-008).
 */
export class EarlyMessages {
  readonly #byHeight = new Map<number, EarlyMessage[]>()

  /** False: not kept. */
  add(height: number, currentHeight: number, early: EarlyMessage): boolean {
    if (height <= currentHeight || height > currentHeight + LIMITS.heightsAhead) return false
    const waiting = this.#byHeight.get(height)
    if (waiting !== undefined) {
      if (waiting.length >= LIMITS.messagesPerHeightAhead) return false
      waiting.push(early)
      return true
    }
    this.#byHeight.set(height, [early])
    return true
  }

  /** The messages of a height in arrival order; everything below it is dropped too. */
  take(height: number): readonly EarlyMessage[] {
    const waiting = this.#byHeight.get(height) ?? []
    for (const key of [...this.#byHeight.keys()]) if (key <= height) this.#byHeight.delete(key)
    return waiting
  }
}
