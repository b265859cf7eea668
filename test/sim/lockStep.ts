// An adversary that sees everything. One height, all validators in the same round; for each of them it
// picks whether the proposal arrives, which votes arrive before each timeout, and what the liars say.
// It finds broken locks that random faults take days to find.
import type { ConsensusHeight, Effect, Input } from '../../consensus/index.ts'
import { trustPolka, trustProposal, trustVote } from '../../consensus/verified.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import type { SignedVote, VoteType } from '../../core/chain/vote.ts'
import {
  type BlockId,
  heightOf,
  millisOf,
  type Round,
  roundOf,
} from '../../core/primitives/units.ts'
import { SafetyViolation } from './checker.ts'
import { type Core, fakeSignature, voteKey } from './messages.ts'
import type { Prng } from './prng.ts'

const CHAIN_ID = 7
const HEIGHT = heightOf(1)
const NOW = millisOf(1_000)
const ROUNDS = 6

type Polka = { readonly round: number; readonly blockId: BlockId }
type Player = {
  readonly index: number
  readonly height: ConsensusHeight
  readonly timers: Set<string>
}

export class LockStep {
  readonly #prng: Prng
  readonly #set: ValidatorSet
  readonly #players: Player[] = []
  readonly #liars: number[]
  /** By type and round: what each honest validator signed. */
  readonly #votes = new Map<string, SignedVote[]>()
  readonly #blocks: BlockId[] = []
  readonly #polkas: Polka[] = []
  /** What this round's honest proposer signed. */
  #proposal: { readonly blockId: BlockId; readonly polRound: Round | -1 } | null = null
  #decision: BlockId | null = null

  constructor(set: ValidatorSet, core: Core, prng: Prng) {
    this.#set = set
    this.#prng = prng
    const liars = Math.ceil(set.size / 3) - 1
    this.#liars = Array.from({ length: liars }, (_, i) => (i * 3 + prng.range(0, 2)) % set.size)
    for (let index = 0; index < set.size; index++) {
      if (this.#liars.includes(index)) continue
      const height = new core.ConsensusHeight({
        ...{ chainId: CHAIN_ID, height: HEIGHT, validators: set, ownIndex: index },
        ...{ precisionMs: millisOf(20), messageDelayMs: millisOf(200), hiddenLockRound: 99 },
      })
      this.#players.push({ index, height, timers: new Set() })
    }
  }

  /** Throws a SafetyViolation when two validators decide differently. */
  run(): void {
    for (const player of this.#players) this.#feed(player, { kind: 'start' })
    for (let round = 0; round < ROUNDS; round++) {
      this.#proposalPhase(round)
      this.#votePhase('prevote', round)
      this.#notePolkas(round)
      this.#votePhase('precommit', round)
    }
  }

  #inRound(round: number): Player[] {
    return this.#players.filter(
      ({ height: { view } }) => view.round === round && view.decision === null,
    )
  }

  #proposalPhase(round: number): void {
    const proposer = this.#set.proposerIndex(round)
    const lying = this.#liars.includes(proposer)
    if (lying) this.#newBlock(round)
    for (const player of this.#inRound(round)) {
      this.#lateMessages(player)
      const sent = lying ? this.#lie(round) : this.#proposal
      if (sent === null || this.#prng.chance(30)) continue
      const polka = this.#polkas.find(({ round: at }) => at === sent.polRound)
      if (polka !== undefined) this.#feed(player, this.#polkaInput(polka))
      this.#feed(player, this.#proposalInput(round, proposer, sent))
    }
    this.#proposal = null
    for (const player of this.#inRound(round)) this.#fire(player, 'propose', round)
  }

  #proposalInput(
    round: number,
    validatorIndex: number,
    sent: { readonly blockId: BlockId; readonly polRound: Round | -1 },
  ): Input {
    const proposal = trustProposal({
      ...{ chainId: CHAIN_ID, height: HEIGHT, round: roundOf(round), validatorIndex, ...sent },
      signature: fakeSignature(`${round}/${sent.polRound}/${sent.blockId}`, validatorIndex),
    })
    return { kind: 'proposal', proposal, time: NOW, receivedAt: NOW }
  }

