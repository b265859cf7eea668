// Inputs as WAL records. Reading one back trusts its signatures: the WAL is ours and checksummed, and
// admission had checked them before they were written.
import { certificateCodec } from '../core/chain/certificate.ts'
import {
  blockIdCodec,
  heightCodec,
  roundCodec,
  signedProposalCodec,
  signedVoteCodec,
} from '../core/chain/vote.ts'
import {
  bool,
  type Codec,
  int,
  mapped,
  struct,
  u8,
  union,
  unitOf,
} from '../core/primitives/codec.ts'
import type { Millis } from '../core/primitives/units.ts'
import { type Input, TIMER_KINDS, type Timer, type TimerKind } from './input.ts'
import { trustCommit, trustPolka, trustProposal, trustVote } from './verified.ts'

const millis = unitOf<Millis>(int)

const timerKindCodec: Codec<TimerKind> = mapped(
  u8,
  (tag, reader) => {
    const kind = TIMER_KINDS[tag]
    if (kind === undefined) reader.fail('BAD_TAG')
    return kind ?? 'propose'
  },
  (kind) => TIMER_KINDS.indexOf(kind),
)

const timerCodec: Codec<Timer> = struct<Timer>({
  kind: timerKindCodec,
  height: heightCodec,
  round: roundCodec,
})

/** Canonical. Tags are numbered for ever: a WAL outlives the version that wrote it. */
export const inputCodec: Codec<Input> = union<Input>({
  start: { tag: 1, codec: struct({}) },
  proposal: {
    tag: 2,
    codec: struct({
      proposal: mapped(signedProposalCodec, trustProposal, (proposal) => proposal),
      time: millis,
      receivedAt: millis,
    }),
  },
  blockChecked: { tag: 3, codec: struct({ blockId: blockIdCodec, valid: bool }) },
  vote: {
    tag: 4,
    codec: struct({ vote: mapped(signedVoteCodec, trustVote, (vote) => vote) }),
  },
  valueReady: {
    tag: 5,
    codec: struct({ round: roundCodec, blockId: blockIdCodec, time: millis }),
  },
  timeout: { tag: 6, codec: struct({ timer: timerCodec }) },
  polkaCertificate: {
    tag: 7,
    codec: struct({
      certificate: mapped(certificateCodec, trustPolka, (certificate) => certificate),
    }),
  },
  commitCertificate: {
    tag: 8,
    codec: struct({
      certificate: mapped(certificateCodec, trustCommit, (certificate) => certificate),
    }),
  },
})
