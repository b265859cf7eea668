import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PooledAction } from '../../../node/mempool/action.ts'
import {
  CorePool,
  type CorePoolOptions,
  defaultCorePoolOptions,
} from '../../../node/mempool/corePool.ts'
import { NaiveCorePool } from '../../support/naiveCorePool.ts'
import { type ActionSketch, nameOf, sketchAction } from '../../support/poolTransactions.ts'

/** Small enough that every limit is met within a few commands. */
const options: CorePoolOptions = {
  maxCount: 9,
  maxBytes: 2_400,
  maxPerSigner: 4,
  maxBytesPerSigner: 1_000,
  blockGas: 500,
  nonceAgeMs: 60,
  nonceLeadMs: 20,
  lifetimeMs: 80,
  recentHashes: 1_000,
  maxSkips: 2,
}
const CODES = [null, null, null, 'NONCE_USED', 'INSUFFICIENT_FEE', 'BLOCK_FULL', 'BLOCK_FULL']

type Command =
  | {
      readonly kind: 'add'
      readonly at: number
      readonly late: number | null
      readonly sketch: Omit<ActionSketch, 'nonce' | 'expiresAfter'>
    }
  | { readonly kind: 'again'; readonly index: number }
  /** The nonce of an earlier one, with nothing to do. */
  | { readonly kind: 'void'; readonly index: number; readonly size: number }
  | {
      readonly kind: 'commit'
      readonly from: number
      readonly codes: readonly (string | null)[]
      readonly foreign: boolean
    }
  | { readonly kind: 'wait'; readonly ms: number }

const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('add' as const),
        /** Of the nonce, from now. */
        at: fc.oneof(
          { weight: 6, arbitrary: fc.integer({ min: -20, max: 10 }) },
          fc.integer({ min: -65, max: 25 }),
        ),
        late: fc.option(fc.integer({ min: -3, max: 40 }), { freq: 2 }),
        sketch: fc.record({
          signer: fc.integer({ min: 1, max: 4 }),
          calls: fc.integer({ min: 1, max: 3 }),
          gas: fc.constantFrom(50, 100, 200, 501),
          size: fc.constantFrom(130, 150, 300, 600),
          isNoop: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
          salt: fc.nat(2),
        }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('void' as const),
        index: fc.nat(20),
        size: fc.constantFrom(130, 150, 700),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), index: fc.nat(20) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('commit' as const),
        from: fc.nat(3),
        codes: fc.array(fc.constantFrom(...CODES), { maxLength: 5 }),
        foreign: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(30) }) },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
)

/** The pool and its twin, driven by the same commands; both clocks start far from zero and run together. */
class World {
  readonly drops: string[] = []
  readonly answers: string[] = []
  readonly sent: PooledAction[] = []
  readonly pool = new CorePool(options, {
    onDropped: (action, reason) => void this.drops.push(`${reason} ${nameOf(action)}`),
  })
  readonly twin = new NaiveCorePool(options)
  now = 1_000

  run(command: Command): void {
    switch (command.kind) {
      case 'add': {
        const { at, late, sketch } = command
        const expiresAfter = late === null ? null : this.now + late
        this.send(sketchAction({ ...sketch, nonce: this.now + at, expiresAfter }))
        break
      }
      case 'again': {
        const action = this.sent[command.index % this.sent.length]
        if (action !== undefined) this.send(action)
        break
      }
      case 'void': {
        const action = this.sent[command.index % this.sent.length]
        const { size } = command
        if (action !== undefined) this.send(sketchNoop(action, size))
        break
      }
      case 'commit':
        this.#commit(command)
        break
      case 'wait':
        this.now += command.ms
        this.pool.expire(this.now)
        this.twin.expire(this.now)
    }
  }

