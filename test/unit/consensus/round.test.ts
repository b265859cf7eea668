// The round function alone: what a fact does in a step where it does not belong.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  initialRoundState,
  type RoundInput,
  type RoundState,
  STEPS,
  step,
} from '../../../consensus/round.ts'
import { type Round, roundOf } from '../../../core/primitives/units.ts'
import { block } from '../../support/consensus.ts'

const [a, b] = [block('a'), block('b')]
const started = step(initialRoundState, { kind: 'newRound', round: roundOf(0), proposer: true })[0]

describe('step', () => {
  test('takes one value for a round that asked for one', () => {
    const value: RoundInput = { kind: 'proposeValue', round: roundOf(0), blockId: a }
    const [proposed, effects] = step(started, value)
    expect(effects).toEqual([{ kind: 'propose', polRound: -1, blockId: a }])
    expect(step(proposed, value)).toEqual([proposed, []])
    expect(step(started, { ...value, round: roundOf(1) })).toEqual([started, []])
    const other = step(initialRoundState, {
      kind: 'newRound',
      round: roundOf(0),
      proposer: false,
    })[0]
    expect(step(other, value)).toEqual([other, []])
  })

  test('does nothing after a decision', () => {
    const decided = step(started, { kind: 'precommitValue', round: roundOf(0), blockId: a })[0]
    fc.assert(
      fc.property(anyRoundInput, (input) => {
        expect(step(decided, input)).toEqual([decided, []])
      }),
    )
  })

  test('votes at most once in each step of a round, and never against its invariants', () => {
    fc.assert(
      fc.property(fc.array(anyRoundInput, { maxLength: 40, size: 'max' }), (inputs) => {
        const votes = new Set<string>()
        let state: RoundState = started
        for (const input of inputs) {
          if (input.kind === 'newRound' && input.round <= state.round) continue
          const [after, effects] = step(state, input)
          for (const effect of effects) {
            if (effect.kind !== 'prevote' && effect.kind !== 'precommit') continue
            const slot = `${effect.kind} ${after.round}`
            expect(votes.has(slot), slot).toBe(false)
            votes.add(slot)
          }
          expect(STEPS).toContain(after.step)
          state = after
        }
      }),
      { numRuns: 500 },
    )
  })

  test('leaves the state it was given alone', () => {
    const before = { ...started }
    step(started, { kind: 'proposal', blockId: a, acceptable: true })
    expect(started).toEqual(before)
  })
})

const value = fc.constantFrom(a, b)
const round = fc.nat(5).map((n) => n as Round)
const anyRoundInput: fc.Arbitrary<RoundInput> = fc.oneof(
  fc.record({ kind: fc.constant('newRound' as const), round, proposer: fc.boolean() }),
  fc.record({ kind: fc.constant('proposeValue' as const), round, blockId: value }),
  fc.record({ kind: fc.constant('proposal' as const), blockId: value, acceptable: fc.boolean() }),
  fc.record({
    kind: fc.constant('proposalWithPolka' as const),
    blockId: value,
    polRound: round,
    valid: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('polkaValue' as const), blockId: value }),
  fc.constantFrom<RoundInput>(
    { kind: 'polkaNil' },
    { kind: 'polkaAny' },
    { kind: 'precommitAny' },
    { kind: 'timeoutPropose' },
    { kind: 'timeoutPrevote' },
  ),
  fc.record({ kind: fc.constant('precommitValue' as const), round, blockId: value }),
)
