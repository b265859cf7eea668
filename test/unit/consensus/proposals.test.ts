import { describe, expect, test } from 'vitest'
import { isTimely, messageDelayOf } from '../../../consensus/timely.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { millisOf, roundOf } from '../../../core/primitives/units.ts'
import {
  block,
  checked,
  feed,
  newHeight,
  precommit,
  prevote,
  proposal,
  START,
  timeout,
  words,
} from '../../support/consensus.ts'

const [a, b, c] = [block('a'), block('b'), block('c')]

describe('proposals', () => {
  test('two distinct ones of a round are evidence, once', () => {
    const height = newHeight(3)
    feed(height, START, proposal(0, a))
    expect(words(feed(height, proposal(0, a)))).toEqual([])
    expect(words(feed(height, proposal(0, b)))).toEqual([
      'evidence duplicateProposal 0',
      'checkBlock b',
    ])
    expect(words(feed(height, proposal(0, c)))).toEqual(['checkBlock c'])
  })

  test('with another polka round are distinct too', () => {
    const height = newHeight(3)
    feed(height, START, proposal(2, a, { polRound: 0 }))
    expect(words(feed(height, proposal(2, a, { polRound: 1 })))).toContain(
      'evidence duplicateProposal 2',
    )
  })

  test('of an equivocating proposer are all kept, so a polka for the second can still lock', () => {
    const height = newHeight(3)
    feed(height, START, proposal(0, a), checked(a), proposal(0, b), checked(b))
    const prevotes = [0, 1, 2].map((index) => prevote(0, b, index))
    expect(words(feed(height, ...prevotes))).toContain('precommit 0 b')
  })

  test('beyond the limit of a round are dropped', () => {
    const height = newHeight(3)
    const ids = Array.from({ length: LIMITS.proposalsPerRound + 1 }, (_, i) => block(`block ${i}`))
    feed(height, START)
    const asked = ids.map((id) => words(feed(height, proposal(0, id))).length)
    expect(asked.at(-2)).toBe(1)
    expect(asked.at(-1)).toBe(0)
  })

  test('of a later round wait for it', () => {
    const height = newHeight(3)
    expect(words(feed(height, START, proposal(1, a), checked(a)))).not.toContain('1.propose')
    feed(height, ...[0, 1, 2].map((index) => precommit(0, null, index)))
    expect(words(feed(height, timeout('precommit', 0)))).toContain('prevote 1 a')
  })

  test('a copy that arrives late does not make a timely one untimely, nor the other way', () => {
    const timely = newHeight(3)
    feed(timely, START, proposal(0, a), proposal(0, a, { receivedAt: 9_000 }))
    expect(words(feed(timely, checked(a)))).toContain('prevote 0 a')
    const late = newHeight(3)
    const effects = feed(late, proposal(0, a, { receivedAt: 9_000 }), proposal(0, a), START)
    expect(words(effects)).toContain('prevote 0 nil')
  })
})

describe('isTimely', () => {
  const params = { precisionMs: millisOf(20), messageDelayMs: millisOf(200) }
  const at = (receivedAt: number, round = 0) =>
    isTimely(
      { time: millisOf(1_000), receivedAt: millisOf(receivedAt), round: roundOf(round) },
      params,
    )

  test('holds from time − precision to time + delay + precision, both included', () => {
    expect([979, 980, 1_000, 1_220, 1_221].map((received) => at(received))).toEqual([
      ...[false, true, true, true, false],
    ])
  })

  test('the delay doubles with each round, the precision does not', () => {
    expect(at(1_420, 1)).toBe(true)
    expect(at(1_421, 1)).toBe(false)
    expect(at(979, 9)).toBe(false)
    expect(messageDelayOf(roundOf(3), millisOf(200))).toBe(1_600)
  })

  test('the delay stops growing, so it stays an exact number', () => {
    const delays = [16, 17, 1_000_000, 0xffffffff].map((round) =>
      messageDelayOf(roundOf(round), millisOf(200)),
    )
    expect(new Set(delays)).toEqual(new Set([200 * 65_536]))
  })
})
