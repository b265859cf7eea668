import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ledger, ledgerPort } from '../../../coprocessors/ledger/index.ts'
import { precompileOf } from '../../../core/host/precompile.ts'
import { createContext } from '../../support/callContext.ts'
import {
  createLedgerWorld,
  DAY,
  ledgerParams,
  NOW,
  userAddress,
} from '../../support/ledgerWorld.ts'
import { createNaiveLedger } from '../../support/naiveLedger.ts'

const USERS = [1, 2, 3, 4, 5, 6].map(userAddress)
const [TREASURY, ISSUER] = [USERS[3], USERS[4]] as [Uint8Array, Uint8Array]
const EXCHANGE = precompileOf(2)
/** Never users: those whom somebody may make an agent. */
const STRANGERS = [21, 22, 23, 24].map(userAddress)
const MAX = Number.MAX_SAFE_INTEGER

const user = fc.constantFrom(...USERS)
const asset = fc.constantFrom(0, 1)
const amount = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 400 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, Number.MAX_SAFE_INTEGER) },
)
const move = { from: user, to: user, asset, amount }
const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('transfer', 'issue', 'burn', 'toEvm', 'deposit', 'land', 'release'),
      ...move,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('approve'),
      from: user,
      to: fc.constantFrom(...USERS, ...STRANGERS),
      life: fc.oneof(fc.integer({ min: 1, max: DAY }), fc.constantFrom(0, 1, 180 * DAY + 1)),
      limit: fc.integer({ min: 0, max: 50 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('revoke'),
      from: user,
      to: fc.constantFrom(...STRANGERS),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('admit'),
      from: fc.constantFrom(...USERS, ...STRANGERS),
      ahead: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: -10, max: 10 }) },
        { weight: 1, arbitrary: fc.constantFrom(-2 * DAY, DAY) },
      ),
      spend: fc.integer({ min: 0, max: 20 }),
      fee: fc.integer({ min: 0, max: 60 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('block'), pass: fc.constantFrom(0, 1, 1, 3, DAY) }),
  },
)
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

