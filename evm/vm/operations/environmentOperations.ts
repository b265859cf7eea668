import { EMPTY_BYTES } from '../../../core/primitives/bytes.ts'
import { keccakView } from '../../../core/primitives/hash.ts'
import { isEmptyAccount } from '../../account.ts'
import { blockCopy } from '../../slab.ts'
import type { AccountEntry } from '../../state/entries.ts'
import {
  addressScratch,
  blockBytesOfWord,
  loadWord,
  type Word,
  wordAt,
  wordOfBigint,
  wordOfBytes,
} from '../../state/word.ts'
import { byteLength, exp } from '../arithmetic.ts'
import { ERROR } from '../errors.ts'
import type { Frame } from '../frame.ts'
import { fail, type Handler, outOfGas } from '../handler.ts'
import type { Vm } from '../vm.ts'

const COPY_WORD_GAS = 3
const KECCAK_WORD_GAS = 6
const EXP_BYTE_GAS = 50
const LOG_BYTE_GAS = 8
/** BLOCKHASH looks no further back. */
const ANCESTORS = 256

/** A bigint is more than any gas. */
const wordsOf = (size: Word): number => Math.ceil(Number(size) / 32)

const pushes =
  (value: (vm: Vm, frame: Frame) => Word): Handler =>
  (vm, frame) => {
    vm.stack[++frame.sp] = value(vm, frame)
    return true
  }

/** Of the account that the top of the stack names. */
const ofAccount =
  (value: (vm: Vm, entry: AccountEntry) => Word): Handler =>
  (vm, frame) => {
    const entry = vm.flat.entry(addressScratch(vm.stack[frame.sp] as Word))
    if (!vm.charge(frame, vm.accessGas(entry))) return outOfGas(vm, frame)
    vm.stack[frame.sp] = value(vm, entry)
    return true
  }

const hashOf = (_: Vm, { account }: AccountEntry): Word =>
  account === null || isEmptyAccount(account) ? 0 : wordOfBytes(account.codeHash)

/** Copies from a source, with zeros behind its end. */
const copy =
  (source: (frame: Frame) => Uint8Array): Handler =>
  (vm, frame) =>
    copyFrom(vm, frame, source(frame))

function copyFrom(vm: Vm, frame: Frame, source: Uint8Array): boolean {
  const { stack } = vm
  const target = stack[frame.sp--] as Word
  const from = stack[frame.sp--] as Word
  const size = stack[frame.sp--] as Word
  if (!vm.charge(frame, COPY_WORD_GAS * wordsOf(size))) return outOfGas(vm, frame)
  if (!vm.reserve(frame, target, size)) return outOfGas(vm, frame)
  if (size === 0) return true
  const start = frame.base + Number(target)
  const end = start + Number(size)
  const available = from < source.length ? source.subarray(Number(from)) : EMPTY_BYTES
  const part = available.subarray(0, end - start)
  vm.memory.set(part, start)
  vm.memory.fill(0, start + part.length, end)
  return true
}

const copyExternalCode: Handler = (vm, frame) => {
  const entry = vm.flat.entry(addressScratch(vm.stack[frame.sp--] as Word))
  if (!vm.charge(frame, vm.accessGas(entry))) return outOfGas(vm, frame)
  return copyFrom(vm, frame, vm.codeOf(entry).bytes)
}

const copyReturned: Handler = (vm, frame) => {
  const from = vm.stack[frame.sp - 1] as Word
  const size = vm.stack[frame.sp - 2] as Word
  // EIP-211: behind the end is an exception, not zeros. Of two numbers, the sum is exact enough.
  const isWithin = typeof from === 'number' && typeof size === 'number'
  if (!isWithin || from + size > frame.returned.length)
    return fail(vm, frame, ERROR.outOfGas, 'return data out of bounds')
  return copyFrom(vm, frame, frame.returned)
}

const copyMemory: Handler = (vm, frame) => {
  const { stack } = vm
  const target = stack[frame.sp--] as Word
  const source = stack[frame.sp--] as Word
  const size = stack[frame.sp--] as Word
  if (!vm.charge(frame, COPY_WORD_GAS * wordsOf(size))) return outOfGas(vm, frame)
  if (!vm.reserve(frame, source, size)) return outOfGas(vm, frame)
  if (!vm.reserve(frame, target, size)) return outOfGas(vm, frame)
  if (size === 0) return true
  const from = frame.base + Number(source)
  vm.memory.copyWithin(frame.base + Number(target), from, from + Number(size))
  return true
}

