// An honest validator: the real core, the real WAL codec, a disk that forgets what was not synced.
import {
  type ConsensusHeight,
  defaultTimeoutOptions,
  type Effect,
  type Input,
  inputCodec,
  Proposers,
  timeoutOf,
} from '../../../consensus/index.ts'
import { trustCommit, trustPolka, trustProposal, trustVote } from '../../../consensus/verified.ts'
import { type Certificate, votesOf } from '../../../core/chain/certificate.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import type { SignedProposal, SignedVote, VoteType } from '../../../core/chain/vote.ts'
import { assert } from '../../../core/primitives/assert.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { type BlockId, heightOf, millisOf } from '../../../core/primitives/units.ts'
import { type Checker, SafetyViolation } from './checker.ts'
import {
  type Core,
  fakeSignature,
  heightOfMessage,
  type Message,
  type SimBlock,
  voteKey,
} from './messages.ts'
import type { Prng } from './prng.ts'
import type { World } from './world.ts'

export const CHAIN_ID = 7

export type SimContext = {
  readonly world: World
  readonly prng: Prng
  readonly checker: Checker
  readonly core: Core
  readonly size: number
  /** The set of a height: one rotation per height. */
  readonly validatorsAt: (height: number) => ValidatorSet
  readonly newBlock: (content: Omit<SimBlock, 'id'>) => SimBlock
  readonly transmit: (from: number, to: number, message: Message) => void
}

type Decided = { readonly block: SimBlock; readonly certificate: Certificate }
type WalRecord = Uint8Array | SimBlock

const REPLY_EVERY_MS = 20
const FETCH_EVERY_MS = 50
const EARLY_MESSAGES = 300

export class SimNode {
  readonly index: number
  readonly #context: SimContext
  readonly #skewMs: number
  /** Durable. */
  readonly #chain: Decided[] = []
  #wal: WalRecord[] = []
  #synced = 0
  /** Lost in a crash. */
  #core: ConsensusHeight
  #proposers: Proposers
  #blocks = new Map<BlockId, SimBlock>()
  #early: { from: number; message: Message }[] = []
  readonly #repliedAt = new Map<string, number>()
  #alive = true
  /** Counts lives and heights; what was scheduled in another one does not happen. */
  #epoch = 0

  constructor(context: SimContext, index: number, skewMs: number) {
    this.#context = context
    this.index = index
    this.#skewMs = skewMs
    this.#core = this.#newCore()
    this.#proposers = new Proposers(context.validatorsAt(this.height))
  }

  get height(): number {
    return this.#chain.length + 1
  }
  get alive(): boolean {
    return this.#alive
  }
  get round(): number {
    return this.#core.view.round
  }

  start(): void {
    this.#feed({ kind: 'start' })
  }

