// Light blocks with real keys: of any shape, and of whole chains whose validators change.

import { type LightBlock, type TrustedState, trustedOf } from '../../consensus/light/index.ts'
import type { Header } from '../../core/chain/block.ts'
import { blockIdOf } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { voteDigest } from '../../core/chain/vote.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { keccak256, ZERO_HASH } from '../../core/primitives/hash.ts'
import { signatures } from '../../core/primitives/signature.ts'
import { type BlockId, heightOf, millisOf, roundOf } from '../../core/primitives/units.ts'

export const LIGHT_CHAIN_ID = 3940
export const ZERO_ID = toHex(ZERO_HASH) as BlockId

const encoder = new TextEncoder()
export const bytesOfText = (text: string): Uint8Array => keccak256(encoder.encode(text))

type Key = { readonly privateKey: Uint8Array; readonly publicKey: Uint8Array }
const keys = new Map<string, Key>()
const privateKeys = new Map<string, Uint8Array>()

/** The same key for the same name, always. */
export function keyOf(name: string): Key {
  const known = keys.get(name)
  if (known !== undefined) return known
  const privateKey = bytesOfText(`validator ${name}`)
  const key = { privateKey, publicKey: signatures.publicKeyOf(privateKey) }
  keys.set(name, key)
  privateKeys.set(toHex(key.publicKey), privateKey)
  return key
}

/** Of a key that `keyOf` made. */
export function privateKeyOf(publicKey: Uint8Array): Uint8Array {
  const key = privateKeys.get(toHex(publicKey))
  if (key === undefined) throw new Error('a key of keyOf')
  return key
}

export function setOf(powers: Readonly<Record<string, number>>): ValidatorSet {
  const created = ValidatorSet.create(
    Object.entries(powers).map(([name, power]) => ({
      publicKey: keyOf(name).publicKey,
      power,
      priority: 0,
    })),
  )
  if (!created.ok) throw new Error(created.code)
  return created.value
}

export type HeaderParts = Partial<Omit<Header, 'height' | 'time'>> & {
  readonly height: number
  readonly time: number
}

export function headerOf(parts: HeaderParts): Header {
  return {
    chainId: LIGHT_CHAIN_ID,
    previousBlockId: ZERO_ID,
    proposer: new Uint8Array(20),
    validatorsHash: ZERO_HASH,
    nextValidatorsHash: ZERO_HASH,
    consensusParamsHash: ZERO_HASH,
    payloadHash: ZERO_HASH,
    stateRoot: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    ...parts,
    height: heightOf(parts.height),
    time: millisOf(parts.time),
  }
}

export const signatureOf = (
  privateKey: Uint8Array,
  vote: { readonly height: number; readonly round: number; readonly blockId: BlockId },
  chainId = LIGHT_CHAIN_ID,
): Uint8Array => {
  const { height, round, blockId } = vote
  const digest = voteDigest({
    type: 'precommit',
    chainId,
    height: heightOf(height),
    round: roundOf(round),
    blockId,
  })
  return signatures.sign(digest, privateKey).signature
}

/** The certificate of a header by the validators at these positions; ascending. */
export function certify(
  header: Header,
  validators: ValidatorSet,
  signers: readonly number[] = validators.validators.map((_, index) => index),
  round = 0,
): Certificate {
  const blockId = blockIdOf(header)
  const { height } = header
  return {
    height,
    round: roundOf(round),
    blockId,
    signatures: signers.map((validatorIndex) => {
      const publicKey = validators.validators[validatorIndex]?.publicKey ?? ZERO_HASH
      const key = privateKeyOf(publicKey)
      const signature = signatureOf(key, { height, round, blockId }, header.chainId)
      return { validatorIndex, signature }
    }),
  }
}

export type BlockParts = HeaderParts & {
  readonly validators: ValidatorSet
  readonly nextValidators: ValidatorSet
  readonly signers?: readonly number[]
  readonly round?: number
}

export function lightBlockOf(parts: BlockParts): LightBlock {
  const { validators, nextValidators, signers, round, ...rest } = parts
  const header = headerOf({
    validatorsHash: validators.hash,
    nextValidatorsHash: nextValidators.hash,
    ...rest,
  })
  return {
    header,
    certificate: certify(header, validators, signers, round),
    validators,
    nextValidators,
  }
}

/** Blocks a second apart from height 1 on; `sets[h]` judges height h, so one more set than blocks. */
export class LightChain {
  readonly genesis: TrustedState
  readonly blocks: readonly LightBlock[]

  constructor(sets: readonly ValidatorSet[], options: { readonly label?: string } = {}) {
    const label = options.label ?? 'chain'
    const [first] = sets
    if (first === undefined) throw new Error('a chain has validators')
    const id = toHex(bytesOfText('genesis')) as BlockId
    this.genesis = { height: heightOf(0), time: millisOf(0), id, nextValidators: first }
    const blocks: LightBlock[] = []
    for (let i = 0; i + 1 < sets.length; i++) {
      const previous = blocks.at(-1)
      blocks.push(
        lightBlockOf({
          height: i + 1,
          time: (i + 1) * 1_000,
          previousBlockId: previous === undefined ? id : blockIdOf(previous.header),
          stateRoot: bytesOfText(`${label} state ${i}`),
          payloadHash: bytesOfText(`${label} payload ${i}`),
          validators: sets[i] as ValidatorSet,
          nextValidators: sets[i + 1] as ValidatorSet,
        }),
      )
    }
    this.blocks = blocks
  }

  get height(): number {
    return this.blocks.length
  }
  at(height: number): LightBlock {
    const block = this.blocks[height - 1]
    if (block === undefined) throw new Error(`no block ${height}`)
    return block
  }
  trustedAt(height: number): TrustedState {
    return height === 0 ? this.genesis : trustedOf(this.at(height))
  }
}
