// A small engine that does each thing an engine can do once: take value in and pay it out, name
// accounts, charge by work, refuse after it has written, and fail in the ways that halt a block.
import { hashIndex, type StateOf, table } from '../../../core/arena/schema.ts'
import { type Coprocessor, publicFn, view } from '../../../core/host/coprocessor.ts'
import { account, bytes, choice, int, list, u16, u32 } from '../../../core/host/fields.ts'
import { ok, reject } from '../../../core/primitives/result.ts'

const counters = table({
  capacity: 64,
  columns: { owner: 'u32', value: 'int', held: 'int' },
})
const schema = { counters, byOwner: hashIndex(counters, ['owner']) }
type CounterSchema = typeof schema
type State = StateOf<CounterSchema>

export const COUNTER = 5
const MAX = 1_000_000

function rowOf(state: State, owner: number): number {
  const found = state.byOwner.find(owner)
  if (found !== 0) return found
  const row = state.counters.allocate()
  if (row === 0) return 0
  state.counters.columns.owner.set(row, owner)
  state.byOwner.insert(row)
  return row
}

const define = publicFn<CounterSchema>()

const publicFns = {
  add: define({
    id: 0,
    args: { amount: u32 },
    result: { value: int },
    gas: 100,
    class: ({ amount }) => (amount % 2 === 0 ? 'postOnly' : 'other'),
    authority: 'agent',
    market: ({ amount }) => amount % 3,
    spend: ({ amount }) => amount,
    apply(state, { amount }, context) {
      const row = rowOf(state, context.caller)
      if (row === 0) return reject('TABLE_FULL')
      const { value } = state.counters.columns
      value.add(row, amount)
      context.emit({ kind: 'Added', account: context.caller, amount, value: value.get(row) })
      // Refused after it has written and spoken: nothing of it may stay.
      return value.get(row) > MAX ? reject('TOO_MUCH') : ok({ value: value.get(row) })
    },
  }),
  reset: define({
    id: 1,
    args: {},
    result: { before: int },
    gas: 20,
    class: 'cancel',
    authority: 'agent',
    apply(state, _args, context) {
      const row = state.byOwner.find(context.caller)
      if (row === 0) return reject('NO_COUNTER')
      const before = state.counters.columns.value.get(row)
      state.counters.columns.value.set(row, 0)
      if (state.counters.columns.held.get(row) === 0) {
        state.byOwner.remove(row)
        state.counters.free(row)
      }
      return ok({ before })
    },
  }),
  /** Work by the unit: one charge for each step. */
  work: define({
    id: 2,
    args: { steps: u16 },
    result: { done: u32 },
    gas: 50,
    class: 'other',
    authority: 'agent',
    apply(state, { steps }, context) {
      const row = rowOf(state, context.caller)
      if (row === 0) return reject('TABLE_FULL')
      for (let i = 0; i < steps; i++) {
        if (!context.charge(10)) return reject('OUT_OF_GAS')
        state.counters.columns.value.add(row, 1)
      }
      return ok({ done: steps })
    },
  }),
  /** Accounts in the arguments and in the result. */
  copyTo: define({
    id: 3,
    args: { to: account, also: list({ who: account }, 4) },
    result: { from: account, to: account, nobody: account, all: list({ who: account }, 8) },
    gas: 100,
    class: 'other',
    authority: 'owner',
    apply(state, { to, also }, context) {
      const from = state.byOwner.find(context.caller)
      if (from === 0) return reject('NO_COUNTER')
      const { value } = state.counters.columns
      for (const who of [to, ...also.map((one) => one.who)]) {
        const row = rowOf(state, who)
        if (row === 0) return reject('TABLE_FULL')
        value.set(row, value.get(from))
      }
      return ok({ from: context.caller, to, nobody: 0, all: also })
    },
  }),
  withdraw: define({
    id: 4,
    args: { asset: u16, amount: int },
    result: {},
    gas: 100,
    class: 'other',
    authority: 'owner',
    apply(state, { asset, amount }, context) {
      const row = state.byOwner.find(context.caller)
      if (asset !== 0 || amount === 0) return reject('TOO_LITTLE')
      if (row === 0 || !state.counters.columns.held.add(row, -amount)) return reject('TOO_LITTLE')
      const args = { account: context.caller, asset, amount }
      context.post({ target: 1, fn: 'release', args })
      return ok({})
    },
  }),
  /** What an engine must never do. */
  misbehave: define({
    id: 5,
    args: { how: choice('throw', 'loop', 'postForEver', 'breakConstraint', 'fillJournal') },
    result: {},
    gas: 10,
    class: 'other',
    authority: 'agent',
    apply(state, { how }, context) {
      if (how === 'throw') return (null as unknown as { fault(): never }).fault()
      while (how === 'loop') state.counters.count()
      if (how === 'postForEver') context.post({ target: COUNTER, fn: 'echo', args: {} })
      const row = rowOf(state, context.caller)
      if (how === 'breakConstraint') state.counters.columns.value.set(row, MAX + 1)
      while (how === 'fillJournal') state.counters.columns.value.add(row, 1)
      return ok({})
    },
  }),
  /** Only for contracts. */
  keep: define({
    id: 6,
    args: { note: bytes(64) },
    result: { note: bytes(64) },
    gas: 30,
    class: 'other',
    authority: 'owner',
    only: 'evm',
    apply(state, { note }, context) {
      const row = rowOf(state, context.caller)
      if (row === 0) return reject('TABLE_FULL')
      state.counters.columns.value.add(row, note.length)
      context.emit({ kind: 'Kept', account: context.caller, note })
      return ok({ note })
    },
  }),
}