  /** Loses memory, and any suffix of the WAL that was not synced. */
  crash(): void {
    if (!this.#alive) return
    this.#alive = false
    this.#epoch++
    const kept = this.#context.prng.range(this.#synced, this.#wal.length)
    this.#wal = this.#wal.slice(0, kept)
    this.#synced = kept
  }

  restart(): void {
    if (this.#alive) return
    this.#alive = true
    this.#enter()
    const inputs: Input[] = []
    for (const record of this.#wal) {
      if (!(record instanceof Uint8Array)) this.#blocks.set(record.id, record)
      else {
        const input = decode(inputCodec, record)
        assert(input.ok, 'a WAL record decodes')
        inputs.push(input.value)
      }
    }
    if (inputs.length === 0 || this.#context.core.shell === 'no replay') this.start()
    else this.#runAll(this.#context.core.replay(this.#core, inputs))
  }

  receive(from: number, message: Message): void {
    if (!this.#alive) return
    const height = heightOfMessage(message)
    if (message.kind === 'ask') this.#answer(from, message.height, message.blockId)
    else if (height < this.height) this.#answer(from, height, null)
    else if (height > this.height) this.#keepEarly(from, message)
    else this.#handle(message)
  }

  #answer(to: number, height: number, blockId: BlockId | null): void {
    const key = `${to}/${height}/${blockId}`
    const { world } = this.#context
    if (world.now - (this.#repliedAt.get(key) ?? -REPLY_EVERY_MS) < REPLY_EVERY_MS) return
    this.#repliedAt.set(key, world.now)
    const decided = this.#chain[height - 1]
    const block = blockId === null ? undefined : this.#blocks.get(blockId)
    if (decided !== undefined) this.#send(to, { kind: 'commit', ...decided })
    else if (block !== undefined) this.#send(to, { kind: 'block', block })
  }

  #keepEarly(from: number, message: Message): void {
    if (this.#early.length < EARLY_MESSAGES) this.#early.push({ from, message })
    this.#send(from, { kind: 'ask', height: this.height, blockId: null })
  }

  #handle(message: Exclude<Message, { kind: 'ask' }>): void {
    switch (message.kind) {
      case 'vote':
        this.#receiveVote(message.vote)
        break
      case 'proposal':
        this.#receiveProposal(message.proposal, message.block)
        break
      case 'polka':
        if (this.#isCertified('prevote', message.certificate))
          this.#feed({ kind: 'polkaCertificate', certificate: trustPolka(message.certificate) })
        break
      case 'commit':
        if (!this.#isCertified('precommit', message.certificate)) break
        this.#hold(message.block)
        this.#judge(message.block)
        this.#feed({ kind: 'commitCertificate', certificate: trustCommit(message.certificate) })
        break
      case 'roundCertificate':
        for (const vote of message.certificate.votes) this.#receiveVote(vote)
        break
      case 'block':
        this.#hold(message.block)
        this.#judge(message.block)
    }
  }

  #receiveVote(vote: SignedVote): void {
    if (vote.height === this.height && this.#context.checker.isSigned(vote))
      this.#feed({ kind: 'vote', vote: trustVote(vote) })
  }

  #receiveProposal(proposal: SignedProposal, block: SimBlock): void {
    const { round, polRound, validatorIndex, blockId } = proposal
    if (round > this.round + LIMITS.roundsAhead || polRound >= round) return
    if (this.#proposers.of(round) !== validatorIndex || block.id !== blockId) return
    this.#hold(block)
    this.#feed({
      kind: 'proposal',
      proposal: trustProposal(proposal),
      time: millisOf(block.time),
      receivedAt: millisOf(this.#wallMs()),
    })
  }

  #isCertified(type: VoteType, certificate: Certificate): boolean {
    const { validatorsAt, checker } = this.#context
    const set = validatorsAt(this.height)
    const votes = votesOf(certificate, type, CHAIN_ID)
    const power = votes.reduce((sum, { validatorIndex }) => sum + set.powerOf(validatorIndex), 0)
    return set.isQuorum(power) && votes.every((vote) => checker.isSigned(vote))
  }

  #hold(block: SimBlock): void {
    if (this.#blocks.has(block.id)) return
    this.#blocks.set(block.id, block)
    this.#wal.push(block)
  }

  /** Logs and handles an input, and our own messages that follow from it, before anything else. */
  #feed(input: Input): void {
    const epoch = this.#epoch
    const queue = [input]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      this.#wal.push(encode(inputCodec, next))
      for (const effect of this.#core.handle(next)) {
        const own = this.#run(effect)
        if (this.#epoch !== epoch) return
        if (own !== null) queue.push(own)
      }
    }
  }

  #runAll(effects: readonly Effect[]): void {
    const epoch = this.#epoch
    for (const effect of effects) {
      const own = this.#run(effect)
      if (this.#epoch !== epoch) return
      if (own !== null) this.#feed(own)
      if (this.#epoch !== epoch) return
    }
  }

  #run(effect: Effect): Input | null {
    switch (effect.kind) {
      case 'castVote':
        return this.#cast(effect)
      case 'propose':
        return this.#propose(effect)
      case 'getValue':
        this.#later(this.#context.prng.range(0, 5), () => this.#build(effect.round))
        return null
      case 'checkBlock':
      case 'fetchBlock': {
        const block = this.#blocks.get(effect.blockId)
        if (block !== undefined) this.#judge(block)
        else if (effect.kind === 'fetchBlock') this.#fetch(effect)
        return null
      }
      // Timers are never cancelled here: a late one must be harmless.
      case 'schedule': {
        const { timer } = effect
        this.#later(timeoutOf(timer, defaultTimeoutOptions), () =>
          this.#feed({ kind: 'timeout', timer }),
        )
        return null
      }
      case 'decide':
        this.#decide(effect)
        return null
      case 'disagreement':
        throw new SafetyViolation(`node ${this.index} finds the committed block invalid`)
      case 'evidence':
        this.#context.checker.convicted(effect.evidence.first.validatorIndex)
        return null
      default:
        for (const message of messagesOf(effect, this.#blocks)) this.#broadcast(message)
        return null
    }
  }

  #cast({ vote }: Extract<Effect, { kind: 'castVote' }>): Input {
    this.#flush()
    this.#context.checker.voteSigned(vote)
    const signed = { ...vote, signature: fakeSignature(voteKey(vote), this.index) }
    this.#broadcast({ kind: 'vote', vote: signed })
    return { kind: 'vote', vote: trustVote(signed) }
  }

  #propose({ round, polRound, blockId }: Extract<Effect, { kind: 'propose' }>): Input {
    this.#flush()
    const block = this.#blocks.get(blockId)
    assert(block !== undefined, 'a proposed block is here')
    const height = heightOf(this.height)
    const signature = fakeSignature(`${height}/${round}/${polRound}/${blockId}`, this.index)
    const proposal: SignedProposal = {
      ...{ chainId: CHAIN_ID, height, round, polRound, blockId, signature },
      validatorIndex: this.index,
    }
    this.#context.checker.proposalSigned(proposal)
    this.#broadcast({ kind: 'proposal', proposal, block })
    const time = millisOf(block.time)
    return { kind: 'proposal', proposal: trustProposal(proposal), time, receivedAt: time }
  }

  #build(round: Extract<Effect, { kind: 'getValue' }>['round']): void {
    const previous = this.#chain.at(-1)?.block
    const time = Math.max(this.#wallMs(), (previous?.time ?? 0) + 1)
    const content = { height: this.height, previous: previous?.id ?? null, time, valid: true }
    const block = this.#context.newBlock(content)
    this.#hold(block)
    this.#feed({ kind: 'valueReady', round, blockId: block.id, time: millisOf(time) })
  }

  #judge(block: SimBlock): void {
    const previous = this.#chain.at(-1)?.block
    const follows = block.previous === (previous?.id ?? null) && block.time > (previous?.time ?? 0)
    const valid = block.valid && follows && block.height === this.height
    this.#later(this.#context.prng.range(0, 3), () =>
      this.#feed({ kind: 'blockChecked', blockId: block.id, valid }),
    )
  }

