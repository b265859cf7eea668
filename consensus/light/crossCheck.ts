import type { Millis } from '../../core/primitives/units.ts'
import { type BisectCode, bisect, middle, type TraceStep } from './bisect.ts'
import type { LightFork } from './forkReport.ts'
import type { LightBlock } from './lightBlock.ts'
import type { VerifyOptions } from './options.ts'
import type { Source } from './source.ts'
import { type TrustedState, trustedOf } from './trusted.ts'

/** What was verified with one source, to be compared with another. The trace is not empty. */
export type Compared = {
  readonly from: TrustedState
  readonly trace: readonly TraceStep[]
  readonly primary: Source
  readonly witness: Source
}

export type WitnessVerdict =
  | { readonly kind: 'agrees' }
  /** It does not have the height yet. */
  | { readonly kind: 'behind' }
  /** It is of no use: silent, or its other block does not follow from what is trusted. */
  | { readonly kind: 'useless'; readonly code: BisectCode | 'OTHER_CHAIN' }
  | { readonly kind: 'fork'; readonly fork: LightFork }

/**
 * Compares the end of a trace with what a witness says. If it differs and follows from the trusted
 * state just as well, validators have signed two chains: the last common and the first different
 * height are searched as closely as both sources answer.
 */
export async function crossCheck(
  compared: Compared,
  options: VerifyOptions,
  now: () => Millis,
): Promise<WitnessVerdict> {
  const { from, trace, primary, witness } = compared
  const target = trace.at(-1) as TraceStep
  const answer = await witness.fetch(target.state.height)
  if (!answer.ok && answer.code === 'NOT_FOUND') return withoutHeight(target, witness)
  if (!answer.ok) return { kind: 'useless', code: answer.code }
  if (answer.value.id === target.state.id) return { kind: 'agrees' }
  // Height 0 is the genesis, which has no block; a witness may also have pruned the trusted height.
  const root = from.height === 0 ? null : await witness.fetch(from.height)
  if (root?.ok && root.value.id !== from.id) return { kind: 'useless', code: 'OTHER_CHAIN' }
  const { common, different } = await divergence(compared)
  const other = await witness.fetch(different.state.height)
  if (!other.ok) return { kind: 'useless', code: other.code }
  // It says one thing now and another then, and what it says now is what the primary says: no second chain.
  if (other.value.id === different.state.id) return { kind: 'useless', code: 'OTHER_CHAIN' }
  const follows = await bisect(
    { from: common, target: other.value.block, source: witness },
    options,
    now,
  )
  if (!follows.ok) return { kind: 'useless', code: follows.code }
  const fork = await narrow({ common, blocks: [different.block, other.value.block] }, compared, {
    options,
    now,
  })
  const [primaryBlock, witnessBlock] = fork.blocks
  return {
    kind: 'fork',
    fork: {
      common: fork.common,
      primary: { name: primary.provider.name, block: primaryBlock },
      witness: { name: witness.provider.name, block: witnessBlock },
    },
  }
}

/** A witness whose own head is higher hides the height; one whose head is lower will have it. */
async function withoutHeight(target: TraceStep, witness: Source): Promise<WitnessVerdict> {
  const latest = await witness.fetch('latest')
  if (!latest.ok) return { kind: 'useless', code: latest.code }
  return latest.value.block.header.height < target.state.height
    ? { kind: 'behind' }
    : { kind: 'useless', code: 'NOT_FOUND' }
}

/** Neighbours in the trace of which the witness has the first and not the second. O(log) fetches. */
async function divergence({
  from,
  trace,
  witness,
}: Compared): Promise<{ readonly common: TrustedState; readonly different: TraceStep }> {
  let [low, high] = [-1, trace.length - 1]
  while (high - low > 1) {
    const at = Math.floor((low + high) / 2)
    const { state } = trace[at] as TraceStep
    const answer = await witness.fetch(state.height)
    if (answer.ok && answer.value.id === state.id) low = at
    else high = at
  }
  const common = low < 0 ? from : (trace[low] as TraceStep).state
  return { common, different: trace[high] as TraceStep }
}

type Gap = {
  readonly common: TrustedState
  /** Of the primary and of the witness, of one height above it. */
  readonly blocks: readonly [LightBlock, LightBlock]
}

/** Ends early where a source does not answer or does not prove what it answers. */
async function narrow(
  gap: Gap,
  { primary, witness }: Compared,
  { options, now }: { readonly options: VerifyOptions; readonly now: () => Millis },
): Promise<Gap> {
  let { common, blocks } = gap
  while (blocks[0].header.height - common.height > 1) {
    const height = middle(common.height, blocks[0].header.height)
    const a = await primary.fetch(height)
    const b = await witness.fetch(height)
    if (!a.ok || !b.ok) break
    const own = { from: common, target: a.value.block, source: primary }
    if (!(await bisect(own, options, now)).ok) break
    if (a.value.id === b.value.id) {
      common = trustedOf(a.value.block)
      continue
    }
    const other = { from: common, target: b.value.block, source: witness }
    if (!(await bisect(other, options, now)).ok) break
    blocks = [a.value.block, b.value.block]
  }
  return { common, blocks }
}
