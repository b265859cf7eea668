import type { SlotEntry } from '../../state/entries.ts'
import { keyOf } from '../../state/keys.ts'
import { type Word, wordScratch } from '../../state/word.ts'
import { ERROR } from '../errors.ts'
import type { Frame } from '../frame.ts'
import { fail, type Handler, outOfGas } from '../handler.ts'
import { type Vm, WARM } from '../vm.ts'

/** EIP-2929 and EIP-2200, with EIP-3529's refunds. */
const COLD_SLOT = 2_100
const SET = 20_000
const RESET = 5_000 - COLD_SLOT
const SENTRY = 2_300
const BELOW_SENTRY = 'out of gas: not enough gas for reentrancy sentry'
const CLEAR_REFUND = 4_800

function isCold(vm: Vm, frame: Frame, entry: SlotEntry): boolean {
  if (!vm.flat.warm(entry)) return false
  vm.accessed?.slot(frame.self, entry)
  return true
}

const load: Handler = (vm, frame) => {
  const { flat, stack } = vm
  const entry = flat.slotEntry(frame.self, stack[frame.sp] as Word)
  vm.trace?.slot(frame.self, entry)
  if (!vm.charge(frame, isCold(vm, frame, entry) ? COLD_SLOT : WARM)) return outOfGas(vm, frame)
  stack[frame.sp] = entry.value
  return true
}

const store: Handler = (vm, frame) => {
  if (frame.isStatic) return fail(vm, frame, ERROR.staticStateChange)
  if (frame.gas <= SENTRY) return fail(vm, frame, ERROR.outOfGas, BELOW_SENTRY)
  const { flat, stack } = vm
  const { self } = frame
  const entry = flat.slotEntry(self, stack[frame.sp--] as Word)
  const value = stack[frame.sp--] as Word
  vm.trace?.slot(self, entry)
  const current = entry.value
  const original = flat.originalOf(entry)
  const cold = isCold(vm, frame, entry) ? COLD_SLOT : 0
  const isSame = current === value
  const cost = isSame || original !== current ? WARM : original === 0 ? SET : RESET
  if (!vm.charge(frame, cold + cost)) return outOfGas(vm, frame)
  if (isSame) return true
  vm.refund += refundOf(original, current, value)
  flat.writeSlot(self, entry, value)
  return true
}

/** `value` is not `current`. Negative: what an earlier write was promised and this one takes back. */
function refundOf(original: Word, current: Word, value: Word): number {
  if (original === current) return original !== 0 && value === 0 ? CLEAR_REFUND : 0
  let refund = 0
  if (original !== 0 && current === 0) refund -= CLEAR_REFUND
  if (original !== 0 && value === 0) refund += CLEAR_REFUND
  if (original === value) refund += (original === 0 ? SET : RESET) - WARM
  return refund
}

const transientKey = (frame: Frame, slot: Word): string => frame.self.key + keyOf(wordScratch(slot))

const loadTransient: Handler = ({ stack, flat }, frame) => {
  stack[frame.sp] = flat.transient(transientKey(frame, stack[frame.sp] as Word))
  return true
}

const storeTransient: Handler = (vm, frame) => {
  if (frame.isStatic) return fail(vm, frame, ERROR.staticStateChange)
  const { stack } = vm
  const key = transientKey(frame, stack[frame.sp--] as Word)
  vm.flat.setTransient(key, stack[frame.sp--] as Word)
  return true
}

/** SLOAD, SSTORE, TLOAD, TSTORE. */
export const storageOperations: readonly (readonly [number, Handler])[] = [
  [0x54, load],
  [0x55, store],
  [0x5c, loadTransient],
  [0x5d, storeTransient],
]
