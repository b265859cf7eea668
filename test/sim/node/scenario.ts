// Scripts for what a simulation should go through, step by step:
//   scenario().until(3).crash(2, 'none').until(6, [0, 1, 3]).restart(2).until(8).run()
import { fail } from './failure.ts'
import { calmOptions, type Fate, type SimOptions } from './options.ts'
import { type SimExtras, type SimResult, Simulation } from './simulation.ts'

type Step = (simulation: Simulation, breathe: () => Promise<void>) => Promise<void>

const LIMIT_MS = 60_000

export class Scenario {
  readonly #options: SimOptions
  readonly #extras: SimExtras
  readonly #steps: Step[] = []

  constructor(options: Partial<SimOptions> = {}, extras: SimExtras = {}) {
    this.#options = { ...calmOptions, ...options }
    this.#extras = extras
  }

  /** Until nodes have committed a height; all that are on unless told. */
  until(height: number, nodes?: readonly number[]): this {
    return this.#then(async (simulation, breathe) => {
      const chosen = simulation.hosts.filter((host) => nodes?.includes(host.index) ?? host.isOn)
      const deadline = simulation.scheduler.now + LIMIT_MS
      const reached = (): boolean => {
        if (simulation.scheduler.now > deadline)
          fail('liveness', `wanted ${height}, are at ${chosen.map((host) => host.height).join()}`)
        return chosen.every((host) => host.isUp && host.height >= height)
      }
      await simulation.runUntil(reached, breathe)
    })
  }

  /** For so many virtual milliseconds. */
  pass(ms: number): this {
    return this.#then(async (simulation, breathe) => {
      const end = simulation.scheduler.now + ms
      simulation.scheduler.after(ms, () => {})
      await simulation.runUntil(() => simulation.scheduler.now >= end, breathe)
    })
  }

  crash(node: number, fate: Fate): this {
    return this.#do((simulation) => simulation.faults.stop(simulation.host(node), fate))
  }
  wipe(node: number): this {
    return this.#do((simulation) => {
      simulation.faults.stop(simulation.host(node), 'none')
      simulation.host(node).wipe()
      simulation.checker.wiped(node)
    })
  }
  restart(node: number): this {
    return this.#do((simulation) => simulation.host(node).start())
  }
  cut(from: readonly number[], to: readonly number[]): this {
    return this.#do(({ network }) => {
      for (const one of from) for (const other of to) network.cut(one, other)
    })
  }
  join(from: readonly number[], to: readonly number[]): this {
    return this.#do(({ network }) => {
      for (const one of from) for (const other of to) network.join(one, other)
    })
  }

  /** A look at everything; throws when it is not as expected. */
  expect(look: (simulation: Simulation) => void): this {
    return this.#do(look)
  }

  run(seed = 1): Promise<SimResult> {
    const simulation = new Simulation({ seed, options: this.#options, schedule: [] }, this.#extras)
    return simulation.script(async (breathe) => {
      await simulation.begin()
      for (const step of this.#steps) await step(simulation, breathe)
    })
  }

  #do(act: (simulation: Simulation) => void): this {
    return this.#then(async (simulation) => act(simulation))
  }
  #then(step: Step): this {
    this.#steps.push(step)
    return this
  }
}
