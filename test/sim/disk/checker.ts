import type { Certificate } from '../../../core/chain/certificate.ts'
import type { SignedVote } from '../../../core/chain/vote.ts'
import type { Signer } from '../../../node/consensus/signer.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'

/** Sees every signature that a signer gives away or a message carries; two for one slot are a double sign. */
export class SignatureChecker {
  readonly #slots = new Map<string, string>()
  readonly violations: string[] = []
  /** Validators that lie on purpose. */
  readonly exempt = new Set<number>()
  /** Sightings, of which many are of the same signature. */
  signatures = 0

  /** The same signer, watched at the door: what it returns counts as signed, sent or not. */
  watch(signer: Signer): Signer {
    return {
      publicKey: signer.publicKey,
      address: signer.address,
      close: () => signer.close(),
      signVote: async (vote) => {
        const signed = await signer.signVote(vote)
        this.#vote(signed)
        return signed
      },
      signProposal: async (proposal) => {
        const signed = await signer.signProposal(proposal)
        this.#proposal(signed)
        return signed
      },
    }
  }

  see(message: ConsensusMessage): void {
    switch (message.kind) {
      case 'vote':
        this.#vote(message.vote)
        break
      case 'proposal':
        if (message.body.lastCommit !== null)
          this.#certificate('precommit', message.body.lastCommit)
        this.#proposal(message.proposal)
        break
      case 'polkaCertificate':
        this.#certificate('prevote', message.certificate)
        break
      case 'commitCertificate':
        this.#certificate('precommit', message.certificate)
        break
      case 'roundCertificate':
        for (const vote of message.certificate.votes) this.#vote(vote)
        break
      case 'status':
        break
    }
  }

  #vote({ type, height, round, validatorIndex, blockId }: SignedVote): void {
    this.#note(validatorIndex, `${type} ${height}/${round}`, String(blockId))
  }

  #proposal(proposal: Extract<ConsensusMessage, { kind: 'proposal' }>['proposal']): void {
    const { height, round, validatorIndex, blockId, polRound } = proposal
    this.#note(validatorIndex, `proposal ${height}/${round}`, `${blockId} ${polRound}`)
  }

  #certificate(
    type: 'prevote' | 'precommit',
    { height, round, blockId, signatures }: Certificate,
  ): void {
    for (const { validatorIndex } of signatures)
      this.#note(validatorIndex, `${type} ${height}/${round}`, blockId)
  }

  #note(validator: number, what: string, value: string): void {
    this.signatures++
    if (this.exempt.has(validator)) return
    const slot = `${what} of ${validator}`
    const known = this.#slots.get(slot)
    if (known === undefined) this.#slots.set(slot, value)
    else if (known !== value) this.violations.push(`${slot}: ${known} and ${value}`)
  }
}
