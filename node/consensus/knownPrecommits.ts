import type { IsVerified } from '../../consensus/verifyCertificate.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import type { HeightSession } from './heightSession.ts'

/**
 * Which precommits of a certificate were verified here before: as votes of its height, or in the
 * certificate that its block was committed with. Of a proposal's last commit that is nearly all, and
 * 100 signatures take 5 ms.
 */
export function knownPrecommits(
  { height, round, blockId }: Certificate,
  verified: Certificate | null,
  session: Pick<HeightSession, 'isKnown'> | null,
): IsVerified {
  const isSame =
    verified?.height === height && verified.round === round && verified.blockId === blockId
  const signatures = new Map(
    isSame ? verified.signatures.map((one) => [one.validatorIndex, one.signature]) : [],
  )
  return (validatorIndex, signature) => {
    const known = signatures.get(validatorIndex)
    if (known !== undefined && equalBytes(known, signature)) return true
    const vote = { type: 'precommit', height, round, blockId, validatorIndex, signature } as const
    return session?.isKnown(vote) ?? false
  }
}
