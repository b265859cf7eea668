import { lightBlockCodec } from '../../consensus/light/lightBlock.ts'
import type { StateRoots } from '../../core/chain/roots.ts'
import { encode } from '../../core/primitives/codec.ts'
import type { CertifiedBlock } from '../backend.ts'
import { headerJsonOf } from './header.ts'
import { data, quantity } from './hex.ts'

/** `bytes` is what a light client reads; the rest says the same to people, and of what the state root is made. */
export const lightBlockOf = ({ block, roots }: CertifiedBlock) => ({
  height: quantity(block.header.height),
  blockId: `0x${block.certificate.blockId}`,
  bytes: data(encode(lightBlockCodec, block)),
  header: headerJsonOf(block.header),
  round: quantity(block.certificate.round),
  signers: block.certificate.signatures.map(({ validatorIndex }) => validatorIndex),
  stateRoots: roots === null ? null : stateRootsOf(roots),
})

const stateRootsOf = (roots: StateRoots) => ({
  evmRoot: data(roots.evmRoot),
  coreRoot: data(roots.coreRoot),
  queueRoot: data(roots.queueRoot),
  consensusRoot: data(roots.consensusRoot),
})
