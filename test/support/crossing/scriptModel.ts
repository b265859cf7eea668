import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { contractAddress } from '../../../evm/index.ts'
import { engineIdOf } from '../../../evm/precompiles.ts'
import { word } from '../evmWorld.ts'
import { logOf } from './fakeCore.ts'
import { type EngineStep, SELF, type Step } from './script.ts'

/** What is left after a frame: plain data, copied when a frame begins and put back when it fails. */
export type Model = {
  /** Of the engines: what the test compares. */
  counters: Map<string, bigint>
  storage: Map<string, number>
  balances: Map<string, bigint>
  nonces: Map<string, number>
  logs: { address: string; topics: string[]; data: string }[]
  created: Set<string>
  doomed: Set<string>
  destroyed: bigint
}

/** What an engine does with a call that is neither delegated nor unpaid; false refuses. Value is the caller's to lose. */
export type EngineModel = (
  model: Model,
  call: { readonly self: string; readonly isStatic: boolean; readonly value: bigint },
  step: EngineStep,
) => boolean

/** Addresses in hex without prefix. */
type Frame = { readonly self: string; readonly isStatic: boolean; readonly engine: EngineModel }

/** Ends a frame as a failure. */
class Failed extends Error {}
/** Ends a frame as a success: SELFDESTRUCT. */
class Stopped extends Error {}

const EMITTED = toHex(keccak256(new TextEncoder().encode('Emitted(uint256)')))

/** The naive twin of EVM and engines together: each frame works on the state, or leaves it as it was. */
export function createModel(balances: readonly (readonly [string, bigint])[]): Model {
  return {
    counters: new Map(),
    storage: new Map(),
    balances: new Map(balances),
    nonces: new Map(balances.map(([address]) => [address, 1])),
    logs: [],
    created: new Set(),
    doomed: new Set(),
    destroyed: 0n,
  }
}

/** One transaction. Whether it succeeded. */
export function runTransaction(
  model: Model,
  call: { readonly from: string; readonly to: string; readonly value: bigint },
  steps: readonly Step[],
  engine: EngineModel = fakeEngine,
): boolean {
  const stood = attempt(model, () => {
    move(model, call.from, call.to, call.value)
    runSteps(model, { self: call.to, isStatic: false, engine }, steps)
  })
  for (const address of model.doomed) {
    if (!model.created.has(address)) continue
    model.destroyed += balanceOf(model, address)
    model.balances.delete(address)
    for (const key of model.storage.keys()) if (key.startsWith(address)) model.storage.delete(key)
  }
  model.created.clear()
  model.doomed.clear()
  return stood
}

function attempt(model: Model, work: () => void): boolean {
  const before = structuredClone(model)
  try {
    work()
    return true
  } catch (error) {
    if (error instanceof Stopped) return true
    if (!(error instanceof Failed)) throw error
    Object.assign(model, before)
    return false
  }
}

function runSteps(model: Model, frame: Frame, steps: readonly Step[]): void {
  for (const step of steps) {
    const stood = runStep(model, frame, step)
    if (!stood && 'must' in step && step.must) throw new Failed()
  }
}

/** Whether a call stood; true for what is no call. */
function runStep(model: Model, frame: Frame, step: Step): boolean {
  const { self, isStatic } = frame
  switch (step.kind) {
    case 'revert':
    case 'invalid':
      throw new Failed()
    case 'store':
      if (isStatic) throw new Failed()
      model.storage.set(`${self}:${step.slot}`, step.value)
      return true
    case 'emit':
      if (isStatic) throw new Failed()
      model.logs.push({ address: self, topics: [EMITTED], data: toHex(word(step.value)) })
      return true
    case 'destroy':
      if (isStatic) throw new Failed()
      destroy(model, self, step.heir)
      throw new Stopped()
    case 'engine':
      if (isStatic && step.via === 'call' && step.value > 0n) throw new Failed()
      return attempt(model, () => callEngine(model, frame, step))
    case 'frame': {
      if (isStatic && step.via === 'call' && step.value > 0n) throw new Failed()
      return attempt(model, () => {
        if (step.via === 'call') move(model, self, step.target, step.value)
        const inner = step.via === 'delegate' ? self : step.target
        const inside = { ...frame, self: inner, isStatic: isStatic || step.via === 'static' }
        runSteps(model, inside, step.steps)
      })
    }
    case 'create':
      if (isStatic) throw new Failed()
      return create(model, frame, step)
  }
}

function create(model: Model, frame: Frame, step: Extract<Step, { kind: 'create' }>): boolean {
  const { self } = frame
  if (balanceOf(model, self) < step.value) return false
  const nonce = model.nonces.get(self) ?? 0
  const address = toHex(contractAddress(fromHex(self), nonce))
  model.nonces.set(self, nonce + 1)
  return attempt(model, () => {
    model.nonces.set(address, 1)
    model.created.add(address)
    move(model, self, address, step.value)
    // The constructor runs the script in a frame of its own.
    const stood = attempt(model, () => runSteps(model, { ...frame, self: address }, step.steps))
    if (!stood) throw new Failed()
  })
}

function destroy(model: Model, self: string, named: string): void {
  const heir = named === SELF ? self : named
  const isNew = model.created.has(self)
  const amount = balanceOf(model, self)
  if (heir === self) {
    if (isNew) burn(model, self, amount)
  } else if (engineIdOf(fromHex(heir)) >= 0) burn(model, self, amount)
  else move(model, self, heir, amount)
  model.doomed.add(self)
}

function burn(model: Model, address: string, amount: bigint): void {
  model.balances.set(address, balanceOf(model, address) - amount)
  model.destroyed += amount
}

function callEngine(model: Model, frame: Frame, step: EngineStep): void {
  const { self } = frame
  const isStatic = frame.isStatic || step.via === 'static'
  const value = step.via === 'call' ? step.value : 0n
  // CALLCODE, too, must be able to pay what it would send to itself.
  if (step.via === 'callCode' && balanceOf(model, self) < step.value) throw new Failed()
  if (step.via === 'delegate' || step.via === 'callCode') throw new Failed()
  if (balanceOf(model, self) < value) throw new Failed()
  model.balances.set(self, balanceOf(model, self) - value)
  if (!frame.engine(model, { self, isStatic, value }, step)) throw new Failed()
}

const fakeEngine: EngineModel = (model, { self, isStatic, value }, step) => {
  if (step.fn === 'endless' || step.fn === 'dirtyReject') return false
  if (step.fn !== 'deposit' && value > 0n) return false
  if (step.fn === 'read') return true
  if (isStatic) return false
  const [key, amount] =
    step.fn === 'add'
      ? [`${step.engine}:${step.key}`, BigInt(step.amount)]
      : [`value ${self}`, value]
  model.counters.set(key, (model.counters.get(key) ?? 0n) + amount)
  if (step.fn === 'deposit') return true
  const caller = fromHex(self)
  const log = logOf({ engine: step.engine, caller }, BigInt(step.amount))
  const { address, topics, data } = log
  model.logs.push({ address: toHex(address), topics: topics.map(toHex), data: toHex(data) })
  return true
}

export const balanceOf = (model: Model, address: string): bigint =>
  model.balances.get(address) ?? 0n

function move(model: Model, from: string, to: string, value: bigint): void {
  if (balanceOf(model, from) < value) throw new Failed()
  model.balances.set(from, balanceOf(model, from) - value)
  model.balances.set(to, balanceOf(model, to) + value)
}
