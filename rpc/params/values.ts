import { bad, type Parser } from './parameter.ts'

/** A JSON number or a decimal string: NexusCore's integers are exact in both. */
export const integerUpTo =
  (max: number): Parser<number> =>
  (json) => {
    const value = typeof json === 'string' && /^(0|[1-9]\d{0,15})$/.test(json) ? Number(json) : json
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      return bad('expected a non-negative integer')
    return value <= max ? { ok: true, value } : bad(`expected at most ${max}`)
  }
