// A Byzantine validator: an honest node whose port says what it likes. It follows the chain, so that what
// it serves and signs is nearly right, and draws from its seed which lies it tells.
import { blockIdOf } from '../../../core/chain/block.ts'
import { proposalDigest, type SignedVote, type Vote, voteDigest } from '../../../core/chain/vote.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { type BlockId, heightOf, roundOf } from '../../../core/primitives/units.ts'
import { encodeMessage } from '../../../node/network/link.ts'
import type { ConsensusMessage, ProposalMessage } from '../../../node/network/messages.ts'
import type { Response } from '../../../node/network/requests.ts'
import type { Random } from '../random.ts'
import { CHAIN_ID } from './chainIdentity.ts'
import {
  BYTES_LIES,
  type BytesLie,
  falseBlocks,
  falseBytes,
  oversizeFrame,
  SYNC_LIES,
  type SyncLie,
} from './lies.ts'

export type Frame = { readonly kind: string; readonly label: string; readonly frame: Uint8Array }

const VOTE_LIES = [
  'withheld',
  'both',
  'other height',
  'other round',
  'replay',
  'garbage',
  'oversize',
] as const
const PROPOSAL_LIES = ['withheld', 'wrong root', 'withheld body', 'other height', 'both'] as const
const SPONTANEOUS_LIES = ['height', 'far height', 'replay', 'flood', 'garbage'] as const
type Spontaneous = (typeof SPONTANEOUS_LIES)[number]

const MAX_KEPT = 200
const FLOOD = 60

export class Liar {
  readonly #random: Random
  readonly #privateKey: Uint8Array
  readonly #signed: (vote: Vote) => void
  readonly #kept: Frame[] = []
  readonly #percent: number
  readonly #syncLies: readonly SyncLie[]
  readonly #bytesLies: readonly BytesLie[]
  readonly #voteLies: readonly (typeof VOTE_LIES)[number][]
  readonly #proposalLies: readonly (typeof PROPOSAL_LIES)[number][]
  readonly #spontaneous: readonly Spontaneous[]

  constructor(options: {
    readonly random: Random
    readonly privateKey: Uint8Array
    /** Told of every vote that is signed beside those of its node. */
    readonly signed: (vote: Vote) => void
  }) {
    const { random } = options
    this.#random = random
    this.#privateKey = options.privateKey
    this.#signed = options.signed
    this.#percent = random.pick([10, 50, 100])
    // Most lies end in a ban: with few kinds, others than the first are told.
    const some = <T>(all: readonly T[]): readonly T[] =>
      random.shuffled(all).slice(0, random.range(1, 3))
    this.#syncLies = some(SYNC_LIES)
    this.#voteLies = some(VOTE_LIES)
    this.#proposalLies = some(PROPOSAL_LIES)
    this.#spontaneous = some(SPONTANEOUS_LIES)
    this.#bytesLies = some(BYTES_LIES)
  }

  /** What its handshake says. */
  heightSaid(height: number): number {
    return this.#lies ? height + this.#random.pick([1, 2, 100, 2 ** 39]) : height
  }

