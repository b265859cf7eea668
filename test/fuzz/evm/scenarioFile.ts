import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import type { Scenario } from '../../support/evm/scenarios.ts'

/** A scenario as JSON: bytes as `{"hex"}`, bigints as `{"wei"}`. */
export const scenarioToJson = (scenario: Scenario): string =>
  JSON.stringify(scenario, (_, value: unknown) => {
    if (value instanceof Uint8Array) return { hex: toHex(value) }
    return typeof value === 'bigint' ? { wei: value.toString() } : value
  })

export const scenarioFromJson = (text: string): Scenario =>
  JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    if ('hex' in value) return fromHex(String(value.hex))
    return 'wei' in value ? BigInt(String(value.wei)) : value
  }) as Scenario
