import { describe, expect, it } from 'vitest'
import { NexusError } from '../../../core/primitives/errors.ts'
import { type GateView, StartGate } from '../../../node/consensus/startGate.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { memorySigner, vote } from '../../support/signerWorld.ts'

/** Time that a test moves; timers run in order. */
class TestClock {
  #nowMs = 0
  #timers: { at: number; run: () => void }[] = []
  wallMs = (): number => this.#nowMs
  monoMs = (): number => this.#nowMs
  setTimer = (run: () => void, afterMs: number): (() => void) => {
    const timer = { at: this.#nowMs + afterMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }
  get pending(): number {
    return this.#timers.length
  }
  async pass(ms: number): Promise<void> {
    const end = this.#nowMs + ms
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#nowMs = next.at
      next.run()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#nowMs = end
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function gated(first: Partial<GateView> = {}, check: () => Promise<void> = async () => {}) {
  const gate = new StartGate(await memorySigner())
  const view: GateView = { alone: false, height: 10, target: 10, peers: 0, ...first }
  const state = { view }
  const clock = new TestClock()
  const fatal: unknown[] = []
  gate.start({
    clock,
    log: silentLogger,
    view: () => state.view,
    check,
    onFatal: (error) => fatal.push(error),
  })
  const set = (more: Partial<GateView>): void => {
    state.view = { ...state.view, ...more }
  }
  const isOpen = (): Promise<boolean> =>
    gate.signVote(vote(11)).then(
      () => true,
      (error: NexusError) => {
        expect(error.detail.code).toBe('SIGNER_UNAVAILABLE')
        return false
      },
    )
  await clock.pass(0)
  return { gate, clock, set, isOpen, fatal }
}

describe('StartGate', () => {
  it('waits for a peer, and for what peers have', async () => {
    const { clock, set, isOpen } = await gated()
    await clock.pass(60_000)
    expect(await isOpen()).toBe(false)
    set({ peers: 1, target: 500 })
    await clock.pass(1_000)
    expect(await isOpen()).toBe(false)
    set({ height: 498 })
    await clock.pass(1_000)
    expect(await isOpen()).toBe(false)
    set({ height: 499 })
    await clock.pass(50)
    expect(await isOpen()).toBe(true)
    set({ target: 1_000_000, peers: 0 })
    expect(await isOpen(), 'it stays open').toBe(true)
  })

  it('waits for nobody where nobody else is needed', async () => {
    const { isOpen } = await gated({ alone: true })
    expect(await isOpen()).toBe(true)
  })

  it('does not wait for ever for a height that nobody can show', async () => {
    const { clock, set, isOpen } = await gated({ peers: 1, target: 2 ** 50 })
    await clock.pass(55_000)
    // Blocks still arrive: the claim may be true.
    set({ height: 20 })
    await clock.pass(55_000)
    expect(await isOpen()).toBe(false)
    await clock.pass(5_500)
    expect(await isOpen()).toBe(true)
  })

  it('stays shut when the check objects, and tells why', async () => {
    const risk = new NexusError({ code: 'DOUBLE_SIGN_RISK' })
    const { isOpen, fatal, clock } = await gated({ peers: 1 }, () => Promise.reject(risk))
    expect(await isOpen()).toBe(false)
    expect([fatal, clock.pending]).toEqual([[risk], 0])
  })

  it('asks again when the signer is away during the check', async () => {
    let asked = 0
    const { isOpen, clock } = await gated({ peers: 1 }, async () => {
      if (++asked < 3) throw new NexusError({ code: 'SIGNER_UNAVAILABLE' })
    })
    expect(await isOpen()).toBe(false)
    await clock.pass(100)
    expect([await isOpen(), asked]).toEqual([true, 3])
  })

  it('leaves no timer behind', async () => {
    const { gate, clock } = await gated()
    await gate.close()
    expect(clock.pending).toBe(0)
  })
})
