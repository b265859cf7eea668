import { equalBytes } from '../../core/primitives/bytes.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { Millis } from '../../core/primitives/units.ts'
import { verifyCommitCertificate } from '../verifyCertificate.ts'
import { checkLightBlock, type LightBlock, type LightBlockCode } from './lightBlock.ts'
import type { VerifyOptions } from './options.ts'
import { type TrustedState, trustedOf } from './trusted.ts'

export type VerifyCode =
  | LightBlockCode
  /** The trusted state is older than the trusting period: nothing follows from it any more. */
  | 'EXPIRED'
  /** The header's time is beyond the own clock and its drift. */
  | 'FROM_FUTURE'
  | 'NON_MONOTONIC_HEIGHT'
  | 'NON_MONOTONIC_TIME'
  /** The next height, with other validators than the trusted header announced. */
  | 'UNEXPECTED_VALIDATORS'
  /** The next height, after another block than the trusted one. */
  | 'BROKEN_CHAIN'
  /** Too little of the trusted power signed to skip this far: a height between may help. */
  | 'NOT_ENOUGH_TRUST'
  /** Two thirds or less of the block's own power signed. */
  | 'INSUFFICIENT_SIGNED_POWER'
  | 'UNKNOWN_SIGNER'
  | 'DUPLICATE_SIGNER'
  | 'BAD_SIGNATURE'

/**
 * Whether a block of a later height follows from a trusted one, at the time `nowMs`. The next height
 * needs the announced validators; any other needs the trust level of the announced set first, and
 * always more than two thirds of its own set, every signature valid. What costs nothing comes first;
 * then 50 µs per signature.
 */
export function verify(
  trusted: TrustedState,
  untrusted: LightBlock,
  options: VerifyOptions,
  nowMs: Millis,
): Result<TrustedState, VerifyCode> {
  const { header } = untrusted
  if (trusted.time + options.trustingPeriodMs <= nowMs) return reject('EXPIRED')
  if (header.height <= trusted.height) return reject('NON_MONOTONIC_HEIGHT')
  if (header.time <= trusted.time) return reject('NON_MONOTONIC_TIME')
  if (header.time >= nowMs + options.maxClockDriftMs) return reject('FROM_FUTURE')
  const checked = checkLightBlock(untrusted, options.chainId)
  if (!checked.ok) return checked
  const follows =
    header.height === trusted.height + 1
      ? checkAdjacent(trusted, untrusted)
      : checkSkipping(trusted, untrusted, options)
  if (!follows.ok) return follows
  const signed = verifySignatures(untrusted, options.chainId)
  return signed.ok ? ok(trustedOf(untrusted)) : signed
}

function checkAdjacent(
  trusted: TrustedState,
  { header }: LightBlock,
): Result<null, 'UNEXPECTED_VALIDATORS' | 'BROKEN_CHAIN'> {
  if (!equalBytes(header.validatorsHash, trusted.nextValidators.hash))
    return reject('UNEXPECTED_VALIDATORS')
  return header.previousBlockId === trusted.id ? ok(null) : reject('BROKEN_CHAIN')
}

/** Each validator counts with the power that it had in the trusted set, once. */
function checkSkipping(
  { nextValidators }: TrustedState,
  { certificate, validators }: LightBlock,
  { trustLevel }: VerifyOptions,
): Result<null, 'NOT_ENOUGH_TRUST'> {
  const counted = new Set<number>()
  let power = 0
  for (const { validatorIndex } of certificate.signatures) {
    const address = validators.addresses[validatorIndex]
    const index = address === undefined ? -1 : nextValidators.indexOf(address)
    if (index < 0 || counted.has(index)) continue
    counted.add(index)
    power += nextValidators.powerOf(index)
  }
  const isEnough = power * trustLevel.denominator > nextValidators.totalPower * trustLevel.numerator
  return isEnough ? ok(null) : reject('NOT_ENOUGH_TRUST')
}

/** More than two thirds of the block's own set signed it, and nothing in the certificate is false. */
export function verifySignatures(
  { certificate, validators }: Pick<LightBlock, 'certificate' | 'validators'>,
  chainId: number,
): Result<
  null,
  'INSUFFICIENT_SIGNED_POWER' | 'UNKNOWN_SIGNER' | 'DUPLICATE_SIGNER' | 'BAD_SIGNATURE'
> {
  const verified = verifyCommitCertificate(certificate, validators, chainId)
  if (verified.ok) return ok(null)
  return reject(verified.code === 'NO_QUORUM' ? 'INSUFFICIENT_SIGNED_POWER' : verified.code)
}
