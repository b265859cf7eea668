// Mistakes about steps, rounds and timers, about what is sent again, and after a restart.
import { change, type Mutant } from './mutant.ts'

export const STEPS: readonly Mutant[] = [
  {
    name: 'more than 2/3 nil precommits end the round at once (tendermint#1690)',
    changes: [
      change(
        'driver.ts',
        "    if (!sawPrecommitAny && this.#votes.hasQuorumAny('precommit', round))\n",
        "    if (this.#votes.hasNilCommit(round))\n      return { kind: 'newRound', round: (round + 1) as Round, proposer: false }\n    if (!sawPrecommitAny && this.#votes.hasQuorumAny('precommit', round))\n",
      ),
      change(
        'driver.ts',
        "this.#startRound(fact.round, 'skip')",
        "this.#startRound(fact.round, this.#votes.hasNilCommit(this.#state.round) ? 'precommits' : 'skip')",
      ),
      change(
        'voteKeeper.ts',
        '  hasPolkaNil(round: Round)',
        "  hasNilCommit(round: Round): boolean {\n    return this.#isQuorum(this.#rounds.get(round)?.tally('precommit').powerFor(null))\n  }\n  hasPolkaNil(round: Round)",
      ),
    ],
    finder: ['rules', 200],
  },
  {
    name: 'an invalid proposal stalls its round (tendermint#3003)',
    changes: [
      change(
        'driver.ts',
        '      if (acceptable !== undefined)\n',
        "      if (acceptable === false) this.#emit(...this.#timers.cancel('propose'))\n      else if (acceptable !== undefined)\n",
      ),
    ],
    finder: ['faults', 100],
  },
  {
    name: 'the propose timer is cancelled by a re-proposal without its polka (malachite#850)',
    changes: [
      change(
        'driver.ts',
        '    if (added && this.#proposals.verdict(blockId) === undefined)\n',
        "    if (polRound !== -1 && round === this.#state.round) this.#emit(...this.#timers.cancel('propose'))\n    if (added && this.#proposals.verdict(blockId) === undefined)\n",
      ),
    ],
    finder: ['rules', 2_000],
  },
  {
    name: 'a re-proposal without its polka is refused at once',
    changes: [
      change(
        'driver.ts',
        '      const refused = !lockAllows(this.#state, blockId, polRound)\n',
        '      const refused = !lockAllows(this.#state, blockId, polRound) || !this.#votes.hasPolka(polRound, blockId)\n',
      ),
    ],
    finder: ['rules', 200],
  },
  {
    name: 'more than 2/3 precommits hide a nil polka (malachite d1aae817)',
    changes: [
      change(
        'driver.ts',
        "    if (step === 'prevote' && this.#votes.hasPolkaNil(round)) return",
        "    if (this.#votes.hasQuorumAny('precommit', round))\n      return sawPrecommitAny ? null : { kind: 'precommitAny' }\n    if (step === 'prevote' && this.#votes.hasPolkaNil(round)) return",
      ),
    ],
    finder: ['rules', 500],
  },
  {
    name: 'a skip comes before a decision, and ends the height of those who skip (malachite#1480)',
    changes: [
      change(
        'driver.ts',
        'for (const { round, blockId } of this.#votes.commits) {',
        'for (const { round, blockId } of this.#votes.commits) {\n      if (round !== this.#state.round) continue',
      ),
    ],
    finder: ['rules', 200],
  },
  {
    name: 'a commit without its block stops the rules and timers (malachite#1481)',
    changes: [
      change(
        'driver.ts',
        '    const fact = this.#decision() ?? this.#skip() ?? this.#fact()\n',
        '    const fact = this.#decision() ?? (this.#votes.commits.length > 0 ? null : (this.#skip() ?? this.#fact()))\n',
      ),
    ],
    finder: ['rules', 500],
  },
  {
    name: 'a timer counts whatever it was set for (cometbft#3092)',
    changes: [
      change(
        'timers.ts',
        'if (armed?.round !== timer.round || armed.height !== timer.height) return false',
        'if (armed === undefined) return false',
      ),
    ],
    finder: ['rules', 200],
  },
  {
    name: 'a cancelled timer still counts (malachite 67806306)',
    changes: [
      change(
        'timers.ts',
        "if (timer !== undefined) effects.push({ kind: 'cancel', timer })\n      this.#armed.delete(kind)",
        "if (timer !== undefined) effects.push({ kind: 'cancel', timer })",
      ),
      change(
        'round.ts',
        "return state.step === 'propose' ? prevote(state, false, null) : stay(state)",
        'return prevote(state, false, null)',
      ),
      change(
        'ownVotes.ts',
        "    assert(position > this.#lastCast, 'one prevote and one precommit per round, in order')\n",
        '',
      ),
    ],
    finder: ['rules', 200],
  },
  {
    name: 'no skip for votes of more than 1/3 from a later round (SOVEREIGN-NET#2591)',
    changes: [
      change(
        'driver.ts',
        '    return round === null ? null : {',
        '    return round === null || round >= 0 ? null : {',
      ),
    ],
    finder: ['rules', 200],
  },
  {
    name: 'the precommit timer is for the precommit step only (rule H)',
    changes: [
      change(
        'round.ts',
        "return state.step !== 'new' && !state.sawPrecommitAny",
        "return state.step === 'precommit' && !state.sawPrecommitAny",
      ),
      change(
        'driver.ts',
        "if (!sawPrecommitAny && this.#votes.hasQuorumAny('precommit', round))",
        "if (step === 'precommit' && !sawPrecommitAny && this.#votes.hasQuorumAny('precommit', round))",
      ),
    ],
    finder: ['rules', 200],
  },
  {
    name: 'a polka that comes after the precommit makes no valid value (rule E)',
    changes: [
      change('round.ts', '    : stay(valid)\n', '    : stay({ ...state, sawPolkaValue: true })\n'),
    ],
    finder: ['rules', 500],
  },
  {
    name: 'the valid value is forgotten with the round',
    changes: [
      change(
        'round.ts',
        "if (proposer && validValue !== null)\n    effects.push({ kind: 'propose', polRound: validRound, blockId: validValue })",
        "if (proposer && validValue !== null && validRound === round - 1)\n    effects.push({ kind: 'propose', polRound: validRound, blockId: validValue })",
      ),
    ],
    finder: ['rules', 2_000],
  },
  {
    name: 'an invalid block never turns out valid (malachite 59c2be84)',
    changes: [
      change(
        'proposalKeeper.ts',
        'if (this.#verdicts.get(blockId) !== true) this.#verdicts.set(blockId, valid)',
        'if (!this.#verdicts.has(blockId)) this.#verdicts.set(blockId, valid)',
      ),
    ],
    finder: ['rules', 2_000],
  },
  {
    name: 'a valid block turns out invalid (malachite 59c2be84)',
    changes: [
      change(
        'proposalKeeper.ts',
        'if (this.#verdicts.get(blockId) !== true) this.#verdicts.set(blockId, valid)',
        'this.#verdicts.set(blockId, valid)',
      ),
    ],
    finder: ['rules', 500],
  },
]