  /** Any block: fresh, with a polka that exists, or with the polka of another. */
  #lie(round: number): { readonly blockId: BlockId; readonly polRound: Round | -1 } {
    const older = this.#polkas.filter((polka) => polka.round < round)
    const polka = older[this.#prng.range(0, Math.max(0, older.length - 1))]
    if (polka !== undefined && this.#prng.chance(60)) {
      const blockId = this.#prng.chance(75) ? polka.blockId : this.#pick(this.#blocks)
      return { blockId, polRound: roundOf(polka.round) }
    }
    return { blockId: this.#pick(this.#blocks), polRound: -1 }
  }

  /** A proof of an old polka, to whom it may concern. */
  #lateMessages(player: Player): void {
    for (const polka of this.#polkas)
      if (this.#prng.chance(20)) this.#feed(player, this.#polkaInput(polka))
  }

  /** Each validator sees the votes in an order that favours or delays one value, up to a timeout or the end. */
  #votePhase(type: VoteType, round: number): void {
    const honest = this.#votes.get(`${type}/${round}`) ?? []
    for (const player of this.#inRound(round)) {
      const favourite = this.#favourite(honest)
      const first = this.#prng.chance(50)
      const votes = this.#shuffled([...honest, ...this.#lies(type, round, favourite)])
      votes.sort((a, b) => (first ? 1 : -1) * (rank(a, favourite) - rank(b, favourite)))
      for (const vote of votes) {
        if (vote.validatorIndex === player.index) continue
        if (player.height.view.step !== type && type === 'prevote') break
        this.#feed(player, { kind: 'vote', vote: trustVote(vote) })
        if (this.#prng.chance(50)) this.#fire(player, type, round)
      }
      this.#fire(player, type, round)
    }
  }

  #favourite(votes: readonly SignedVote[]): BlockId | null {
    return this.#prng.chance(20) || votes.length === 0
      ? this.#anyBlock()
      : this.#pick(votes).blockId
  }

  #lies(type: VoteType, round: number, favourite: BlockId | null): SignedVote[] {
    return this.#liars.map((index) => {
      const blockId = this.#prng.chance(75) ? favourite : this.#anyBlock()
      return signVote(type, round, blockId, index)
    })
  }

  #anyBlock(): BlockId | null {
    return this.#blocks.length === 0 || this.#prng.chance(30) ? null : this.#pick(this.#blocks)
  }

  /** Values that more than two thirds prevoted, when all liars join in. */
  #notePolkas(round: number): void {
    const votes = this.#votes.get(`prevote/${round}`) ?? []
    for (const blockId of this.#blocks) {
      const count = votes.filter((vote) => vote.blockId === blockId).length + this.#liars.length
      if (this.#set.isQuorum(count)) this.#polkas.push({ round, blockId })
    }
  }

  #polkaInput({ round, blockId }: Polka): Input {
    const honest = this.#votes.get(`prevote/${round}`) ?? []
    const signers = honest.filter((vote) => vote.blockId === blockId)
    const lies = this.#liars.map((index) => signVote('prevote', round, blockId, index))
    const signatures = [...signers, ...lies].sort((a, b) => a.validatorIndex - b.validatorIndex)
    const certificate = trustPolka({ height: HEIGHT, round: roundOf(round), blockId, signatures })
    return { kind: 'polkaCertificate', certificate }
  }

  #newBlock(round: number): BlockId {
    const blockId = (round + 1).toString(16).padStart(64, '0') as BlockId
    this.#blocks.push(blockId)
    for (const player of this.#players)
      this.#feed(player, { kind: 'blockChecked', blockId, valid: true })
    return blockId
  }

  #fire(player: Player, kind: 'propose' | VoteType, round: number): void {
    if (!player.timers.has(`${kind}/${round}`)) return
    this.#feed(player, { kind: 'timeout', timer: { kind, height: HEIGHT, round: roundOf(round) } })
  }

  #feed(player: Player, input: Input): void {
    if (player.height.view.decision !== null) return
    for (const effect of player.height.handle(input)) this.#run(player, effect)
  }

  #run(player: Player, effect: Effect): void {
    switch (effect.kind) {
      case 'castVote': {
        const { type, round, blockId } = effect.vote
        const vote = signVote(type, round, blockId, player.index)
        const key = `${type}/${round}`
        this.#votes.set(key, [...(this.#votes.get(key) ?? []), vote])
        this.#feed(player, { kind: 'vote', vote: trustVote(vote) })
        break
      }
      case 'getValue': {
        const blockId = this.#newBlock(effect.round)
        this.#feed(player, { kind: 'valueReady', round: effect.round, blockId, time: NOW })
        break
      }
      case 'propose': {
        const { blockId, polRound } = effect
        this.#proposal = { blockId, polRound }
        this.#feed(player, this.#proposalInput(effect.round, player.index, { blockId, polRound }))
        break
      }
      case 'schedule':
        player.timers.add(`${effect.timer.kind}/${effect.timer.round}`)
        break
      case 'cancel':
        player.timers.delete(`${effect.timer.kind}/${effect.timer.round}`)
        break
      case 'decide':
        this.#decision ??= effect.blockId
        if (this.#decision !== effect.blockId)
          throw new SafetyViolation(`agreement: ${this.#decision} and ${effect.blockId}`)
        break
      // The adversary decides what is sent again and what proof arrives.
      default:
        break
    }
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#prng.range(0, items.length - 1)] as T
  }
  #shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, order: this.#prng.u32() }))
      .sort((a, b) => a.order - b.order)
      .map(({ item }) => item)
  }
}

const rank = (vote: SignedVote, favourite: BlockId | null): number =>
  vote.blockId === favourite ? 0 : 1

function signVote(
  type: VoteType,
  round: number,
  blockId: BlockId | null,
  validatorIndex: number,
): SignedVote {
  const slot = { type, height: HEIGHT, round: roundOf(round), blockId, validatorIndex }
  return { ...slot, chainId: CHAIN_ID, signature: fakeSignature(voteKey(slot), validatorIndex) }
}
