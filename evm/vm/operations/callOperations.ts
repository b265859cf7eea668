import { EMPTY_BYTES } from '../../../core/primitives/bytes.ts'
import { isEmptyAccount } from '../../account.ts'
import { contractAddress } from '../../contractAddress.ts'
import { destroyCoins } from '../../engineGate.ts'
import { initcodeTooLarge, MAX_INITCODE_BYTES } from '../../intrinsicGas.ts'
import type { AccountEntry } from '../../state/entries.ts'
import { addressScratch, type Word } from '../../state/word.ts'
import { create2Address, enterCall, enterCreation } from '../calls.ts'
import { ERROR } from '../errors.ts'
import { STACK_LIMIT } from '../fork.ts'
import type { Frame } from '../frame.ts'
import { endFrame } from '../frames.ts'
import { fail, type Handler, outOfGas } from '../handler.ts'
import { COLD_ACCOUNT, type Vm } from '../vm.ts'

const VALUE_GAS = 9_000
const STIPEND = 2_300
const NEW_ACCOUNT_GAS = 25_000
const INITCODE_WORD_GAS = 2
const KECCAK_WORD_GAS = 6
/** Calls within calls, the transaction's own not counted. */
const MAX_DEPTH = STACK_LIMIT

type CallKind = 'CALL' | 'CALLCODE' | 'DELEGATECALL' | 'STATICCALL'

/** EIP-150: all but a 64th. */
const allowance = (gas: number): number => gas - Math.floor(gas / 64)

const call =
  (kind: CallKind): Handler =>
  (vm, frame) => {
    const { stack } = vm
    let at = frame.sp
    const asked = stack[at--] as Word
    const target = vm.flat.entry(addressScratch(stack[at--] as Word))
    const takesValue = kind === 'CALL' || kind === 'CALLCODE'
    const value = takesValue ? (stack[at--] as Word) : 0
    const inputAt = stack[at--] as Word
    const inputSize = stack[at--] as Word
    const outputAt = stack[at--] as Word
    const outputSize = stack[at--] as Word
    if (kind === 'CALL' && frame.isStatic && value !== 0)
      return fail(vm, frame, ERROR.staticStateChange)
    if (!vm.reserve(frame, inputAt, inputSize)) return outOfGas(vm, frame)
    if (!vm.reserve(frame, outputAt, outputSize)) return outOfGas(vm, frame)
    let cost = vm.accessGas(target)
    if (value !== 0) {
      cost += VALUE_GAS
      if (kind === 'CALL' && isDead(target)) cost += NEW_ACCOUNT_GAS
    }
    cost += delegationGas(vm, target)
    if (!vm.charge(frame, cost)) return outOfGas(vm, frame)
    const most = allowance(frame.gas)
    const given = asked < most ? Number(asked) : most
    frame.gas -= given
    frame.sp = at
    frame.returned = EMPTY_BYTES
    return enter(vm, frame, kind, {
      target,
      value,
      input: vm.bytes(frame, inputAt, inputSize),
      gas: value !== 0 ? given + STIPEND : given,
      outputAt: outputSize === 0 ? 0 : Number(outputAt),
      outputSize: Number(outputSize),
    })
  }

type Request = {
  readonly target: AccountEntry
  readonly value: Word
  readonly input: Uint8Array
  readonly gas: number
  readonly outputAt: number
  readonly outputSize: number
}

function enter(vm: Vm, frame: Frame, kind: CallKind, request: Request): boolean {
  const { value, gas, target } = request
  const { self, caller, depth } = frame
  if (depth >= MAX_DEPTH) return refuse(vm, frame, kind, request, ERROR.depth)
  if (value !== 0 && (self.account?.balance ?? 0n) < value) {
    return refuse(vm, frame, kind, request, ERROR.insufficientBalance)
  }
  const isDelegate = kind === 'DELEGATECALL'
  enterCall(vm, frame, {
    ...request,
    kind,
    gas,
    self: kind === 'CALL' || kind === 'STATICCALL' ? target : self,
    caller: isDelegate ? caller : self,
    value: isDelegate ? frame.value : value,
    isStatic: kind === 'STATICCALL' || frame.isStatic,
  })
  return false
}

/** The call does not take place: its gas comes back, and the caller sees a failure. */
function refuse(vm: Vm, frame: Frame, kind: CallKind, request: Request, error: string): true {
  const { gas, target, value, input } = request
  const depth = frame.depth + 1
  const parties = { from: frame.self.address, to: target.address }
  vm.trace?.enter(kind, parties, { value: BigInt(value), gas, input, depth })
  vm.trace?.exit(depth, 0, error, EMPTY_BYTES)
  frame.gas += gas
  vm.stack[++frame.sp] = 0
  return true
}

