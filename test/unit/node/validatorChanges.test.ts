// The validator set changes under running nodes: who votes, who stops, what is verified against which set.
import { afterEach, describe, expect, it } from 'vitest'
import { blockIdOf } from '../../../core/chain/block.ts'
import { duplicateVoteOf } from '../../../core/chain/evidence.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import { nextValidatorSet, updatesToward } from '../../../core/chain/validatorUpdates.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { addressOfPrivateKey } from '../../../core/primitives/signature.ts'
import { storedValidatorSet } from '../../../node/executor/chainHead.ts'
import { Cluster, type ClusterNode } from '../../support/engineCluster.ts'
import { testBlockId, testCertificate, testVote } from '../../support/testChain.ts'
import { type Powers, randomPlan, targetOf } from '../../support/validatorPlan.ts'

const KEYS = Array.from({ length: 9 }, (_, i) => keccak256(Uint8Array.of(0x51, i)))
const keyAt = (i: number): Uint8Array => KEYS[i] as Uint8Array
const FIRST: Powers = new Map([0, 1, 2, 3].map((i) => [i, 20]))

let cluster: Cluster
afterEach(async () => {
  await cluster.stopAll()
})

const setOf = (powers: Powers): ValidatorSet => targetOf(KEYS, powers)
/** Node i has key i; those of `FIRST` begin. */
function clusterOf(keys: readonly Uint8Array[]): Cluster {
  const made = new Cluster({ set: setOf(FIRST), keys: [0, 1, 2, 3].map(keyAt) }, keys)
  made.emptyBlockIntervalMs = 5
  return made
}
const nodeAt = (index: number): ClusterNode => cluster.nodeAt(index)

const until = (what: string, holds: () => boolean, timeoutMs = 15_000): Promise<void> =>
  cluster.until(what, holds, timeoutMs)

const allReach = (height: number): Promise<void> =>
  until(`height ${height}`, () =>
    cluster.nodes.every((node, i) => node === null || cluster.heightOf(i) >= height),
  )

/** One chain, whose headers name the sets that the plan makes, and nobody signed twice. */
function expectOneChain(targetAfter: (height: number) => ValidatorSet | null): ValidatorSet[] {
  const longest = cluster.disks.reduce((a, b) => (a.summaries.length > b.summaries.length ? a : b))
  const sets = [setOf(FIRST), setOf(FIRST), nextValidatorSet(setOf(FIRST), [])]
  for (const [i, { block, certificate }] of longest.blocks.entries()) {
    const height = i + 1
    const [own, next] = sets.slice(height) as [ValidatorSet, ValidatorSet]
    expect(block.header.validatorsHash, `set of ${height}`).toEqual(own.hash)
    expect(block.header.nextValidatorsHash, `set of ${height + 1}`).toEqual(next.hash)
    const power = certificate.signatures.reduce(
      (sum, { validatorIndex }) => sum + own.powerOf(validatorIndex),
      0,
    )
    expect(own.isQuorum(power), `certificate of ${height}`).toBe(true)
    const target = targetAfter(height)
    sets.push(nextValidatorSet(next, target === null ? [] : updatesToward(next, target)))
    for (const [node, disk] of cluster.disks.entries()) {
      const mine = disk.summaries[height]
      if (mine === undefined) continue
      expect(mine.blockId, `node ${node}, height ${height}`).toBe(blockIdOf(block.header))
      expect(storedValidatorSet(mine.nextValidators).hash).toEqual(sets.at(-1)?.hash)
    }
  }
  expect(cluster.doubleSigned).toEqual([])
  expect(cluster.disks.flatMap((disk) => disk.evidence)).toEqual([])
  return sets
}

/** Heights at which a key signed anything. */
function heightsOf(key: Uint8Array): number[] {
  const own = toHex(addressOfPrivateKey(key))
  const heights = [...cluster.everSigned.keys()]
    .filter((slot) => slot.startsWith(own))
    .map((slot) => Number(slot.split('/')[1]))
  return [...new Set(heights)].sort((a, b) => a - b)
}

