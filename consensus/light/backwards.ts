import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import type { LightBlock } from './lightBlock.ts'
import type { Source, SourceCode } from './source.ts'
import { type VerifyCode, verifySignatures } from './verify.ts'

/**
 * The block of a height below a verified one, by the chain of previous block ids: every height
 * between is fetched. Needs no trusting period, since the trusted header itself names its ancestors;
 * the signatures of the result are checked for who keeps its certificate.
 */
export async function backwards(
  from: LightBlock,
  height: Height,
  source: Source,
  chainId: number,
): Promise<Result<LightBlock, SourceCode | VerifyCode>> {
  let current = from
  while (current.header.height > height) {
    const fetched = await source.fetch(heightOf(current.header.height - 1))
    if (!fetched.ok) return fetched
    const { block, id } = fetched.value
    if (id !== current.header.previousBlockId) return reject('BROKEN_CHAIN')
    if (block.header.time >= current.header.time) return reject('NON_MONOTONIC_TIME')
    current = block
  }
  const signed = verifySignatures(current, chainId)
  return signed.ok ? ok(current) : signed
}
