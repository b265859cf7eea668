import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Codec, decode, encode } from '../../../core/primitives/codec.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import type { FrameFormat } from '../../../node/network/frames.ts'
import { type HandshakeMessage, handshakeFrames } from '../../../node/network/handshake.ts'
import {
  type Announcement,
  announcementCodec,
  batchCodec,
  type ProposalBody,
  type ProposalMessage,
  proposalBodyCodec,
  proposalFrames,
  type VoteMessage,
  voteFrames,
} from '../../../node/network/messages.ts'
import {
  type Request,
  type Response,
  requestFrames,
  responseFrames,
} from '../../../node/network/requests.ts'
import {
  blockId,
  bytesOf,
  bytesUpTo,
  certificate,
  crossMessage,
  evidence,
  header,
  height,
  round,
  roundCertificate,
  signedProposal,
  signedVote,
} from '../../support/chainArbitraries.ts'
import {
  expectCanonical,
  expectEveryTruncationFails,
  expectMutationsCanonical,
  expectRoundTrip,
  expectTrailingBytesFail,
} from '../../support/codecLaws.ts'

const kind = <K extends string>(name: K) => fc.constant(name)
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffffffff })
const name = fc.stringMatching(/^[\x20-\x7e]{0,64}$/)

const voteMessage: fc.Arbitrary<VoteMessage> = fc.oneof(
  fc.record({ kind: kind('vote'), vote: signedVote }),
  fc.record({ kind: kind('polkaCertificate'), certificate }),
  fc.record({ kind: kind('roundCertificate'), certificate: roundCertificate }),
  fc.record({ kind: kind('commitCertificate'), certificate }),
  fc.record({ kind: kind('status'), height, round }),
)
const body: fc.Arbitrary<ProposalBody> = fc.record({
  batches: fc.array(bytesOf(32), { maxLength: 3 }),
  inline: fc.array(bytesUpTo(40), { maxLength: 2 }),
  transactions: fc.array(fc.record({ batch: u16, position: u16 }), { maxLength: 4 }),
  messages: fc.array(crossMessage, { maxLength: 2 }),
  evidence: fc.array(evidence, { maxLength: 1 }),
  lastCommit: fc.option(certificate),
})
const proposalMessage: fc.Arbitrary<ProposalMessage> = fc.record({
  kind: kind('proposal'),
  proposal: signedProposal,
  header,
  body,
})
const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    kind: kind('getBatches'),
    id: u32,
    digests: fc.array(bytesOf(32), { maxLength: 3 }),
  }),
  fc.record({ kind: kind('getBlocks'), id: u32, from: height, count: u16 }),
  fc.record({ kind: kind('getBlock'), id: u32, height, blockId }),
)
const certified = fc.record({ block: bytesUpTo(40), certificate: bytesUpTo(20) })
const response: fc.Arbitrary<Response> = fc.oneof(
  fc.record({
    kind: kind('batches'),
    id: u32,
    batches: fc.array(bytesUpTo(40), { maxLength: 3 }),
  }),
  fc.record({ kind: kind('blocks'), id: u32, blocks: fc.array(certified, { maxLength: 3 }) }),
  fc.record({ kind: kind('block'), id: u32, block: fc.option(bytesUpTo(40)) }),
  fc.record({ kind: kind('refused'), id: u32 }),
)
const handshake: fc.Arbitrary<HandshakeMessage> = fc.oneof(
  fc.record({
    kind: kind('hello'),
    chainId: fc.maxSafeNat(),
    genesisHash: bytesOf(32),
    protocolVersion: u32,
    softwareVersion: name,
    moniker: name,
    height,
    instance: bytesOf(8),
  }),
  fc.record({ kind: kind('refusal'), code: name }),
)
const announcement: fc.Arbitrary<Announcement> = fc.record({ height, blockId })
const batch = fc.array(bytesUpTo(40), { maxLength: 4 })

function obeysTheLaws<T>(title: string, codec: Codec<T>, values: fc.Arbitrary<T>): void {
  it(`${title}: one value, one encoding`, () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = expectRoundTrip(codec, value)
        expectEveryTruncationFails(codec, bytes)
        expectTrailingBytesFail(codec, bytes)
        expectMutationsCanonical(codec, bytes, [1, 0x80, 0xff])
      }),
      { numRuns: 25 },
    )
  })
  it(`${title}: any bytes are refused or canonical`, () => {
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // Behind a tag that exists, garbage gets further.
      fc
        .tuple(fc.integer({ min: 1, max: 6 }), fc.uint8Array({ maxLength: 300 }))
        .map(([tag, bytes]) => Uint8Array.of(tag, ...bytes)),
    )
    fc.assert(
      fc.property(junk, (bytes) => expectCanonical(codec, bytes)),
      { numRuns: 500 },
    )
  })
}

describe('wire messages', () => {
  obeysTheLaws('votes and certificates', voteFrames.codec, voteMessage)
  obeysTheLaws('proposals', proposalFrames.codec, proposalMessage)
  obeysTheLaws('proposal bodies', proposalBodyCodec, body)
  obeysTheLaws('requests', requestFrames.codec, request)
  obeysTheLaws('responses', responseFrames.codec, response)
  obeysTheLaws('handshakes', handshakeFrames.codec, handshake)
  obeysTheLaws('announcements', announcementCodec, announcement)
  obeysTheLaws('batches', batchCodec, batch)

  it('a name of a handshake is printable', () => {
    const hello = fc.sample(handshake, { numRuns: 50 }).find((message) => message.kind === 'hello')
    if (hello === undefined) throw new Error('the generator makes hellos')
    const bytes = encode(handshakeFrames.codec, { ...hello, moniker: 'a\u0007b' })
    expect(decode(handshakeFrames.codec, bytes)).toEqual({ ok: false, code: 'OUT_OF_RANGE' })
  })

  it('the largest legal message of each kind fits its frame', () => {
    const fits = <T extends { kind: string }>(format: FrameFormat<T>, message: T): void => {
      const limit = format.limitOfKind(message.kind)?.maxBytes ?? 0
      expect(encode(format.codec, message).length, message.kind).toBeLessThanOrEqual(limit)
    }
    const signature = new Uint8Array(64)
    const vote = { ...fc.sample(signedVote, 1)[0], blockId: fc.sample(blockId, 1)[0] } as never
    const whole = {
      height: 1,
      round: 1,
      blockId: fc.sample(blockId, 1)[0],
      signatures: Array.from({ length: LIMITS.validators }, (_, validatorIndex) => ({
        validatorIndex,
        signature,
      })),
    } as never
    const votes = Array(2 * LIMITS.validators).fill(vote)
    fits(voteFrames, { kind: 'vote', vote })
    fits(voteFrames, { kind: 'commitCertificate', certificate: whole })
    fits(voteFrames, {
      kind: 'roundCertificate',
      certificate: { height: 1, round: 1, votes } as never,
    })
    const digests = Array(LIMITS.blockBatches).fill(new Uint8Array(32))
    fits(requestFrames, { kind: 'getBatches', id: 0xffffffff, digests })
    const block = new Uint8Array(LIMITS.blockBytes)
    const certificateBytes = new Uint8Array(LIMITS.certificateFrameBytes)
    fits(responseFrames, { kind: 'block', id: 1, block })
    fits(responseFrames, {
      kind: 'blocks',
      id: 1,
      blocks: [{ block, certificate: certificateBytes }],
    })
  })
})
