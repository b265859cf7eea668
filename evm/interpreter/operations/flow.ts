import { EVMError } from '@ethereumjs/evm'
import { EMPTY_BYTES } from '../../../core/primitives/bytes.ts'
import type { Frame } from '../frame.ts'
import { type Operation, type Operations, operation } from '../operation.ts'

const INVALID_JUMP = new EVMError(EVMError.errorMessages.INVALID_JUMP)

function jump(frame: Frame, target: bigint): void {
  const at = target < BigInt(frame.code.length) ? Number(target) : -1
  if (frame.jumps[at] !== 1) throw INVALID_JUMP
  frame.at = at
}

function output(frame: Frame): Uint8Array {
  const offset = frame.pop()
  const size = frame.bounded(frame.pop())
  const start = frame.touch(offset, size)
  return size === 0 ? EMPTY_BYTES : frame.memory.slice(start, start + size)
}

const list: [number, Operation][] = [
  [
    0x00,
    operation(0, [0, 0], (frame) => {
      frame.halted = true
    }),
  ],
  [
    0x50,
    operation(2, [1, 0], (frame) => {
      frame.size--
    }),
  ],
  [0x56, operation(8, [1, 0], (frame) => jump(frame, frame.pop()))],
  [
    0x57,
    operation(10, [2, 0], (frame) => {
      const target = frame.pop()
      if (frame.pop() !== 0n) jump(frame, target)
    }),
  ],
  [0x58, operation(2, [0, 1], (frame) => frame.push(BigInt(frame.at - 1)))],
  [0x5a, operation(2, [0, 1], (frame) => frame.push(BigInt(frame.gas)))],
  [0x5b, operation(1, [0, 0], () => {})],
  [0x5f, operation(2, [0, 1], (frame) => frame.push(0n))],
  [0xf3, operation(0, [2, 0], (frame) => frame.finish(output(frame)))],
  [
    0xfd,
    operation(0, [2, 0], (frame) => {
      frame.finish(output(frame))
      frame.reverted = true
    }),
  ],
]

/** PUSH, DUP and SWAP differ by a number in the opcode. */
for (let i = 1; i <= 32; i++) {
  list.push([
    0x5f + i,
    operation(3, [0, 1], (frame) => {
      frame.push(frame.pushes[frame.at] as bigint)
      frame.at += i
    }),
  ])
}
for (let i = 1; i <= 16; i++) {
  list.push([
    0x7f + i,
    operation(3, [i, i + 1], (frame) => frame.push(frame.stack[frame.size - i] as bigint)),
  ])
  list.push([
    0x8f + i,
    operation(3, [i + 1, i + 1], (frame) => {
      const { stack } = frame
      const top = frame.size - 1
      const kept = stack[top] as bigint
      stack[top] = stack[top - i] as bigint
      stack[top - i] = kept
    }),
  ])
}

/** Yellow Paper, appendix H.2: stack, jumps and ends. */
export const flow: Operations = new Map(list)