/** A ledger and its twin. `run` gives both the same command and returns what each said. */
function createTwins() {
  const params = {
    ...ledgerParams,
    balances: [0, 1, 2, 4].flatMap((i) => [
      { address: USERS[i] as Uint8Array, asset: 0, amount: i === 0 ? MAX - 500 : 900 },
      { address: USERS[i] as Uint8Array, asset: 1, amount: 900 },
    ]),
    evmSupply: 0n,
  }
  const world = createLedgerWorld(params)
  const naive = createNaiveLedger(ISSUER)
  naive.accounts.add(Buffer.from(TREASURY).toString('hex'))
  for (const { address, asset: of, amount: units } of params.balances)
    naive.endow(address, of, units)
  /** Crossings on their way: owner, asset, amount. */
  const flying: [Uint8Array, number, number][] = []
  let time = NOW

  const apply = (fn: string, args: object, from: Uint8Array) => world.call(fn, args, from, { time })

  function admit(command: Extract<Command, { ahead: number }>): string {
    const { from, ahead, spend, fee } = command
    const call = { engine: 2, fn: 0, needs: 'agent', market: null, spend } as const
    const nonce = time + ahead
    const admission = { signer: from, nonce, expiresAfter: null, maxFee: fee, calls: [call] }
    const admitted = ledgerPort.admit(world.state, admission, time)
    if (!admitted.ok) return admitted.code
    ledgerPort.settleFee(world.state, admitted.value.account, fee, fee)
    return 'ok'
  }

  function land(half: 'arrived' | 'recalled' | 'returned'): void {
    const crossing = flying.shift()
    if (crossing === undefined) return
    const [owner, of, units] = crossing
    const isFull = naive.balance(owner, of) + units > Number.MAX_SAFE_INTEGER
    const fn = isFull ? 'arrived' : half
    const value = { account: ledgerPort.idOf(world.state, owner), asset: of, amount: units }
    if (fn === 'recalled') world.internal('arrived', value)
    world.internal(fn, value)
    if (fn === 'arrived') naive.arrive(of, units)
    else naive.comeBack(owner, of, units)
  }

  function endBlock(pass: number): void {
    ledger.endBlock?.(world.state, createContext({ time, origin: 'block' }))
    naive.endBlock(TREASURY)
    world.arena.seal()
    time += pass
  }

  function run(command: Command): readonly [string, string] {
    if (command.kind === 'block' && 'pass' in command) endBlock(command.pass)
    if ('ahead' in command) {
      const { from, ahead, spend, fee } = command
      return [admit(command), naive.admit(from, time + ahead, spend, fee, time)]
    }
    if ('life' in command) {
      const { from, to, life, limit } = command
      const expiry = time + life
      const engines = [{ engine: 2, functions: 1 }]
      const terms = { agent: to, name: 'a', expiry, engines, markets: [], spendLimit: limit }
      const said = apply('approveAgent', terms, from)
      if (said === 'UNKNOWN_ACCOUNT') return [said, said]
      return [said, naive.approve(from, to, { expiry, limit }, time)]
    }
    if (!('to' in command)) return ['ok', 'ok']
    return 'amount' in command ? runMove(command) : revoke(command.from, command.to)
  }

  const revoke = (from: Uint8Array, to: Uint8Array): readonly [string, string] =>
    from === to
      ? ['ok', 'ok']
      : [apply('revokeAgent', { agent: to }, from), naive.revoke(from, to, time)]

  function runMove(command: Extract<Command, { amount: number }>): readonly [string, string] {
    const { kind, from, to, asset: of, amount: units } = command
    const value = { asset: of, amount: units }
    switch (kind) {
      case 'transfer':
        return [apply(kind, { ...value, to }, from), naive.transfer(from, to, of, units)]
      case 'issue':
        return [apply(kind, { ...value, to }, from), naive.issue(from, to, of, units)]
      case 'burn':
        return [apply(kind, value, from), naive.burn(from, of, units)]
      case 'toEvm': {
        const said = apply(kind, { ...value, to }, from)
        if (said === 'ok') flying.push([from, of, units])
        return [said, naive.toEvm(from, of, units)]
      }
      case 'deposit':
        return [
          apply('depositTo', { ...value, engine: 2 }, from),
          naive.deposit(from, EXCHANGE, of, units),
        ]
      case 'land':
        land((['arrived', 'recalled', 'returned'] as const)[units % 3] ?? 'arrived')
        return ['ok', 'ok']
      default: {
        const held = Math.min(units, naive.balance(EXCHANGE, of))
        if (held === 0) return ['ok', 'ok']
        const account = ledgerPort.ensureAccount(world.state, to)
        naive.accounts.add(Buffer.from(to).toString('hex'))
        const args = { account, asset: of, amount: held }
        const said = world.internal('release', args, { source: 2, time })
        return [said, naive.transfer(EXCHANGE, to, of, held)]
      }
    }
  }
  return { world, naive, run, endBlock }
}

describe('ledger and its naive twin', () => {
  it('agree on every answer, balance and total after any commands', () => {
    const commands = fc.array(command, { minLength: 1, maxLength: 150, size: 'max' })
    fc.assert(
      fc.property(commands, (list) => {
        const { world, naive, run, endBlock } = createTwins()
        for (const [i, each] of list.entries()) {
          const [said, expected] = run(each)
          expect(said, `${each.kind} at ${i}`).toBe(expected)
        }
        endBlock(0)
        for (const of of [0, 1]) {
          for (const address of [...USERS, EXCHANGE]) {
            expect(world.balance(address, of)).toBe(naive.balance(address, of))
          }
          expect(world.view('supply', { asset: of })).toEqual(naive.totals[of])
        }
        expect(world.breaches()).toEqual([])
        expect(world.arena.verifyDerived()).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})