  #commit({ from, codes, foreign }: Extract<Command, { kind: 'commit' }>): void {
    const chosen = this.select(500, 1e6, 50).slice(from)
    const actions: { readonly hash: Uint8Array; readonly code: string | null }[] = []
    for (const [i, code] of codes.entries()) {
      const action = chosen[i]
      if (action === undefined) break
      actions.push({ hash: action.hash, code })
    }
    if (foreign) {
      // Later it may come to this pool too.
      const action = sketchAction({ nonce: this.now, salt: 9 })
      this.sent.push(action)
      actions.push({ hash: action.hash, code: null })
    }
    const block = { actions, blockMs: this.now }
    this.pool.onCommitted(block)
    this.twin.onCommitted(block)
  }

  send(action: PooledAction): void {
    this.sent.push(action)
    const time = { monoMs: this.now, blockMs: this.now }
    const result = this.pool.add(action, time)
    const answer = result.ok ? 'OK' : result.code
    expect(answer).toBe(this.twin.add(action, time))
    this.answers.push(answer)
  }

  select(gas: number, maxBytes: number, maxCount: number): PooledAction[] {
    const limits = { gas, maxBytes, maxCount, targetBytes: maxBytes }
    return this.pool.select({ ...limits, blockMs: this.now })
  }

  check(): void {
    const { pool, twin } = this
    expect([pool.size, pool.bytes]).toEqual([twin.held.length, twin.bytes])
    expect(twin.held.every(({ action }) => pool.get(action.hash) === action)).toBe(true)
    expect(pool.size <= options.maxCount && pool.bytes <= options.maxBytes).toBe(true)
    for (const [gas, maxBytes, maxCount, targetBytes] of [
      [1e6, 1e6, 1e6, 1e6],
      [1e6, 1e6, 1e6, 450],
      [300, 700, 3, 700],
      [1e6, 500, 1e6, 500],
      [150, 1e6, 1e6, 1e6],
    ] as const) {
      const limits = { gas, maxBytes, maxCount, targetBytes, blockMs: this.now }
      expect(pool.select(limits).map(nameOf)).toEqual(twin.select(limits).map(nameOf))
    }
    // Several drops of one command may come in another order.
    expect([...this.drops].sort()).toEqual([...twin.drops].sort())
  }
}

/** Under the same signer and nonce. */
const sketchNoop = ({ signer, nonce }: PooledAction, size: number): PooledAction => ({
  ...sketchAction({ nonce, size, isNoop: true, salt: signer[3] ?? 0 }),
  signer,
})

