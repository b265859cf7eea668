// A validator without an engine: it holds its key, sees every message between the others, and signs and
// sends whatever a test tells it to.
import type { Block } from '../../core/chain/block.ts'
import { blockIdOf } from '../../core/chain/block.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { proposalDigest, type SignedProposal, type VoteType } from '../../core/chain/vote.ts'
import { signatures } from '../../core/primitives/signature.ts'
import { type BlockId, heightOf, type Round, roundOf } from '../../core/primitives/units.ts'
import { buildBlock } from '../../node/consensus/blockBuilder.ts'
import { wholeBodyOf } from '../../node/consensus/proposalBody.ts'
import { storedValidatorSet } from '../../node/executor/chainHead.ts'
import type { ConsensusMessage, ProposalMessage } from '../../node/network/messages.ts'
import type { StateSummary } from '../../node/storage/stateSummary.ts'
import type { Cluster } from './engineCluster.ts'
import { TEST_CHAIN_ID, TEST_PARAMS, testVote } from './testChain.ts'

export class Puppet {
  readonly index: number
  readonly #cluster: Cluster
  readonly #others: readonly number[]
  /** The head that node 0 has. */
  #height = 0
  /** Blocks that an honest validator prevoted or precommitted. */
  readonly supported = new Set<BlockId>()
  /** Everything that was sent, oldest first, up to a limit. */
  readonly seen: ConsensusMessage[] = []
  /** A height begins; tests replace these. */
  onHeight: (height: number) => void = () => undefined
  onMessage: (message: ConsensusMessage) => void = () => undefined

  constructor(cluster: Cluster, index: number) {
    this.#cluster = cluster
    this.index = index
    this.#others = cluster.keys.map((_, i) => i).filter((i) => i !== index)
    cluster.deliver = (from, to, message) => {
      if (from !== index) this.#observe(message)
      return to !== index
    }
    cluster.onCommitted = (_, height) => {
      if (height <= this.#height) return
      this.#height = height
      this.onHeight(height + 1)
    }
  }

  start(): void {
    for (const index of this.#others) this.#cluster.start(index)
    this.onHeight(1)
  }

  validatorsOf(height: number): ValidatorSet {
    return storedValidatorSet(this.#headBefore(height).validators)
  }
  proposes(height: number, round: number): boolean {
    return this.validatorsOf(height).proposerIndex(round) === this.index
  }

  /** What an honest proposer would make of nothing. */
  block(height: number, laterMs = 0): Block {
    const head = this.#headBefore(height)
    const validators = storedValidatorSet(head.validators)
    return buildBlock({
      chainId: TEST_CHAIN_ID,
      params: { ...TEST_PARAMS, emptyBlockIntervalMs: this.#interval() },
      head,
      validators,
      nextValidators: storedValidatorSet(head.nextValidators),
      proposer: validators.addresses[this.index] as Uint8Array,
      timeMs: Math.max(Date.now(), head.time + 1) + laterMs,
      ...{ transactions: [], actions: [], messages: [...this.#cluster.pendingAfter(height - 1)] },
      evidence: [],
      lastCommit: height === 1 ? null : this.#certificate(height - 1),
    })
  }

  propose(
    block: Block,
    { round = 0, polRound = -1, height = block.header.height as number } = {},
  ): ProposalMessage {
    const unsigned = {
      ...{ chainId: TEST_CHAIN_ID, height: heightOf(height), round: roundOf(round) },
      ...{ polRound: polRound as Round | -1, blockId: blockIdOf(block.header) },
      validatorIndex: this.index,
    }
    const { signature } = signatures.sign(proposalDigest(unsigned), this.#key)
    const proposal: SignedProposal = { ...unsigned, signature }
    return { kind: 'proposal', proposal, header: block.header, body: wholeBodyOf(block.payload) }
  }

  vote(
    type: VoteType,
    place: { readonly height: number; readonly round: number },
    blockId: BlockId | null,
  ): ConsensusMessage {
    const vote = testVote(this.#cluster.keys, {
      ...{ type, validatorIndex: this.index, blockId },
      ...{ height: place.height, round: place.round },
    })
    return { kind: 'vote', vote }
  }

  send(message: ConsensusMessage, to: readonly number[] = this.#others): void {
    for (const index of to) this.#cluster.send(this.index, index, message)
  }

  #observe(message: ConsensusMessage): void {
    if (message.kind === 'vote' && message.vote.blockId !== null)
      this.supported.add(message.vote.blockId)
    if (this.seen.length < 5_000) this.seen.push(message)
    this.onMessage(message)
  }

  #headBefore(height: number): StateSummary {
    const summaries = this.#others.map((i) => this.#cluster.disks[i]?.summaries[height - 1])
    const known = summaries.find((summary) => summary !== undefined)
    if (known === undefined) throw new Error(`nobody has reached height ${height}`)
    return known
  }

  #certificate(height: number) {
    const blocks = this.#others.map((i) => this.#cluster.disks[i]?.blocks[height - 1])
    return blocks.find((found) => found !== undefined)?.certificate ?? null
  }
  #interval() {
    return this.#cluster.emptyBlockIntervalMs as typeof TEST_PARAMS.emptyBlockIntervalMs
  }
  get #key(): Uint8Array {
    return this.#cluster.keys[this.index] as Uint8Array
  }
}
