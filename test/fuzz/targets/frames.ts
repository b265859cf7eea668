// Streams of frames as a peer sends them, in pieces of any size.
import fc from 'fast-check'
import { concatBytes } from '../../../core/primitives/bytes.ts'
import { encodeFrame, type FrameFormat, FrameReader } from '../../../node/network/frames.ts'
import { handshakeFrames } from '../../../node/network/handshake.ts'
import { proposalFrames, voteFrames } from '../../../node/network/messages.ts'
import { requestFrames, responseFrames } from '../../../node/network/requests.ts'
import * as arbitrary from '../../support/chainArbitraries.ts'
import { randomFrom } from '../../support/smallRandom.ts'
import type { Target } from '../target.ts'
import { samplesOf } from './samples.ts'

/** Reads the stream whole and in pieces: both must come to the same. */
function frameTarget<T extends { readonly kind: string }>(
  name: string,
  format: FrameFormat<T>,
  messages: readonly T[],
): Target {
  const frames = messages.map((message) => encodeFrame(format, message))
  return {
    name: `frames of ${name}`,
    seeds: [...frames, concatBytes(...frames.slice(0, 3))],
    run: (bytes) => {
      const whole = read(format, [bytes])
      const random = randomFrom(bytes.length)
      const pieces: Uint8Array[] = []
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + random(Math.max(1, Math.ceil(bytes.length / 8)))
        pieces.push(bytes.subarray(at, at + size))
        at += size
      }
      const cut = read(format, pieces)
      if (whole !== cut) throw new Error(`whole ${whole}, in pieces ${cut}`)
      return whole
    },
  }
}

/** The kinds that came, and how it ended. */
function read<T>(format: FrameFormat<T>, pieces: readonly Uint8Array[]): string {
  const reader = new FrameReader(format)
  const kinds: string[] = []
  for (const piece of pieces) {
    reader.push(piece)
    for (;;) {
      const next = reader.read()
      if (!next.ok) return [...kinds, next.code].slice(-2).join(' ')
      if (next.value === null) break
      kinds.push(next.value.kind)
    }
  }
  return [...kinds, 'waits'].slice(-2).join(' ')
}

const height = arbitrary.height
const kind = <K extends string>(name: K) => fc.constant(name)
const id = fc.nat(0xffff_ffff)

const votes = fc.oneof(
  fc.record({ kind: kind('vote'), vote: arbitrary.signedVote }),
  fc.record({ kind: kind('polkaCertificate'), certificate: arbitrary.certificate }),
  fc.record({ kind: kind('roundCertificate'), certificate: arbitrary.roundCertificate }),
  fc.record({ kind: kind('commitCertificate'), certificate: arbitrary.certificate }),
  fc.record({ kind: kind('status'), height, round: arbitrary.round }),
)
const proposals = fc.record({
  kind: kind('proposal'),
  proposal: arbitrary.signedProposal,
  header: arbitrary.header,
  body: fc.record({
    batches: fc.array(arbitrary.bytesOf(32), { maxLength: 3 }),
    inline: fc.array(arbitrary.bytesUpTo(40), { maxLength: 2 }),
    transactions: fc.array(fc.record({ batch: fc.nat(65_535), position: fc.nat(65_535) }), {
      maxLength: 3,
    }),
    messages: fc.array(arbitrary.crossMessage, { maxLength: 1 }),
    evidence: fc.array(arbitrary.evidence, { maxLength: 1 }),
    lastCommit: fc.option(arbitrary.certificate),
  }),
})
const name = fc.string({ unit: 'grapheme-ascii', maxLength: 64 })
const handshakes = fc.oneof(
  fc.record({
    kind: kind('hello'),
    chainId: fc.nat(),
    genesisHash: arbitrary.bytesOf(32),
    protocolVersion: id,
    softwareVersion: name,
    moniker: name,
    height,
    instance: arbitrary.bytesOf(8),
  }),
  fc.record({ kind: kind('refusal'), code: name }),
)
const requests = fc.oneof(
  fc.record({
    kind: kind('getBatches'),
    id,
    digests: fc.array(arbitrary.bytesOf(32), { maxLength: 4 }),
  }),
  fc.record({ kind: kind('getBlocks'), id, from: height, count: fc.nat(65_535) }),
  fc.record({ kind: kind('getBlock'), id, height, blockId: arbitrary.blockId }),
)
const bytes = arbitrary.bytesUpTo(60)
const responses = fc.oneof(
  fc.record({ kind: kind('batches'), id, batches: fc.array(bytes, { maxLength: 3 }) }),
  fc.record({
    kind: kind('blocks'),
    id,
    blocks: fc.array(fc.record({ block: bytes, certificate: bytes }), { maxLength: 3 }),
  }),
  fc.record({ kind: kind('block'), id, block: fc.option(bytes) }),
  fc.record({ kind: kind('refused'), id }),
)

export const frameTargets: readonly Target[] = [
  frameTarget('votes', voteFrames, samplesOf(votes, 20)),
  frameTarget('proposals', proposalFrames, samplesOf(proposals)),
  frameTarget('the handshake', handshakeFrames, samplesOf(handshakes)),
  frameTarget('requests', requestFrames, samplesOf(requests)),
  frameTarget('responses', responseFrames, samplesOf(responses, 16)),
]
