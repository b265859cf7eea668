import type { CoreCallOutcome, CorePort } from '../../core/host/corePort.ts'
import type { Registry } from '../../core/host/registry.ts'

/** Thrown through the interpreter: what an engine answered then was not kept. */
export class EngineAnswersGone {
  readonly code = 'ENGINE_ANSWERS_GONE'
}

/** Engines that answer what they answered when the block was executed, in the same order: they have no past to be asked. */
export function recordedPort(registry: Registry, answers: readonly CoreCallOutcome[]): CorePort {
  const ids = new Set(registry.engines.map(({ id }) => id))
  let next = 0
  return {
    has: (engine) => ids.has(engine),
    call: () => {
      const answer = answers[next++]
      if (answer === undefined) throw new EngineAnswersGone()
      return answer
    },
    mark: () => 0,
    revertTo: () => undefined,
  }
}