  #fetch(effect: Extract<Effect, { kind: 'fetchBlock' }>): void {
    if (this.#blocks.has(effect.blockId)) return
    const { height } = this
    for (const to of effect.signers)
      if (to !== this.index) this.#send(to, { kind: 'ask', height, blockId: effect.blockId })
    this.#later(FETCH_EVERY_MS, () => this.#fetch(effect))
  }

  #decide({ blockId, certificate }: Extract<Effect, { kind: 'decide' }>): void {
    const block = this.#blocks.get(blockId)
    assert(block !== undefined, 'a decided block is here')
    this.#context.checker.decided(this.index, block, certificate)
    this.#chain.push({ block, certificate })
    this.#wal = []
    this.#synced = 0
    const early = this.#early
    this.#early = []
    this.#enter()
    this.start()
    for (const { from, message } of early) this.receive(from, message)
  }

  /** A new height, or a new life of the same. */
  #enter(): void {
    this.#epoch++
    this.#blocks = new Map()
    this.#core = this.#newCore()
    this.#proposers = new Proposers(this.#context.validatorsAt(this.height))
  }

  #newCore(): ConsensusHeight {
    return new this.#context.core.ConsensusHeight({
      ...{ chainId: CHAIN_ID, height: heightOf(this.height), ownIndex: this.index },
      ...{ validators: this.#context.validatorsAt(this.height), hiddenLockRound: 2 },
      ...{ precisionMs: millisOf(20), messageDelayMs: millisOf(200) },
    })
  }

  #flush(): void {
    if (this.#context.core.shell !== 'no flush') this.#synced = this.#wal.length
  }

  #later(ms: number, run: () => void): void {
    const epoch = this.#epoch
    this.#context.world.after(ms, () => {
      if (this.#epoch === epoch) run()
    })
  }

  #broadcast(message: Message): void {
    for (let to = 0; to < this.#context.size; to++) if (to !== this.index) this.#send(to, message)
  }
  #send(to: number, message: Message): void {
    this.#context.transmit(this.index, to, message)
  }
  #wallMs(): number {
    return 1_000_000 + this.#context.world.now + this.#skewMs
  }
}

function messagesOf(effect: Effect, blocks: ReadonlyMap<BlockId, SimBlock>): Message[] {
  switch (effect.kind) {
    case 'rebroadcast':
      return effect.votes.map((vote) => ({ kind: 'vote', vote }))
    case 'publishPolka':
      return [{ kind: 'polka', certificate: effect.certificate }]
    case 'publishRoundCertificate':
      return [{ kind: 'roundCertificate', certificate: effect.certificate }]
    case 'publishProposal': {
      const block = blocks.get(effect.proposal.blockId)
      return block === undefined ? [] : [{ kind: 'proposal', proposal: effect.proposal, block }]
    }
    default:
      return []
  }
}
