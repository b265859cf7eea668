// One step list per row of the table in consensus/driver.ts.
import { describe, expect, test } from 'vitest'
import type { Input } from '../../../consensus/index.ts'
import {
  block,
  checked,
  commit,
  newHeight,
  polka,
  precommit,
  prevote,
  proposal,
  START,
  timeout,
  valueReady,
  words,
} from '../../support/consensus.ts'

const [a, b] = [block('a'), block('b')]

type TestStep = readonly [input: Input, expected: readonly string[]]
type Row = {
  readonly name: string
  /** Index of the validator under test; of four equal ones, `round mod 4` proposes. */
  readonly own: number | null
  readonly steps: readonly TestStep[]
  /** Round, step, locked round, valid round. */
  readonly state: readonly [number, string, number, number]
}

/** Round 0 of a validator that does not propose, up to the prevote for a. */
const PREVOTED_A: readonly TestStep[] = [
  [START, ['0.propose', 'schedule propose 0', 'schedule rebroadcast 0']],
  [proposal(0, a), ['checkBlock a']],
  [checked(a), ['cancel propose 0', '0.prevote', 'prevote 0 a']],
  [prevote(0, a, 3), []],
]
/** The same, up to its prevote for nil. */
const PREVOTED_NIL: readonly TestStep[] = [
  [START, ['0.propose', 'schedule propose 0', 'schedule rebroadcast 0']],
  [timeout('propose', 0), ['0.prevote', 'prevote 0 nil']],
  [prevote(0, null, 3), []],
]
/** Up to the lock on a in round 0, and on into round 1 through nil precommits. */
const LOCKED_A: readonly TestStep[] = [
  ...PREVOTED_A,
  [prevote(0, a, 0), []],
  [prevote(0, a, 1), ['0.precommit', 'precommit 0 a']],
  [precommit(0, a, 3), []],
  [precommit(0, null, 0), []],
  [precommit(0, null, 1), ['schedule precommit 0']],
]
const ENTER_ROUND_1: TestStep = [
  timeout('precommit', 0),
  [
    'cancel rebroadcast 0',
    '1.propose',
    'schedule propose 1',
    'publishRoundCertificate 1',
    'schedule rebroadcast 1',
  ],
]

