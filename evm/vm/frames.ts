import type { FrameKind } from '../../core/chain/trace.ts'
import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import type { AccountEntry } from '../state/entries.ts'
import type { Word } from '../state/word.ts'
import type { Code } from './code.ts'
import { ERROR } from './errors.ts'
import type { Frame } from './frame.ts'
import type { Vm } from './vm.ts'
import { FRAMES_AT } from './wasm/layout.ts'

/** EIP-170, and what storing a byte of code costs. */
const MAX_CODE_BYTES = 24_576
const CODE_BYTE_GAS = 200

/** What a frame goes back to if it fails. */
export type Before = { readonly refund: number; readonly logs: number; readonly destroyed: number }

export type Parties = {
  readonly self: AccountEntry
  readonly caller: AccountEntry
  readonly value: Word
  readonly input: Uint8Array
  readonly gas: number
}

/** The checkpoint is open. Makes the frame the machine's. */
export function openFrame(
  vm: Vm,
  parent: Frame | null,
  code: Code,
  parties: Parties,
  before: Before,
): Frame {
  const depth = parent === null ? 0 : parent.depth + 1
  const floor = parent === null ? 0 : parent.sp
  const frame = vm.frameAt(depth, floor)
  frame.start(parties.self, parties.caller)
  frame.code = code
  frame.sp = floor
  frame.floor = floor
  frame.base = parent === null ? FRAMES_AT : parent.base + parent.size
  frame.gas = parties.gas
  frame.gasLimit = parties.gas
  frame.value = parties.value
  frame.input = parties.input
  frame.refundBefore = before.refund
  frame.logsBefore = before.logs
  frame.destroyedBefore = before.destroyed
  vm.frame = frame
  return frame
}

/** The frame's code has come to an end; `error` is null, `revert` or an exception, which takes all gas. */
export function endFrame(vm: Vm, frame: Frame, error: string | null, output: Uint8Array): void {
  const parent = frame.depth === 0 ? null : (vm.frames[frame.depth - 1] as Frame)
  const before = {
    refund: frame.refundBefore,
    logs: frame.logsBefore,
    destroyed: frame.destroyedBefore,
  }
  const { self, depth, gasLimit: gas, outputAt, outputSize } = frame
  const failed = error ?? (frame.isCreation ? deposit(vm, frame, output) : null)
  const gasLeft = failed === null || failed === ERROR.revert ? frame.gas : 0
  if (gasLeft === 0) frame.gas = 0
  const kind: FrameKind = frame.isCreation ? 'CREATE' : 'CALL'
  const call = { kind, self, depth, gas, outputAt, outputSize, before }
  leaveCall(vm, parent, call, { error: failed, gasLeft, output })
}

/** EIP-170, EIP-3541. Null, or why the code cannot be. */
function deposit(vm: Vm, frame: Frame, code: Uint8Array): string | null {
  if (code.length > MAX_CODE_BYTES) return ERROR.codeTooLarge
  if (!vm.charge(frame, code.length * CODE_BYTE_GAS)) {
    vm.fault = 'contract creation code storage out of gas'
    return ERROR.outOfGas
  }
  if (code[0] === 0xef) return ERROR.invalidCode
  if (code.length > 0) vm.flat.setCode(frame.self.address, code)
  return null
}

type Leaving = {
  readonly kind: FrameKind
  readonly self: AccountEntry
  readonly depth: number
  readonly gas: number
  readonly outputAt: number
  readonly outputSize: number
  readonly before: Before
}
type Outcome = {
  readonly error: string | null
  readonly gasLeft: number
  readonly output: Uint8Array
}

/** Closes the checkpoint of a call or creation and hands its outcome to whom it came from. */
export function leaveCall(vm: Vm, parent: Frame | null, call: Leaving, outcome: Outcome): void {
  const { error, gasLeft, output } = outcome
  const { before } = call
  const { fault } = vm
  if (error === null) vm.flat.commit()
  else {
    vm.flat.revert()
    vm.refund = before.refund
    vm.logs.length = before.logs
    vm.destroyed.length = before.destroyed
  }
  vm.trace?.exit(call.depth, call.gas - gasLeft, error, output)
  vm.fault = null
  vm.frame = parent
  if (parent === null) {
    vm.ending = {
      error,
      fault,
      output: error === null || error === ERROR.revert ? output : EMPTY_BYTES,
      gas: gasLeft,
    }
    return
  }
  parent.gas += gasLeft
  const isCreation = call.kind === 'CREATE' || call.kind === 'CREATE2'
  const isHeard = error === ERROR.revert || (error === null && !isCreation)
  parent.returned = isHeard ? output : EMPTY_BYTES
  vm.stack[++parent.sp] = error !== null ? 0 : isCreation ? call.self.word : 1
  const size = Math.min(call.outputSize, parent.returned.length)
  if (size === 0) return
  assert(call.outputAt + call.outputSize <= parent.size, 'room for the output has been reserved')
  vm.memory.set(parent.returned.subarray(0, size), parent.base + call.outputAt)
}
