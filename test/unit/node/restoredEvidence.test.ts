// Nodes that were restored from a snapshot have no records of before it, and so cannot judge evidence from
// there. The others can, and both must come to the same chain whatever is proposed.
import { afterEach, describe, expect, it } from 'vitest'
import { blockIdOf } from '../../../core/chain/block.ts'
import { duplicateVoteOf, type Evidence } from '../../../core/chain/evidence.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import { Puppet } from '../../support/byzantine.ts'
import { Cluster } from '../../support/engineCluster.ts'
import { changedBlock, testBlockId, testValidators, testVote } from '../../support/testChain.ts'

let cluster: Cluster
afterEach(() => cluster.stopAll())

function begin(): void {
  cluster = new Cluster(testValidators([1, 1, 1, 1]))
  cluster.emptyBlockIntervalMs = 10
}

/** Two prevotes that validator 3 signed at a height. */
const doubleVoteAt = (height: number): Evidence => {
  const place = { type: 'prevote', validatorIndex: 3, height } as const
  return duplicateVoteOf(
    testVote(cluster.validators.keys, { ...place, blockId: testBlockId(66) }),
    testVote(cluster.validators.keys, { ...place, blockId: null }),
  )
}

const allReach = (nodes: readonly number[], height: number): Promise<void> =>
  cluster.until(
    `height ${height}`,
    () => nodes.every((node) => cluster.heightOf(node) >= height),
    15_000,
  )

/** As if it had thrown its database away and joined by a snapshot of its height. */
async function restore(node: number): Promise<void> {
  await cluster.nodeAt(node).crash()
  cluster.disks[node]?.evidence.splice(0)
  cluster.restoredAt.set(node, cluster.heightOf(node))
  cluster.start(node)
}

/** It has seen a double vote of long ago that no block holds. */
async function remember(node: number, evidence: Evidence): Promise<void> {
  await cluster.nodeAt(node).crash()
  cluster.disks[node]?.evidence.push(evidence)
  cluster.start(node)
}

const evidenceIn = (node: number): Evidence[] =>
  (cluster.disks[node]?.blocks ?? []).flatMap(({ block }) => [...block.payload.evidence])

function expectAgreement(nodes: readonly number[]): void {
  const chains = nodes.map((node) =>
    (cluster.disks[node]?.summaries ?? []).map(({ blockId }) => blockId),
  )
  const shortest = Math.min(...chains.map((chain) => chain.length))
  for (const chain of chains)
    expect(chain.slice(0, shortest)).toEqual(chains[0]?.slice(0, shortest))
  expect(nodes.flatMap((node) => cluster.nodes[node]?.fatal ?? [])).toEqual([])
  expect(cluster.doubleSigned).toEqual([])
}

type Heard = Exclude<ConsensusMessage, { kind: 'status' }>
const heightIn = (message: Heard): number => {
  if (message.kind === 'vote') return message.vote.height
  return message.kind === 'proposal' ? message.proposal.height : message.certificate.height
}
const isPrevote = (message: Heard): boolean =>
  message.kind === 'polkaCertificate' ||
  (message.kind === 'vote' && message.vote.type === 'prevote')

const tellsPrecommits = (message: ConsensusMessage): message is Heard =>
  message.kind === 'roundCertificate' ||
  (message.kind === 'vote' && message.vote.type === 'precommit')

const ALL = [0, 1, 2, 3]

describe('old evidence that the others find valid', () => {
  it.each(['polka', 'commit'] as const)('is taken by a restored node on the %s', async (on) => {
    begin()
    cluster.startAll()
    await allReach(ALL, 6)
    await restore(2)
    let at = Number.POSITIVE_INFINITY
    cluster.deliver = (from, to, message) => {
      if (message.kind === 'proposal' && message.body.evidence.length > 0)
        at = Math.min(at, message.proposal.height)
      // Without the precommits of 1, which hears none, that of 2 is needed.
      const isLost = on === 'polka' && (from === 1 || to === 1)
      if (isLost && tellsPrecommits(message)) return heightIn(message) !== at
      if (to !== 2 || message.kind === 'status') return to !== 2
      // It must decide by itself: nothing tells it that the others are further.
      if (heightIn(message) > at && cluster.heightOf(2) < at) return false
      return on === 'polka' || !isPrevote(message)
    }
    await remember(0, doubleVoteAt(3))
    await cluster.until('evidence on chain', () => evidenceIn(2).length > 0, 15_000)
    cluster.deliver = () => true
    await allReach(ALL, cluster.heightOf(0) + 5)
    expect(evidenceIn(2)).toEqual([doubleVoteAt(3)])
    expectAgreement(ALL)
  })

  it('waits, and the chain does not, when half of the validators cannot judge it', async () => {
    begin()
    cluster.startAll()
    await allReach(ALL, 6)
    await restore(1)
    await restore(2)
    await remember(0, doubleVoteAt(3))
    await allReach(ALL, cluster.heightOf(0) + 12)
    expect(evidenceIn(0)).toEqual([])
    expectAgreement(ALL)
  })
})

describe('old evidence that the others refuse', () => {
  const HONEST = [0, 1, 2]
  const tamper = (evidence: Evidence): Evidence =>
    ({
      ...evidence,
      second: { ...evidence.second, signature: new Uint8Array(64).fill(255) },
    }) as never

  it.each([
    ['is on chain already', (evidence: Evidence) => evidence],
    ['is forged', tamper],
  ])(
    'and that %s is never decided, though a majority cannot judge it',
    async (_, change) => {
      begin()
      const puppet = new Puppet(cluster, 3)
      const offered: string[] = []
      let old: Evidence | null = null
      puppet.onHeight = (height) => {
        if (!puppet.proposes(height, 0)) return
        const plain = puppet.block(height)
        if (old === null) return puppet.send(puppet.propose(plain))
        const block = changedBlock(plain, { payload: { evidence: [change(old)] } })
        offered.push(blockIdOf(block.header))
        puppet.send(puppet.propose(block))
        for (const type of ['prevote', 'precommit'] as const)
          puppet.send(puppet.vote(type, { height, round: 0 }, blockIdOf(block.header)))
      }
      puppet.start()
      await allReach(HONEST, 4)
      await remember(0, doubleVoteAt(2))
      await cluster.until(
        'it is on chain',
        () => HONEST.every((node) => evidenceIn(node).length > 0),
        15_000,
      )
      await restore(1)
      await restore(2)
      old = evidenceIn(0)[0] ?? null
      await cluster.until('three proposals', () => offered.length >= 3, 30_000)
      await allReach(HONEST, cluster.heightOf(0) + 3)
      expect(HONEST.map((node) => evidenceIn(node).length)).toEqual([1, 1, 1])
      for (const id of offered) expect(puppet.supported.has(id as never)).toBe(false)
      expectAgreement(HONEST)
    },
    45_000,
  )
})
