// Nothing that a real engine signs leaves it before its disk alone would lead to the same signature.
import { afterEach, describe, expect, test } from 'vitest'
import { ConsensusHeight, inputCodec } from '../../../consensus/index.ts'
import type { Vote } from '../../../core/chain/vote.ts'
import { decode } from '../../../core/primitives/codec.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import { WAL_INPUT } from '../../../node/consensus/heightSession.ts'
import { storedValidatorSet } from '../../../node/executor/chainHead.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import { Cluster, type Disk } from '../../support/engineCluster.ts'
import { TEST_CHAIN_ID, TEST_PARAMS, testValidators } from '../../support/testChain.ts'

let cluster: Cluster
afterEach(async () => {
  await cluster.stopAll()
})

/** The votes that a height casts when it is fed with what is on disk now. */
function votesOnDisk({ wal, summaries }: Disk, height: number, ownIndex: number): Vote[] {
  const head = summaries[height - 1]
  if (head === undefined) return []
  const core = new ConsensusHeight({
    ...{ chainId: TEST_CHAIN_ID, height: heightOf(height), ownIndex, hiddenLockRound: 2 },
    validators: storedValidatorSet(head.validators),
    precisionMs: TEST_PARAMS.precisionMs,
    messageDelayMs: TEST_PARAMS.messageDelayMs,
  })
  const cast: Vote[] = []
  for (const { type, payload } of wal.get(height) ?? []) {
    const input = type === WAL_INPUT ? decode(inputCodec, payload) : null
    if (input?.ok !== true) continue
    for (const effect of core.handle(input.value))
      if (effect.kind === 'castVote') cast.push(effect.vote)
  }
  return cast
}

/** What was sent by its signer before its disk led to it, and how many votes were looked at. */
async function unfounded(
  heights: number,
  begin: (disk: Disk) => void,
): Promise<[string[], number]> {
  cluster = new Cluster(testValidators([1, 1, 1, 1]))
  cluster.emptyBlockIntervalMs = 5
  cluster.disks.forEach(begin)
  const early: string[] = []
  const looked = new Set<string>()
  const send = cluster.send.bind(cluster)
  cluster.send = (from: number, to: number, message: ConsensusMessage): void => {
    if (message.kind === 'vote' && message.vote.validatorIndex === from) {
      const { height, round, type, blockId } = message.vote
      const name = `${from}/${height}/${round}/${type}`
      const same = (vote: Vote): boolean =>
        vote.round === round && vote.type === type && vote.blockId === blockId
      const first = !looked.has(name)
      looked.add(name)
      const disk = cluster.disks[from] as Disk
      if (first && !votesOnDisk(disk, height, from).some(same)) early.push(name)
    }
    send(from, to, message)
  }
  cluster.startAll()
  const deadline = performance.now() + 10_000
  while (cluster.heightOf(0) < heights && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 2))
  expect(cluster.heightOf(0)).toBeGreaterThanOrEqual(heights)
  return [early, looked.size]
}

describe('a vote', () => {
  test('leaves after what led to it is on disk', async () => {
    const [early, looked] = await unfounded(10, () => undefined)
    expect(early).toEqual([])
    expect(looked).toBeGreaterThan(60)
  })

  test('is noticed here when the disk keeps nothing', async () => {
    const [early] = await unfounded(3, (disk) => {
      const nothing: never[] = []
      nothing.push = () => 0
      disk.wal.get = () => nothing
    })
    expect(early.length).toBeGreaterThan(10)
  })
})