  /** What is sent instead of an answer: another one, the bytes of no frame, or nothing at all. */
  answer(response: Response): Response | Uint8Array | 'none' {
    if (!this.#lies) return response
    switch (response.kind) {
      case 'blocks':
        return this.#blocks(response)
      case 'block': {
        const block = falseBytes(this.#random.pick(this.#bytesLies), response.block, this.#random)
        return block === 'none' ? 'none' : { ...response, block }
      }
      case 'batches': {
        const lie = this.#random.pick(this.#bytesLies)
        const batches = response.batches.map((bytes) => falseBytes(lie, bytes, this.#random))
        if (batches.includes('none')) return 'none'
        return { ...response, batches: batches.filter((bytes) => bytes instanceof Uint8Array) }
      }
      default:
        return response
    }
  }

  #blocks(response: Extract<Response, { kind: 'blocks' }>): Response | Uint8Array | 'none' {
    if (response.blocks.length === 0) return response
    const lie = this.#random.pick(this.#syncLies)
    if (lie === 'oversize') return oversizeFrame(2)
    const blocks = falseBlocks(lie, response.blocks, this.#random)
    return blocks === null ? 'none' : { ...response, blocks }
  }

  /** What one peer is sent instead of a message. */
  frames(message: ConsensusMessage): readonly Frame[] {
    const honest = frameOf(message, false)
    if (this.#kept.length < MAX_KEPT) this.#kept.push(honest)
    else this.#kept[this.#random.range(0, MAX_KEPT - 1)] = honest
    if (!this.#lies) return [honest]
    if (message.kind === 'vote') return this.#vote(message.vote, honest)
    if (message.kind === 'proposal') return this.#proposal(message, honest)
    return message.kind === 'status' ? [this.#status(message.height)] : [honest]
  }

  /** What it says unasked. `height` is its own. */
  unasked(height: number, validatorIndex: number): readonly Frame[] {
    switch (this.#random.pick(this.#spontaneous)) {
      case 'height':
        return [this.#status(height + this.#random.range(1, 3))]
      case 'far height':
        return [this.#status(height + this.#random.pick([100, 2 ** 39, 2 ** 44]))]
      case 'replay':
        return this.#kept.length === 0 ? [] : [this.#random.pick(this.#kept)]
      case 'flood':
        return Array.from({ length: FLOOD }, (_, i) =>
          this.#signedVote({
            ...{ type: 'prevote' as const, validatorIndex, blockId: null, chainId: CHAIN_ID },
            height: heightOf(height + 1 + (i % 12)),
            round: roundOf(i),
          }),
        )
      case 'garbage':
        return [this.#garbage()]
    }
  }

  get #lies(): boolean {
    return this.#random.chance(this.#percent)
  }

  #vote(vote: SignedVote, honest: Frame): readonly Frame[] {
    switch (this.#random.pick(this.#voteLies)) {
      case 'withheld':
        return []
      case 'both':
        return [honest, this.#signedVote({ ...vote, blockId: this.#otherBlock(vote.blockId) })]
      case 'other height':
        return [this.#signedVote({ ...vote, height: heightOf(vote.height + this.#far()) })]
      case 'other round':
        return [this.#signedVote({ ...vote, round: roundOf(vote.round + this.#far()) })]
      case 'replay':
        return [this.#random.pick(this.#kept), honest]
      case 'garbage':
        return [honest, this.#garbage()]
      case 'oversize':
        return [honest, { kind: 'vote', label: 'lie oversize', frame: oversizeFrame(1) }]
    }
  }

  #proposal(message: ProposalMessage, honest: Frame): readonly Frame[] {
    const { proposal, header, body } = message
    switch (this.#random.pick(this.#proposalLies)) {
      case 'withheld':
        return []
      case 'wrong root':
        return [this.#signedProposal(message, { ...header, stateRoot: this.#random.bytes(32) })]
      case 'withheld body': {
        const batches = [...body.batches, this.#random.bytes(32)]
        const transactions = [...body.transactions, { batch: batches.length - 1, position: 0 }]
        const withheld = { ...body, batches, transactions }
        return [frameOf({ ...message, body: withheld }, true)]
      }
      case 'other height': {
        const height = heightOf(proposal.height + this.#far())
        return [this.#signedProposal(message, { ...header, height }), honest]
      }
      case 'both': {
        const other = { ...header, receiptsRoot: this.#random.bytes(32) }
        return [honest, this.#signedProposal(message, other)]
      }
    }
  }

  #signedProposal(message: ProposalMessage, header: ProposalMessage['header']): Frame {
    const { proposal, body } = message
    const unsigned = { ...proposal, height: header.height, blockId: blockIdOf(header) }
    const { signature } = signatures.sign(proposalDigest(unsigned), this.#privateKey)
    return frameOf({ kind: 'proposal', proposal: { ...unsigned, signature }, header, body }, true)
  }

  #signedVote(vote: Vote): Frame {
    const { signature } = signatures.sign(voteDigest(vote), this.#privateKey)
    this.#signed(vote)
    return frameOf({ kind: 'vote', vote: { ...vote, signature } }, true)
  }

  #status(height: number): Frame {
    return frameOf({ kind: 'status', height: heightOf(height), round: roundOf(0) }, true)
  }

  #garbage(): Frame {
    return {
      kind: 'vote',
      label: 'lie garbage',
      frame: this.#random.bytes(this.#random.range(5, 99)),
    }
  }

  #otherBlock(blockId: BlockId | null): BlockId | null {
    return blockId === null || this.#random.chance(50) ? ('ab'.repeat(32) as BlockId) : null
  }

  #far(): number {
    return this.#random.pick([1, 1, 2, 9, 100, 100_000])
  }
}

function frameOf(message: ConsensusMessage, isLie: boolean): Frame {
  const { frame, kind } = encodeMessage(message)
  return { kind, label: `${isLie ? 'lie' : 'liar'} ${kind}`, frame }
}
