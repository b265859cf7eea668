import { type Evidence, evidenceHash, heightOfEvidence } from '../../core/chain/evidence.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { type Height, heightOf } from '../../core/primitives/units.ts'
import { storedValidatorSet } from '../executor/chainHead.ts'
import type { Logger } from '../observability/logger.ts'
import type { ConsensusMetrics } from '../observability/metrics.ts'
import type { ChainReader } from '../storage/chainReader.ts'
import type { StateSummary } from '../storage/stateSummary.ts'
import { isEvidenceExpired } from './blockValidity.ts'

type EvidenceReader = Pick<
  ChainReader,
  'pendingEvidence' | 'hasEvidence' | 'summary' | 'validators'
> &
  Partial<Pick<ChainReader, 'start'>>

/** Faults seen and not yet on chain. Durable before they are proposed; bounded, oldest kept. */
export class EvidencePool {
  readonly #pending = new Map<string, Evidence>()
  readonly #reader: EvidenceReader
  readonly #save: (evidence: Evidence) => Promise<void>
  readonly #log: Logger
  readonly #metrics: Pick<ConsensusMetrics, 'equivocation'>

  constructor(modules: {
    readonly reader: EvidenceReader
    readonly save: (evidence: Evidence) => Promise<void>
    readonly log: Logger
    readonly metrics: Pick<ConsensusMetrics, 'equivocation'>
  }) {
    this.#reader = modules.reader
    this.#save = modules.save
    this.#log = modules.log
    this.#metrics = modules.metrics
    for (const evidence of modules.reader.pendingEvidence())
      this.#pending.set(toHex(evidenceHash(evidence)), evidence)
  }

  async add(evidence: Evidence): Promise<void> {
    const key = toHex(evidenceHash(evidence))
    if (this.#pending.has(key) || this.#pending.size >= MAX_PENDING) return
    this.#pending.set(key, evidence)
    this.#metrics.equivocation(evidence.kind)
    this.#log.warn('Equivocation detected', {
      kind: evidence.kind,
      height: heightOfEvidence(evidence),
      validator: evidence.first.validatorIndex,
    })
    await this.#save(evidence)
  }

  /** For the block after `head`: only of committed heights, not expired, not on chain yet. */
  select(head: StateSummary, params: ConsensusParams): Evidence[] {
    const chosen: Evidence[] = []
    for (const [key, evidence] of this.#pending) {
      const height = heightOfEvidence(evidence)
      if (height > head.height) continue
      const expired = isEvidenceExpired({ head, timeAt: this.timeAt }, height, params)
      if (expired || this.isCommitted(evidenceHash(evidence))) this.#pending.delete(key)
      else if (chosen.length < LIMITS.blockEvidence) chosen.push(evidence)
    }
    return chosen
  }

  /** What the records begin with. */
  get start(): Height {
    return this.#reader.start ?? heightOf(0)
  }

  readonly isCommitted = (hash: Uint8Array): boolean => this.#reader.hasEvidence(hash)

  readonly timeAt = (height: Height): number | null => this.#reader.summary(height)?.time ?? null

  readonly validatorsAt = (height: Height): ValidatorSet | null => {
    const validators = this.#reader.validators(height)
    return validators === null ? null : storedValidatorSet(validators)
  }
}

const MAX_PENDING = 1_024
