// A second certified block of a committed height, by each way it can come: the node names who is to
// blame, keeps the evidence and stops.
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { forkCodec, judgeFork } from '../../../consensus/index.ts'
import { blockIdOf } from '../../../core/chain/block.ts'
import type { Certificate } from '../../../core/chain/certificate.ts'
import { decode } from '../../../core/primitives/codec.ts'
import { type BlockId, heightOf } from '../../../core/primitives/units.ts'
import { acknowledgedFork, saveFork } from '../../../node/consensus/forkFile.ts'
import { ForkWatch, forkKey, isFork } from '../../../node/consensus/forkWatch.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { Puppet } from '../../support/byzantine.ts'
import { Cluster, type ClusterNode } from '../../support/engineCluster.ts'
import {
  changedBlock,
  TEST_CHAIN_ID,
  testBlockId,
  testCertificate,
  testValidators,
} from '../../support/testChain.ts'

let cluster: Cluster
afterEach(async () => {
  await cluster.stopAll()
})

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 8_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not reached: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Validator 3 is a puppet; the others have reached height 3. */
async function begin(): Promise<{ puppet: Puppet; node: ClusterNode }> {
  cluster = new Cluster(testValidators([1, 1, 1, 1]))
  const puppet = new Puppet(cluster, 3)
  puppet.start()
  await until('height 3', () => [0, 1, 2].every((index) => cluster.heightOf(index) >= 3))
  return { puppet, node: cluster.nodes[0] as ClusterNode }
}

const committedAt = (height: number) => {
  const found = cluster.disks[0]?.blocks[height - 1]
  if (found === undefined) throw new Error(`nothing at ${height}`)
  return found
}

/** By 1, 2 and 3, in the round of the commit that node 0 has. */
const second = (height: number, blockId: BlockId, signers: readonly number[] = [1, 2, 3]) =>
  testCertificate(cluster.keys, {
    ...{ height: heightOf(height), round: committedAt(height).certificate.round },
    ...{ blockId, signers },
  })

async function expectHalt(node: ClusterNode, height: number): Promise<void> {
  await until('the halt', () => node.fatal.length > 0)
  const [error] = node.fatal
  if (!isFork(error)) throw error
  expect(error.detail.height).toBe(height)
  const fork = decode(forkCodec, error.detail.evidence)
  const report = fork.ok ? judgeFork(fork.value) : fork
  if (!report.ok) throw new Error(report.code)
  const { proved, provedPower, totalPower } = report.value
  expect(3 * provedPower).toBeGreaterThan(totalPower)
  const culprits = proved.map(({ validatorIndex }) => validatorIndex)
  for (const culprit of culprits) expect([1, 2, 3]).toContain(culprit)
  // What is proved is pending for the chain.
  expect(node.disk.evidence.length).toBeGreaterThanOrEqual(culprits.length)
}

