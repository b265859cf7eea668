import type { FrameKind } from '../../core/chain/trace.ts'
import { assert } from '../../core/primitives/assert.ts'
import { concatBytes, EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { EMPTY_ACCOUNT, hasCode, hasStorage } from '../account.ts'
import type { AccountEntry } from '../state/entries.ts'
import { bytesOfWord, type Word } from '../state/word.ts'
import { Code } from './code.ts'
import { ERROR } from './errors.ts'
import type { Frame } from './frame.ts'
import { endFrame, leaveCall, openFrame } from './frames.ts'
import type { PrecompileOutcome } from './precompiles.ts'
import type { Vm } from './vm.ts'

const MAX_WORD = (1n << 256n) - 1n

export type Call = {
  readonly kind: 'CALL' | 'CALLCODE' | 'DELEGATECALL' | 'STATICCALL'
  /** Whose code runs, on whose state, for whom. */
  readonly target: AccountEntry
  readonly self: AccountEntry
  readonly caller: AccountEntry
  readonly value: Word
  readonly input: Uint8Array
  readonly gas: number
  readonly isStatic: boolean
  readonly outputAt: number
  readonly outputSize: number
}

/**
 * Enters a call from `parent`, or from outside. Afterwards the machine's frame is the callee's, or
 * the parent's if the call is over already.
 */
export function enterCall(vm: Vm, parent: Frame | null, call: Call): void {
  const { flat } = vm
  const { kind, target, self, caller, value, input, gas } = call
  const depth = parent === null ? 0 : parent.depth + 1
  vm.trace?.enter(
    kind,
    { from: kind === 'DELEGATECALL' ? self.address : caller.address, to: target.address },
    { value: BigInt(value), gas, input, depth },
  )
  flat.checkpoint()
  const before = { refund: vm.refund, logs: vm.logs.length, destroyed: vm.destroyed.length }
  const leave = (error: string | null, gasLeft: number, output: Uint8Array): void => {
    leaveCall(vm, parent, { ...call, depth, before }, { error, gasLeft, output })
  }
  const role = vm.roleOf(target)
  if (role === 'engine') {
    const isDelegate = kind === 'DELEGATECALL' || kind === 'CALLCODE'
    const outcome = vm.options.gate.call(flat, {
      codeAddress: target.address,
      caller: caller.address,
      value: BigInt(value),
      data: input,
      isStatic: call.isStatic,
      isDelegate,
      gas,
    })
    for (const log of outcome.logs) vm.logs.push(log)
    const gasLeft = outcome.error === 'out of gas' ? 0 : gas - outcome.gasUsed
    leave(outcome.error, gasLeft, outcome.returnData)
    return
  }
  if (kind !== 'DELEGATECALL') {
    const error = transfer(vm, caller, self, value)
    if (error !== null) {
      leave(error, gas, EMPTY_BYTES)
      return
    }
  }
  if (role === 'precompile') {
    const outcome = runPrecompile(vm, target, input, gas)
    leave(outcome.error, gas - outcome.gasUsed, outcome.output)
    return
  }
  const code = codeFor(vm, target, depth)
  if (code.bytes.length === 0) {
    leave(null, gas, EMPTY_BYTES)
    return
  }
  const frame = openFrame(vm, parent, code, { self, caller, value, input, gas }, before)
  frame.isStatic = call.isStatic
  frame.isCreation = false
  frame.outputAt = call.outputAt
  frame.outputSize = call.outputSize
}

function runPrecompile(
  vm: Vm,
  target: AccountEntry,
  input: Uint8Array,
  gas: number,
): PrecompileOutcome {
  const run = vm.options.precompiles.get(target.key)
  assert(run !== undefined, 'a precompile is known by its role')
  return run(input, gas)
}

/** EIP-7702: one pointer is followed, and never to a precompile's. A transaction's own target is warm with its delegate. */
function codeFor(vm: Vm, target: AccountEntry, depth: number): Code {
  const code = vm.codeOf(target)
  if (code.delegate === null || !vm.fork.delegates) return code
  const delegate = vm.flat.entry(code.delegate)
  vm.trace?.account(delegate)
  // Outside the undo log's reach for good: whatever this frame does, the transaction has read it.
  if (depth === 0) delegate.warmAt = vm.flat.transaction
  return vm.codeOf(delegate)
}

/** Both sides are touched, even if nothing moves (EIP-161). The caller can pay, unless the call comes from outside. */
function transfer(vm: Vm, from: AccountEntry, to: AccountEntry, value: Word): string | null {
  const { flat, trace } = vm
  if (trace !== null) {
    trace.account(from)
    trace.account(to)
  }
  flat.touch(from)
  flat.touch(to)
  if (value === 0 || from === to) return null
  const wei = BigInt(value)
  if ((from.account?.balance ?? 0n) < wei) return ERROR.insufficientBalance
  if ((to.account?.balance ?? 0n) + wei > MAX_WORD) return ERROR.valueOverflow
  flat.addBalance(from, -wei)
  flat.addBalance(to, wei)
  return null
}

export type Creation = {
  readonly kind: 'CREATE' | 'CREATE2'
  readonly caller: AccountEntry
  readonly address: Uint8Array
  readonly value: Word
  readonly initcode: Uint8Array
  readonly gas: number
}

/** Enters a creation; the caller's nonce is already counted. Like `enterCall` for what comes after. */
export function enterCreation(vm: Vm, parent: Frame | null, creation: Creation): void {
  const { flat } = vm
  const { caller, value, gas, initcode } = creation
  const self = flat.entry(creation.address)
  const depth = parent === null ? 0 : parent.depth + 1
  vm.isCold(self)
  vm.trace?.enter(
    creation.kind,
    { from: caller.address, to: self.address },
    { value: BigInt(value), gas, input: initcode, depth },
  )
  flat.checkpoint()
  const before = { refund: vm.refund, logs: vm.logs.length, destroyed: vm.destroyed.length }
  const kind: FrameKind = creation.kind
  const call = { kind, self, depth, before, gas, outputAt: 0, outputSize: 0 }
  const { account } = self
  const isTaken = account !== null && (account.nonce > 0 || hasCode(account) || hasStorage(account))
  if (isTaken) {
    // The value has moved by then, and comes back.
    const outcome = { error: ERROR.createCollision, gasLeft: 0, output: EMPTY_BYTES }
    leaveCall(vm, parent, call, outcome)
    return
  }
  flat.noteCreated(self)
  flat.clearSlots(self)
  const error = transfer(vm, caller, self, value)
  if (error !== null) {
    leaveCall(vm, parent, call, { error, gasLeft: gas, output: EMPTY_BYTES })
    return
  }
  flat.write(self, { ...(self.account ?? EMPTY_ACCOUNT), nonce: 1 })
  const parties = { self, caller, value, input: EMPTY_BYTES, gas }
  const frame = openFrame(vm, parent, new Code(initcode), parties, before)
  frame.isStatic = false
  frame.isCreation = true
  frame.outputAt = 0
  frame.outputSize = 0
  if (initcode.length === 0) endFrame(vm, frame, null, EMPTY_BYTES)
}

/** EIP-1014. */
export const create2Address = (caller: Uint8Array, salt: Word, initcode: Uint8Array): Uint8Array =>
  keccak256(concatBytes(Uint8Array.of(0xff), caller, bytesOfWord(salt), keccak256(initcode))).slice(
    12,
  )
