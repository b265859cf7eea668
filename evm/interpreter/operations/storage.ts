import { equalBytes } from '../../../core/primitives/bytes.ts'
import { keyOf } from '../../state/keys.ts'
import { minimalBytes, minimalBytesOf, toScratch, wordOfBigint } from '../../state/word.ts'
import type { Frame } from '../frame.ts'
import { type Operation, type Operations, operation, STATIC_STATE_CHANGE } from '../operation.ts'

/** EIP-2929 and EIP-2200, with EIP-3529's refunds. */
const GAS = {
  warm: 100,
  coldSlot: 2_100,
  set: 20_000,
  reset: 5_000 - 2_100,
  sentry: 2_300,
  clearRefund: 4_800,
} as const

/** Warms a slot; the slot's bytes may be scratch, so they are copied where they are kept. */
function isCold(frame: Frame, slotKey: string, slot: bigint): boolean {
  const key = frame.owner.key + slotKey
  if (frame.journal.isWarm(key)) return false
  frame.journal.warmSlot(key, frame.owner.address, toScratch(slot))
  return true
}

function load(frame: Frame): void {
  const slot = frame.pop()
  const slotKey = keyOf(toScratch(slot))
  frame.charge(isCold(frame, slotKey, slot) ? GAS.coldSlot : GAS.warm)
  frame.push(BigInt(frame.flat.slotEntry(frame.owner, wordOfBigint(slot)).value))
}

function store(frame: Frame): void {
  if (frame.isStatic) throw STATIC_STATE_CHANGE
  if (frame.gas <= GAS.sentry) frame.outOfGas()
  const slot = frame.pop()
  const word = frame.pop()
  const value = minimalBytes(word)
  const { flat, owner } = frame
  const slotKey = keyOf(toScratch(slot))
  const entry = flat.slotEntry(owner, wordOfBigint(slot))
  const current = minimalBytesOf(entry.value)
  const original = minimalBytesOf(flat.originalOf(entry))
  const cold = isCold(frame, slotKey, slot) ? GAS.coldSlot : 0
  frame.charge(cold + costOf(original, current, value))
  const refund = refundOf(original, current, value)
  if (refund !== 0) frame.state.gasRefund += BigInt(refund)
  flat.writeSlot(owner, entry, wordOfBigint(word))
}

function costOf(original: Uint8Array, current: Uint8Array, value: Uint8Array): number {
  if (equalBytes(current, value) || !equalBytes(original, current)) return GAS.warm
  return original.length === 0 ? GAS.set : GAS.reset
}

/** May be negative: what an earlier write was promised and this one takes back. */
function refundOf(original: Uint8Array, current: Uint8Array, value: Uint8Array): number {
  if (equalBytes(current, value)) return 0
  if (equalBytes(original, current)) {
    return original.length > 0 && value.length === 0 ? GAS.clearRefund : 0
  }
  let refund = 0
  if (original.length > 0 && current.length === 0) refund -= GAS.clearRefund
  if (original.length > 0 && value.length === 0) refund += GAS.clearRefund
  if (equalBytes(original, value))
    refund += (original.length === 0 ? GAS.set : GAS.reset) - GAS.warm
  return refund
}

const transientKey = (frame: Frame, slot: bigint): string =>
  frame.owner.key + keyOf(toScratch(slot))

/** SLOAD, SSTORE, TLOAD, TSTORE. */
export const storage: Operations = new Map<number, Operation>([
  [0x54, operation(0, [1, 1], load)],
  [0x55, operation(0, [2, 0], store)],
  [
    0x5c,
    operation(GAS.warm, [1, 1], (frame) => {
      const key = transientKey(frame, frame.pop())
      frame.push(BigInt(frame.flat.transient(key)))
    }),
  ],
  [
    0x5d,
    operation(GAS.warm, [2, 0], (frame) => {
      if (frame.isStatic) throw STATIC_STATE_CHANGE
      const key = transientKey(frame, frame.pop())
      frame.flat.setTransient(key, wordOfBigint(frame.pop()))
    }),
  ],
])