const viewOf = view<CounterSchema>()

const counterOf = viewOf({
  id: 0,
  args: { of: account },
  result: { value: int, held: int },
  gas: 15,
  read(state, { of }) {
    const row = state.byOwner.find(of)
    const { value, held } = state.counters.columns
    return row === 0 ? reject('NO_COUNTER') : ok({ value: value.get(row), held: held.get(row) })
  },
})

type Credit = { readonly account: number; readonly asset: number; readonly amount: number }

export const counter: Coprocessor<CounterSchema, Record<never, never>> = {
  id: COUNTER,
  name: 'counter',
  version: 1,
  schema,
  publicFns,
  internalFns: {
    /** Takes USDX only and no more than 1,000 at a time: the rest shows how value returns. */
    credit(state: State, { account: owner, asset, amount }: Credit) {
      if (asset !== 0 || amount > 1_000) return reject('TOO_MUCH')
      const row = rowOf(state, owner)
      if (row === 0) return reject('TABLE_FULL')
      state.counters.columns.held.add(row, amount)
      return ok(null)
    },
    echo(_state: State, _args: object, context) {
      context.post({ target: COUNTER, fn: 'echo', args: {} })
      return ok(null)
    },
  },
  views: { counterOf },
  events: {
    Added: { account, amount: u32, value: int },
    Kept: { account, note: bytes(64) },
  },
  codes: ['NO_COUNTER', 'OUT_OF_GAS', 'TABLE_FULL', 'TOO_LITTLE', 'TOO_MUCH'],
  constraints: [
    {
      name: 'bounded',
      when: 'block',
      check(state) {
        const { counters: rows } = state
        for (let row = rows.next(0); row !== 0; row = rows.next(row)) {
          if (rows.columns.value.get(row) > MAX) return `counter ${row} is above ${MAX}`
        }
        return null
      },
    },
    {
      name: 'owned',
      when: 'full',
      check(state) {
        const { counters: rows, byOwner } = state
        for (let row = rows.next(0); row !== 0; row = rows.next(row)) {
          const owner = rows.columns.owner.get(row)
          if (byOwner.find(owner) !== row) return `counter ${row} cannot be found`
        }
        return null
      },
    },
  ],
  genesis: () => {},
  migrate: () => {},
}
