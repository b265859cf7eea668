import { describe, expect, it } from 'vitest'
import { type BlockId, roundOf } from '../../../core/primitives/units.ts'
import { VotesSeen } from '../../../node/consensus/votesSeen.ts'

const a = 'aa'.repeat(32) as BlockId
const vote = (change: object = {}) => ({
  ...{ type: 'prevote' as const, round: roundOf(3), validatorIndex: 7, blockId: a },
  ...{ signature: new Uint8Array(64).fill(1) },
  ...change,
})

describe('VotesSeen', () => {
  it('knows a vote again by everything that makes it one', () => {
    const seen = new VotesSeen()
    expect(seen.has(vote())).toBe(false)
    seen.add(vote())
    expect(seen.has(vote())).toBe(true)
    for (const change of [
      { type: 'precommit' },
      { round: roundOf(4) },
      { validatorIndex: 8 },
      { validatorIndex: 7 + 2 ** 15 },
      { blockId: null },
      { signature: new Uint8Array(64).fill(2) },
    ])
      expect(seen.has(vote(change)), JSON.stringify(change)).toBe(false)
  })

  it('never takes a vote of one place for that of another, whatever index is claimed', () => {
    const seen = new VotesSeen()
    seen.add(vote({ round: roundOf(0), validatorIndex: 0 }))
    const claims = [0, 1, 2].flatMap((round) =>
      [0, 1, 100, 65_535].map((validatorIndex) => vote({ round: roundOf(round), validatorIndex })),
    )
    expect(claims.filter((one) => seen.has(one)).length).toBe(1)
    const far = vote({ round: 2 ** 32 - 1, type: 'precommit', validatorIndex: 65_535 })
    expect(seen.has(far)).toBe(false)
    seen.add(far)
    expect(seen.has(far)).toBe(true)
  })

  it('keeps the first vote, and one that contradicts it', () => {
    const seen = new VotesSeen()
    const [first, second, third] = [vote(), vote({ blockId: null }), vote({ blockId: 'bb' })]
    for (const one of [first, second]) seen.add(one)
    expect(seen.firstOf(third)).toBe(first)
    expect([seen.has(first), seen.has(second), seen.has(third)]).toEqual([true, true, false])
    seen.add(third)
    expect(seen.firsts()).toEqual([first])
    expect([seen.has(first), seen.has(second), seen.has(third)]).toEqual([true, false, true])
  })
})
