// One of four is Byzantine, and the other three are real engines.
import { afterEach, describe, expect, test } from 'vitest'
import { blockIdOf } from '../../../core/chain/block.ts'
import type { Evidence } from '../../../core/chain/evidence.ts'
import { heightOf, roundOf } from '../../../core/primitives/units.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import { badBlocks } from '../../support/badBlocks.ts'
import { Puppet } from '../../support/byzantine.ts'
import { Cluster } from '../../support/engineCluster.ts'
import { testBlockId, testCertificate, testValidators, testVote } from '../../support/testChain.ts'

const LIAR = 3
const HONEST = [0, 1, 2]
/** Detected at one height, on chain within so many. */
const EVIDENCE_WITHIN = 10

let cluster: Cluster
let puppet: Puppet
afterEach(async () => {
  await cluster.stopAll()
})

function begin(): void {
  cluster = new Cluster(testValidators([1, 1, 1, 1]))
  cluster.emptyBlockIntervalMs = 10
  puppet = new Puppet(cluster, LIAR)
}

const lowest = (): number => Math.min(...HONEST.map((index) => cluster.heightOf(index)))
const fatal = (): Error[] => HONEST.flatMap((index) => cluster.nodes[index]?.fatal ?? [])
const rejected = (): string[] => HONEST.flatMap((index) => cluster.nodes[index]?.rejected ?? [])
const committed = (): { readonly height: number; readonly evidence: Evidence }[] =>
  (cluster.disks[0]?.blocks ?? []).flatMap(({ block }) =>
    block.payload.evidence.map((evidence) => ({ height: block.header.height, evidence })),
  )

