// Mistakes about locks, and in the counting of votes.
import { change, type Mutant } from './mutant.ts'

export const LOCKS: readonly Mutant[] = [
  {
    name: 'the lock is not asked (rule C)',
    changes: [
      change(
        'round.ts',
        '  return state.lockedRound <= polRound || state.lockedValue === blockId',
        '  return polRound >= -1 || state.lockedValue === blockId',
      ),
    ],
    finder: ['lockStep', 100],
  },
  {
    name: 'the lock is never set',
    changes: [
      change(
        'round.ts',
        '{ ...valid, lockedRound: state.round, lockedValue: blockId }',
        '{ ...valid }',
      ),
    ],
    finder: ['lockStep', 100],
  },
  {
    name: 'a re-proposal ignores the round of the lock (rule D)',
    changes: [
      change(
        'round.ts',
        '  return state.lockedRound <= polRound || state.lockedValue === blockId',
        '  return (polRound === -1 ? state.lockedRound === -1 : true) || state.lockedValue === blockId',
      ),
    ],
    finder: ['lockStep', 6_000],
  },
  {
    name: 'a nil polka unlocks (tendermint#6849)',
    changes: [
      change(
        'round.ts',
        "return state.step === 'prevote' ? precommit(state, null) : stay(state)\n    case 'polkaAny'",
        "return state.step === 'prevote' ? precommit({ ...state, lockedRound: -1, lockedValue: null }, null) : stay(state)\n    case 'polkaAny'",
      ),
    ],
    finder: ['lockStep', 2_000],
  },
  {
    name: 'without a proposal the lock is prevoted, not nil (cometbft#1203)',
    changes: [
      change(
        'round.ts',
        "return state.step === 'propose' ? prevote(state, false, null) : stay(state)",
        "return state.step === 'propose' ? prevote(state, true, state.lockedValue) : stay(state)",
      ),
    ],
    finder: ['lockStep', 500],
  },
  {
    name: 'a block is prevoted without the proposal of its round (cometbft#2218)',
    changes: [
      change(
        'driver.ts',
        'for (const { proposal, timely } of this.#proposals.of(this.#state.round)) {',
        'for (const { proposal, timely } of [...this.#proposals.of(this.#state.round), ...this.#proposals.of((this.#state.round - 1) as Round)]) {',
      ),
    ],
    finder: ['lockStep', 500],
  },
  {
    name: 'a polka is known by its round only (malachite 3c9d5e97)',
    changes: [
      change(
        'driver.ts',
        'if (!refused && !this.#votes.hasPolka(polRound, blockId)) continue',
        "if (!refused && !this.#votes.hasQuorumAny('prevote', polRound)) continue",
      ),
    ],
    finder: ['lockStep', 4_000],
  },
  {
    name: 'a re-proposal needs no polka',
    changes: [
      change(
        'driver.ts',
        'if (!refused && !this.#votes.hasPolka(polRound, blockId)) continue',
        'if (refused === null) continue',
      ),
    ],
    finder: ['lockStep', 4_000],
  },
]

export const COUNTING: readonly Mutant[] = [
  {
    name: 'a quorum is more than a half',
    changes: [
      change(
        'voteKeeper.ts',
        'return power !== undefined && this.#validators.isQuorum(power)',
        'return power !== undefined && 2 * power > this.#validators.totalPower',
      ),
    ],
    finder: ['lockStep', 100],
  },
  {
    name: 'a quorum is two thirds',
    changes: [
      change(
        'voteKeeper.ts',
        'return power !== undefined && this.#validators.isQuorum(power)',
        'return power !== undefined && power > 0 && 3 * power >= 2 * this.#validators.totalPower',
      ),
    ],
    finder: ['lockStep', 500],
  },
  {
    name: 'a skip needs a third only, not more',
    changes: [
      change(
        'voteKeeper.ts',
        'if (votes.hasCertificate() || this.#validators.isHonest(votes.senderPower))',
        'if (votes.hasCertificate() || 3 * votes.senderPower >= this.#validators.totalPower)',
      ),
    ],
    finder: ['rules', 500],
  },
  {
    name: 'a skip counts votes, not their senders',
    changes: [
      change(
        'roundVotes.ts',
        'if (!this.#hasSender(vote.validatorIndex)) this.#senderPower += power',
        'this.#senderPower += power',
      ),
    ],
    finder: ['rules', 2_000],
  },
  {
    name: 'repeated votes count again (malachite a233b8ce)',
    changes: [
      change(
        'voteKeeper.ts',
        'return this.#evidenceOf(vote)\n    if (!this',
        'this.#rounds.get(round)?.tally(type).remove(validatorIndex, -this.#validators.powerOf(validatorIndex))\n    if (!this',
      ),
    ],
    finder: ['lockStep', 100],
  },
  {
    name: 'the second vote of an equivocator counts too',
    changes: [
      change(
        'voteKeeper.ts',
        'return this.#evidenceOf(vote)\n    if (!this',
        "{\n      const second = this.#rounds.get(round)?.tally(type)\n      if (second?.voteOf(validatorIndex)?.blockId === blockId) return null\n      if (second?.convict(vote) != null) second.count(blockId, this.#validators.powerOf(validatorIndex))\n      if (type === 'precommit' && blockId !== null) this.#noteCommit(round, blockId)\n      return null\n    }\n    if (!this",
      ),
      change(
        'tally.ts',
        '  remove(validatorIndex: number',
        '  count(blockId: BlockId | null, power: number): void {\n    this.#change(blockId, power)\n  }\n\n  remove(validatorIndex: number',
      ),
    ],
    finder: ['rules', 500],
  },
  {
    name: 'nil counts for any value',
    changes: [
      change(
        'tally.ts',
        'return this.#powerByValue.get(blockId) ?? 0',
        'return (this.#powerByValue.get(blockId) ?? 0) + (blockId === null ? 0 : (this.#powerByValue.get(null) ?? 0))',
      ),
    ],
    finder: ['lockStep', 100],
  },
  {
    name: 'the votes of a certificate run through first-vote-wins, so an equivocation masks it (handle/liveness.rs)',
    changes: [
      change(
        'voteKeeper.ts',
        'known.set(blockId, certificate)',
        'for (const vote of votesOf(certificate, type, this.#chainId)) this.add(vote as VerifiedVote, current)',
      ),
    ],
    finder: ['rules', 500],
  },
  {
    name: 'polka certificates are ignored by the rules (malachite 7e2f7c6e)',
    changes: [
      change(
        'voteKeeper.ts',
        "    return this.#hasQuorum('prevote', round, blockId)",
        "    return this.#isQuorum(this.#rounds.get(round)?.tally('prevote').powerFor(blockId))",
      ),
    ],
    finder: ['rules', 200],
  },
  {
    name: 'prevotes of past rounds are dropped (SOVEREIGN-NET#2619)',
    changes: [
      change(
        'voteKeeper.ts',
        "if (type === 'prevote' && round < this.#pruned) return null",
        "if (type === 'prevote' && round < current) return null",
      ),
    ],
    finder: ['rules', 500],
  },
  {
    name: 'precommits of past rounds are dropped',
    changes: [
      change(
        'voteKeeper.ts',
        "if (type === 'prevote' && round < this.#pruned) return null",
        'if (round < current) return null',
      ),
    ],
    finder: ['rules', 500],
  },
]
