// A Byzantine validator: signs whatever it likes, sends different things to different peers, and
// makes every certificate that the votes it has seen allow.
import { trustVote } from '../../../consensus/verified.ts'
import type { SignedProposal, VoteType } from '../../../core/chain/vote.ts'
import { type BlockId, heightOf, type Round, roundOf } from '../../../core/primitives/units.ts'
import { fakeSignature, heightOfMessage, type Message, type SimBlock, voteKey } from './messages.ts'
import { CHAIN_ID, type SimContext } from './node.ts'

export type LiarOptions = {
  readonly equivocatePercent: number
  readonly proposePercent: number
  readonly certifyPercent: number
  readonly repeatPercent: number
}

const OLD_MESSAGES = 50

export class Liar {
  readonly index: number
  readonly #context: SimContext
  readonly #options: LiarOptions
  readonly #liars: readonly number[]
  readonly #blocks = new Map<BlockId, SimBlock>()
  readonly #proposed = new Set<string>()
  readonly #old: Message[] = []
  /** The highest height seen, and the blocks and votes of it. */
  #height = 1

  constructor(context: SimContext, index: number, options: LiarOptions, liars: readonly number[]) {
    this.#context = context
    this.index = index
    this.#options = options
    this.#liars = liars
  }

  receive(_from: number, message: Message): void {
    const height = heightOfMessage(message)
    if (height < this.#height) return
    if (height > this.#height) {
      this.#height = height
      this.#blocks.clear()
    }
    if (message.kind === 'proposal') {
      this.#blocks.set(message.block.id, message.block)
      this.#lie(message.proposal.round)
    } else if (message.kind === 'vote') {
      this.#certify(message.vote.type, message.vote.round, message.vote.blockId)
      this.#lie(message.vote.round)
    }
    this.#repeat(message)
  }

  #lie(round: number): void {
    const { prng } = this.#context
    const { equivocatePercent, proposePercent } = this.#options
    if (prng.chance(proposePercent)) this.#propose(round + prng.range(0, 1))
    if (!prng.chance(equivocatePercent)) return
    for (let to = 0; to < this.#context.size; to++) {
      if (to === this.index || prng.chance(40)) continue
      const type: VoteType = prng.chance(50) ? 'prevote' : 'precommit'
      this.#vote(to, type, round + (prng.chance(20) ? 1 : 0), this.#anyValue())
    }
  }

  #anyValue(): BlockId | null {
    const ids = [...this.#blocks.keys()]
    const { prng } = this.#context
    return ids.length === 0 || prng.chance(20)
      ? null
      : (ids[prng.range(0, ids.length - 1)] as BlockId)
  }

  #vote(to: number, type: VoteType, round: number, blockId: BlockId | null): void {
    const vote = {
      ...{ type, chainId: CHAIN_ID, height: heightOf(this.#height), round: roundOf(round) },
      ...{ blockId, validatorIndex: this.index },
    }
    this.#context.checker.voteSigned(vote)
    const signature = fakeSignature(voteKey(vote), this.index)
    this.#context.transmit(this.index, to, {
      kind: 'vote',
      vote: trustVote({ ...vote, signature }),
    })
  }

  /** Two blocks for one round, to whoever; old blocks too, with any polka round. */
  #propose(round: number): void {
    const { validatorsAt, prng } = this.#context
    const set = validatorsAt(this.#height)
    const key = `${this.#height}/${round}`
    if (this.#proposed.has(key) || set.proposerIndex(round) !== this.index) return
    this.#proposed.add(key)
    const known = [...this.#blocks.values()]
    const chosen = [this.#newBlock(known[0]), this.#newBlock(known[0]), ...known]
    for (let to = 0; to < this.#context.size; to++) {
      if (to === this.index) continue
      for (let copies = prng.range(0, 2); copies > 0; copies--) {
        const block = chosen[prng.range(0, chosen.length - 1)] as SimBlock
        this.#blocks.set(block.id, block)
        const polRound = (prng.chance(50) ? -1 : prng.range(-1, round - 1)) as Round | -1
        this.#context.transmit(this.index, to, {
          kind: 'proposal',
          proposal: this.#signProposal(round, polRound, block.id),
          block,
        })
      }
    }
  }

  #newBlock(sibling: SimBlock | undefined): SimBlock {
    const { prng, world, newBlock } = this.#context
    return newBlock({
      height: this.#height,
      previous: sibling?.previous ?? null,
      time: (sibling?.time ?? 1_000_000 + world.now) + prng.range(0, 30),
      valid: prng.chance(80),
    })
  }

  #signProposal(round: number, polRound: Round | -1, blockId: BlockId): SignedProposal {
    return {
      ...{ chainId: CHAIN_ID, height: heightOf(this.#height), round: roundOf(round), polRound },
      ...{ blockId, validatorIndex: this.index },
      signature: fakeSignature(`${this.#height}/${round}/${polRound}/${blockId}`, this.index),
    }
  }

  /** With the help of all liars, the honest votes for a value may be enough to prove it to some. */
  #certify(type: VoteType, round: Round, blockId: BlockId | null): void {
    const { checker, validatorsAt, prng, size } = this.#context
    if (blockId === null || !prng.chance(this.#options.certifyPercent)) return
    const height = heightOf(this.#height)
    const set = validatorsAt(this.#height)
    const signers = Array.from({ length: size }, (_, validatorIndex) => validatorIndex).filter(
      (validatorIndex) => {
        const vote = { type, chainId: CHAIN_ID, height, round, blockId, validatorIndex }
        if (this.#liars.includes(validatorIndex)) checker.voteSigned(vote)
        return checker.isSigned(vote)
      },
    )
    if (!set.isQuorum(signers.reduce((sum, one) => sum + set.powerOf(one), 0))) return
    const signatures = signers.map((validatorIndex) => {
      const key = voteKey({ type, height, round, blockId, validatorIndex })
      return { validatorIndex, signature: fakeSignature(key, validatorIndex) }
    })
    const certificate = { height, round, blockId, signatures }
    const block = this.#blocks.get(blockId)
    for (let to = 0; to < size; to++) {
      if (to === this.index || prng.chance(50)) continue
      if (type === 'prevote') this.#context.transmit(this.index, to, { kind: 'polka', certificate })
      else if (block !== undefined)
        this.#context.transmit(this.index, to, { kind: 'commit', certificate, block })
    }
  }

  #repeat(message: Message): void {
    const { prng, size } = this.#context
    if (this.#old.length < OLD_MESSAGES) this.#old.push(message)
    else this.#old[prng.range(0, OLD_MESSAGES - 1)] = message
    if (!prng.chance(this.#options.repeatPercent)) return
    const old = this.#old[prng.range(0, this.#old.length - 1)] as Message
    this.#context.transmit(this.index, prng.range(0, size - 1), old)
  }
}
