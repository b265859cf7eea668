import { keccak256 } from '../../../core/primitives/hash.ts'
import { readWord, valueOfBytes, wordOf, writeWord } from '../../state/word.ts'
import type { Frame } from '../frame.ts'
import { type Operation, type Operations, operation, STATIC_STATE_CHANGE } from '../operation.ts'

const WORD_GAS = { copy: 3, keccak: 6 } as const
const wordsOf = (size: number): number => Math.ceil(size / 32)

const pushes = (fee: number, value: (frame: Frame) => bigint): Operation =>
  operation(fee, [0, 1], (frame) => frame.push(value(frame)))

/** Copies from `source`, with zeros behind its end. */
function copy(frame: Frame, source: Uint8Array): void {
  const target = frame.pop()
  const from = frame.pop()
  const size = frame.bounded(frame.pop())
  frame.charge(WORD_GAS.copy * wordsOf(size))
  const start = frame.touch(target, size)
  if (size === 0) return
  const available = from < BigInt(source.length) ? source.subarray(Number(from)) : EMPTY
  const part = available.subarray(0, size)
  frame.memory.set(part, start)
  frame.memory.fill(0, start + part.length, start + size)
}
const EMPTY = new Uint8Array(0)

function callDataLoad(frame: Frame): void {
  const data = frame.state.env.callData
  const top = frame.size - 1
  const offset = frame.stack[top] as bigint
  if (offset >= BigInt(data.length)) {
    frame.stack[top] = 0n
    return
  }
  const part = data.subarray(Number(offset), Number(offset) + 32)
  const value = valueOfBytes(part)
  frame.stack[top] = part.length === 32 ? value : value << BigInt(8 * (32 - part.length))
}

function returnDataCopy(frame: Frame): void {
  const { returnBytes } = frame.state
  const from = frame.stack[frame.size - 2] as bigint
  const size = frame.stack[frame.size - 3] as bigint
  // EIP-211: behind the end is an exception, not zeros.
  if (from + size > BigInt(returnBytes.length)) frame.outOfGas()
  copy(frame, returnBytes)
}

function memoryCopy(frame: Frame): void {
  const target = frame.pop()
  const source = frame.pop()
  const size = frame.bounded(frame.pop())
  frame.charge(WORD_GAS.copy * wordsOf(size))
  const from = frame.touch(source, size)
  const to = frame.touch(target, size)
  if (size > 0) frame.memory.copyWithin(to, from, from + size)
}

function hash(frame: Frame): void {
  const offset = frame.pop()
  const size = frame.bounded(frame.pop())
  frame.charge(WORD_GAS.keccak * wordsOf(size))
  const start = frame.touch(offset, size)
  frame.push(valueOfBytes(keccak256(frame.memory.subarray(start, start + size))))
}

function log(frame: Frame, topicCount: number): void {
  if (frame.isStatic) throw STATIC_STATE_CHANGE
  const offset = frame.pop()
  const size = frame.bounded(frame.pop())
  frame.charge(8 * size)
  const start = frame.touch(offset, size)
  const topics: Uint8Array[] = []
  for (let i = 0; i < topicCount; i++) topics.push(wordOf(frame.pop()))
  const data = frame.memory.slice(start, start + size)
  frame.state.interpreter._result.logs.push([frame.owner.address, topics, data])
}

const list: [number, Operation][] = [
  [0x20, operation(30, [2, 1], hash)],
  [0x30, pushes(2, ({ owner }) => valueOfBytes(owner.address))],
  [0x33, pushes(2, ({ state }) => valueOfBytes(state.env.caller.bytes))],
  [0x34, pushes(2, ({ state }) => state.env.callValue)],
  [0x35, operation(3, [1, 1], callDataLoad)],
  [0x36, pushes(2, ({ state }) => BigInt(state.env.callData.length))],
  [0x37, operation(3, [3, 0], (frame) => copy(frame, frame.state.env.callData))],
  [0x38, pushes(2, ({ code }) => BigInt(code.length))],
  [0x39, operation(3, [3, 0], (frame) => copy(frame, frame.code))],
  [0x3d, pushes(2, ({ state }) => BigInt(state.returnBytes.length))],
  [0x3e, operation(3, [3, 0], returnDataCopy)],
  [
    0x51,
    operation(3, [1, 1], (frame) => {
      const start = frame.touch(frame.pop(), 32)
      frame.push(readWord(frame.view, start))
    }),
  ],
  [
    0x52,
    operation(3, [2, 0], (frame) => {
      const start = frame.touch(frame.pop(), 32)
      writeWord(frame.view, start, frame.pop())
    }),
  ],
  [
    0x53,
    operation(3, [2, 0], (frame) => {
      const start = frame.touch(frame.pop(), 1)
      frame.memory[start] = Number(frame.pop() & 0xffn)
    }),
  ],
  [0x59, pushes(2, (frame) => BigInt(frame.memoryBytes))],
  [0x5e, operation(3, [3, 0], memoryCopy)],
]
for (let topics = 0; topics <= 4; topics++) {
  const fee = 375 + 375 * topics
  list.push([0xa0 + topics, operation(fee, [2 + topics, 0], (frame) => log(frame, topics))])
}

/** Yellow Paper, appendix H.2: 20s, 30s, memory and logs. */
export const environment: Operations = new Map(list)
