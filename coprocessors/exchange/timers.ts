import type { ExchangeState } from './schema.ts'
import { GLOBAL } from './schema.ts'

/** What a timer ends: one order, or all orders of an account. */
export const TIMER = { order: 0, account: 1 } as const
export type TimerKind = (typeof TIMER)[keyof typeof TIMER]

/** False when the table is full. There is no timer for the subject yet. */
export function startTimer(
  state: ExchangeState,
  kind: TimerKind,
  subject: number,
  time: number,
): boolean {
  const row = state.timers.allocate()
  if (row === 0) return false
  const columns = state.timers.columns
  const sequence = state.globals.columns.timerSequence.get(GLOBAL) + 1
  state.globals.columns.timerSequence.set(GLOBAL, sequence)
  columns.time.set(row, time)
  columns.sequence.set(row, sequence)
  columns.subject.set(row, subject)
  columns.kind.set(row, kind)
  state.byTime.insert(row)
  state.bySubject.insert(row)
  return true
}

/** Does nothing where there is none. */
export function endTimer(state: ExchangeState, kind: TimerKind, subject: number): void {
  const row = state.bySubject.find(kind, subject)
  if (row === 0) return
  state.byTime.remove(row)
  state.bySubject.remove(row)
  state.timers.free(row)
}

/** 0 where there is none. */
export function timeOf(state: ExchangeState, kind: TimerKind, subject: number): number {
  const row = state.bySubject.find(kind, subject)
  return row === 0 ? 0 : state.timers.columns.time.get(row)
}

/** The subject whose time came first, if it is not after `time`; 0 otherwise. */
export function firstDue(state: ExchangeState, kind: TimerKind, time: number): number {
  const level = state.byTime.lowest(kind)
  if (level === 0 || state.byTime.priceOf(level) > time) return 0
  return state.timers.columns.subject.get(state.byTime.firstOf(level))
}