describe('NexusBft while validators change', () => {
  it('agrees through joins, leaves, changes of power and of keys, many at once', async () => {
    cluster = clusterOf(KEYS)
    const plan = randomPlan(FIRST, { keys: KEYS.length, heights: 2_000, seed: 11, least: 4 })
    cluster.targetAfter = (height) => setOf(plan[height] as Powers)
    cluster.startAll()
    await allReach(90)
    await cluster.stopAll()
    const sets = expectOneChain(cluster.targetAfter)
    const members = (set: ValidatorSet): string =>
      set.validators.map(({ publicKey, power }) => `${toHex(publicKey)}/${power}`).join()
    expect(new Set(sets.slice(0, 90).map(members)).size).toBeGreaterThan(20)
    expect(cluster.refused).toEqual([])
    // Whoever signed was in the set of that height.
    for (const key of KEYS)
      for (const height of heightsOf(key))
        if (height < sets.length)
          expect(sets[height]?.indexOf(addressOfPrivateKey(key))).toBeGreaterThanOrEqual(0)
  })

  it('a node votes from the height after the next on, without a restart, and stops when it has left', async () => {
    cluster = clusterOf(KEYS.slice(0, 5))
    const joined = new Map([...FIRST, [4, 20]])
    cluster.targetAfter = (height) => setOf(height >= 5 && height < 15 ? joined : FIRST)
    cluster.startAll()
    await allReach(22)
    await cluster.stopAll()
    expectOneChain(cluster.targetAfter)
    const heights = heightsOf(keyAt(4))
    expect(heights).toEqual(Array.from({ length: 10 }, (_, i) => 7 + i))
    const proposed = cluster.disks[0]?.blocks.filter(
      ({ block }) => toHex(block.header.proposer) === toHex(addressOfPrivateKey(keyAt(4))),
    )
    expect(proposed?.length).toBeGreaterThan(0)
  })

  it('an observer writes no log, a validator does', async () => {
    cluster = clusterOf(KEYS.slice(0, 5))
    cluster.startAll()
    await allReach(3)
    expect(cluster.disks[0]?.wal.size).toBeGreaterThan(0)
    expect(cluster.disks[4]?.wal.size).toBe(0)
  })

  it('a fresh node syncs over fifty changes, and believes no certificate of another height’s set', async () => {
    cluster = clusterOf(KEYS)
    // A change at every height: each takes 18 of 80 from one of the first four to one of the others.
    const planned = (height: number): Powers =>
      new Map([
        ...[...FIRST].filter(([i]) => i !== height % 4),
        [4 + (height % 4), 18 + (height % 3)],
      ])
    cluster.targetAfter = (height) => setOf(planned(height))
    cluster.startAll()
    await allReach(60)
    await cluster.stopAll()
    const sets = expectOneChain(cluster.targetAfter)
    const source = cluster.disks[0] as Cluster['disks'][number]
    const { targetAfter } = cluster
    cluster = clusterOf(KEYS)
    cluster.targetAfter = targetAfter
    const { engine } = cluster.start(8)
    for (const { block, certificate } of source.blocks) {
      const { height } = block.header
      const old = sets[Math.max(1, height - 7)] as ValidatorSet
      if (toHex(old.hash) !== toHex(sets[height]?.hash as Uint8Array) && height % 5 === 0) {
        const keys = old.addresses.map(
          (address) =>
            KEYS.find((key) => toHex(addressOfPrivateKey(key)) === toHex(address)) as Uint8Array,
        )
        const signers = keys.map((_, i) => i)
        const forged = testCertificate(keys, { ...certificate, height, signers })
        expect(await engine.applyCertified(block, forged), `height ${height}`).not.toBeNull()
      }
      expect(await engine.applyCertified(block, certificate), `height ${height}`).toBeNull()
    }
    expect(cluster.heightOf(8)).toBe(source.blocks.length)
    expect(cluster.disks[8]?.summaries.at(-1)).toEqual(source.summaries.at(-1))
  })

  it('still convicts a validator that has left since', async () => {
    cluster = clusterOf(KEYS.slice(0, 4))
    const without: Powers = new Map([...FIRST].filter(([i]) => i !== 3))
    cluster.targetAfter = (height) => setOf(height >= 6 ? without : FIRST)
    cluster.startAll()
    await allReach(12)
    await nodeAt(0).crash()
    const disk = cluster.disks[0] as Cluster['disks'][number]
    const set = storedValidatorSet(disk.summaries[3]?.validators ?? [])
    const validatorIndex = set.indexOf(addressOfPrivateKey(keyAt(3)))
    const signing: Uint8Array[] = []
    signing[validatorIndex] = keyAt(3)
    const vote = (id: number) =>
      testVote(signing, { type: 'prevote', validatorIndex, height: 4, blockId: testBlockId(id) })
    disk.evidence.push(duplicateVoteOf(vote(1), vote(2)))
    cluster.start(0)
    const convicted = (i: number): boolean =>
      cluster.disks[i]?.blocks.some(({ block }) => block.payload.evidence.length === 1) === true
    await until('the evidence on every chain', () => [0, 1, 2, 3].every(convicted))
    const now = storedValidatorSet(disk.summaries.at(-1)?.validators ?? [])
    expect(now.indexOf(addressOfPrivateKey(keyAt(3)))).toBe(-1)
  })
})

const CHANGE = 6
type Role = { readonly after: Powers; readonly node: number; readonly key: number }
/** The node that the change concerns; it comes back with this key. */
const roles: { readonly [name: string]: Role } = {
  joining: { after: new Map([...FIRST, [4, 20]]), node: 4, key: 4 },
  leaving: { after: new Map([...FIRST].filter(([i]) => i !== 3)), node: 3, key: 3 },
  rotating: { after: new Map([...[...FIRST].filter(([i]) => i !== 3), [5, 20]]), node: 3, key: 5 },
  // With more than a third of the power, so that nothing moves until it is back and may sign.
  growing: { after: new Map([...FIRST, [3, 39]]), node: 3, key: 3 },
}

describe('a crash at the boundary of a change', () => {
  for (const [name, { after, node, key }] of Object.entries(roles))
    for (const at of [CHANGE, CHANGE + 1, CHANGE + 2])
      for (const moment of ['after the commit', 'after a signature'] as const)
        it(`${name} node, height ${at}, ${moment}: goes on and never signs twice`, async () => {
          cluster = clusterOf(KEYS.slice(0, 5))
          cluster.targetAfter = (height) => setOf(height >= CHANGE ? after : FIRST)
          let down: Promise<void> | null = null
          const crash = (who: number, height: number): void => {
            if (who !== node || height !== at || down !== null) return
            down = nodeAt(node).crash()
          }
          cluster.onCommitted = crash
          if (moment === 'after a signature') cluster.onSigned = crash
          cluster.startAll()
          await until('the crash', () => down !== null)
          await down
          cluster.keys[node] = keyAt(key)
          cluster.start(node)
          await allReach(at + 12)
          await cluster.stopAll()
          expectOneChain(cluster.targetAfter)
          expect(cluster.refused, 'the log remembers, so the guard has nothing to stop').toEqual([])
          const signed = heightsOf(keyAt(key))
          expect(signed.some((height) => height >= at + 4)).toBe(after.has(key))
          if (!FIRST.has(key)) expect(Math.min(...signed)).toBeGreaterThanOrEqual(CHANGE + 2)
        })
})
