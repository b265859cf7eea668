import { blockIdOf, type Header, headerCodec } from '../../core/chain/block.ts'
import { type Certificate, certificateCodec } from '../../core/chain/certificate.ts'
import { ValidatorSet, validatorSetCodec } from '../../core/chain/validatorSet.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { type Codec, type DecodeCode, decode, mapped, struct } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { BlockId } from '../../core/primitives/units.ts'

/** All that a client without the chain's state needs to judge one height. */
export type LightBlock = {
  readonly header: Header
  /** The commit certificate of the header. */
  readonly certificate: Certificate
  /** Of the header's height, with the priorities that decide who proposes. */
  readonly validators: ValidatorSet
  readonly nextValidators: ValidatorSet
}

export type LightBlockCode =
  | 'WRONG_CHAIN'
  | 'WRONG_VALIDATORS'
  | 'WRONG_NEXT_VALIDATORS'
  | 'WRONG_CERTIFICATE'

/** The one encoding of a set: its validators in address order, keys valid and different. */
const setCodec: Codec<ValidatorSet> = mapped(
  validatorSetCodec,
  (validators, reader) => {
    // After a fault nobody sees the value; checking 128 keys would cost 8 ms.
    if (reader.fault !== null) return NO_SET
    const set = ValidatorSet.create(validators)
    if (!set.ok) reader.fail('OUT_OF_RANGE')
    else if (set.value.validators.some((validator, i) => validator !== validators[i]))
      reader.fail('NOT_SORTED')
    return set.ok ? set.value : NO_SET
  },
  (set) => set.validators,
)
const NO_SET = null as unknown as ValidatorSet

export const lightBlockCodec: Codec<LightBlock> = struct<LightBlock>({
  header: headerCodec,
  certificate: certificateCodec,
  validators: setCodec,
  nextValidators: setCodec,
})

/** Header 268 bytes, certificate 48 and 66 a signature, two sets of 4 and 49 a validator: 21,316. */
export const LIGHT_BLOCK_BYTES =
  268 + 48 + 66 * LIMITS.validators + 2 * (4 + 49 * LIMITS.validators)

/** Of bytes from a peer: refused by their length before anything is read. At most 256 key checks, 16 ms. */
export const decodeLightBlock = (bytes: Uint8Array): Result<LightBlock, DecodeCode> =>
  bytes.length > LIGHT_BLOCK_BYTES ? reject('TOO_LONG') : decode(lightBlockCodec, bytes)

/**
 * The parts belong together: both sets hash to what the header says, the certificate names the header.
 * Set hashes cover keys, powers and priorities, so nothing of a set is left to the peer (CometBFT
 * ASA-2024-009). Signatures are not looked at: `verifyCommitCertificate` does that.
 */
export function checkLightBlock(
  block: LightBlock,
  chainId: number,
): Result<BlockId, LightBlockCode> {
  const { header, certificate, validators, nextValidators } = block
  if (header.chainId !== chainId) return reject('WRONG_CHAIN')
  if (!equalBytes(validators.hash, header.validatorsHash)) return reject('WRONG_VALIDATORS')
  if (!equalBytes(nextValidators.hash, header.nextValidatorsHash))
    return reject('WRONG_NEXT_VALIDATORS')
  const id = blockIdOf(header)
  if (certificate.height !== header.height || certificate.blockId !== id)
    return reject('WRONG_CERTIFICATE')
  return ok(id)
}
