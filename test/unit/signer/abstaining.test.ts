// What consensus does while a remote signer cannot be asked.
import { afterEach, describe, expect, it } from 'vitest'
import { Cluster } from '../../support/engineCluster.ts'
import { testValidators } from '../../support/testChain.ts'
import { until } from '../../support/wait.ts'

let cluster: Cluster
afterEach(() => cluster.stopAll())

const reach = (height: number, nodes: readonly number[]) =>
  until({ what: `height ${height}`, timeoutMs: 8_000, everyMs: 2 }, () => {
    const [fatal] = cluster.nodes.flatMap((node) => node?.fatal ?? [])
    if (fatal !== undefined) expect.fail(`fatal: ${fatal.message}`)
    return nodes.every((node) => cluster.heightOf(node) >= height)
  })

const signaturesOf = (node: number): number => cluster.disks[node]?.signed.size ?? 0

describe('a validator without its signer', () => {
  it('follows the chain, and votes again when it is back', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    cluster.startAll()
    await reach(3, [0, 1, 2, 3])
    cluster.signerAway.add(2)
    await reach(cluster.heightOf(2) + 1, [2])
    const signed = signaturesOf(2)
    await reach(cluster.heightOf(2) + 6, [0, 1, 2, 3])
    expect(signaturesOf(2)).toBe(signed)
    cluster.signerAway.delete(2)
    await until({ what: 'node 2 to sign' }, () => signaturesOf(2) > signed + 4)
    await reach(cluster.heightOf(0) + 2, [0, 1, 2, 3])
    expect(cluster.doubleSigned).toEqual([])
  })

  it('asks again for the vote it owes: with all signers lost at once the chain waits and goes on', async () => {
    cluster = new Cluster(testValidators([1, 1, 1, 1]))
    cluster.startAll()
    for (let loss = 0; loss < 5; loss++) {
      await reach(cluster.heightOf(0) + 2, [0, 1, 2, 3])
      for (const node of [0, 1, 2, 3]) cluster.signerAway.add(node)
      await new Promise((resolve) => setTimeout(resolve, 150))
      const stuck = cluster.heightOf(0)
      await new Promise((resolve) => setTimeout(resolve, 150))
      expect(cluster.heightOf(0)).toBe(stuck)
      cluster.signerAway.clear()
      await reach(stuck + 2, [0, 1, 2, 3])
    }
    expect(cluster.doubleSigned).toEqual([])
  }, 30_000)
})
