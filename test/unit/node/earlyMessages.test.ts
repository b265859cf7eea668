import { expect, it } from 'vitest'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { type EarlyMessage, EarlyMessages } from '../../../node/consensus/earlyMessages.ts'

const MIB = 1024 * 1024

/** As a peer that is no validator can send it: nobody has checked anything of it. */
const proposalWith = (inline: readonly Uint8Array[]): EarlyMessage => ({
  peerId: 'peer',
  receivedAt: 0,
  message: {
    kind: 'proposal',
    body: { inline, batches: [], transactions: [], messages: [], evidence: [], lastCommit: null },
  } as unknown as EarlyMessage['message'],
})

const vote: EarlyMessage = {
  peerId: 'peer',
  receivedAt: 0,
  message: { kind: 'vote' } as EarlyMessage['message'],
}

it('holds no more than 32 MiB, however large the proposals for heights ahead are', () => {
  const early = new EarlyMessages()
  const large = proposalWith([new Uint8Array(4 * MIB)])
  const kept = Array.from({ length: 100 }, () => early.add(5, 4, large)).filter((one) => one)
  expect(kept.length).toBe(7)
  expect(early.take(5).length).toBe(7)
})

it('gives the room of the farthest height to a nearer one, and never the other way round', () => {
  const early = new EarlyMessages()
  const large = proposalWith([new Uint8Array(4 * MIB)])
  for (let height = 5; height < 12; height++) expect(early.add(height, 4, large)).toBe(true)
  expect(early.add(12, 4, large)).toBe(false)
  expect(early.add(5, 4, large)).toBe(true)
  expect(early.take(11)).toEqual([])
  for (let i = 0; i < 7; i++) expect(early.add(13, 11, large)).toBe(true)
  expect(early.add(14, 11, large)).toBe(false)
})

it('bounds heights, messages of a height, and those of one peer in it', () => {
  const early = new EarlyMessages()
  expect(early.add(4, 4, vote)).toBe(false)
  expect(early.add(5 + LIMITS.heightsAhead, 4, vote)).toBe(false)
  const kept = new Map<string, number>()
  for (let i = 0; i < 40 * 100; i++) {
    const peerId = `peer ${i % 40}`
    if (early.add(5, 4, { ...vote, peerId })) kept.set(peerId, (kept.get(peerId) ?? 0) + 1)
  }
  expect(early.count).toBe(LIMITS.messagesPerHeightAhead)
  expect(early.take(5).length).toBe(LIMITS.messagesPerHeightAhead)
  expect(early.count).toBe(0)
  expect(kept.size, 'all of them have a share').toBe(40)
})

it('leaves the place to others, whatever one peer sends', () => {
  const early = new EarlyMessages()
  for (let i = 0; i < 2 * LIMITS.messagesPerHeightAhead; i++) early.add(5, 4, vote)
  expect(early.count).toBe(64)
  expect(early.add(5, 4, { ...vote, peerId: 'another' })).toBe(true)
  expect(early.take(5).length).toBe(65)
})