/** EIP-161: absent or empty. */
const isDead = ({ account }: AccountEntry): boolean => account === null || isEmptyAccount(account)

/** EIP-7702: reaching the code that the target points to. */
function delegationGas(vm: Vm, target: AccountEntry): number {
  if (!vm.fork.delegates || vm.roleOf(target) !== 'code') return 0
  const { delegate } = vm.codeOf(target)
  return delegate === null ? 0 : vm.accessGas(vm.flat.entry(delegate))
}

const create =
  (kind: 'CREATE' | 'CREATE2'): Handler =>
  (vm, frame) => {
    if (frame.isStatic) return fail(vm, frame, ERROR.staticStateChange)
    const { stack } = vm
    let at = frame.sp
    const value = stack[at--] as Word
    const codeAt = stack[at--] as Word
    const codeSize = stack[at--] as Word
    const salt = kind === 'CREATE2' ? (stack[at--] as Word) : 0
    if (!vm.reserve(frame, codeAt, codeSize)) return outOfGas(vm, frame)
    const words = Math.ceil(Number(codeSize) / 32)
    const wordGas = INITCODE_WORD_GAS + (kind === 'CREATE2' ? KECCAK_WORD_GAS : 0)
    if (!vm.charge(frame, words * wordGas)) return outOfGas(vm, frame)
    if (codeSize > MAX_INITCODE_BYTES)
      return fail(vm, frame, ERROR.initcodeTooLarge, `out of gas: ${initcodeTooLarge(codeSize)}`)
    const gas = allowance(frame.gas)
    frame.sp = at
    frame.returned = EMPTY_BYTES
    const { self, depth } = frame
    const { account } = self
    const isPoor = value !== 0 && (account?.balance ?? 0n) < value
    if (depth >= MAX_DEPTH || isPoor || account === null || account.nonce >= MAX_NONCE) {
      stack[++frame.sp] = 0
      return true
    }
    frame.gas -= gas
    const initcode = vm.bytes(frame, codeAt, codeSize)
    const address =
      kind === 'CREATE'
        ? contractAddress(self.address, account.nonce)
        : create2Address(self.address, salt, initcode)
    vm.trace?.account(self)
    vm.flat.write(self, { ...account, nonce: account.nonce + 1 })
    enterCreation(vm, frame, { kind, caller: self, address, value, initcode, gas })
    return false
  }

/** EIP-2681 has 2^64 − 1; no account lives to count as far as this. */
const MAX_NONCE = Number.MAX_SAFE_INTEGER

const selfDestruct: Handler = (vm, frame) => {
  if (frame.isStatic) return fail(vm, frame, ERROR.staticStateChange)
  const { flat } = vm
  const { self } = frame
  const heir = flat.entry(addressScratch(vm.stack[frame.sp--] as Word))
  const balance = self.account?.balance ?? 0n
  let cost = vm.isCold(heir) ? COLD_ACCOUNT : 0
  if (balance > 0n && isDead(heir)) cost += NEW_ACCOUNT_GAS
  if (!vm.charge(frame, cost)) return outOfGas(vm, frame)
  vm.trace?.selfDestruct(frame, heir.address, balance)
  const isNew = self.createdAt === flat.transaction
  if (heir !== self) {
    flat.touch(heir)
    if (balance > 0n) {
      flat.addBalance(heir, balance)
      flat.addBalance(self, -balance)
    }
  } else if (isNew && balance > 0n) {
    flat.noteDestroyed(balance)
    flat.addBalance(self, -balance)
  }
  if (vm.roleOf(heir) === 'engine') destroyCoins(flat, heir.address)
  if (self.destroyedAt !== flat.transaction) {
    flat.noteSelfDestruct(self)
    vm.destroyed.push(self)
  }
  endFrame(vm, frame, null, EMPTY_BYTES)
  return false
}

const end =
  (error: string | null): Handler =>
  (vm, frame) => {
    const at = vm.stack[frame.sp] as Word
    const size = vm.stack[frame.sp - 1] as Word
    if (!vm.reserve(frame, at, size)) return outOfGas(vm, frame)
    endFrame(vm, frame, error, vm.bytes(frame, at, size).slice())
    return false
  }

/** Yellow Paper, appendix H.2, f0s. */
export const callOperations: readonly (readonly [number, Handler])[] = [
  [0xf0, create('CREATE')],
  [0xf1, call('CALL')],
  [0xf2, call('CALLCODE')],
  [0xf3, end(null)],
  [0xf4, call('DELEGATECALL')],
  [0xf5, create('CREATE2')],
  [0xfa, call('STATICCALL')],
  [0xfd, end(ERROR.revert)],
  [0xff, selfDestruct],
]