describe('a second commit of a committed height', () => {
  it('stops the node when it comes as a message', async () => {
    const { puppet, node } = await begin()
    puppet.send({ kind: 'commitCertificate', certificate: second(2, testBlockId(5)) }, [0])
    await expectHalt(node, 2)
  })

  it('stops the node when a proposal builds on it', async () => {
    const { puppet, node } = await begin()
    const lie = (height: number): ConsensusMessage => {
      const valid = puppet.block(height)
      const lastCommit = testCertificate(cluster.keys, {
        ...{ height: heightOf(height - 1), blockId: testBlockId(5), signers: [1, 2, 3] },
        round: valid.payload.lastCommit?.round ?? 0,
      })
      return puppet.propose(changedBlock(valid, { payload: { lastCommit } }))
    }
    puppet.onHeight = (height) => puppet.send(lie(height), [0])
    await until('the halt', () => node.fatal.length > 0)
    const [error] = node.fatal
    await expectHalt(node, isFork(error) ? error.detail.height : 0)
  })

  it('stops the node when both commits come before it decided', async () => {
    const { puppet, node } = await begin()
    let at = 0
    puppet.onHeight = (height) => {
      if (at !== 0 || !puppet.proposes(height, 0)) return
      at = height
      const block = puppet.block(height)
      const commitOf = (blockId: BlockId): ConsensusMessage => ({
        kind: 'commitCertificate',
        certificate: testCertificate(cluster.keys, {
          ...{ height: heightOf(height), blockId, signers: [1, 2, 3] },
        }),
      })
      puppet.send(commitOf(testBlockId(5)), [0])
      puppet.send(commitOf(blockIdOf(block.header)), [0])
      puppet.send(puppet.propose(block), [0])
    }
    await until('the halt', () => node.fatal.length > 0)
    await expectHalt(node, at)
  })

  it('stops the node when sync brings the block, or one on top of it', async () => {
    for (const onTop of [false, true]) {
      const { node } = await begin()
      const height = cluster.heightOf(0)
      const valid = committedAt(height).block
      const other = changedBlock(valid, { header: { time: (valid.header.time + 1) as never } })
      const lastCommit = second(height, blockIdOf(other.header))
      const next = changedBlock(valid, {
        header: {
          height: heightOf(height + 1),
          previousBlockId: blockIdOf(other.header),
          time: (valid.header.time + 2) as never,
        },
        payload: { lastCommit },
      })
      const commitOf = (id: BlockId): Certificate =>
        testCertificate(cluster.keys, {
          ...{ height: heightOf(height + 1), blockId: id, signers: [1, 2, 3] },
        })
      void (onTop
        ? node.engine.applyCertified(next, commitOf(blockIdOf(next.header)))
        : node.engine.applyCertified(other, lastCommit))
      await expectHalt(node, height)
      await cluster.stopAll()
    }
  })

  it('costs its sender when it is no commit, and nobody else', async () => {
    const { puppet, node } = await begin()
    const two = second(2, testBlockId(5), [1, 3])
    const forged = second(2, testBlockId(5))
    const signatures = forged.signatures.map((one) => ({ ...one, signature: new Uint8Array(64) }))
    puppet.send({ kind: 'commitCertificate', certificate: two }, [0])
    puppet.send({ kind: 'commitCertificate', certificate: { ...forged, signatures } }, [0])
    puppet.send({ kind: 'commitCertificate', certificate: committedAt(1).certificate }, [0])
    await until('the refusals', () => node.rejected.length >= 2)
    expect(node.rejected).toEqual(['NO_QUORUM', 'BAD_SIGNATURE'])
    const from = cluster.heightOf(0)
    await until('three heights more', () => cluster.heightOf(0) >= from + 3)
    expect(node.fatal).toEqual([])
  })
})

describe('what is left of a fork', () => {
  const { set, keys } = testValidators([1, 1, 1, 1])
  const commit = (id: number, signers: readonly number[]): Certificate =>
    testCertificate(keys, { height: heightOf(9), blockId: testBlockId(id), signers })
  const watch = (acknowledged: string | null): ForkWatch =>
    new ForkWatch(
      { chainId: TEST_CHAIN_ID, acknowledged },
      {
        evidence: { add: async () => undefined, validatorsAt: () => set },
        reader: { certificate: () => commit(1, [0, 1, 2]) },
        log: silentLogger,
        metrics: { rejected: () => undefined },
      },
    )
  const found = watch(null)
    .inspect({ certificate: commit(2, [1, 2, 3]), header: null }, [])
    .then(
      () => new Error('no fork'),
      (error: unknown) => error,
    )
  const evidenceOf = async (): Promise<Uint8Array> => {
    const error = await found
    if (!isFork(error)) throw error
    return error.detail.evidence
  }

  it('keeps the node from starting until its operator has seen it', async () => {
    cluster = new Cluster(testValidators([1]))
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-fork-'))
    const paths = {
      fork: path.join(folder, 'fork.json'),
      acknowledgedFork: path.join(folder, 'fork.acknowledged.json'),
    }
    expect(acknowledgedFork(paths)).toBeNull()
    saveFork(paths, await evidenceOf())
    for (let start = 0; start < 2; start++)
      expect(() => acknowledgedFork(paths)).toThrow(
        expect.objectContaining({ detail: expect.objectContaining({ code: 'FORK_DETECTED' }) }),
      )
    expect(JSON.parse(fs.readFileSync(paths.fork, 'utf8'))).toMatchObject({
      ...{ height: 9, provedPower: 2, totalPower: 4 },
      proved: [{ validatorIndex: 1 }, { validatorIndex: 2 }],
    })
    fs.renameSync(paths.fork, paths.acknowledgedFork)
    const report = acknowledgedFork(paths)
    expect(report?.height).toBe(9)
    // It is not found again.
    const key = report === null ? '' : forkKey(report)
    const again = { certificate: commit(2, [1, 2, 3]), header: null }
    expect(await watch(key).inspect(again, [])).toBeNull()
    const text = fs.readFileSync(paths.acknowledgedFork, 'utf8')
    for (const broken of ['', '{}', text.replace(/"evidence": "0x..../, '"evidence": "0xffff')]) {
      fs.writeFileSync(paths.acknowledgedFork, broken)
      expect(() => acknowledgedFork(paths)).toThrow(
        expect.objectContaining({ detail: expect.objectContaining({ code: 'FORK_FILE_INVALID' }) }),
      )
    }
    fs.rmSync(folder, { recursive: true })
  })
})