const ROWS: readonly Row[] = [
  {
    name: 'A: a valid block with more than 2/3 precommits is decided',
    own: 3,
    steps: [
      ...PREVOTED_A,
      [prevote(0, a, 0), []],
      [prevote(0, a, 1), ['0.precommit', 'precommit 0 a']],
      [precommit(0, a, 3), []],
      [precommit(0, a, 0), []],
      [precommit(0, a, 1), ['0.commit', 'cancel rebroadcast 0', 'decide 0 a']],
    ],
    state: [0, 'commit', 0, 0],
  },
  {
    name: 'A: in any step and round, also by a certificate, the decision is of its round',
    own: 3,
    steps: [
      ...PREVOTED_NIL,
      [proposal(0, a), ['checkBlock a']],
      [checked(a), []],
      [precommit(0, null, 3), []],
      [precommit(0, null, 0), []],
      [precommit(0, null, 1), ['schedule precommit 0']],
      ENTER_ROUND_1,
      [
        commit(0, a, [0, 1, 2]),
        [
          'evidence duplicateVote 0',
          'evidence duplicateVote 1',
          'cancel propose 1',
          '1.commit',
          'cancel rebroadcast 1',
          'decide 0 a',
        ],
      ],
    ],
    state: [1, 'commit', -1, -1],
  },
  {
    name: "A': a committed block that is not judged is fetched once, from its signers, while timers run",
    own: 3,
    steps: [
      ...PREVOTED_NIL,
      [precommit(0, a, 0), []],
      [precommit(0, a, 1), []],
      [precommit(0, a, 2), ['fetchBlock a from 0,1,2', 'schedule precommit 0']],
      [precommit(0, a, 3), []],
      [checked(a), ['0.commit', 'cancel precommit 0', 'cancel rebroadcast 0', 'decide 0 a']],
    ],
    state: [0, 'commit', -1, -1],
  },
  {
    name: "A'': a committed block judged invalid is reported once and not decided",
    own: 3,
    steps: [
      [START, ['0.propose', 'schedule propose 0', 'schedule rebroadcast 0']],
      [proposal(0, a), ['checkBlock a']],
      [checked(a, false), ['cancel propose 0', '0.prevote', 'prevote 0 nil']],
      [precommit(0, a, 0), []],
      [precommit(0, a, 1), []],
      [precommit(0, a, 2), ['disagreement 0 a', 'schedule precommit 0']],
      [prevote(0, a, 2), []],
    ],
    state: [0, 'prevote', -1, -1],
  },
  {
    name: 'B: votes of more than 1/3 from a later round, of either type, move there',
    own: 3,
    steps: [
      [START, ['0.propose', 'schedule propose 0', 'schedule rebroadcast 0']],
      [prevote(2, a, 0), []],
      [precommit(2, null, 0), []],
      [
        precommit(2, null, 1),
        [
          'cancel propose 0',
          'cancel rebroadcast 0',
          '2.propose',
          'schedule propose 2',
          'publishRoundCertificate 2',
          'schedule rebroadcast 2',
        ],
      ],
    ],
    state: [2, 'propose', -1, -1],
  },
  {
    name: 'C: a fresh valid proposal is prevoted',
    own: 3,
    steps: PREVOTED_A,
    state: [0, 'prevote', -1, -1],
  },
  {
    name: 'C: a fresh untimely proposal is prevoted nil without waiting for its block',
    own: 3,
    steps: [
      [START, ['0.propose', 'schedule propose 0', 'schedule rebroadcast 0']],
      [
        proposal(0, a, { receivedAt: 1_221 }),
        ['checkBlock a', 'cancel propose 0', '0.prevote', 'prevote 0 nil'],
      ],
    ],
    state: [0, 'prevote', -1, -1],
  },
  {
    name: 'C: a fresh proposal for another block than the locked one is prevoted nil',
    own: 3,
    steps: [
      ...LOCKED_A,
      ENTER_ROUND_1,
      [proposal(1, b), ['checkBlock b', 'cancel propose 1', '1.prevote', 'prevote 1 nil']],
    ],
    state: [1, 'prevote', 0, 0],
  },
  {
    name: 'C: a fresh proposal for the locked block is prevoted',
    own: 3,
    steps: [
      ...LOCKED_A,
      ENTER_ROUND_1,
      [proposal(1, a), ['cancel propose 1', '1.prevote', 'prevote 1 a']],
    ],
    state: [1, 'prevote', 0, 0],
  },
  {
    name: 'D: a re-proposal is prevoted once its polka is known, whatever the clock says',
    own: 3,
    steps: [
      ...PREVOTED_NIL,
      [precommit(0, null, 0), []],
      [precommit(0, null, 1), []],
      [precommit(0, null, 2), ['schedule precommit 0']],
      ENTER_ROUND_1,
      [proposal(1, a, { polRound: 0, receivedAt: 99_000 }), ['checkBlock a']],
      [checked(a), []],
      [polka(0, a, [0, 1, 2]), ['cancel propose 1', '1.prevote', 'prevote 1 a']],
    ],
    state: [1, 'prevote', -1, -1],
  },
  {
    name: "D': a re-proposal with a polka older than the lock is prevoted nil at once",
    own: 3,
    steps: [
      [START, ['0.propose', 'schedule propose 0', 'schedule rebroadcast 0']],
      [
        polka(1, b, [0, 1, 2]),
        [
          'cancel propose 0',
          'cancel rebroadcast 0',
          '1.propose',
          'schedule propose 1',
          'publishRoundCertificate 1',
          'schedule rebroadcast 1',
        ],
      ],
      [proposal(1, b), ['checkBlock b']],
      [
        checked(b),
        ['cancel propose 1', '1.prevote', 'prevote 1 b', '1.precommit', 'precommit 1 b'],
      ],
      [prevote(2, null, 0), []],
      [
        prevote(2, null, 1),
        [
          'cancel rebroadcast 1',
          '2.propose',
          'schedule propose 2',
          'publishRoundCertificate 2',
          'schedule rebroadcast 2',
        ],
      ],
      [
        proposal(2, a, { polRound: 0 }),
        ['checkBlock a', 'cancel propose 2', '2.prevote', 'prevote 2 nil'],
      ],
    ],
    state: [2, 'prevote', 1, 1],
  },
  {
    name: 'E: a polka for a valid proposal in the prevote step locks and precommits',
    own: 3,
    steps: [
      ...PREVOTED_A,
      [prevote(0, a, 0), []],
      [prevote(0, a, 1), ['0.precommit', 'precommit 0 a']],
    ],
    state: [0, 'precommit', 0, 0],
  },
  {
    name: 'E: from round 2 on a precommit for a block comes with its proposal and polka',
    own: 3,
    steps: [
      [START, ['0.propose', 'schedule propose 0', 'schedule rebroadcast 0']],
      [prevote(2, a, 0), []],
      [
        prevote(2, a, 1),
        [
          'cancel propose 0',
          'cancel rebroadcast 0',
          '2.propose',
          'schedule propose 2',
          'publishRoundCertificate 2',
          'schedule rebroadcast 2',
        ],
      ],
      [proposal(2, a), ['checkBlock a']],
      [checked(a), ['cancel propose 2', '2.prevote', 'prevote 2 a']],
      [
        prevote(2, a, 2),
        ['2.precommit', 'precommit 2 a', 'publishProposal 2 a', 'publishPolka 2 a'],
      ],
    ],
    state: [2, 'precommit', 2, 2],
  },
  {
    name: "E': a polka after the precommit makes the block valid and leaves the lock alone",
    own: 3,
    steps: [
      ...PREVOTED_A,
      [prevote(0, a, 0), []],
      [prevote(0, null, 1), ['schedule prevote 0']],
      [timeout('prevote', 0), ['0.precommit', 'precommit 0 nil']],
      [prevote(0, a, 2), []],
    ],
    state: [0, 'precommit', -1, 0],
  },
  {
    name: 'F: more than 2/3 nil prevotes make it precommit nil at once',
    own: 3,
    steps: [
      ...PREVOTED_NIL,
      [prevote(0, null, 0), []],
      [prevote(0, null, 1), ['0.precommit', 'precommit 0 nil']],
    ],
    state: [0, 'precommit', -1, -1],
  },
  {
    name: 'G: more than 2/3 prevotes for anything set the prevote timer, once',
    own: 3,
    steps: [
      ...PREVOTED_A,
      [prevote(0, null, 0), []],
      [prevote(0, b, 1), ['schedule prevote 0']],
      [prevote(0, null, 2), []],
    ],
    state: [0, 'prevote', -1, -1],
  },
  {
    name: 'H: more than 2/3 precommits for anything set the precommit timer, once, in any step',
    own: 3,
    steps: [
      [START, ['0.propose', 'schedule propose 0', 'schedule rebroadcast 0']],
      [precommit(0, null, 0), []],
      [precommit(0, a, 1), []],
      [precommit(0, null, 2), ['schedule precommit 0']],
      [precommit(0, null, 3), []],
    ],
    state: [0, 'propose', -1, -1],
  },
  {
    name: 'I: the propose timer prevotes nil, the prevote timer precommits nil, the precommit timer moves on',
    own: 3,
    steps: [
      ...PREVOTED_NIL,
      [prevote(0, a, 0), []],
      [prevote(0, b, 1), ['schedule prevote 0']],
      [timeout('prevote', 0), ['0.precommit', 'precommit 0 nil']],
      [precommit(0, null, 0), []],
      [precommit(0, null, 1), []],
      [precommit(0, null, 3), ['schedule precommit 0']],
      ENTER_ROUND_1,
    ],
    state: [1, 'propose', -1, -1],
  },
  {
    name: 'I: the rebroadcast timer sends our last votes again and sets itself',
    own: 3,
    steps: [
      ...PREVOTED_NIL,
      [timeout('rebroadcast', 0), ['rebroadcast prevote 0', 'schedule rebroadcast 0']],
    ],
    state: [0, 'prevote', -1, -1],
  },
  {
    name: 'I: the rebroadcast timer also sends the reason for the round again',
    own: 3,
    steps: [
      ...LOCKED_A,
      ENTER_ROUND_1,
      [
        timeout('rebroadcast', 1),
        [
          'rebroadcast prevote 0,precommit 0',
          'publishRoundCertificate 1',
          'schedule rebroadcast 1',
        ],
      ],
    ],
    state: [1, 'propose', 0, 0],
  },
  {
    name: 'startRound: a proposer without a valid value asks for one and proposes it once',
    own: 0,
    steps: [
      [START, ['0.propose', 'getValue 0', 'schedule propose 0', 'schedule rebroadcast 0']],
      [valueReady(0, a), ['propose 0 a -1']],
      [valueReady(0, b), []],
      [proposal(0, a), ['cancel propose 0', '0.prevote', 'prevote 0 a']],
    ],
    state: [0, 'prevote', -1, -1],
  },
  {
    name: 'startRound: a proposer with a valid value re-proposes it with its polka',
    own: 1,
    steps: [
      [START, ['0.propose', 'schedule propose 0', 'schedule rebroadcast 0']],
      [proposal(0, a), ['checkBlock a']],
      [checked(a), ['cancel propose 0', '0.prevote', 'prevote 0 a']],
      [prevote(0, a, 0), []],
      [prevote(0, a, 1), []],
      [prevote(0, a, 2), ['0.precommit', 'precommit 0 a']],
      [precommit(0, null, 0), []],
      [precommit(0, null, 2), []],
      [precommit(0, null, 3), ['schedule precommit 0']],
      [
        timeout('precommit', 0),
        [
          'cancel rebroadcast 0',
          '1.propose',
          'publishPolka 0 a',
          'propose 1 a 0',
          'schedule propose 1',
          'publishRoundCertificate 1',
          'schedule rebroadcast 1',
        ],
      ],
    ],
    state: [1, 'propose', 0, 0],
  },
  {
    name: 'an observer follows and decides, and asks for nothing to be signed',
    own: null,
    steps: [
      [START, ['0.propose', 'schedule propose 0']],
      [proposal(0, a), ['checkBlock a']],
      [checked(a), ['cancel propose 0', '0.prevote']],
      [prevote(0, a, 0), []],
      [prevote(0, a, 1), []],
      [prevote(0, a, 2), ['0.precommit']],
      [commit(0, a, [0, 1, 3]), ['0.commit', 'decide 0 a']],
    ],
    state: [0, 'commit', 0, 0],
  },
]

describe('the mux', () => {
  for (const { name, own, steps, state } of ROWS) {
    test(name, () => {
      const height = newHeight(own)
      steps.forEach(([input, expected], i) => {
        expect(words(height.handle(input)), `step ${i}: ${input.kind}`).toEqual(expected)
      })
      const { round, step, lockedRound, validRound } = height.view
      expect([round, step, lockedRound, validRound]).toEqual(state)
    })
  }
})
