import type * as consensus from '../../../consensus/index.ts'
import type { Certificate, RoundCertificate } from '../../../core/chain/certificate.ts'
import type { SignedProposal, SignedVote, Vote } from '../../../core/chain/vote.ts'
import { SIGNATURE_LENGTH } from '../../../core/primitives/signature.ts'
import type { BlockId } from '../../../core/primitives/units.ts'

/** The part of the protocol under test; a mutant brings its own. */
export type Core = Pick<typeof consensus, 'ConsensusHeight' | 'replay'> & {
  readonly shell?: ShellMistake
}
/** What a shell around the core may get wrong. */
export type ShellMistake = 'no flush' | 'no replay'

export type SimBlock = {
  readonly id: BlockId
  readonly height: number
  readonly previous: BlockId | null
  readonly time: number
  readonly valid: boolean
}

export type Message =
  | { readonly kind: 'proposal'; readonly proposal: SignedProposal; readonly block: SimBlock }
  | { readonly kind: 'vote'; readonly vote: SignedVote }
  | { readonly kind: 'polka'; readonly certificate: Certificate }
  | { readonly kind: 'roundCertificate'; readonly certificate: RoundCertificate }
  /** A decided height, for one who is behind or lacks the block. */
  | { readonly kind: 'commit'; readonly certificate: Certificate; readonly block: SimBlock }
  /** "I am at this height and lack its block or its decision." */
  | { readonly kind: 'ask'; readonly height: number; readonly blockId: BlockId | null }
  | { readonly kind: 'block'; readonly block: SimBlock }

export function heightOfMessage(message: Message): number {
  switch (message.kind) {
    case 'proposal':
      return message.proposal.height
    case 'vote':
      return message.vote.height
    case 'polka':
    case 'roundCertificate':
    case 'commit':
      return message.certificate.height
    case 'ask':
      return message.height
    case 'block':
      return message.block.height
  }
}

export const voteKey = (vote: Omit<Vote, 'chainId'>): string =>
  `${vote.height}/${vote.type}/${vote.round}/${vote.blockId}/${vote.validatorIndex}`

/** Different content, different bytes: two FNV-1a hashes and the signer. */
export function fakeSignature(content: string, signer: number): Uint8Array {
  let [low, high] = [0x811c9dc5, 0x9e3779b9]
  for (let i = 0; i < content.length; i++) {
    const code = content.charCodeAt(i)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x01000193) ^ (low >>> 7)
  }
  const signature = new Uint8Array(SIGNATURE_LENGTH)
  new DataView(signature.buffer).setUint32(0, low)
  new DataView(signature.buffer).setUint32(4, high)
  signature[8] = signer
  return signature
}
