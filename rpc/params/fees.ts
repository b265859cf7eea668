import { uint64 } from './hex.ts'
import { bad, type Parser } from './parameter.ts'

/** geth's `maxHeaderHistory`; with percentiles a block must be read whole, so far fewer are answered. */
const MAX_BLOCKS = 1_024n
const MAX_PERCENTILES = 100

/** QUANTITY, or a plain number as many libraries send; capped as in geth. */
export const blockCount: Parser<number> = (json) => {
  if (typeof json === 'number')
    return Number.isSafeInteger(json) && json >= 0
      ? { ok: true, value: Math.min(json, Number(MAX_BLOCKS)) }
      : bad('expected a block count')
  const parsed = uint64(json)
  if (!parsed.ok) return parsed
  return { ok: true, value: Number(parsed.value > MAX_BLOCKS ? MAX_BLOCKS : parsed.value) }
}

/** Rising numbers from 0 to 100. */
export const percentiles: Parser<readonly number[]> = (json) => {
  if (!Array.isArray(json)) return bad('expected a list')
  if (json.length > MAX_PERCENTILES)
    return bad(`invalid reward percentile: over the query limit ${MAX_PERCENTILES}`)
  let previous = 0
  for (const value of json as unknown[]) {
    if (typeof value !== 'number') return bad('invalid reward percentile: expected a number')
    if (!(value >= 0 && value <= 100)) return bad(`invalid reward percentile: ${value}`)
    if (value < previous)
      return bad(`invalid reward percentile: ${value} is below the one before it`)
    previous = value
  }
  return { ok: true, value: json as number[] }
}
