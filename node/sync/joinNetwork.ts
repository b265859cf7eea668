import type { LightProvider } from '../../consensus/light/index.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { ok, reject } from '../../core/primitives/result.ts'
import type { OfferedSnapshot } from '../network/requests.ts'

/** What joining a chain needs of the network. Requests reject with a NexusError when there is no answer in time. */
export type JoinNetwork = {
  peerIds(): readonly string[]
  requestLightBlock(peerId: string, height: number): Promise<Uint8Array | null>
  requestSnapshots(peerId: string): Promise<readonly OfferedSnapshot[]>
  requestSnapshotPart(peerId: string, id: Uint8Array, part: number): Promise<Uint8Array | null>
  penalize(peerId: string, code: string): void
}

/** A peer as the light client asks it. */
export const providerOf = (network: JoinNetwork, peerId: string): LightProvider => ({
  name: peerId,
  fetch: async (height) => {
    const asked = height === 'latest' ? 0 : height
    const bytes = await answerOf(network.requestLightBlock(peerId, asked))
    if (bytes === undefined) return reject('NO_ANSWER')
    return bytes === null ? reject('NOT_FOUND') : ok(bytes)
  },
})

/** Undefined: no answer, which the network has noted. */
export async function answerOf<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof NexusError) return undefined
    throw error
  }
}
