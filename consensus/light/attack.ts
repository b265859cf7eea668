import type { Certificate } from '../../core/chain/certificate.ts'
import { votesOf } from '../../core/chain/certificate.ts'
import { duplicateVoteOf, type Evidence } from '../../core/chain/evidence.ts'
import type { Validator, ValidatorSet } from '../../core/chain/validatorSet.ts'
import { heightCodec } from '../../core/chain/vote.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { type Codec, struct } from '../../core/primitives/codec.ts'
import type { Height } from '../../core/primitives/units.ts'
import { type LightBlock, lightBlockCodec } from './lightBlock.ts'
import type { TrustedState } from './trusted.ts'

/** A certified block that is not the chain's, and the last height before it that is. */
export type LightClientAttack = {
  readonly commonHeight: Height
  readonly conflicting: LightBlock
}

export const lightClientAttackCodec: Codec<LightClientAttack> = struct<LightClientAttack>({
  commonHeight: heightCodec,
  conflicting: lightBlockCodec,
})

/**
 * `lunatic`: a header that does not follow from the common one; who signed it is guilty.
 * `equivocation`: two blocks of one round; who signed both is guilty.
 * `amnesia`: two blocks of two rounds; somebody forgot a lock, and certificates do not show who.
 */
export type AttackKind = 'lunatic' | 'equivocation' | 'amnesia'

export type AttackVerdict = {
  readonly kind: AttackKind
  readonly culprits: readonly Validator[]
}

/**
 * Who is behind an attack, for one who knows the chain: its own block of the conflicting height, and
 * its state at the common one. Both blocks must be verified. Where heights lie between the common
 * and the conflicting one, `lunatic` presumes that no second chain leads to it (as CometBFT does).
 */
export function judgeAttack(
  { conflicting }: LightClientAttack,
  chain: { readonly common: TrustedState; readonly block: LightBlock },
): AttackVerdict {
  if (!followsLike(conflicting, chain.block)) {
    const { nextValidators } = chain.common
    const culprits = signersOf(conflicting.certificate, conflicting.validators)
    return { kind: 'lunatic', culprits: sameKeys(culprits, nextValidators.validators) }
  }
  const { certificate, validators } = chain.block
  if (certificate.round !== conflicting.certificate.round) return { kind: 'amnesia', culprits: [] }
  const honest = signersOf(certificate, validators)
  const others = signersOf(conflicting.certificate, conflicting.validators)
  return { kind: 'equivocation', culprits: sameKeys(honest, others) }
}

/** Whatever follows from the blocks before: only proposer, time and payload are the proposer's choice. */
function followsLike({ header: a }: LightBlock, { header: b }: LightBlock): boolean {
  return (
    equalBytes(a.validatorsHash, b.validatorsHash) &&
    equalBytes(a.nextValidatorsHash, b.nextValidatorsHash) &&
    equalBytes(a.consensusParamsHash, b.consensusParamsHash) &&
    equalBytes(a.stateRoot, b.stateRoot) &&
    equalBytes(a.receiptsRoot, b.receiptsRoot)
  )
}

const signersOf = ({ signatures }: Certificate, { validators }: ValidatorSet): Validator[] =>
  signatures.flatMap(({ validatorIndex }) => validators[validatorIndex] ?? [])

/** The second list's validators whose keys are in the first. */
const sameKeys = (keys: readonly Validator[], validators: readonly Validator[]): Validator[] =>
  validators.filter(({ publicKey }) => keys.some((one) => equalBytes(one.publicKey, publicKey)))

/**
 * What the chain itself can punish: both precommits of everybody who signed two blocks of one height
 * and round. Positions are those in the chain's own set; they are not part of what is signed.
 */
export function duplicateVotesOf(
  chain: LightBlock,
  conflicting: LightBlock,
  chainId: number,
): Evidence[] {
  const [own, other] = [chain.certificate, conflicting.certificate]
  if (own.height !== other.height || own.round !== other.round || own.blockId === other.blockId)
    return []
  const votes = votesOf(own, 'precommit', chainId)
  return votesOf(other, 'precommit', chainId).flatMap((vote) => {
    const address = conflicting.validators.addresses[vote.validatorIndex]
    const validatorIndex = address === undefined ? -1 : chain.validators.indexOf(address)
    const first = votes.find((one) => one.validatorIndex === validatorIndex)
    return first === undefined ? [] : [duplicateVoteOf(first, { ...vote, validatorIndex })]
  })
}
