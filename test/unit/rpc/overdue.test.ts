import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { deadlineIn } from '../../../rpc/deadline.ts'
import type { Outcome } from '../../../rpc/outcome.ts'
import { Overdue } from '../../../rpc/overdue.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const after = (ms: number, outcome: Outcome<number>): Promise<Outcome<number>> =>
  new Promise((resolve) => setTimeout(() => resolve(outcome), ms))

it('each call ends by its own deadline, and no clock runs without calls', async () => {
  const overdue = new Overdue()
  const ended: string[] = []
  const run = (name: string, afterMs: number, deadlineMs: number): void => {
    void overdue
      .inTime(after(afterMs, { ok: true, value: 1 }), deadlineIn(deadlineMs))
      .then((outcome) => ended.push(`${name} ${outcome.ok ? 'done' : outcome.failure.code}`))
  }
  run('late', 10_000, 500)
  run('quick', 10, 1_000)
  run('later', 10_000, 300)
  await vi.advanceTimersByTimeAsync(299)
  expect(ended).toEqual(['quick done'])
  await vi.advanceTimersByTimeAsync(25)
  expect(ended).toEqual(['quick done', 'later TIMED_OUT'])
  await vi.advanceTimersByTimeAsync(9_000)
  expect(ended).toEqual(['quick done', 'later TIMED_OUT', 'late TIMED_OUT'])
  // The two whose outcome nobody waits for any more.
  expect(vi.getTimerCount()).toBe(2)
  run('again', 10_000, 100)
  await vi.advanceTimersByTimeAsync(125)
  expect(ended.at(-1)).toBe('again TIMED_OUT')
})

it('a call that fails, fails', async () => {
  const failed = new Overdue().inTime(Promise.reject(new Error('disk')), deadlineIn(100))
  await expect(failed).rejects.toThrow('disk')
})
