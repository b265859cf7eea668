import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LedgerState } from '../../../coprocessors/ledger/index.ts'
import {
  ensureSigner,
  isInWindow,
  nonceObjection,
  noncesOf,
  sweepSigners,
  useNonce,
} from '../../../coprocessors/ledger/nonces.ts'
import { alice, bob, createLedgerWorld, DAY, NOW, userAddress } from '../../support/ledgerWorld.ts'

/** The rule word for word: the 100 highest, a new one unused and larger than the smallest kept. */
function createNaiveNonces() {
  let kept: number[] = []
  return {
    offer(nonce: number, time: number): string {
      if (nonce <= time - 2 * DAY || nonce >= time + DAY) return 'NONCE_OUT_OF_WINDOW'
      if (kept.includes(nonce)) return 'NONCE_USED'
      if (kept.length === 100 && nonce < Math.min(...kept)) return 'NONCE_TOO_OLD'
      kept = [...kept, nonce].sort((a, b) => a - b).slice(-100)
      return 'ok'
    },
    keptAfter: (time: number) => kept.filter((nonce) => nonce > time),
  }
}

function offer(state: LedgerState, signer: Uint8Array, nonce: number, time: number): string {
  if (!isInWindow(nonce, time)) return 'NONCE_OUT_OF_WINDOW'
  const objection = nonceObjection(state, state.signerByAddress.find(signer), nonce)
  if (objection !== null) return objection
  useNonce(state, ensureSigner(state, signer), nonce, time)
  return 'ok'
}

const keptBy = (state: LedgerState, signer: Uint8Array): readonly number[] =>
  noncesOf(state, state.signerByAddress.find(signer))

describe('nonce window', () => {
  it('is open at both ends: two days back, one day ahead', () => {
    expect(isInWindow(NOW - 2 * DAY, NOW)).toBe(false)
    expect(isInWindow(NOW - 2 * DAY + 1, NOW)).toBe(true)
    expect(isInWindow(NOW + DAY - 1, NOW)).toBe(true)
    expect(isInWindow(NOW + DAY, NOW)).toBe(false)
  })
})

describe('nonce set', () => {
  it('keeps the 100 highest and refuses what is not above the smallest of them', () => {
    const { state } = createLedgerWorld()
    for (let i = 0; i < 100; i++) expect(offer(state, alice, NOW + i * 2, NOW)).toBe('ok')
    expect(offer(state, alice, NOW - 1, NOW)).toBe('NONCE_TOO_OLD')
    expect(offer(state, alice, NOW, NOW)).toBe('NONCE_USED')
    expect(offer(state, alice, NOW + 1, NOW)).toBe('ok')
    // The smallest gave way, so what was used is now simply too old.
    expect(offer(state, alice, NOW, NOW)).toBe('NONCE_TOO_OLD')
    expect(offer(state, alice, NOW + 1, NOW)).toBe('NONCE_USED')
    expect(keptBy(state, alice)).toHaveLength(100)
  })

  it('takes any unused nonce while fewer than 100 are kept, in any order', () => {
    const { state } = createLedgerWorld()
    for (const nonce of [50, 10, 90, 11, 9])
      expect(offer(state, alice, NOW + nonce, NOW)).toBe('ok')
    expect(keptBy(state, alice)).toEqual([9, 10, 11, 50, 90].map((nonce) => NOW + nonce))
    expect(offer(state, bob, NOW + 10, NOW)).toBe('ok')
  })

  it('writes little for the next nonce in order, however many are kept', () => {
    const { state, arena } = createLedgerWorld()
    for (let i = 0; i < 250; i++) {
      const before = arena.mark()
      offer(state, alice, NOW + i, NOW)
      if (i > 0) expect(arena.mark() - before).toBeLessThanOrEqual(5)
    }
    const before = arena.mark()
    offer(state, alice, NOW + 10_000, NOW)
    arena.revertTo(before)
    expect(keptBy(state, alice).at(-1)).toBe(NOW + 249)
    expect(arena.verifyDerived()).toEqual([])
  })

  it('forgets signers whose nonces are behind the window, and only those', () => {
    const { state, arena, breaches } = createLedgerWorld()
    for (let i = 0; i < 10; i++) offer(state, userAddress(i), NOW + i, NOW)
    const time = NOW + 4 + 2 * DAY
    expect(sweepSigners(state, 0, time)).toBe(0)
    expect(state.signers.count()).toBe(5)
    for (let i = 0; i < 10; i++) {
      const code = i <= 4 ? 'NONCE_OUT_OF_WINDOW' : 'NONCE_USED'
      expect(offer(state, userAddress(i), NOW + i, time)).toBe(code)
    }
    expect(breaches()).toEqual([])
    expect(arena.verifyDerived()).toEqual([])
  })

  it('agrees with the naive set after any offers', () => {
    // Small numbers fill the set and meet each other; large steps of time leave nonces behind the window.
    const command = fc.record({
      ahead: fc.oneof(
        fc.integer({ min: -150, max: 150 }),
        fc.integer({ min: -2 * DAY - 1, max: DAY + 1 }),
        fc.constantFrom(-2 * DAY, -2 * DAY + 1, DAY - 1, DAY),
      ),
      pass: fc.oneof(
        { weight: 30, arbitrary: fc.integer({ min: 0, max: 5 }) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 60 * DAY }) },
      ),
    })
    const commands = fc.array(command, { minLength: 1, maxLength: 400, size: 'max' })
    fc.assert(
      fc.property(commands, (list) => {
        const { state, breaches } = createLedgerWorld()
        const naive = createNaiveNonces()
        let time = NOW
        for (const { ahead, pass } of list) {
          time += pass
          const expected = naive.offer(time + ahead, time)
          expect(offer(state, alice, time + ahead, time), `${ahead} at ${time}`).toBe(expected)
        }
        const window = time - 2 * DAY
        const kept = keptBy(state, alice).filter((nonce) => nonce > window)
        expect(kept).toEqual(naive.keptAfter(window))
        expect(breaches()).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})
