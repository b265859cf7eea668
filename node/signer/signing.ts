import type { Proposal, Vote } from '../../core/chain/vote.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { GuardedSigner } from '../consensus/signer.ts'
import type { SignerAnswer, SignerRequest, SignMessage, SignRefusal } from './protocol.ts'

/**
 * The answer to a request. Signs nothing but votes and proposals of one chain that make sense by
 * themselves, and those by the guard's rule. Throws when the guard cannot keep its state.
 */
export async function answerTo(
  request: SignerRequest,
  { signer, chainId }: { readonly signer: GuardedSigner; readonly chainId: number },
): Promise<SignerAnswer> {
  const { id } = request
  if (request.kind === 'ping') return { kind: 'pong', id }
  if (request.kind === 'lastSigned')
    return { kind: 'lastSigned', id, last: await signer.lastSigned() }
  const { message } = request
  const objection = objectionTo(message, chainId)
  if (objection !== null)
    return { kind: 'refused', id, code: objection, last: await signer.lastSigned() }
  try {
    return { kind: 'signature', id, signature: await signatureOf(message, signer) }
  } catch (error) {
    if (!(error instanceof NexusError) || error.detail.code !== 'DOUBLE_SIGN_REFUSED') throw error
    const last = await signer.lastSigned()
    return { kind: 'refused', id, code: 'DOUBLE_SIGN_REFUSED', last }
  }
}

function objectionTo(message: SignMessage, chainId: number): SignRefusal | null {
  if (message.chainId !== chainId) return 'OTHER_CHAIN'
  if (message.height < 1) return 'NOT_WELL_FORMED'
  if (message.kind === 'proposal' && message.polRound >= message.round) return 'NOT_WELL_FORMED'
  return null
}

/** The index is not signed, and the signer does not know the validator set. */
async function signatureOf(message: SignMessage, signer: GuardedSigner): Promise<Uint8Array> {
  const { kind, ...fields } = message
  if (kind === 'proposal') {
    const proposal = { ...fields, validatorIndex: 0 } as Proposal
    return (await signer.signProposal(proposal)).signature
  }
  const vote = { ...fields, type: kind, validatorIndex: 0 } as Vote
  return (await signer.signVote(vote)).signature
}
