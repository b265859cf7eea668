// A light block as the arguments of NexusLightClient; what a relayer sends.
import type { LightBlock } from '../../consensus/light/index.ts'
import { headerCodec } from '../../core/chain/block.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { voteDigest } from '../../core/chain/vote.ts'
import { assert } from '../../core/primitives/assert.ts'
import { bytesToBigint, equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { recoverAddress, signatures as scheme } from '../../core/primitives/signature.ts'

type Hex = `0x${string}`

export type SolidityValidator = {
  readonly x: bigint
  readonly y: bigint
  readonly power: bigint
  readonly priority: bigint
}
export type SoliditySignature = { readonly index: number; readonly r: Hex; readonly vs: Hex }
export type SolidityCommit = {
  readonly header: Hex
  readonly round: number
  readonly validators: readonly SolidityValidator[]
  readonly signatures: readonly SoliditySignature[]
}

/** `STRANGER` of the contract: a signer who is not in the trusted set. */
const STRANGER = 0xffff

const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`

/** Both coordinates of every key, in the order of the set. */
export const solidityValidators = ({ validators }: ValidatorSet): SolidityValidator[] =>
  validators.map(({ publicKey, power, priority }) => {
    const point = scheme.expand(publicKey)
    return {
      x: bytesToBigint(point.subarray(0, 32)),
      y: bytesToBigint(point.subarray(32)),
      power: BigInt(power),
      priority: BigInt(priority),
    }
  })

/** Of a block whose certificate is valid: the parity of each signature is found by trying both. */
export function solidityCommit({ header, certificate, validators }: LightBlock): SolidityCommit {
  const { height, round, blockId } = certificate
  const digest = voteDigest({
    type: 'precommit',
    chainId: header.chainId,
    height,
    round,
    blockId,
  })
  return {
    header: hex(encode(headerCodec, header)),
    round,
    validators: solidityValidators(validators),
    signatures: certificate.signatures.map(({ validatorIndex, signature }) => {
      const address = validators.addresses[validatorIndex]
      assert(address !== undefined, 'a signer is in the set')
      const signer = recoverAddress(signature, 0, digest)
      const vs = signature.slice(32)
      if (signer === null || !equalBytes(signer, address)) vs[0] = (vs[0] as number) | 0x80
      return { index: validatorIndex, r: hex(signature.slice(0, 32)), vs: hex(vs) }
    }),
  }
}

/** For each signature of a block, where its validator is in a trusted set. */
export const positionsIn = (trusted: ValidatorSet, block: LightBlock): number[] =>
  block.certificate.signatures.map(({ validatorIndex }) => {
    const address = block.validators.addresses[validatorIndex]
    const position = address === undefined ? -1 : trusted.indexOf(address)
    return position < 0 ? STRANGER : position
  })
