import type { PrestateTrace, TracedAccount } from '../../core/chain/trace.ts'
import { equalBytes, fromHex, toHex } from '../../core/primitives/bytes.ts'
import { EMPTY_CODE_HASH } from '../account.ts'
import { isDelegation } from '../delegation.ts'
import { keyOf } from '../state/keys.ts'
import type { TraceBudget, TracedState, TransactionTracer } from './transactionTracer.ts'

export type PrestateTracerOptions = {
  /** What changed, before and after. */
  readonly diffMode: boolean
  readonly disableCode: boolean
  readonly disableStorage: boolean
  /** Also accounts that did not exist. */
  readonly includeEmpty: boolean
}

type Before = {
  readonly address: Uint8Array
  readonly balance: bigint
  readonly nonce: number
  readonly code: Uint8Array
  readonly codeHash: Uint8Array | null
  readonly isEmpty: boolean
  readonly slots: Map<string, string>
}

const ACCOUNT_BYTES = 250
const SLOT_BYTES = 140

/** geth's prestateTracer (eth/tracers/native/prestate.go). */
export function createPrestateTracer(
  options: PrestateTracerOptions,
  budget: TraceBudget,
): TransactionTracer<PrestateTrace> {
  const known = new Map<string, Before>()
  /** Destruction is of what the same transaction created (EIP-6780). */
  const created = new Set<string>()
  const destroyed = new Set<string>()
  let state: TracedState | null = null
  function see(address: Uint8Array): Before | null {
    const key = keyOf(address)
    const seen = known.get(key)
    if (seen !== undefined || state === null) return seen ?? null
    const before = beforeOf(state, address)
    budget.take(ACCOUNT_BYTES + (options.disableCode ? 0 : 2 * before.code.length))
    known.set(key, before)
    return before
  }
  return {
    tracer: {
      account: see,
      slot(address, slot) {
        const slots = see(address)?.slots
        const key = toHex(slot)
        if (options.disableStorage || state === null || slots === undefined || slots.has(key))
          return
        budget.take(SLOT_BYTES)
        slots.set(key, wordOf(state.slot(address, slot)))
      },
      enter({ kind, from, to }) {
        see(to)
        if (kind === 'CREATE' || kind === 'CREATE2') created.add(keyOf(to))
        if (kind === 'SELFDESTRUCT' && created.has(keyOf(from))) destroyed.add(keyOf(from))
      },
    },
    start({ sender, to, paid, authorities }, traced) {
      known.clear()
      created.clear()
      destroyed.clear()
      state = traced
      for (const address of [sender, to, ...paid, ...authorities]) see(address)
      const delegate = delegateOf(traced, to)
      if (delegate !== null) see(delegate)
    },
    end() {
      const pre = new Map<string, TracedAccount>()
      const post = options.diffMode ? new Map<string, TracedAccount>() : null
      for (const before of sorted(known)) {
        const address = toHex(before.address)
        const after =
          post === null || state === null || destroyed.has(keyOf(before.address))
            ? null
            : beforeOf(state, before.address)
        const change = after === null ? null : changeOf(before, after, state, options)
        if (after !== null && change === null) continue
        if (change !== null) post?.set(address, change.post)
        if (before.isEmpty && !options.includeEmpty) continue
        pre.set(address, shown(before, change?.slots ?? before.slots, options))
      }
      return { pre, post }
    },
  }
}

const sorted = (known: ReadonlyMap<string, Before>): readonly Before[] =>
  [...known.values()].sort((a, b) => (toHex(a.address) < toHex(b.address) ? -1 : 1))

function beforeOf(state: TracedState, address: Uint8Array): Before {
  const account = state.account(address)
  const code = account === null ? new Uint8Array(0) : state.code(account)
  const { balance, nonce, codeHash } = account ?? NOBODY
  return {
    address: address.slice(),
    balance,
    nonce,
    code,
    codeHash: equalBytes(codeHash, EMPTY_CODE_HASH) ? null : codeHash,
    isEmpty: balance === 0n && nonce === 0 && code.length === 0,
    slots: new Map(),
  }
}

const NOBODY = { balance: 0n, nonce: 0, codeHash: EMPTY_CODE_HASH }

function delegateOf(state: TracedState, address: Uint8Array): Uint8Array | null {
  const account = state.account(address)
  const code = account === null ? null : state.code(account)
  return code !== null && isDelegation(code) ? code.slice(3) : null
}

const shown = (
  { balance, nonce, code, codeHash }: Before,
  slots: ReadonlyMap<string, string>,
  { disableCode }: PrestateTracerOptions,
): TracedAccount => ({
  balance,
  nonce,
  code: disableCode ? null : code,
  codeHash,
  storage: new Map([...slots].sort(([a], [b]) => (a < b ? -1 : 1))),
})

type Change = {
  readonly post: TracedAccount
  /** The slots of before that changed and were not zero. */
  readonly slots: ReadonlyMap<string, string>
}

/** Null: nothing changed. */
function changeOf(
  before: Before,
  after: Before,
  state: TracedState | null,
  { disableCode }: PrestateTracerOptions,
): Change | null {
  const slots = new Map<string, string>()
  const storage = new Map<string, string>()
  let isChanged = false
  for (const [slot, value] of before.slots) {
    const now = wordOf(state?.slot(before.address, fromHex(slot)) ?? new Uint8Array(0))
    if (now === value) continue
    isChanged = true
    if (value !== ZERO) slots.set(slot, value)
    if (now !== ZERO) storage.set(slot, now)
  }
  const sameCode = equalBytes(before.code, after.code)
  const post: TracedAccount = {
    balance: before.balance === after.balance ? null : after.balance,
    nonce: before.nonce === after.nonce ? 0 : after.nonce,
    code: sameCode || disableCode ? null : after.code,
    codeHash: sameCode ? null : (after.codeHash ?? new Uint8Array(32)),
    storage: new Map([...storage].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
  isChanged ||= !sameCode || before.nonce !== after.nonce || post.balance !== null
  return isChanged ? { post, slots } : null
}

const ZERO = '0'.repeat(64)
const wordOf = (bytes: Uint8Array): string => toHex(bytes).padStart(64, '0')
