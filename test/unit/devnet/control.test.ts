// Time and blocks on demand, against a chain of numbers.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TransactionSource } from '../../../node/consensus/ports.ts'
import { DevnetControl } from '../../../node/devnet/control.ts'

/** A chain that makes a block whenever there is something to propose, as the engine does. */
class Chain {
  realMs = 1_000_000
  isAlone = true
  isOwn = true
  held: number | null = null
  readonly times: number[] = [900_000]
  readonly control = new DevnetControl({
    clock: {
      wallMs: () => this.realMs,
      monoMs: () => this.realMs,
      setTimer: () => () => undefined,
    },
    isAlone: () => this.isAlone,
    head: () => ({ height: this.height, time: this.time }),
    onWanted: () => undefined,
    past: {
      isOwn: () => this.isOwn,
      hold: async (height) => {
        this.held = height
      },
      rewind: async (height) => {
        this.times.length = height + 1
        return { height: this.height, time: this.time }
      },
      resume: () => undefined,
    },
  })
  readonly source = this.control.around({
    hasPending: () => false,
  } as unknown as TransactionSource)

  get height(): number {
    return this.times.length - 1
  }
  get time(): number {
    return this.times.at(-1) ?? 0
  }

  /** One block by the clock; false: the clock would have to pass first, and does not. */
  commit(): boolean {
    const time = this.control.clock.wallMs()
    if (time <= this.time) {
      this.realMs += this.time + 1 - time
      if (this.control.clock.wallMs() <= this.time) return false
      return this.commit()
    }
    this.times.push(time)
    this.control.committed({ height: this.height, time })
    return true
  }

  run(): void {
    for (let i = 0; this.source.hasPending() && i < 1_000; i++)
      if (!this.commit()) throw new Error('the clock stands')
  }
}

describe('blocks on demand', () => {
  it('makes as many as asked for, and answers when the last is there', async () => {
    const chain = new Chain()
    const mined = chain.control.request({ kind: 'mine', blocks: 5, intervalMs: null })
    chain.run()
    expect(await mined).toEqual({ ok: true, value: { height: 5, aheadMs: 0 } })
    expect(chain.source.hasPending()).toBe(false)
  })

  it('leaves the distance between two of them, and goes on from the last', async () => {
    const chain = new Chain()
    const mined = chain.control.request({ kind: 'mine', blocks: 3, intervalMs: 60_000 })
    chain.run()
    expect((await mined).ok).toBe(true)
    const [, first = 0, second, third = 0] = chain.times
    expect([second, third]).toEqual([first + 60_000, first + 120_000])
    expect(chain.control.clock.wallMs()).toBe(third)
  })

  it('does not count a block that was under way before the time that was asked for', async () => {
    const chain = new Chain()
    await chain.control.request({ kind: 'nextBlockTime', ms: 5_000_000 })
    let isDone = false
    const mined = chain.control.request({ kind: 'mine', blocks: 1, intervalMs: null })
    void mined.then(() => {
      isDone = true
    })
    chain.times.push(1_000_001)
    chain.control.committed({ height: 1, time: 1_000_001 })
    await Promise.resolve()
    expect(isDone).toBe(false)
    chain.run()
    expect((await mined).ok).toBe(true)
    expect(chain.time).toBe(5_000_000)
  })

  it('is refused where others decide too, and when the node stops', async () => {
    const chain = new Chain()
    const waiting = chain.control.request({ kind: 'mine', blocks: 1, intervalMs: null })
    chain.control.stop()
    expect(await waiting).toEqual({ ok: false, code: 'DEVNET_STOPS' })
    chain.isAlone = false
    for (const kind of ['advance', 'time', 'nextBlockTime'] as const)
      expect(await chain.control.request({ kind, ms: 9e12 })).toEqual({
        ok: false,
        code: 'DEVNET_NOT_ALONE',
      })
  })
})

