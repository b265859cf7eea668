import type { Constraint } from '../host/coprocessor.ts'
import type { Runtime } from '../host/runtime.ts'

/** Words for each constraint of these kinds that does not hold. */
export function brokenConstraints(
  runtime: Runtime,
  kinds: readonly Constraint['when'][],
): readonly string[] {
  const broken: string[] = []
  for (const host of runtime.hosts) {
    for (const { name, when, check } of host.engine.constraints) {
      if (!kinds.includes(when)) continue
      const words = runtime.guarded(host, name, () => check(host.state))
      if (words !== null) broken.push(`${host.engine.name}.${name}: ${words}`)
    }
  }
  return broken
}
