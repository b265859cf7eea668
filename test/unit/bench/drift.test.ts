import { describe, expect, it } from 'vitest'
import { driftOf, envelopeOf, type Point } from '../../../bench/qa/drift.ts'
import { randomFrom } from '../../support/smallRandom.ts'

/** A run with a point every minute. */
const run = (minutes: number, mbAt: (minute: number) => number): Point[] =>
  Array.from({ length: minutes + 1 }, (_, minute) => ({ minute, mb: mbAt(minute) }))

describe('driftOf', () => {
  it('is the slope an hour of a line, whatever the warm-up was', () => {
    const drift = driftOf(run(60, (minute) => (minute < 10 ? 100 + 60 * minute : 690 + minute)))
    expect(drift.mbPerHour).toBeCloseTo(60, 6)
    expect(drift.lastToFirst).toBeGreaterThan(1.04)
    expect(drift.verdict).toBe('growing')
  })

  it('takes noise, and a tenth of outliers, for what they are', () => {
    const random = randomFrom(7)
    const noisy = run(60, (minute) => 700 + random(60) - (minute % 10 === 3 ? 300 : 0))
    expect(driftOf(noisy).verdict).toBe('flat')
    const growing = noisy.map(({ minute, mb }) => ({ minute, mb: mb + minute }))
    expect(driftOf(growing).verdict).toBe('growing')
  })

  it('finds the rise that the run of an hour in docs/qa had', () => {
    const hour = [687, 640, 669, 718, 739, 818]
    const before = hour.map((mb, i) => ({ minute: 10 * (i + 1), mb }))
    expect(driftOf(before).verdict).toBe('growing')
  })

  it('allows five percent an hour, and the size of two database files of what is small', () => {
    const rising = (perHour: number, from: number): Point[] =>
      run(60, (minute) => from + (minute * perHour) / 60)
    expect(driftOf(rising(30, 700)).verdict).toBe('flat')
    expect(driftOf(rising(40, 700)).verdict).toBe('growing')
    expect(driftOf(rising(7, 10)).verdict).toBe('flat')
    expect(driftOf(rising(10, 10)).verdict).toBe('growing')
  })

  it('judges a part by what the whole is allowed', () => {
    const part = run(60, (minute) => 150 + minute / 3)
    expect(driftOf(part).verdict).toBe('growing')
    expect(driftOf(part, 600).verdict).toBe('flat')
    expect(driftOf(part, 300).verdict).toBe('growing')
  })

  it('allows what shrinks', () => {
    expect(driftOf(run(60, (minute) => 900 - 3 * minute)).verdict).toBe('flat')
  })

  it('does not judge an hour by minutes', () => {
    expect(driftOf(run(15, (minute) => 500 + 10 * minute)).verdict).toBe('tooShort')
    expect(driftOf([]).verdict).toBe('tooShort')
  })
})

describe('envelopeOf', () => {
  it('keeps the highest or the lowest of each stretch', () => {
    const points = [4, 9, 2, 7, 5, 6].map((mb, i) => ({ minute: i / 2, mb }))
    expect(envelopeOf(points, 1, 'highest').map(({ mb }) => mb)).toEqual([9, 7, 6])
    expect(envelopeOf(points, 1, 'lowest').map(({ mb }) => mb)).toEqual([4, 2, 5])
  })
})
