import { describe, expect, it } from 'vitest'
import { ledgerPort } from '../../../coprocessors/ledger/index.ts'
import type { Admission, Authority } from '../../../core/host/ledgerPort.ts'
import {
  alice,
  bob,
  carol,
  createLedgerWorld,
  DAY,
  ledgerParams,
  NOW,
  smallCapacities,
  userAddress,
} from '../../support/ledgerWorld.ts'

const AGENT = userAddress(100)
const NO_LIMIT = Number.MAX_SAFE_INTEGER

const call = (change: Partial<Authority> = {}): Authority => ({
  engine: 2,
  fn: 3,
  needs: 'agent',
  market: null,
  spend: 0,
  ...change,
})
const envelope = (signer: Uint8Array, change: Partial<Admission> = {}): Admission => ({
  signer,
  nonce: NOW,
  expiresAfter: null,
  maxFee: 100,
  calls: [call()],
  ...change,
})
const approval = (change: object = {}) => ({
  agent: AGENT,
  name: 'bot',
  expiry: NOW + DAY,
  engines: [{ engine: 2, functions: 0b1000 }],
  markets: [],
  spendLimit: NO_LIMIT,
  ...change,
})

/** Asks first without effect, then in earnest: both must say the same. */
function admit(
  world: ReturnType<typeof createLedgerWorld>,
  admission: Admission,
  time = NOW,
): string {
  const before = world.arena.mark()
  const would = ledgerPort.wouldAdmit(world.state, admission, time)
  expect(world.arena.mark(), 'asking changes nothing').toBe(before)
  const did = ledgerPort.admit(world.state, admission, time)
  expect(did).toEqual(would)
  if (!did.ok) expect(world.arena.mark(), 'a refusal changes nothing').toBe(before)
  return did.ok ? 'ok' : did.code
}

describe('admission', () => {
  it('sets the fee aside and uses the nonce up', () => {
    const world = createLedgerWorld()
    expect(admit(world, envelope(alice))).toBe('ok')
    expect(world.balance(alice)).toBe(1_000_000_000 - 100)
    expect(admit(world, envelope(alice))).toBe('NONCE_USED')
    expect(world.breaches()).toEqual(['feesSettled: 100 USDX units of fees are still set aside'])
    ledgerPort.settleFee(world.state, ledgerPort.idOf(world.state, alice), 100, 30)
    expect(world.balance(alice)).toBe(1_000_000_000 - 30)
    expect(world.breaches()).toEqual([])
  })

  it('names the reason of a refusal', () => {
    const world = createLedgerWorld()
    const refused: [string, Admission][] = [
      ['EXPIRED', envelope(alice, { expiresAfter: NOW - 1 })],
      ['NONCE_OUT_OF_WINDOW', envelope(alice, { nonce: NOW - 2 * DAY })],
      ['NONCE_OUT_OF_WINDOW', envelope(alice, { nonce: NOW + DAY })],
      ['UNKNOWN_SIGNER', envelope(carol)],
      ['INSUFFICIENT_FEE', envelope(bob, { maxFee: 1_001 })],
      ['INSUFFICIENT_FEE', envelope(alice, { maxFee: 2 ** 35 })],
    ]
    for (const [code, admission] of refused) expect(admit(world, admission)).toBe(code)
    expect(admit(world, envelope(alice, { expiresAfter: NOW }))).toBe('ok')
    expect(admit(world, envelope(bob, { maxFee: 1_000 }))).toBe('ok')
  })

  it('refuses one more signer than it can remember', () => {
    const world = createLedgerWorld(ledgerParams, { ...smallCapacities, signers: 2 })
    expect(admit(world, envelope(alice, { maxFee: 0 }))).toBe('ok')
    expect(admit(world, envelope(bob, { maxFee: 0 }))).toBe('TABLE_FULL')
    expect(admit(world, envelope(alice, { maxFee: 0, nonce: NOW + 1 }))).toBe('ok')
  })
})

