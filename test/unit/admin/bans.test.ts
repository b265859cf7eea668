import { describe, expect, it } from 'vitest'
import { defaultPeerScoreOptions, PeerScores } from '../../../node/network/peerScores.ts'

describe('bans by an operator', () => {
  it('hold for their time, whatever the score, and can be taken back', () => {
    const scores = new PeerScores(defaultPeerScoreOptions)
    scores.ban('a', 1_000, 0)
    scores.ban('b', 5_000, 0)
    expect(scores.bans(999)).toEqual([
      { id: 'a', code: 'OPERATOR', untilMs: 1_000 },
      { id: 'b', code: 'OPERATOR', untilMs: 5_000 },
    ])
    expect(scores.isBanned('a', 999)).toBe(true)
    expect(scores.isBanned('a', 1_000)).toBe(false)
    expect(scores.bans(1_000)).toEqual([{ id: 'b', code: 'OPERATOR', untilMs: 5_000 }])
    expect([scores.unban('b', 1_001), scores.unban('b', 1_001)]).toEqual([true, false])
    expect(scores.isBanned('b', 1_001)).toBe(false)
  })

  it('are not shortened by what the peer does meanwhile', () => {
    const scores = new PeerScores(defaultPeerScoreOptions)
    scores.ban('a', 10 ** 9, 0)
    scores.penalize('a', 'TRUNCATED', 1)
    expect(scores.isBanned('a', 10 ** 9 - 1)).toBe(true)
    scores.penalize('a', 'BAD_SIGNATURE', 2)
    expect(scores.isBanned('a', 10 ** 9 - 1), 'a ban for the score is shorter').toBe(true)
  })
})