describe('time', () => {
  it('moves forward only', async () => {
    const { control } = new Chain()
    const behind = { ok: false, code: 'TIME_NOT_AHEAD' }
    expect(await control.request({ kind: 'time', ms: 999_999 })).toEqual(behind)
    expect(await control.request({ kind: 'nextBlockTime', ms: 900_000 })).toEqual(behind)
    expect(await control.request({ kind: 'time', ms: 1_500_000 })).toMatchObject({
      value: { aheadMs: 500_000 },
    })
    expect(control.clock.monoMs()).toBe(1_000_000)
  })

  it('ends with the year 9999, however often somebody travels', async () => {
    const { control } = new Chain()
    const far = { ok: false, code: 'TIME_TOO_FAR' }
    const century = 100 * 365 * 86_400_000
    let answer = await control.request({ kind: 'advance', ms: century })
    for (let i = 0; answer.ok && i < 200; i++)
      answer = await control.request({ kind: 'advance', ms: century })
    expect(answer).toEqual(far)
    expect(new Date(control.clock.wallMs()).getUTCFullYear()).toBeLessThan(10_000)
    const mine = { kind: 'mine', blocks: 10_000, intervalMs: century } as const
    expect(await control.request(mine)).toEqual(far)
  })

  it('goes on from the last block after a restart', () => {
    const { control } = new Chain()
    control.start(7_000_000)
    expect(control.clock.wallMs()).toBe(7_000_001)
  })

  it('never stands and never goes back in blocks, whatever is asked for', async () => {
    const request = fc.oneof(
      fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(100_000) }),
      fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 0, max: 3_000_000 }) }),
      fc.record({
        kind: fc.constant('nextBlockTime' as const),
        ms: fc.integer({ min: 800_000, max: 3_000_000 }),
      }),
      fc.record({
        kind: fc.constant('mine' as const),
        blocks: fc.integer({ min: 1, max: 4 }),
        intervalMs: fc.option(fc.integer({ min: 1, max: 50_000 })),
      }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(1_000) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 30 }), async (requests) => {
        const chain = new Chain()
        for (const one of requests) {
          const before = chain.height
          if (one.kind === 'wait') {
            chain.realMs += one.ms
            if (!chain.commit()) throw new Error('the clock stands')
            continue
          }
          const answer = chain.control.request(one)
          chain.run()
          const result = await answer
          if (one.kind === 'mine')
            expect([result.ok, chain.height - before]).toEqual([true, one.blocks])
        }
        expect(chain.times.every((time, i) => i === 0 || time > (chain.times[i - 1] ?? 0))).toBe(
          true,
        )
      }),
    )
  })
})

describe('snapshots', () => {
  const take = async (chain: Chain) => {
    const taken = await chain.control.request({ kind: 'snapshot' })
    if (!taken.ok) throw new Error(taken.code)
    return taken.value.snapshot ?? 0
  }
  const revert = (chain: Chain, snapshot: number) =>
    chain.control.request({ kind: 'revert', snapshot })
  const mine = async (chain: Chain, blocks: number) => {
    const mined = chain.control.request({ kind: 'mine', blocks, intervalMs: null })
    chain.run()
    await mined
  }

  it('bring the chain and its clock back, each once, and take later ones along', async () => {
    const chain = new Chain()
    await mine(chain, 2)
    const first = await take(chain)
    await chain.control.request({ kind: 'advance', ms: 86_400_000 })
    await mine(chain, 2)
    const second = await take(chain)
    expect(chain.held).toBe(2)
    await mine(chain, 1)
    expect(await revert(chain, second)).toMatchObject({ ok: true, value: { height: 4 } })
    expect(chain.control.clock.aheadMs).toBe(86_400_000)
    await mine(chain, 3)
    expect(await revert(chain, first)).toMatchObject({ value: { height: 2, snapshot: first } })
    expect([chain.height, chain.held]).toEqual([2, null])
    expect(chain.control.clock.aheadMs).toBeLessThan(10)
    for (const gone of [first, second, 77])
      expect(await revert(chain, gone)).toMatchObject({ value: { snapshot: null } })
  })

  it('are numbered on: an id never comes back', async () => {
    const chain = new Chain()
    const ids: number[] = []
    for (let i = 0; i < 4; i++) {
      const id = await take(chain)
      ids.push(id)
      await revert(chain, id)
    }
    expect(ids).toEqual([1, 2, 3, 4])
  })

  it('tell whoever waits for blocks that the chain went back', async () => {
    const chain = new Chain()
    const id = await take(chain)
    await mine(chain, 1)
    const waiting = chain.control.request({ kind: 'mine', blocks: 5, intervalMs: null })
    await revert(chain, id)
    expect(await waiting).toEqual({ ok: false, code: 'CHAIN_WENT_BACK' })
  })

  it('are for a chain that nobody else relies on', async () => {
    const chain = new Chain()
    chain.isOwn = false
    for (const request of [{ kind: 'snapshot' }, { kind: 'revert', snapshot: 1 }] as const)
      expect(await chain.control.request(request)).toEqual({ ok: false, code: 'CHAIN_IS_SHARED' })
    chain.isAlone = false
    expect(await chain.control.request({ kind: 'snapshot' })).toEqual({
      ...{ ok: false, code: 'DEVNET_NOT_ALONE' },
    })
  })
})