async function until(what: string, holds: () => boolean, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!holds()) {
    if (fatal()[0] !== undefined) throw fatal()[0]
    if (performance.now() > deadline)
      throw new Error(`not reached: ${what}; height ${lowest()}, ${rejected().slice(-3).join()}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** All that must hold whatever a third does: one chain, nobody honest signs twice, nobody halts. */
async function expectHealthy(): Promise<void> {
  const from = lowest()
  await until('five heights more', () => lowest() >= from + 5)
  expect(fatal()).toEqual([])
  expect(cluster.doubleSigned).toEqual([])
  const chains = HONEST.map((index) => cluster.disks[index]?.summaries ?? [])
  const shortest = Math.min(...chains.map((summaries) => summaries.length))
  const ids = chains.map((summaries) => summaries.slice(0, shortest).map(({ blockId }) => blockId))
  expect(ids[1]).toEqual(ids[0])
  expect(ids[2]).toEqual(ids[0])
  for (const { evidence } of committed()) expect(evidence.first.validatorIndex).toBe(LIAR)
}

describe('a validator that votes twice', () => {
  test.each(['prevote', 'precommit'] as const)('is on chain soon: %s', async (type) => {
    begin()
    puppet.onMessage = (message) => {
      if (message.kind !== 'vote' || message.vote.type !== type) return
      const { blockId } = message.vote
      // For the value to one, for nil and for a block of its own to the others.
      puppet.send(puppet.vote(type, message.vote, blockId), [0])
      puppet.send(puppet.vote(type, message.vote, null), [1, 2])
      puppet.send(puppet.vote(type, message.vote, testBlockId(66)), [0, 1])
    }
    puppet.start()
    await until('evidence', () => committed().length >= 3)
    const late = committed().map(({ height, evidence }) => height - evidence.first.height)
    expect(Math.max(...late)).toBeLessThanOrEqual(EVIDENCE_WITHIN)
    await expectHealthy()
  })
})

describe('a proposer of two blocks', () => {
  test('in one round is on chain soon, and the chain goes on', async () => {
    begin()
    puppet.onHeight = (height) => {
      if (!puppet.proposes(height, 0)) return
      const two = [puppet.propose(puppet.block(height)), puppet.propose(puppet.block(height, 1))]
      for (const to of HONEST)
        for (const one of to === 1 ? two : two.toReversed()) puppet.send(one, [to])
    }
    puppet.start()
    const double = () => committed().filter(({ evidence }) => evidence.kind === 'duplicateProposal')
    await until('evidence', () => double().length >= 2)
    const late = double().map(({ height, evidence }) => height - evidence.first.height)
    expect(Math.max(...late)).toBeLessThanOrEqual(EVIDENCE_WITHIN)
    await expectHealthy()
  })

  test('that shows each to some can delay its round, and no more', async () => {
    begin()
    puppet.onHeight = (height) => {
      if (!puppet.proposes(height, 0)) return
      const blocks = [puppet.block(height), puppet.block(height, 1)] as const
      puppet.send(puppet.propose(blocks[0]), [0, 1])
      puppet.send(puppet.propose(blocks[1]), [2])
      const place = { height, round: 0 }
      puppet.send(puppet.vote('prevote', place, blockIdOf(blocks[0].header)), [0])
      puppet.send(puppet.vote('prevote', place, blockIdOf(blocks[1].header)), [2])
      puppet.send(puppet.vote('precommit', place, blockIdOf(blocks[1].header)), [2])
    }
    puppet.start()
    await until('heights', () => lowest() >= 12)
    await expectHealthy()
  })
})

describe('a proposer of an invalid block', () => {
  test('gets nil from everyone, whatever is wrong with the block', async () => {
    begin()
    const rows = badBlocks(cluster.keys)
    expect(rows.length).toBeGreaterThanOrEqual(30)
    const tried = new Map<string, string>()
    puppet.onHeight = (height) => {
      const row = rows[tried.size]
      if (height < 3 || row === undefined || !puppet.proposes(height, 0)) return
      const block = row[1](puppet.block(height))
      tried.set(blockIdOf(block.header), row[0])
      puppet.send(puppet.propose(block, { height }))
    }
    puppet.start()
    await until('all rows', () => tried.size === rows.length)
    await expectHealthy()
    const supported = [...tried].filter(([id]) => puppet.supported.has(id as never))
    expect(supported.map(([, name]) => name)).toEqual([])
    expect(fatal()).toEqual([])
  }, 60_000)

  test('and the valid one that it is made from gets their votes', async () => {
    begin()
    const proposed: string[] = []
    puppet.onHeight = (height) => {
      if (height < 3 || !puppet.proposes(height, 0)) return
      const block = puppet.block(height)
      proposed.push(blockIdOf(block.header))
      puppet.send(puppet.propose(block))
    }
    puppet.start()
    await until('proposals', () => proposed.length >= 3)
    await expectHealthy()
    expect(proposed.slice(0, 2).every((id) => puppet.supported.has(id as never))).toBe(true)
  })
})

describe('a proposer that withholds', () => {
  test('the body costs its round only', async () => {
    begin()
    const hidden: string[] = []
    for (const index of HONEST) cluster.forgetful.add(index)
    puppet.onHeight = (height) => {
      if (!puppet.proposes(height, 0)) return
      const block = puppet.block(height)
      hidden.push(blockIdOf(block.header))
      puppet.send(puppet.propose(block))
    }
    puppet.start()
    await until('heights', () => hidden.length >= 3)
    await expectHealthy()
    expect(hidden.filter((id) => puppet.supported.has(id as never))).toEqual([])
  })

  test('everything is like one that is down', async () => {
    begin()
    puppet.start()
    await until('heights', () => lowest() >= 9)
    await expectHealthy()
  })
})

describe('garbage', () => {
  /** By the code that its sender is penalized with. */
  const kinds = (height: number): Record<string, ConsensusMessage> => {
    const { keys } = cluster
    const place = { height, round: 0 }
    const vote = testVote(keys, { type: 'prevote', validatorIndex: LIAR, ...place, blockId: null })
    const own = puppet.propose(puppet.block(height))
    const { proposal } = own
    const polka = (signers: readonly number[], signer: readonly Uint8Array[]) =>
      testCertificate(signer, {
        ...{ height: heightOf(height), blockId: testBlockId(4), signers, type: 'prevote' },
      })
    const wrongKeys = [...keys].reverse()
    return {
      BAD_SIGNATURE: { kind: 'vote', vote: { ...vote, validatorIndex: 0 } },
      UNKNOWN_VALIDATOR: { kind: 'vote', vote: { ...vote, validatorIndex: 65_535 } },
      WRONG_CHAIN: { kind: 'vote', vote: { ...vote, chainId: 1 } },
      PROPOSAL_HEADER_MISMATCH: { ...own, proposal: { ...proposal, blockId: testBlockId(3) } },
      ROUND_TOO_FAR: { ...own, proposal: { ...proposal, round: roundOf(1_000_000) } },
      BAD_POL_ROUND: { ...own, proposal: { ...proposal, polRound: roundOf(0) } },
      WRONG_PROPOSER: puppet.propose(puppet.block(height), { round: wrongRound(height) }),
      NO_QUORUM: { kind: 'polkaCertificate', certificate: polka([0, 1], keys) },
      UNKNOWN_SIGNER: {
        kind: 'commitCertificate',
        certificate: {
          ...polka([0, 1, 2], wrongKeys),
          signatures: [0, 1, 9].map((validatorIndex) => ({
            validatorIndex,
            signature: new Uint8Array(64),
          })),
        },
      },
      DUPLICATE_SIGNER: { kind: 'polkaCertificate', certificate: polka([1, 1, 2], keys) },
    }
  }
  const wrongRound = (height: number): number =>
    [0, 1, 2].find((round) => !puppet.proposes(height, round)) ?? 0

  test('is answered with its code, each kind, and the chain goes on', async () => {
    begin()
    puppet.onHeight = (height) => {
      if (height < 2) return
      for (const message of Object.values(kinds(height))) puppet.send(message)
    }
    puppet.start()
    await until('heights', () => lowest() >= 8)
    await expectHealthy()
    expect([...new Set(rejected())].sort()).toEqual(Object.keys(kinds(lowest() + 1)).sort())
  })
})

describe('stale messages', () => {
  test('of old heights and rounds, again and again, change nothing', async () => {
    begin()
    puppet.onHeight = (height) => {
      for (let i = 0; i < 60; i++) {
        const old = puppet.seen[(i * 37 + height * 101) % Math.max(1, puppet.seen.length)]
        if (old !== undefined) puppet.send(old)
      }
      const { seen } = puppet
      const votes = seen.flatMap((message) => (message.kind === 'vote' ? [message.vote] : []))
      const old = votes.find(({ blockId }) => blockId !== null)
      // What was a polka once, said to be of this height.
      if (old === undefined || old.blockId === null) return
      const same = votes.filter(
        (vote) => vote.height === old.height && vote.type === 'prevote' && vote.round === old.round,
      )
      const signatures = same.map(({ validatorIndex, signature }) => ({
        validatorIndex,
        signature,
      }))
      const { round, blockId } = old
      const certificate = { height: heightOf(height), round, blockId, signatures }
      puppet.send({ kind: 'polkaCertificate', certificate })
      puppet.send({ kind: 'roundCertificate', certificate: { ...certificate, votes: same } })
    }
    puppet.start()
    await until('heights', () => lowest() >= 15)
    await expectHealthy()
    expect(committed()).toEqual([])
  })
})
