import { type Codec, encode, int, mapped, struct, u8, u32, unitOf } from '../primitives/codec.ts'
import { DOMAIN, hash } from '../primitives/hash.ts'
import type { Millis } from '../primitives/units.ts'

export type FeeRecipient = 'burn' | 'treasury' | 'proposer'

/** What every node must agree on besides the state; the hash is in every header. */
export type ConsensusParams = {
  readonly maxBlockBytes: number
  /** Ethereum block gas limit. */
  readonly maxBlockGas: number
  readonly emptyBlockIntervalMs: Millis
  /** Proposer-based timestamps: accepted clock difference, and how long a proposal may travel in round 0. */
  readonly precisionMs: Millis
  readonly messageDelayMs: Millis
  /** Evidence expires when it is older than both. */
  readonly evidenceMaxAgeMs: Millis
  readonly evidenceMaxAgeBlocks: number
  readonly baseFeeRecipient: FeeRecipient
  readonly tipRecipient: FeeRecipient
}

const RECIPIENTS: readonly FeeRecipient[] = ['burn', 'treasury', 'proposer']
const recipientCodec: Codec<FeeRecipient> = mapped(
  u8,
  (tag, reader) => {
    const recipient = RECIPIENTS[tag]
    if (recipient === undefined) reader.fail('BAD_TAG')
    return recipient ?? 'burn'
  },
  (recipient) => RECIPIENTS.indexOf(recipient),
)
const millis = unitOf<Millis>(int)

export const consensusParamsCodec: Codec<ConsensusParams> = struct<ConsensusParams>({
  maxBlockBytes: u32,
  maxBlockGas: int,
  emptyBlockIntervalMs: millis,
  precisionMs: millis,
  messageDelayMs: millis,
  evidenceMaxAgeMs: millis,
  evidenceMaxAgeBlocks: int,
  baseFeeRecipient: recipientCodec,
  tipRecipient: recipientCodec,
})

export const consensusParamsHash = (params: ConsensusParams): Uint8Array =>
  hash(DOMAIN.consensusParams, encode(consensusParamsCodec, params))
