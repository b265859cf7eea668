import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import type { Fault } from '../executive.ts'
import { ERROR } from './errors.ts'
import type { Frame } from './frame.ts'
import { endFrame } from './frames.ts'
import type { Vm } from './vm.ts'

/**
 * An opcode that the loop does not do itself. The loop has checked the stack, taken the fee and
 * stands behind the opcode. False: the machine's frame is another one now, or none.
 */
export type Handler = (vm: Vm, frame: Frame) => boolean

/** Ends the frame with an exception. */
export function fail(vm: Vm, frame: Frame, error: string, fault: Fault | null = null): false {
  vm.fault = fault
  endFrame(vm, frame, error, EMPTY_BYTES)
  return false
}

export const outOfGas = (vm: Vm, frame: Frame): false => fail(vm, frame, ERROR.outOfGas)
