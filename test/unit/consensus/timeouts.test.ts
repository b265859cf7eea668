import { expect, test } from 'vitest'
import { defaultTimeoutOptions, timeoutOf } from '../../../consensus/index.ts'
import { TIMER_KINDS, type TimerKind } from '../../../consensus/input.ts'
import { roundOf } from '../../../core/primitives/units.ts'

const at = (kind: TimerKind, round: number): number =>
  timeoutOf({ kind, round: roundOf(round) }, defaultTimeoutOptions)

test('grow with the round from their base', () => {
  expect(TIMER_KINDS.map((kind) => at(kind, 0))).toEqual([150, 40, 40, 100])
  expect(TIMER_KINDS.map((kind) => at(kind, 3))).toEqual([300, 100, 100, 100])
})

test('are capped', () => {
  expect(TIMER_KINDS.map((kind) => at(kind, 0xffffffff))).toEqual([5_000, 5_000, 5_000, 100])
})
