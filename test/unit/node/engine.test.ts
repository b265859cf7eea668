import { afterEach, describe, expect, it } from 'vitest'
import { blockCodec, type CrossMessage } from '../../../core/chain/block.ts'
import { voteDigest } from '../../../core/chain/vote.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import { Cluster, type ClusterNode } from '../../support/engineCluster.ts'
import { testBlockId, testValidators, testVote } from '../../support/testChain.ts'

let cluster: Cluster
afterEach(async () => {
  await cluster.stopAll()
})

const nodeAt = (index: number): ClusterNode => cluster.nodeAt(index)

const until = (what: string, holds: () => boolean, timeoutMs = 8_000): Promise<void> =>
  cluster.until(what, holds, timeoutMs)

const allReach = (height: number, indexes = [0, 1, 2, 3]): Promise<void> =>
  until(`height ${height}`, () => indexes.every((i) => cluster.heightOf(i) >= height))

/** The same chain everywhere, as far as each node has it, and no key signed twice. */
function expectAgreement(): void {
  const longest = cluster.disks.reduce((a, b) => (a.summaries.length > b.summaries.length ? a : b))
  for (const [i, disk] of cluster.disks.entries())
    for (const [h, summary] of disk.summaries.entries())
      expect(summary.blockId, `node ${i}, height ${h}`).toBe(longest.summaries[h]?.blockId)
}

const message = (block: number, nonce: number): CrossMessage => ({
  kind: nonce % 2 === 0 ? 'toCore' : 'toEvm',
  block,
  priority: 0,
  nonce,
  source: new Uint8Array(20),
  target: new Uint8Array(20),
  mint: 0n,
  gasLimit: 1,
  params: new Uint8Array(nonce),
})

