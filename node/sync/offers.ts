import { compareBytes, toHex } from '../../core/primitives/bytes.ts'
import { answerOf, type JoinNetwork } from './joinNetwork.ts'

/** A snapshot that peers say they have. */
export type Offer = {
  readonly height: number
  readonly id: Uint8Array
  readonly peers: readonly string[]
}

/** The snapshots of all peers, the highest first; of one height the one that more peers have. */
export async function offersOf(network: JoinNetwork): Promise<readonly Offer[]> {
  const byKey = new Map<string, { height: number; id: Uint8Array; peers: string[] }>()
  await Promise.all(
    network.peerIds().map(async (peerId) => {
      for (const { height, id } of (await answerOf(network.requestSnapshots(peerId))) ?? []) {
        const key = `${height}/${toHex(id)}`
        const offer = byKey.get(key) ?? { height, id, peers: [] }
        if (!offer.peers.includes(peerId)) offer.peers.push(peerId)
        byKey.set(key, offer)
      }
    }),
  )
  return [...byKey.values()].sort(
    (a, b) => b.height - a.height || b.peers.length - a.peers.length || compareBytes(a.id, b.id),
  )
}

export const keyOf = ({ height, id }: Offer): string => `${height}/${toHex(id)}`
