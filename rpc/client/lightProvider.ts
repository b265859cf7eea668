import { LIGHT_BLOCK_BYTES, type LightProvider } from '../../consensus/light/index.ts'
import type { StateRoots } from '../../core/chain/roots.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { Height } from '../../core/primitives/units.ts'
import { bytesIn } from './answers.ts'
import { callHttp } from './http.ts'

export type LightProviderOptions = {
  /** For one answer. */
  readonly timeoutMs: number
  /** For a height that the node does not have yet; it is asked again every tenth of this. */
  readonly waitMs: number
}

export const defaultLightProviderOptions: LightProviderOptions = { timeoutMs: 5_000, waitMs: 2_000 }

/** Hex of the bytes, and what the answer says besides. */
const MAX_ANSWER_BYTES = 2 * LIGHT_BLOCK_BYTES + 8_192
const TRIES = 10

/** What `nexus_getLightBlock` answers, unchecked; null: the node does not have the height. */
export type LightAnswer = {
  readonly bytes: Uint8Array
  /** After the height before. */
  readonly roots: StateRoots | null
}

type LightJson = {
  readonly bytes: string
  readonly stateRoots: { readonly [name: string]: string } | null
}

/** Throws NO_ANSWER, BAD_ANSWER, or the node's own refusal. */
export async function getLightBlock(
  url: string,
  height: number | 'latest',
  timeoutMs = defaultLightProviderOptions.timeoutMs,
): Promise<LightAnswer | null> {
  const block = height === 'latest' ? height : `0x${height.toString(16)}`
  const limits = { timeoutMs, maxBytes: MAX_ANSWER_BYTES }
  const json = await callHttp(url, 'nexus_getLightBlock', [block], limits)
  if (json === null) return null
  const { bytes, stateRoots } = json as LightJson
  return { bytes: bytesIn(bytes), roots: stateRoots === null ? null : rootsIn(stateRoots) }
}

const rootsIn = (json: { readonly [name: string]: string }): StateRoots => ({
  evmRoot: bytesIn(json.evmRoot, 32),
  coreRoot: bytesIn(json.coreRoot, 32),
  queueRoot: bytesIn(json.queueRoot, 32),
  consensusRoot: bytesIn(json.consensusRoot, 32),
})

/** One node as a source of light blocks, over JSON-RPC. */
export function lightProvider(
  url: string,
  options: LightProviderOptions = defaultLightProviderOptions,
): LightProvider {
  return {
    name: url,
    async fetch(height) {
      for (let i = 0; i < TRIES; i++) {
        const answer = await ask(url, height, options.timeoutMs)
        if (answer.ok || answer.code === 'NO_ANSWER' || height === 'latest') return answer
        await new Promise((resolve) => setTimeout(resolve, options.waitMs / TRIES))
      }
      return reject('NOT_FOUND')
    },
  }
}

async function ask(
  url: string,
  height: Height | 'latest',
  timeoutMs: number,
): Promise<Result<Uint8Array, 'NOT_FOUND' | 'NO_ANSWER'>> {
  try {
    const answer = await getLightBlock(url, height, timeoutMs)
    return answer === null ? reject('NOT_FOUND') : ok(answer.bytes)
  } catch {
    return reject('NO_ANSWER')
  }
}