describe('CorePool', () => {
  it('agrees with its naive twin after every command', () => {
    const drops = new Set<string>()
    const answers = new Set<string>()
    fc.assert(
      fc.property(commands, (list) => {
        const world = new World()
        for (const command of list) {
          world.run(command)
          world.check()
        }
        for (const drop of world.drops) drops.add(drop.split(' ')[0] as string)
        for (const answer of world.answers) answers.add(answer)
      }),
      { numRuns: 400 },
    )
    // The commands reach every way in and out, or the comparison would say little.
    expect([...drops].sort()).toEqual(['EXPIRED', 'REFUSED', 'SKIPPED', 'VOIDED'])
    expect([...answers].sort()).toEqual([
      'ALREADY_KNOWN',
      'EXPIRED',
      'GAS_TOO_HIGH',
      'NONCE_OUT_OF_WINDOW',
      'NONCE_PENDING',
      'OK',
      'POOL_FULL',
      'SIGNER_LIMIT',
    ])
  })

  const DAY = 86_400_000
  const T = 1_800_000_000_000
  const poolAt = (change: Partial<CorePoolOptions> = {}): CorePool =>
    new CorePool({ ...defaultCorePoolOptions, ...change }, { onDropped: () => {} })
  const codeOf = (action: Partial<ActionSketch>, blockMs = T): string => {
    const added = poolAt().add(sketchAction(action), { monoMs: 0, blockMs })
    return added.ok ? 'OK' : added.code
  }

  it('keeps the edges of the nonce window outside, as the ledger does', () => {
    expect(codeOf({ nonce: T - 2 * DAY })).toBe('NONCE_OUT_OF_WINDOW')
    expect(codeOf({ nonce: T - 2 * DAY + 1 })).toBe('OK')
    expect(codeOf({ nonce: T + DAY - 1 })).toBe('OK')
    expect(codeOf({ nonce: T + DAY })).toBe('NONCE_OUT_OF_WINDOW')
  })

  it('takes an envelope in the last millisecond before it expires, and lets it go with that block', () => {
    expect(codeOf({ nonce: T, expiresAfter: T })).toBe('OK')
    expect(codeOf({ nonce: T, expiresAfter: T - 1 })).toBe('EXPIRED')
    const pool = poolAt()
    pool.add(sketchAction({ nonce: T, expiresAfter: T + 5 }), { monoMs: 0, blockMs: T })
    const limits = { gas: 1e9, maxBytes: 1e6, maxCount: 10, targetBytes: 1e6 }
    expect(pool.select({ ...limits, blockMs: T + 5 })).toHaveLength(1)
    expect(pool.select({ ...limits, blockMs: T + 6 })).toHaveLength(0)
    pool.onCommitted({ actions: [], blockMs: T + 4 })
    expect(pool.size).toBe(1)
    pool.onCommitted({ actions: [], blockMs: T + 5 })
    expect([pool.size, pool.bytes]).toEqual([0, 0])
  })

  it('lets go of a nonce when it falls out of the window', () => {
    const pool = poolAt()
    pool.add(sketchAction({ nonce: T }), { monoMs: 0, blockMs: T })
    pool.onCommitted({ actions: [], blockMs: T + 2 * DAY - 2 })
    expect(pool.size).toBe(1)
    pool.onCommitted({ actions: [], blockMs: T + 2 * DAY - 1 })
    expect(pool.size).toBe(0)
  })

  it('keeps one signer from taking the pool, and a nonce free again once its envelope was refused', () => {
    const pool = poolAt({ maxPerSigner: 2 })
    const now = { monoMs: 0, blockMs: T }
    const add = (action: Partial<ActionSketch>): boolean => pool.add(sketchAction(action), now).ok
    expect([1, 2, 3].map((i) => add({ nonce: T + i }))).toEqual([true, true, false])
    expect(add({ signer: 2, nonce: T + 1 })).toBe(true)
    const { hash } = sketchAction({ nonce: T + 1 })
    pool.onCommitted({ actions: [{ hash, code: 'INSUFFICIENT_FEE' }], blockMs: T })
    expect(add({ nonce: T + 1 })).toBe(true)
  })

  it('lets a signer void what waits, once for each nonce', () => {
    const reasons: string[] = []
    const pool = new CorePool(
      { ...defaultCorePoolOptions, maxPerSigner: 1, maxCount: 1, maxBytes: 200 },
      { onDropped: (action, reason) => void reasons.push(`${reason} ${nameOf(action)}`) },
    )
    const now = { monoMs: 0, blockMs: T }
    const answer = (action: PooledAction): string => {
      const added = pool.add(action, now)
      return added.ok ? 'OK' : added.code
    }
    const order = sketchAction({ nonce: T })
    expect(answer(order)).toBe('OK')
    expect(answer(sketchAction({ nonce: T, salt: 1 }))).toBe('NONCE_PENDING')
    expect(answer(sketchNoop(order, 300))).toBe('POOL_FULL')
    expect(answer({ ...sketchNoop(order, 150), expiresAfter: T - 1 })).toBe('EXPIRED')
    expect(pool.get(order.hash)).toBe(order)
    // A full pool and a full share are no hindrance: one leaves for it.
    const noop = sketchNoop(order, 150)
    expect(answer(noop)).toBe('OK')
    expect(reasons).toEqual([`VOIDED ${nameOf(order)}`])
    expect([pool.size, pool.bytes, pool.has(order.hash)]).toEqual([1, 150, false])
    for (const late of [order, sketchNoop(order, 151)]) expect(answer(late)).toBe('NONCE_PENDING')
    const limits = { gas: 1e9, maxBytes: 1e6, maxCount: 10, targetBytes: 1e6, blockMs: T }
    expect(pool.select(limits)).toEqual([noop])
    pool.onCommitted({ actions: [{ hash: noop.hash, code: null }], blockMs: T })
    expect([pool.size, pool.bytes]).toEqual([0, 0])
  })

  it('does not grow with what has passed through it', () => {
    const pool = poolAt()
    for (let block = 0; block < 50; block++) {
      const now = { monoMs: block, blockMs: T + block }
      const actions = Array.from({ length: 200 }, (_, i) =>
        sketchAction({ nonce: T + block * 200 + i, signer: i }),
      )
      for (const action of actions) expect(pool.add(action, now).ok).toBe(true)
      pool.onCommitted({
        actions: actions.map(({ hash }) => ({ hash, code: null })),
        blockMs: now.blockMs,
      })
      expect([pool.size, pool.bytes]).toEqual([0, 0])
      expect(pool.outdated).toBeLessThanOrEqual(1_024)
    }
  })
})
