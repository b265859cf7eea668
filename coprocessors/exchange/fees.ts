import { DAY_MS, MILLION } from './limits.ts'
import type { ExchangeState } from './schema.ts'

/** By notional of the 14 days before today, in USDX units; rates in millionths (spec/core §4). */
export const FEE_TIERS = [
  { above: 0, taker: 700, maker: 400 },
  { above: 5e12, taker: 600, maker: 300 },
  { above: 25e12, taker: 500, maker: 200 },
  { above: 100e12, taker: 400, maker: 100 },
  { above: 500e12, taker: 350, maker: 0 },
  { above: 2_000e12, taker: 300, maker: 0 },
  { above: 7_000e12, taker: 250, maker: 0 },
] as const

export const TAKER_RATES = Float64Array.from(FEE_TIERS, (tier) => tier.taker)
export const MAKER_RATES = Float64Array.from(FEE_TIERS, (tier) => tier.maker)
/** No fee is higher: what a buy holds beside its notional. */
export const MAX_RATE = 700

export const VOLUME_DAYS = 14

/**
 * `amount` × `rate` millionths, rounded down. Split so that no product passes 2^53: amount / 10^6 × rate is below
 * 2^53 × 700 / 10^6, and the remainder × rate below 10^9. The floor of a quotient of exact integers is exact.
 */
export function shareDown(amount: number, rate: number): number {
  const whole = Math.floor(amount / MILLION)
  return whole * rate + Math.floor(((amount - whole * MILLION) * rate) / MILLION)
}

export function shareUp(amount: number, rate: number): number {
  const whole = Math.floor(amount / MILLION)
  return whole * rate + Math.ceil(((amount - whole * MILLION) * rate) / MILLION)
}

/**
 * What a buy of this notional holds. Never less for more, so what a part leaves behind always covers that part's
 * notional: held(a + b) − held(b) ≥ a.
 */
export const heldFor = (notional: number): number => notional + shareUp(notional, MAX_RATE)

export const dayOf = (timeMs: number): number => Math.floor(timeMs / DAY_MS)

export function tierOf(volume: number): number {
  let tier = FEE_TIERS.length - 1
  while (tier > 0 && volume <= (FEE_TIERS[tier]?.above ?? 0)) tier--
  return tier
}

/** Closes the days since the account last traded, and finds its tier. O(1) within a day. */
export function rollVolume(state: ExchangeState, home: number, today: number): void {
  const { day, tier, today: traded, volumes } = state.balances.columns
  const last = day.get(home)
  if (last >= today) return
  const amount = traded.get(home)
  day.set(home, today)
  let row = volumes.get(home)
  if (row === 0) {
    if (amount === 0) return
    row = state.volumes.allocate()
    // As many rows as balances, so this table is never the one that is full.
    state.volumes.columns.home.set(row, home)
    volumes.set(home, row)
  }
  if (amount !== 0) traded.set(home, 0)
  const days = daysOf(state)
  const gone = Math.min(today - last, VOLUME_DAYS)
  // The last day has left the 14 before today, and its place is already that of a later one.
  const kept = today - last > VOLUME_DAYS ? 0 : amount
  for (let i = 0; i < gone; i++) days[(last + i) % VOLUME_DAYS]?.set(row, i === 0 ? kept : 0)
  tier.set(home, tierOf(volumeOf(state, row)))
}

/** Sum of the 14 days, held at 2^53 − 1: far above the last tier. */
export function volumeOf(state: ExchangeState, row: number): number {
  if (row === 0) return 0
  let sum = 0
  for (const column of daysOf(state)) sum = Math.min(Number.MAX_SAFE_INTEGER, sum + column.get(row))
  return sum
}

/** The tier an account has today, without writing it down. */
export function currentTier(state: ExchangeState, home: number, today: number) {
  const { day, today: traded, volumes } = state.balances.columns
  const [last, row] = [day.get(home), volumes.get(home)]
  let volume = 0
  for (let d = Math.max(today - VOLUME_DAYS, 0); d < today; d++) {
    const ofDay =
      d === last ? traded.get(home) : d > last || row === 0 ? 0 : ringAt(state, row, last, d)
    volume = Math.min(Number.MAX_SAFE_INTEGER, volume + ofDay)
  }
  return { tier: tierOf(volume), volume }
}

const ringAt = (state: ExchangeState, row: number, last: number, day: number): number =>
  last - day > VOLUME_DAYS ? 0 : (daysOf(state)[day % VOLUME_DAYS]?.get(row) ?? 0)

function daysOf(state: ExchangeState) {
  const c = state.volumes.columns
  return [
    c.day0,
    c.day1,
    c.day2,
    c.day3,
    c.day4,
    c.day5,
    c.day6,
    c.day7,
    c.day8,
    c.day9,
    c.day10,
    c.day11,
    c.day12,
    c.day13,
  ]
}

/** Adds to today's volume, which stops at 2^53 − 1. The account was rolled to today. */
export function addVolume(state: ExchangeState, home: number, notional: number): void {
  const { today } = state.balances.columns
  if (!today.add(home, notional)) today.set(home, Number.MAX_SAFE_INTEGER)
}