describe('NexusBft', () => {
  it('decides idle blocks and puts a waiting transaction into one at once', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    cluster.startAll()
    await allReach(3)
    for (const node of cluster.nodes) node?.pool.push(Uint8Array.of(1, 2, 3))
    nodeAt(0).engine.notifyPending()
    const holds = (i: number): boolean =>
      cluster.disks[i]?.blocks.some(({ block }) => block.payload.evm.length === 1) === true
    await until('a block with the transaction', () => [0, 1, 2, 3].every(holds))
    expect(nodeAt(1).pool).toEqual([])
    expectAgreement()
  })

  it('decides an envelope like a transaction', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    cluster.startAll()
    await allReach(2)
    const items = [Uint8Array.of(0xa0, 1), Uint8Array.of(2, 1), Uint8Array.of(0xa0, 2)]
    for (const node of cluster.nodes) node?.pool.push(...items)
    nodeAt(0).engine.notifyPending()
    const holds = (i: number): boolean =>
      cluster.disks[i]?.blocks.some(
        ({ block: { payload } }) => payload.core.length === 2 && payload.evm.length === 1,
      ) === true
    await until('a block with all three', () => [0, 1, 2, 3].every(holds))
    expect(nodeAt(2).pool).toEqual([])
    expectAgreement()
  })

  it('carries the messages that wait, and makes no pause while there are any', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    // Idle, it would make a block every two seconds.
    cluster.emptyBlockIntervalMs = 2_000
    cluster.pendingAfter = (height) =>
      height < 6
        ? Array.from({ length: 1 + (height % 3) }, (_, nonce) => message(height, nonce))
        : []
    const started = performance.now()
    cluster.startAll()
    await allReach(6)
    expect(performance.now() - started).toBeLessThan(1_500)
    const carried = cluster.disks[0]?.blocks.slice(0, 6).map(({ block }) => block.payload.messages)
    expect(carried).toEqual([0, 1, 2, 3, 4, 5].map((height) => cluster.pendingAfter(height)))
    expectAgreement()
  })

  it('goes on without one of four, waits without two, and goes on when one returns', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    cluster.startAll()
    await allReach(2)
    await nodeAt(3).crash()
    const before = cluster.heightOf(0)
    await allReach(before + 5, [0, 1, 2])
    await nodeAt(2).crash()
    await new Promise((resolve) => setTimeout(resolve, 100))
    const stuck = cluster.heightOf(0)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(cluster.heightOf(0)).toBeLessThanOrEqual(stuck + 1)
    cluster.start(3)
    await allReach(stuck + 4, [0, 1, 3])
    cluster.start(2)
    await allReach(cluster.heightOf(0) + 2)
    expectAgreement()
  })

  it('waits but a moment for a proposer that has been silent, until it is heard again', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    const waits = new Set<number>()
    // 60 ms for a proposal in round 0, an eighth of it for a silent proposer's: no other timer is set to it.
    cluster.onTimer = (node, afterMs) => node === 0 && waits.add(afterMs)
    const isShort = (): boolean => waits.has(8)
    cluster.startAll()
    await allReach(2)
    await nodeAt(3).crash()
    const gone = cluster.heightOf(0)
    await allReach(gone + 8, [0, 1, 2])
    expect([isShort(), waits.has(60)]).toEqual([false, true])
    await until('a short wait', isShort)
    cluster.start(3)
    await until('the fourth to be back', () => cluster.heightOf(3) >= cluster.heightOf(0) - 1)
    await allReach(cluster.heightOf(0) + 2)
    waits.clear()
    await allReach(cluster.heightOf(0) + 8)
    expect([isShort(), waits.has(60)]).toEqual([false, true])
    expectAgreement()
  })

  it('survives crashes of everybody at any moment: unflushed log records are lost, nothing else', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    cluster.startAll()
    for (let i = 0; i < 12; i++) {
      await new Promise((resolve) => setTimeout(resolve, 3 + ((i * 7) % 23)))
      await Promise.all(cluster.nodes.map((node) => node?.crash()))
      cluster.startAll()
    }
    await allReach(cluster.heightOf(0) + 3)
    expectAgreement()
  })

  it('blames the peer that answers with another payload under the right header, not the block', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    let forged = 0
    cluster.forgetful.add(3)
    cluster.answer = (from, bytes) => {
      const block = decode(blockCodec, bytes)
      if (from !== 0 || !block.ok) return bytes
      forged++
      const { header, payload } = block.value
      return encode(blockCodec, { header, payload: { ...payload, evm: [Uint8Array.of(2)] } })
    }
    cluster.startAll()
    await until('forged answers', () => forged >= 3)
    await allReach(cluster.heightOf(0) + 3)
    expect(nodeAt(3).rejected).toContain('WRONG_BLOCK')
    expectAgreement()
  })

  it('commits evidence of a double vote', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    const { keys } = cluster.validators
    let sent = false
    // Validator 3 also signs a precommit for a block that nobody proposed.
    cluster.deliver = (from, to, message) => {
      if (!sent && from === 3 && message.kind === 'vote' && message.vote.type === 'precommit') {
        sent = true
        const { height, round } = message.vote
        const other = testVote(keys, {
          type: 'precommit',
          validatorIndex: 3,
          height,
          round,
          blockId: testBlockId(666),
        })
        cluster.send(3, to, { kind: 'vote', vote: other })
      }
      return true
    }
    cluster.startAll()
    const evidenced = (i: number): boolean =>
      cluster.disks[i]?.blocks.some(({ block }) => block.payload.evidence.length === 1) === true
    await until('evidence on chain', () => [0, 1, 2].every(evidenced))
    const committed = cluster.disks[0]?.blocks.flatMap(({ block }) => block.payload.evidence)
    expect(committed).toHaveLength(1)
    expect(committed?.[0]?.first.validatorIndex).toBe(3)
    expectAgreement()
  })

  it('refuses forged votes with a code and goes on', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    const { keys, set } = cluster.validators
    cluster.startAll()
    await allReach(1)
    const height = cluster.heightOf(0) + 1
    const honest = testVote(keys, { type: 'prevote', validatorIndex: 1, height, blockId: null })
    const forged = { ...honest, validatorIndex: 2 }
    const publicKey = set.validators[2]?.publicKey as Uint8Array
    expect(signatures.verify(forged.signature, voteDigest(forged), publicKey)).toBe(false)
    const junk: ConsensusMessage[] = [
      { kind: 'vote', vote: forged },
      { kind: 'vote', vote: { ...honest, validatorIndex: 900 } },
      { kind: 'vote', vote: { ...honest, chainId: 1 } },
    ]
    // The height moves on meanwhile, so the messages of one height may come too late; send a few.
    await until('the refusals', () => {
      const now = cluster.heightOf(0) + 1
      for (const message of junk)
        if (message.kind === 'vote')
          cluster.send(1, 0, { kind: 'vote', vote: { ...message.vote, height: now as never } })
      const { rejected } = nodeAt(0)
      return ['BAD_SIGNATURE', 'UNKNOWN_VALIDATOR', 'WRONG_CHAIN'].every((code) =>
        rejected.includes(code),
      )
    })
    await allReach(cluster.heightOf(0) + 2)
    expectAgreement()
  })
})
