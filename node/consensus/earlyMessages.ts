import { LIMITS } from '../../core/primitives/limits.ts'
import type { ConsensusMessage } from '../network/messages.ts'

export type EarlyMessage = {
  readonly peerId: string
  readonly message: ConsensusMessage
  readonly receivedAt: number
}

/** Of all that waits, as it takes in memory; proposals of two full blocks and their votes need less. */
const MAX_BYTES = 32 * 1024 * 1024

/**
 * Messages of heights ahead of ours, unverified, so bounded by height, per height and peer, and in bytes; the farthest
 * height makes room for a nearer one (Malachite ADR-008).
 */
export class EarlyMessages {
  readonly #byHeight = new Map<number, EarlyMessage[]>()
  #count = 0
  #bytes = 0

  /** False: not kept. */
  add(height: number, currentHeight: number, early: EarlyMessage): boolean {
    if (height <= currentHeight || height > currentHeight + LIMITS.heightsAhead) return false
    const waiting = this.#byHeight.get(height) ?? []
    if (waiting.length >= LIMITS.messagesPerHeightAhead || isGreedy(waiting, early)) return false
    if (!this.#makeRoom(bytesOf(early), height)) return false
    waiting.push(early)
    this.#byHeight.set(height, waiting)
    this.#bytes += bytesOf(early)
    this.#count++
    return true
  }

  /** All that wait. */
  get count(): number {
    return this.#count
  }

  /** The messages of a height in arrival order; everything below it is dropped too. */
  take(height: number): readonly EarlyMessage[] {
    const waiting = this.#byHeight.get(height) ?? []
    for (const key of [...this.#byHeight.keys()]) if (key <= height) this.#drop(key)
    return waiting
  }

  /** False: what is nearer than the height leaves none. */
  #makeRoom(bytes: number, height: number): boolean {
    while (this.#bytes + bytes > MAX_BYTES) {
      const farthest = Math.max(...this.#byHeight.keys())
      if (farthest <= height) return false
      this.#drop(farthest)
    }
    return true
  }

  #drop(height: number): void {
    const waiting = this.#byHeight.get(height) ?? []
    for (const early of waiting) this.#bytes -= bytesOf(early)
    this.#count -= waiting.length
    this.#byHeight.delete(height)
  }
}

/** Its votes of some rounds, and certificates: a peer that sends more leaves the place to others. */
const MESSAGES_OF_PEER = 64

function isGreedy(waiting: readonly EarlyMessage[], { peerId }: EarlyMessage): boolean {
  if (waiting.length < MESSAGES_OF_PEER) return false
  let own = 0
  for (const early of waiting) if (early.peerId === peerId) own++
  return own >= MESSAGES_OF_PEER
}

/** Of a vote, and of an entry of a list. */
const SMALL_BYTES = 512
const ENTRY_BYTES = 64

/** About what a message takes in memory. */
function bytesOf({ message }: EarlyMessage): number {
  switch (message.kind) {
    case 'vote':
    case 'status':
      return SMALL_BYTES
    case 'polkaCertificate':
    case 'commitCertificate':
      return SMALL_BYTES * (1 + message.certificate.signatures.length)
    case 'roundCertificate':
      return SMALL_BYTES * (1 + message.certificate.votes.length)
    case 'proposal': {
      const { inline, batches, transactions, messages, evidence, lastCommit } = message.body
      const signatures = lastCommit?.signatures.length ?? 0
      const small = 4 + batches.length + messages.length + 4 * evidence.length + signatures
      return [...inline, ...messages.map(({ params }) => params)].reduce(
        (sum, { length }) => sum + length,
        SMALL_BYTES * small + ENTRY_BYTES * transactions.length,
      )
    }
  }
}
