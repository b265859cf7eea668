import type { Certificate } from '../core/chain/certificate.ts'
import type { ValidatorSet } from '../core/chain/validatorSet.ts'
import { type VoteType, voteDigest } from '../core/chain/vote.ts'
import { ok, type Result, reject } from '../core/primitives/result.ts'
import { signatures as scheme } from '../core/primitives/signature.ts'

export type CertificateCode = 'UNKNOWN_SIGNER' | 'DUPLICATE_SIGNER' | 'NO_QUORUM' | 'BAD_SIGNATURE'

/** Whether a signature of the certificate at hand was verified before, for the same vote. */
export type IsVerified = (validatorIndex: number, signature: Uint8Array) => boolean
const nothingYet: IsVerified = () => false

/**
 * Every signature is checked, also those beyond two thirds: a certificate that carries one bad
 * signature into a block makes the next verifier halt (CVE-2020-15091). A wrong chain, height, round
 * or block shows as a bad signature. `validators` is the set of the certificate's height. About 50 µs
 * per signature that was not verified before; what costs nothing is checked first.
 */
export function verifyCertificate(
  type: VoteType,
  certificate: Certificate,
  validators: ValidatorSet,
  chainId: number,
  isVerified: IsVerified = nothingYet,
): Result<Certificate, CertificateCode> {
  let power = 0
  let previous = -1
  for (const { validatorIndex } of certificate.signatures) {
    if (validators.validators[validatorIndex] === undefined) return reject('UNKNOWN_SIGNER')
    if (validatorIndex <= previous) return reject('DUPLICATE_SIGNER')
    previous = validatorIndex
    power += validators.powerOf(validatorIndex)
  }
  if (!validators.isQuorum(power)) return reject('NO_QUORUM')
  const { height, round, blockId } = certificate
  const digest = voteDigest({ type, chainId, height, round, blockId })
  const allGood = certificate.signatures.every(({ validatorIndex, signature }) => {
    if (isVerified(validatorIndex, signature)) return true
    const publicKey = validators.validators[validatorIndex]?.publicKey
    return publicKey !== undefined && scheme.verify(signature, digest, publicKey)
  })
  return allGood ? ok(certificate) : reject('BAD_SIGNATURE')
}

/** More than two thirds of the set precommitted this block: it is final. */
export const verifyCommitCertificate = (
  certificate: Certificate,
  validators: ValidatorSet,
  chainId: number,
  isVerified: IsVerified = nothingYet,
): Result<Certificate, CertificateCode> =>
  verifyCertificate('precommit', certificate, validators, chainId, isVerified)

/** More than two thirds of the set prevoted this block in this round. */
export const verifyPolkaCertificate = (
  certificate: Certificate,
  validators: ValidatorSet,
  chainId: number,
): Result<Certificate, CertificateCode> =>
  verifyCertificate('prevote', certificate, validators, chainId)
