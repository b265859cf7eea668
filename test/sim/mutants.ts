// Tests of the tests: known mistakes planted in a copy of consensus/, each of which must be caught.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Core } from './messages.ts'

/** A mistake is a change of the source. The text must occur exactly once, so a refactoring cannot disarm it. */
export type Mutant = {
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** The core's own assertions would stop some mutants before they do harm; the simulations must not need them. */
const NO_ASSERTIONS: readonly Mutant[] = [
  {
    name: 'round.ts does not assert',
    file: 'round.ts',
    find: '  assertTransition(state, transition[0])\n',
    replace: '  if (state.round < -1) assertTransition(state, transition[0])\n',
  },
  {
    name: 'driver.ts does not assert',
    file: 'driver.ts',
    find: '    this.#assertSupported(before, after)\n',
    replace: '    if (after.round < -1) this.#assertSupported(before, after)\n',
  },
]

export const LOCK_MUTANTS: readonly Mutant[] = [
  {
    name: 'the lock is not asked',
    file: 'round.ts',
    find: '  return state.lockedRound <= polRound || state.lockedValue === blockId',
    replace: '  return polRound >= -1 || state.lockedValue === blockId',
  },
  {
    name: 'the lock is never set',
    file: 'round.ts',
    find: '{ ...valid, lockedRound: state.round, lockedValue: blockId }',
    replace: '{ ...valid }',
  },
  {
    name: 'a re-proposal ignores the round of the lock (L29)',
    file: 'round.ts',
    find: '  return state.lockedRound <= polRound || state.lockedValue === blockId',
    replace:
      '  return (polRound === -1 ? state.lockedRound === -1 : true) || state.lockedValue === blockId',
  },
  {
    name: 'a nil polka unlocks (tendermint#6849)',
    file: 'round.ts',
    find: "return state.step === 'prevote' ? precommit(state, null) : stay(state)\n    case 'polkaAny'",
    replace:
      "return state.step === 'prevote' ? precommit({ ...state, lockedRound: -1, lockedValue: null }, null) : stay(state)\n    case 'polkaAny'",
  },
  {
    name: 'a polka is known by its round only (malachite 3c9d5e97)',
    file: 'driver.ts',
    find: 'if (!refused && !this.#votes.hasPolka(polRound, blockId)) continue',
    replace: "if (!refused && !this.#votes.hasQuorumAny('prevote', polRound)) continue",
  },
]

export const COUNTING_MUTANTS: readonly Mutant[] = [
  {
    name: 'a quorum is more than a half',
    file: 'voteKeeper.ts',
    find: 'return power !== undefined && this.#validators.isQuorum(power)',
    replace: 'return power !== undefined && 2 * power > this.#validators.totalPower',
  },
  {
    name: 'a quorum is two thirds',
    file: 'voteKeeper.ts',
    find: 'return power !== undefined && this.#validators.isQuorum(power)',
    replace:
      'return power !== undefined && power > 0 && 3 * power >= 2 * this.#validators.totalPower',
  },
  {
    name: 'repeated votes count again (malachite a233b8ce)',
    file: 'voteKeeper.ts',
    find: 'return this.#evidenceOf(vote)\n    if (!this',
    replace:
      'this.#rounds.get(round)?.tally(type).remove(validatorIndex, -this.#validators.powerOf(validatorIndex))\n    if (!this',
  },
  {
    name: 'nil counts for any value',
    file: 'tally.ts',
    find: 'return this.#powerByValue.get(blockId) ?? 0',
    replace:
      'return (this.#powerByValue.get(blockId) ?? 0) + (blockId === null ? 0 : (this.#powerByValue.get(null) ?? 0))',
  },
]

export const LIVENESS_MUTANTS: readonly Mutant[] = [
  {
    name: 'nothing is sent again',
    file: 'driver.ts',
    find: '        this.#rebroadcast()\n',
    replace: '        break\n',
  },
  {
    name: 'the reason for a round is sent only once',
    file: 'driver.ts',
    find: 'if (certificate !== null) this.#emit',
    replace: 'if (certificate === undefined) this.#emit',
  },
  {
    name: 'a skip comes before a decision (malachite#1480), and ends the height of those who skip',
    file: 'driver.ts',
    find: 'for (const { round, blockId } of this.#votes.commits) {',
    replace:
      'for (const { round, blockId } of this.#votes.commits) {\n      if (round !== this.#state.round) continue',
  },
]

export const REPLAY_MUTANTS: readonly Mutant[] = [
  {
    name: 'timeouts are not replayed',
    file: 'replay.ts',
    find: '  inputs.forEach((input, at) => {\n    for',
    replace: "  inputs.forEach((input, at) => {\n    if (input.kind === 'timeout') return\n    for",
  },
  {
    name: 'polka certificates are not replayed (malachite#1445)',
    file: 'replay.ts',
    find: '  inputs.forEach((input, at) => {\n    for',
    replace:
      "  inputs.forEach((input, at) => {\n    if (input.kind === 'polkaCertificate') return\n    for",
  },
]

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The consensus folder with the mistakes in it, loaded beside the real one. */
export async function plant(mutant: Mutant): Promise<Core> {
  const changes = [mutant, ...NO_ASSERTIONS]
  const files = readdirSync(join(root, 'consensus')).filter((file) => file.endsWith('.ts'))
  const texts = files.map((file) => {
    const text = readFileSync(join(root, 'consensus', file), 'utf8')
    const mistaken = changes.filter((change) => change.file === file).reduce(replaceOnce, text)
    return mistaken.replaceAll("'../core/", `'${root}core/`)
  })
  const folder = join(mkdtempSync(join(tmpdir(), 'nexus-mutant-')), 'consensus')
  mkdirSync(folder)
  files.forEach((file, i) => {
    writeFileSync(join(folder, file), texts[i] as string)
  })
  const core = (await import(join(folder, 'index.ts'))) as Core
  rmSync(join(folder, '..'), { recursive: true })
  return core
}

function replaceOnce(text: string, { name, find, replace }: Mutant): string {
  if (text.split(find).length !== 2) throw new Error(`the place of "${name}" is not in the source`)
  return text.replace(find, () => replace)
}
