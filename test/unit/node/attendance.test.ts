import { describe, expect, it } from 'vitest'
import { Attendance } from '../../../node/consensus/attendance.ts'

const started = (...names: string[]): Attendance => {
  const attendance = new Attendance()
  attendance.begin(10, names, 1_000)
  return attendance
}

describe('Attendance', () => {
  it('takes nobody for silent before both heights and time have passed', () => {
    const attendance = started('a')
    expect(attendance.isSilent('a', 18, 60_000)).toBe(false)
    expect(attendance.isSilent('a', 500, 3_000)).toBe(false)
    expect(attendance.isSilent('a', 19, 3_001)).toBe(true)
  })

  it('hears a validator again at its first vote', () => {
    const attendance = started('a', 'b')
    attendance.note('b', 30, 9_000)
    expect(['a', 'b'].map((one) => attendance.isSilent(one, 31, 9_500))).toEqual([true, false])
    attendance.note('a', 31, 9_600)
    expect(attendance.isSilent('a', 31, 9_700)).toBe(false)
    // A vote of long ago does not make it younger, nor older.
    attendance.note('a', 12, 20_000)
    expect(attendance.isSilent('a', 40, 11_601)).toBe(true)
  })

  it('wants the late votes of those it misses, and of no others', () => {
    const attendance = started('a')
    expect([12, 13].map((height) => attendance.isMissed('a', height))).toEqual([false, true])
    expect([12, 13].map((height) => attendance.isMissed('stranger', height))).toEqual([
      false,
      false,
    ])
  })

  it('follows the validator set: new ones are heard at first, and those who left are forgotten', () => {
    const attendance = started('a', 'b')
    attendance.begin(500, ['b', 'c'], 90_000)
    expect(['a', 'b', 'c'].map((one) => attendance.isSilent(one, 505, 90_001))).toEqual([
      ...[false, true, false],
    ])
    attendance.note('a', 505, 90_002)
    expect(attendance.isMissed('a', 900)).toBe(false)
  })
})
