import { assert } from '../../core/primitives/assert.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { type Height, heightOf, type Millis } from '../../core/primitives/units.ts'
import type { LightBlock } from './lightBlock.ts'
import type { VerifyOptions } from './options.ts'
import type { Source, SourceCode } from './source.ts'
import type { TrustedState } from './trusted.ts'
import { type VerifyCode, verify } from './verify.ts'

/** A block, and what is known since it was verified. */
export type TraceStep = { readonly block: LightBlock; readonly state: TrustedState }
export type BisectCode = Exclude<VerifyCode, 'NOT_ENOUGH_TRUST'> | SourceCode

export type BisectTask = {
  readonly from: TrustedState
  readonly target: LightBlock
  readonly source: Source
}

/**
 * The verified blocks from the first above `from` to `target`: the target at once where enough of the
 * trusted power signed it, else by way of the height in the middle, again and again. Fetches are
 * about the number of times that the validators changed by two thirds, times the logarithm of the
 * distance; at most those of the source.
 */
export async function bisect(
  { from, target, source }: BisectTask,
  options: VerifyOptions,
  now: () => Millis,
): Promise<Result<readonly TraceStep[], BisectCode>> {
  const trace: TraceStep[] = []
  const pending = [target]
  let trusted = from
  for (let block = pending.at(-1); block !== undefined; block = pending.at(-1)) {
    const verdict = verify(trusted, block, options, now())
    if (verdict.ok) {
      trusted = verdict.value
      trace.push({ block, state: trusted })
      pending.pop()
      continue
    }
    if (verdict.code !== 'NOT_ENOUGH_TRUST') return reject(verdict.code)
    const between = await source.fetch(middle(trusted.height, block.header.height))
    if (!between.ok) return between
    pending.push(between.value.block)
  }
  return ok(trace)
}

/** Strictly between two heights that are not neighbours. */
export function middle(low: Height, high: Height): Height {
  assert(high > low + 1, 'there is a height between')
  return heightOf(low + Math.floor((high - low) / 2))
}
