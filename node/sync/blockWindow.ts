import { assert } from '../../core/primitives/assert.ts'
import type { CertifiedBytes } from '../network/requests.ts'

/** A run of heights: nobody was asked, one peer was, or its blocks are here. */
export type Slot = {
  readonly from: number
  count: number
  peerId: string | null
  askedAtMs: number
  blocks: readonly CertifiedBytes[] | null
}

/** The heights that are being brought, in order and without gaps, a few runs at a time: that bounds memory. */
export class BlockWindow {
  readonly #maxSlots: number
  readonly #slotBlocks: number
  #slots: Slot[] = []

  constructor(options: { readonly maxSlots: number; readonly slotBlocks: number }) {
    this.#maxSlots = options.maxSlots
    this.#slotBlocks = options.slotBlocks
  }

  /** Lets go of what is committed and plans as far as `target`. */
  move(own: number, target: number): void {
    this.#slots = this.#slots.filter(({ from, count }) => from + count - 1 > own)
    const first = this.#slots[0]
    // Consensus cannot leave heights out, but a slot may begin above one that was just let go.
    if (first !== undefined && first.from > own + 1) this.#slots = []
    while (this.#slots.length < this.#maxSlots) {
      const last = this.#slots.at(-1)
      const from = last === undefined ? own + 1 : last.from + last.count
      const count = Math.min(this.#slotBlocks, target - from + 1)
      if (count <= 0) return
      this.#slots.push({ from, count, peerId: null, askedAtMs: 0, blocks: null })
    }
  }

  /** Those nobody was asked for, lowest first. */
  free(): readonly Slot[] {
    return this.#slots.filter(({ peerId }) => peerId === null)
  }
  /** The lowest, whatever its state. */
  get first(): Slot | undefined {
    return this.#slots[0]
  }

  ask(slot: Slot, peerId: string, nowMs: number): void {
    slot.peerId = peerId
    slot.askedAtMs = nowMs
  }

  /** Whether this peer's answer is still waited for. */
  isAsked(slot: Slot, peerId: string): boolean {
    return this.#slots.includes(slot) && slot.peerId === peerId && slot.blocks === null
  }

  /** Fewer blocks than were asked for leave a slot for the rest. */
  fill(slot: Slot, blocks: readonly CertifiedBytes[]): void {
    assert(blocks.length > 0, 'an empty answer fills nothing')
    const at = this.#slots.indexOf(slot)
    slot.blocks = blocks.slice(0, slot.count)
    const rest = slot.count - slot.blocks.length
    if (rest === 0) return
    slot.count = slot.blocks.length
    const from = slot.from + slot.count
    this.#slots.splice(at + 1, 0, { from, count: rest, peerId: null, askedAtMs: 0, blocks: null })
  }

  release(slot: Slot): void {
    slot.peerId = null
    slot.blocks = null
  }

  /** All that a peer was asked for or has sent. */
  releasePeer(peerId: string): void {
    for (const slot of this.#slots) if (slot.peerId === peerId) this.release(slot)
  }

  done(slot: Slot): void {
    this.#slots = this.#slots.filter((other) => other !== slot)
  }

  clear(): void {
    this.#slots = []
  }
}