const hash: Handler = (vm, frame) => {
  const { stack } = vm
  const at = stack[frame.sp--] as Word
  const size = stack[frame.sp] as Word
  if (!vm.charge(frame, KECCAK_WORD_GAS * wordsOf(size))) return outOfGas(vm, frame)
  if (!vm.reserve(frame, at, size)) return outOfGas(vm, frame)
  const start = size === 0 ? 0 : frame.base + Number(at)
  stack[frame.sp] = loadWord(keccakView(vm.memory, start, start + Number(size)), 0)
  return true
}

const power: Handler = (vm, frame) => {
  const { stack } = vm
  const base = stack[frame.sp--] as Word
  const exponent = stack[frame.sp] as Word
  if (!vm.charge(frame, EXP_BYTE_GAS * byteLength(exponent))) return outOfGas(vm, frame)
  stack[frame.sp] = exp(base, exponent)
  return true
}

const callDataLoad: Handler = ({ stack }, frame) => {
  const at = stack[frame.sp] as Word
  const { input } = frame
  if (at >= input.length) {
    stack[frame.sp] = 0
    return true
  }
  stack[frame.sp] = wordAt(input, Number(at))
  return true
}

const log =
  (topicCount: number): Handler =>
  (vm, frame) => {
    if (frame.isStatic) return fail(vm, frame, ERROR.staticStateChange)
    const { stack } = vm
    const at = stack[frame.sp--] as Word
    const size = stack[frame.sp--] as Word
    if (!vm.charge(frame, LOG_BYTE_GAS * Number(size))) return outOfGas(vm, frame)
    if (!vm.reserve(frame, at, size)) return outOfGas(vm, frame)
    const topics: Uint8Array[] = []
    for (let i = 0; i < topicCount; i++) topics.push(blockBytesOfWord(stack[frame.sp--] as Word))
    const data = blockCopy(vm.bytes(frame, at, size))
    vm.logs.push({ address: frame.self.address, topics, data })
    vm.trace?.log(frame, topics, data)
    return true
  }

function ancestorHash(vm: Vm, number: Word): Word {
  const age = typeof number === 'number' ? vm.environment.number - number : 0
  if (age <= 0 || age > ANCESTORS) return 0
  return wordOfBytes(vm.options.ancestorHash(Number(number)) ?? EMPTY_BYTES)
}

const top =
  (value: (vm: Vm, top: Word) => Word): Handler =>
  (vm, frame) => {
    vm.stack[frame.sp] = value(vm, vm.stack[frame.sp] as Word)
    return true
  }

/** Yellow Paper, appendix H.2: 20s, 30s, 40s, memory in bulk, and logs. */
export const environmentOperations: readonly (readonly [number, Handler])[] = [
  [0x0a, power],
  [0x20, hash],
  [0x30, pushes((_, { self }) => self.word)],
  [0x31, ofAccount((_, { account }) => wordOfBigint(account?.balance ?? 0n))],
  [0x32, pushes(({ origin }) => origin)],
  [0x33, pushes((_, { caller }) => caller.word)],
  [0x34, pushes((_, { value }) => value)],
  [0x35, callDataLoad],
  [0x36, pushes((_, { input }) => input.length)],
  [0x37, copy(({ input }) => input)],
  [0x38, pushes((_, { code }) => code.bytes.length)],
  [0x39, copy(({ code }) => code.bytes)],
  [0x3a, pushes(({ gasPrice }) => gasPrice)],
  [0x3b, ofAccount((vm, entry) => vm.codeOf(entry).bytes.length)],
  [0x3c, copyExternalCode],
  [0x3d, pushes((_, { returned }) => returned.length)],
  [0x3e, copyReturned],
  [0x3f, ofAccount(hashOf)],
  [0x40, top(ancestorHash)],
  [0x41, pushes(({ environment }) => wordOfBytes(environment.coinbase))],
  [0x42, pushes(({ environment }) => environment.timestamp)],
  [0x43, pushes(({ environment }) => environment.number)],
  [0x44, pushes(({ environment }) => wordOfBytes(environment.prevRandao))],
  [0x45, pushes(({ environment }) => environment.gasLimit)],
  [0x46, pushes(({ options }) => options.chainId)],
  [0x47, pushes((_, { self }) => wordOfBigint(self.account?.balance ?? 0n))],
  [0x48, pushes(({ environment }) => wordOfBigint(environment.baseFeePerGas))],
  // Blob transactions are refused, so there are no hashes.
  [0x49, top(() => 0)],
  [0x4a, pushes(({ environment }) => wordOfBigint(environment.blobBaseFee))],
  [0x5e, copyMemory],
  ...Array.from({ length: 5 }, (_, topics) => [0xa0 + topics, log(topics)] as const),
]
