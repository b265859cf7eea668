import type { Log } from '../../../core/chain/executedBlock.ts'
import type { CoreCall, CoreCallOutcome, CorePort } from '../../../core/host/corePort.ts'
import { precompileOf } from '../../../core/host/precompile.ts'

/** First byte of the calldata that the fake engine understands. */
export const FAKE = {
  /** key, amount: adds, logs, returns the sum. */
  add: 1,
  /** key, amount: adds and rejects, leaving the undoing to the caller of the port. */
  dirtyReject: 2,
  /** Uses all gas. */
  endless: 3,
  /** key: the sum, also under STATICCALL. */
  read: 4,
  /** Payable: adds the value under the caller's name. */
  deposit: 5,
} as const

export const FAKE_GAS = 700

export type FakeCore = CorePort & {
  readonly counters: ReadonlyMap<string, bigint>
  /** Sums of all deposits that stand, in wei. */
  deposited(): bigint
  readonly calls: CoreCall[]
}

/** Counters behind engines 0 to 2, with an undo log of old values. Leaves all undoing to `revertTo`. */
export function createFakeCore(): FakeCore {
  const counters = new Map<string, bigint>()
  const journal: (readonly [string, bigint | undefined])[] = []
  const calls: CoreCall[] = []
  const set = (key: string, value: bigint): void => {
    journal.push([key, counters.get(key)])
    counters.set(key, value)
  }
  const add = (key: string, amount: bigint): bigint => {
    const sum = (counters.get(key) ?? 0n) + amount
    set(key, sum)
    return sum
  }
  return {
    counters,
    calls,
    deposited: () =>
      [...counters].reduce((sum, [key, v]) => (key.startsWith('value') ? sum + v : sum), 0n),
    has: (engine) => engine >= 0 && engine < 3,
    mark: () => journal.length,
    revertTo(mark) {
      while (journal.length > mark) {
        const [key, old] = journal.pop() as readonly [string, bigint | undefined]
        if (old === undefined) counters.delete(key)
        else counters.set(key, old)
      }
    },
    call(call) {
      calls.push({ ...call })
      const [op, key = 0, amount = 0] = call.data
      const name = `${call.engine}:${key}`
      if (call.isDelegate) return reverted('delegate')
      if (op === FAKE.endless) return { kind: 'outOfGas' }
      if (call.gasLimit < FAKE_GAS) return { kind: 'outOfGas' }
      if (call.value > 0n && op !== FAKE.deposit) return reverted('not payable')
      if (op === FAKE.read) return succeeded(counters.get(name) ?? 0n, [])
      if (call.isStatic) return reverted('static')
      if (op === FAKE.deposit) {
        return succeeded(add(`value ${hexOf(call.caller)}`, call.value), [])
      }
      if (op === FAKE.dirtyReject) {
        add(name, BigInt(amount))
        return reverted('rejected')
      }
      if (op !== FAKE.add) return reverted('unknown function')
      const sum = add(name, BigInt(amount))
      return succeeded(sum, [logOf(call, BigInt(amount))])
    },
  }
}

/** What the fake engine logs when it adds. */
export const logOf = ({ engine, caller }: Pick<CoreCall, 'engine' | 'caller'>, amount: bigint) =>
  ({
    address: precompileOf(engine),
    topics: [wordOf(BigInt(`0x${hexOf(caller)}`))],
    data: wordOf(amount),
  }) satisfies Log

const succeeded = (value: bigint, logs: readonly Log[]): CoreCallOutcome => ({
  kind: 'success',
  gasUsed: FAKE_GAS,
  returnData: wordOf(value),
  logs,
})
const reverted = (text: string): CoreCallOutcome => ({
  kind: 'revert',
  gasUsed: FAKE_GAS / 2,
  returnData: new TextEncoder().encode(text),
})
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const wordOf = (value: bigint): Uint8Array =>
  new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'))
