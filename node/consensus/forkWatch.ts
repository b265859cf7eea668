import {
  type Accused,
  type CommittedHeader,
  type Fork,
  type ForkReport,
  forkCodec,
  forkOf,
  judgeFork,
  verifyCommitCertificate,
} from '../../consensus/index.ts'
import type { SignedVote } from '../../core/chain/vote.ts'
import { assert } from '../../core/primitives/assert.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { Logger } from '../observability/logger.ts'
import type { ConsensusMetrics } from '../observability/metrics.ts'
import type { ChainReader } from '../storage/chainReader.ts'
import type { EvidencePool } from './evidencePool.ts'

export type ForkDetail = {
  readonly code: 'FORK_DETECTED'
  readonly height: number
  readonly blockIds: readonly [string, string]
  /** `forkCodec`: who reads it judges again. */
  readonly evidence: Uint8Array
}

export type ForkWatchOptions = {
  readonly chainId: number
  /** `forkKey` of one that the operator knows of; null: none. */
  readonly acknowledged: string | null
}

export type ForkWatchModules = {
  readonly evidence: Pick<EvidencePool, 'add' | 'validatorsAt'>
  readonly reader: Pick<ChainReader, 'certificate'>
  readonly log: Logger
  readonly metrics: Pick<ConsensusMetrics, 'rejected'>
}

/** Which fork: its height and both blocks, in the order of the report. */
export const forkKey = ({ height, blockIds }: Pick<ForkReport, 'height' | 'blockIds'>): string =>
  `${height}/${blockIds.join('/')}`

/**
 * Compares every commit that comes from outside with the one made here. Two valid ones for one height
 * mean that a third or more of the power broke the protocol: nothing that follows is final, so the node
 * says who it was, as far as that can be proved, and stops.
 */
export class ForkWatch {
  readonly #options: ForkWatchOptions
  readonly #modules: ForkWatchModules

  constructor(options: ForkWatchOptions, modules: ForkWatchModules) {
    this.#options = options
    this.#modules = modules
  }

  /**
   * Resolves with what is wrong with the commit, or null. Costs nothing unless it is for another block
   * than ours. `votes` are verified votes of its height, as many as are known. Throws FORK_DETECTED.
   */
  async inspect(commit: CommittedHeader, votes: readonly SignedVote[]): Promise<string | null> {
    const { reader, evidence } = this.#modules
    const { certificate } = commit
    const own = reader.certificate(certificate.height)
    if (own === null || own.blockId === certificate.blockId) return null
    const set = evidence.validatorsAt(certificate.height)
    if (set === null) return null
    const { chainId, acknowledged } = this.#options
    const verified = verifyCommitCertificate(certificate, set, chainId)
    if (!verified.ok) return verified.code
    const { validators } = set
    const fork = forkOf([{ certificate: own, header: null }, commit], {
      chainId,
      validators,
      votes,
    })
    const judged = judgeFork(fork)
    assert(judged.ok, 'two verified commits for two blocks are a fork')
    if (forkKey(judged.value) === acknowledged) return null
    await this.#accuse(judged.value)
    throw forkError(fork, judged.value)
  }

  /** What is proved goes on chain, if this chain goes on. */
  async #accuse(report: ForkReport): Promise<void> {
    const { evidence, log, metrics } = this.#modules
    metrics.rejected('FORK_DETECTED')
    log.error('Fork detected', {
      height: report.height,
      blocks: report.blockIds.join(' '),
      rounds: report.rounds.join(' '),
      proved: namesOf(report.proved),
      suspected: namesOf(report.suspected),
      signedBoth: namesOf(report.signedBoth),
      provedPower: report.provedPower,
      suspectedPower: report.suspectedPower,
      totalPower: report.totalPower,
    })
    for (const { evidence: found } of report.proved) await evidence.add(found)
  }
}

export const isFork = (error: unknown): error is NexusError<ForkDetail> =>
  error instanceof NexusError && error.detail.code === 'FORK_DETECTED' && 'evidence' in error.detail

const namesOf = (accused: readonly Accused[]): string =>
  accused.map(({ address, power }) => `0x${toHex(address)} (power ${power})`).join(', ')

function forkError(fork: Fork, report: ForkReport): NexusError<ForkDetail> {
  const { height, blockIds, provedPower, totalPower } = report
  return new NexusError(
    { code: 'FORK_DETECTED', height, blockIds, evidence: encode(forkCodec, fork) },
    {
      message: `Two blocks of height ${height} carry valid commit certificates: ${blockIds.join(' and ')}. A third or more of the validators' power broke the protocol; ${provedPower} of ${totalPower} is proved to have signed twice. This node stops, since neither block is final.`,
    },
  )
}
