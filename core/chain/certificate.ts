import { type Codec, fixedBytes, list, mapped, struct, u16 } from '../primitives/codec.ts'
import { LIMITS } from '../primitives/limits.ts'
import { SIGNATURE_LENGTH } from '../primitives/signature.ts'
import type { BlockId, Height, Round } from '../primitives/units.ts'
import {
  blockIdCodec,
  heightCodec,
  roundCodec,
  type SignedVote,
  signedVoteCodec,
  type VoteType,
} from './vote.ts'

export type CertificateSignature = {
  readonly validatorIndex: number
  readonly signature: Uint8Array
}

/**
 * Votes of more than two thirds of the power for one block at one round: precommits make a commit
 * certificate, prevotes a polka certificate. Signatures are in index order, each index once.
 */
export type Certificate = {
  readonly height: Height
  readonly round: Round
  readonly blockId: BlockId
  readonly signatures: readonly CertificateSignature[]
}

/** Why a round may be entered: more than 2/3 precommits of the round before, or more than 1/3 votes of this one. */
export type RoundCertificate = {
  readonly height: Height
  readonly round: Round
  readonly votes: readonly SignedVote[]
}

const signaturesCodec: Codec<readonly CertificateSignature[]> = mapped(
  list(
    struct<CertificateSignature>({
      validatorIndex: u16,
      signature: fixedBytes(SIGNATURE_LENGTH),
    }),
    LIMITS.validators,
  ),
  (signatures, reader) => {
    for (let i = 1; i < signatures.length; i++) {
      const previous = signatures[i - 1] as CertificateSignature
      if ((signatures[i] as CertificateSignature).validatorIndex <= previous.validatorIndex)
        reader.fail('NOT_SORTED')
    }
    return signatures
  },
  (signatures) => signatures,
)

export const certificateCodec: Codec<Certificate> = struct<Certificate>({
  height: heightCodec,
  round: roundCodec,
  blockId: blockIdCodec,
  signatures: signaturesCodec,
})

export const roundCertificateCodec: Codec<RoundCertificate> = struct<RoundCertificate>({
  height: heightCodec,
  round: roundCodec,
  votes: list(signedVoteCodec, 2 * LIMITS.validators),
})

/** The votes that a certificate stands for. */
export function votesOf(certificate: Certificate, type: VoteType, chainId: number): SignedVote[] {
  const { height, round, blockId } = certificate
  return certificate.signatures.map(({ validatorIndex, signature }) => ({
    type,
    chainId,
    height,
    round,
    blockId,
    validatorIndex,
    signature,
  }))
}
