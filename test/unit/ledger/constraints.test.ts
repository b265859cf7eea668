import { describe, expect, it } from 'vitest'
import { columnRunsOf } from '../../../coprocessors/ledger/columnRuns.ts'
import { type LedgerState, ledger, ledgerPort } from '../../../coprocessors/ledger/index.ts'
import { alice, createLedgerWorld, DAY, NOW, userAddress } from '../../support/ledgerWorld.ts'

const AGENT = userAddress(100)

/** A ledger with something in every table. */
function createBusyWorld() {
  const world = createLedgerWorld()
  const approval = {
    agent: AGENT,
    name: '',
    expiry: NOW + DAY,
    engines: [{ engine: 2, functions: 1 }],
    markets: [],
    spendLimit: 0,
  }
  world.call('approveAgent', approval, alice)
  for (const nonce of [NOW, NOW + 1, NOW + 5]) {
    ledgerPort.admit(
      world.state,
      { signer: alice, nonce, expiresAfter: null, maxFee: 0, calls: [] },
      NOW,
    )
  }
  expect(world.breaches()).toEqual([])
  return world
}

const rowOf = (state: LedgerState, asset: number): number =>
  state.balanceByKey.find(ledgerPort.idOf(state, alice), asset)

/** One breach, written straight into the columns, and the constraints that must say so. */
const BREACHES: readonly [string, readonly string[], (state: LedgerState) => void][] = [
  [
    'a unit more in a total',
    ['conservation', 'balances'],
    ({ assets }) => assets.columns.core.set(2, assets.columns.core.get(2) + 1n),
  ],
  [
    'a unit more in a balance',
    ['balances'],
    (state) => void state.balances.columns.amount.add(rowOf(state, 1), 1),
  ],
  [
    'a wei less in the EVM',
    ['conservation'],
    ({ assets }) => assets.columns.evm.set(1, assets.columns.evm.get(1) - 1n),
  ],
  ['one unit in flight', ['conservation'], ({ assets }) => assets.columns.inFlight.set(2, 1n)],
  ['an issue without units', ['conservation'], ({ assets }) => assets.columns.issued.set(2, 1n)],
  ['a burning without units', ['conservation'], ({ assets }) => assets.columns.burned.set(2, 1n)],
  [
    'a fee that nobody settled',
    ['feesSettled', 'balances'],
    ({ chain }) => chain.columns.feesHeld.set(1, 5),
  ],
  ['a price above its cap', ['gasPrice'], ({ chain }) => chain.columns.gasPrice.set(1, 2 ** 50)],
  ['a price below its floor', ['gasPrice'], ({ chain }) => chain.columns.gasPrice.set(1, 1)],
  [
    'a balance of an asset that does not exist',
    ['balances'],
    (state) => state.balances.columns.asset.set(rowOf(state, 1), 6),
  ],
  [
    'a balance of another owner',
    ['balances'],
    (state) => state.balances.columns.account.set(rowOf(state, 1), 1),
  ],
  [
    'a balance that no list has',
    ['balances'],
    (state) => state.accounts.columns.firstBalance.set(ledgerPort.idOf(state, alice), 0),
  ],
  [
    'a list of balances that goes round',
    ['balances'],
    (state) => state.balances.columns.next.set(rowOf(state, 0), rowOf(state, 1)),
  ],
  [
    'one agent too few counted',
    ['agents'],
    (state) => state.accounts.columns.grants.set(ledgerPort.idOf(state, alice), 0),
  ],
  ['a grant of another owner', ['agents'], ({ grants }) => grants.columns.owner.set(1, 1)],
  ['an agent that lost its grant', ['agents'], ({ agents }) => agents.columns.grant.set(1, 0)],
  [
    'a grant that no list has',
    ['agents'],
    (state) => {
      const owner = ledgerPort.idOf(state, alice)
      state.accounts.columns.firstGrant.set(owner, 0)
      state.accounts.columns.grants.set(owner, 0)
    },
  ],
  ['a list of grants that goes round', ['agents'], ({ grants }) => grants.columns.next.set(1, 1)],
  [
    'nonces out of order',
    ['nonces'],
    (state) => columnRunsOf(state).nonces[0]?.set(1, (NOW + 3) % 2 ** 32),
  ],
  ['a nonce twice', ['nonces'], (state) => columnRunsOf(state).nonces[1]?.set(1, NOW % 2 ** 32)],
  [
    'a newest nonce that is not there',
    ['nonces'],
    ({ signers }) => signers.columns.count.set(1, 0),
  ],
  ['more nonces than are kept', ['nonces'], ({ signers }) => signers.columns.count.set(1, 101)],
  ['a ring that begins outside', ['nonces'], ({ signers }) => signers.columns.start.set(1, 100)],
  [
    'an account that its address does not find',
    ['indexes'],
    (state) => state.accountByAddress.remove(ledgerPort.idOf(state, alice)),
  ],
  [
    'a balance that its key does not find',
    ['balances'],
    (state) => state.balanceByKey.remove(rowOf(state, 1)),
  ],
  ['a lost signer', ['indexes'], (state) => state.signerByAddress.remove(1)],
  ['a lost agent', ['indexes'], (state) => state.agentByAddress.remove(1)],
  ['a lost asset', ['indexes'], (state) => state.assetBySymbol.remove(1)],
]

describe('ledger constraints', () => {
  it.each(BREACHES)('speak of %s', (_what, names, plant) => {
    const world = createBusyWorld()
    plant(world.state)
    expect(world.breaches().map((words) => words.split(':')[0])).toEqual(names)
  })

  it('are all heard in the list above', () => {
    const heard = new Set(BREACHES.flatMap(([, names]) => names))
    expect(ledger.constraints.map(({ name }) => name).filter((name) => !heard.has(name))).toEqual(
      [],
    )
  })
})