describe('agents', () => {
  it('sign for their owner within their scope', () => {
    const world = createLedgerWorld()
    const scope = { engines: [{ engine: 2, functions: 0b1000 }], markets: [{ market: 7 }] }
    expect(admit(world, envelope(AGENT))).toBe('UNKNOWN_SIGNER')
    expect(world.call('approveAgent', approval({ ...scope, spendLimit: 50 }), alice)).toBe('ok')
    const of = (change: Partial<Authority>, nonce: number) =>
      admit(world, envelope(AGENT, { nonce, calls: [call(), call(change)] }))
    expect(of({ engine: 1 }, NOW)).toBe('NOT_AUTHORIZED')
    expect(of({ fn: 2 }, NOW)).toBe('NOT_AUTHORIZED')
    expect(of({ needs: 'owner' }, NOW)).toBe('NOT_AUTHORIZED')
    expect(of({ market: 8 }, NOW)).toBe('MARKET_NOT_ALLOWED')
    expect(of({ market: 7, spend: 51 }, NOW)).toBe('SPEND_LIMIT')
    expect(of({ market: 7, spend: 30 }, NOW)).toBe('ok')
    expect(of({ market: 7, spend: 21 }, NOW + 1)).toBe('SPEND_LIMIT')
    expect(of({ market: 7, spend: 20 }, NOW + 1)).toBe('ok')
    expect(world.balance(alice)).toBe(1_000_000_000 - 200)
    expect(world.view('agent', { agent: AGENT })).toMatchObject({
      name: 'bot',
      spendLimit: 50,
      spent: 50,
      ...scope,
    })
  })

  it('may name an engine twice, and use every function bit', () => {
    const world = createLedgerWorld()
    const engines = [
      { engine: 2, functions: 1 },
      { engine: 2, functions: 2 ** 31 },
    ]
    world.call('approveAgent', approval({ engines }), alice)
    expect(admit(world, envelope(AGENT, { calls: [call({ fn: 31 })] }))).toBe('ok')
    expect(admit(world, envelope(AGENT, { nonce: NOW + 1, calls: [call({ fn: 0 })] }))).toBe('ok')
    const other = envelope(AGENT, { nonce: NOW + 2, calls: [call({ fn: 30 })] })
    expect(admit(world, other)).toBe('NOT_AUTHORIZED')
  })

  it('spend without end when no limit was set', () => {
    const world = createLedgerWorld()
    world.call('approveAgent', approval(), alice)
    const calls = [call({ spend: NO_LIMIT }), call({ spend: NO_LIMIT })]
    expect(admit(world, envelope(AGENT, { calls }))).toBe('ok')
    expect(admit(world, envelope(AGENT, { calls, nonce: NOW + 1 }))).toBe('ok')
  })

  it('keep signing for their owner when a stranger sends them something', () => {
    const world = createLedgerWorld()
    world.call('approveAgent', approval(), alice)
    world.call('transfer', { to: AGENT, asset: 0, amount: 500 }, bob)
    expect(admit(world, envelope(AGENT))).toBe('ok')
    expect(world.balance(AGENT)).toBe(500)
  })

  it('can never be approved again once revoked, by anyone', () => {
    const world = createLedgerWorld()
    world.call('approveAgent', approval(), alice)
    expect(world.call('approveAgent', approval(), bob)).toBe('AGENT_KNOWN')
    expect(world.call('revokeAgent', { agent: AGENT }, bob)).toBe('NOT_OWNER')
    expect(world.call('revokeAgent', { agent: AGENT }, alice)).toBe('ok')
    expect(world.call('revokeAgent', { agent: AGENT }, alice)).toBe('UNKNOWN_AGENT')
    for (const owner of [alice, bob]) {
      expect(world.call('approveAgent', approval(), owner)).toBe('AGENT_KNOWN')
    }
    expect(admit(world, envelope(AGENT))).toBe('AGENT_EXPIRED')
    expect(world.breaches()).toEqual([])
  })

  it('act up to their expiry and can never be approved again after it', () => {
    const world = createLedgerWorld()
    world.call('approveAgent', approval(), alice)
    const end = NOW + DAY
    expect(admit(world, envelope(AGENT, { nonce: end }), end)).toBe('ok')
    expect(admit(world, envelope(AGENT, { nonce: end + 1 }), end + 1)).toBe('AGENT_EXPIRED')
    const later = approval({ expiry: end + DAY })
    const time = end + 1
    expect(world.view('agent', { agent: AGENT }, end)).toMatchObject({ expiry: end })
    expect(world.view('agent', { agent: AGENT }, time)).toBe('UNKNOWN_AGENT')
    expect(world.view('agents', { owner: alice }, time)).toEqual({ agents: [] })
    expect(world.call('revokeAgent', { agent: AGENT }, alice, { time })).toBe('UNKNOWN_AGENT')
    for (const owner of [alice, bob]) {
      expect(world.call('approveAgent', later, owner, { time })).toBe('AGENT_KNOWN')
    }
    world.call('transfer', { to: AGENT, asset: 0, amount: 500 }, bob)
    expect(admit(world, envelope(AGENT, { nonce: time }), time), 'a key of its own again').toBe(
      'ok',
    )
    expect(world.balance(AGENT)).toBe(400)
  })

  it('get new terms from their owner while they are valid', () => {
    const world = createLedgerWorld()
    world.call('approveAgent', approval({ spendLimit: 10 }), alice)
    admit(world, envelope(AGENT, { calls: [call({ spend: 10 })] }))
    const expiry = NOW + 180 * DAY
    expect(world.call('approveAgent', approval({ expiry, spendLimit: 5 }), alice)).toBe('ok')
    expect(world.view('agent', { agent: AGENT })).toMatchObject({ expiry, spent: 0 })
    expect((world.view('agents', { owner: alice }) as { agents: [] }).agents).toHaveLength(1)
  })

  it('are refused with a code', () => {
    const world = createLedgerWorld()
    const refused: [string, object, Uint8Array][] = [
      ['BAD_EXPIRY', approval({ expiry: NOW }), alice],
      ['BAD_EXPIRY', approval({ expiry: NOW + 180 * DAY + 1 }), alice],
      ['EMPTY_SCOPE', approval({ engines: [] }), alice],
      ['AGENT_IS_ACCOUNT', approval({ agent: bob }), alice],
      ['AGENT_IS_ACCOUNT', approval({ agent: alice }), alice],
      ['AGENT_IS_ACCOUNT', approval({ agent: new Uint8Array(20) }), alice],
      ['UNKNOWN_ACCOUNT', approval(), carol],
    ]
    for (const [code, args, from] of refused) {
      expect(world.call('approveAgent', args, from)).toBe(code)
    }
  })

  it('are 16 at most, not counting the expired', () => {
    const world = createLedgerWorld()
    const approve = (number: number, life: number, time = NOW) =>
      world.call(
        'approveAgent',
        approval({ agent: userAddress(number), expiry: time + life }),
        alice,
        { time },
      )
    for (let i = 0; i < 16; i++) expect(approve(200 + i, i < 3 ? 10 : DAY)).toBe('ok')
    expect(approve(300, DAY)).toBe('TOO_MANY_AGENTS')
    expect(approve(300, DAY, NOW + 10)).toBe('TOO_MANY_AGENTS')
    expect(approve(300, DAY, NOW + 11)).toBe('ok')
    const held = world.view('agents', { owner: alice }, NOW + 11) as { agents: [] }
    expect(held.agents).toHaveLength(14)
    expect(world.call('revokeAgent', { agent: userAddress(205) }, alice)).toBe('ok')
    expect(world.breaches()).toEqual([])
    expect(world.arena.verifyDerived()).toEqual([])
  })

  it('free themselves through the EVM', () => {
    const world = createLedgerWorld()
    world.call('approveAgent', approval(), alice)
    const freed = world.call('revokeAgent', { agent: AGENT }, AGENT, { origin: 'evm' })
    expect(freed).toBe('ok')
    expect(admit(world, envelope(AGENT))).toBe('AGENT_EXPIRED')
  })
})