export const LIVENESS: readonly Mutant[] = [
  {
    name: 'nothing is sent again',
    changes: [change('driver.ts', '        this.#rebroadcast()\n', '        break\n')],
    finder: ['faults', 100],
  },
  {
    name: 'the reason for a round is sent only once',
    changes: [
      change(
        'driver.ts',
        'if (certificate !== null) this.#emit',
        'if (certificate === undefined) this.#emit',
      ),
    ],
    finder: ['faults', 200],
  },
  {
    name: 'a re-proposal comes without its polka',
    changes: [
      change(
        'driver.ts',
        "      this.#emit({ kind: 'publishPolka', certificate })\n    }\n    this.#emit({ kind: 'propose'",
        "      if (certificate.height < 0) this.#emit({ kind: 'publishPolka', certificate })\n    }\n    this.#emit({ kind: 'propose'",
      ),
    ],
    finder: ['faults', 200],
  },
  {
    name: 'nobody is shown a lock from round 2 on (malachite#956)',
    changes: [
      change(
        'driver.ts',
        'if (hidden && blockId !== null)',
        'if (hidden && blockId === undefined)',
      ),
    ],
    finder: ['rules', 500],
  },
]

export const RECOVERY: readonly Mutant[] = [
  {
    name: 'what leads to a vote is not flushed before it leaves',
    changes: [],
    shell: 'no flush',
    finder: ['faults', 100],
  },
  {
    name: 'messages are taken before the WAL is replayed (malachite#850, #864)',
    changes: [],
    shell: 'no replay',
    finder: ['faults', 100],
  },
  {
    name: 'timeouts are not replayed',
    changes: [
      change(
        'replay.ts',
        '  inputs.forEach((input, at) => {\n    for',
        "  inputs.forEach((input, at) => {\n    if (input.kind === 'timeout') return\n    for",
      ),
    ],
    finder: ['faults', 200],
  },
  {
    name: 'polka certificates are not replayed (malachite#1445)',
    changes: [
      change(
        'replay.ts',
        '  inputs.forEach((input, at) => {\n    for',
        "  inputs.forEach((input, at) => {\n    if (input.kind === 'polkaCertificate') return\n    for",
      ),
    ],
    finder: ['faults', 200],
  },
  {
    name: 'a recovered proposer builds and proposes anew',
    changes: [
      change(
        'replay.ts',
        '  inputs.forEach((input, at) => {\n    for',
        "  inputs.forEach((input, at) => {\n    if (input.kind === 'valueReady') return\n    for",
      ),
      change(
        'replay.ts',
        "return current && view.step === 'propose' && !answers.values.has(effect.round)",
        "return current && view.step === 'propose'",
      ),
      change(
        'driver.ts',
        'if (this.#proposals.of(round).length > 0 && this.#isProposer(round)) return',
        'if (round < 0) return',
      ),
    ],
    finder: ['faults', 200],
  },
]
