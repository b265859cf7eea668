import {
  type Block,
  type CrossMessage,
  type Payload,
  payloadHashOf,
} from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { Evidence } from '../../core/chain/evidence.ts'
import { type ConsensusParams, consensusParamsHash } from '../../core/chain/params.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { heightOf, millisOf } from '../../core/primitives/units.ts'
import type { StateSummary } from '../storage/stateSummary.ts'

export type BuildOptions = {
  readonly chainId: number
  readonly params: ConsensusParams
  readonly head: StateSummary
  readonly validators: ValidatorSet
  readonly nextValidators: ValidatorSet
  /** Our own address. */
  readonly proposer: Uint8Array
  /** Wall clock, later than the head's time. */
  readonly timeMs: number
  /** EVM transactions and Core envelopes. */
  readonly transactions: readonly Uint8Array[]
  readonly actions: readonly Uint8Array[]
  readonly messages: readonly CrossMessage[]
  readonly evidence: readonly Evidence[]
  readonly lastCommit: Certificate | null
}

/** The block that follows `head` with the given content; pure. */
export function buildBlock(options: BuildOptions): Block {
  const { head, params } = options
  const payload: Payload = {
    evm: options.transactions,
    core: options.actions,
    messages: options.messages,
    evidence: options.evidence,
    lastCommit: options.lastCommit,
  }
  return {
    header: {
      chainId: options.chainId,
      height: heightOf(head.height + 1),
      time: millisOf(options.timeMs),
      previousBlockId: head.blockId,
      proposer: options.proposer,
      validatorsHash: options.validators.hash,
      nextValidatorsHash: options.nextValidators.hash,
      consensusParamsHash: consensusParamsHash(params),
      payloadHash: payloadHashOf(payload),
      stateRoot: head.stateRoot,
      receiptsRoot: head.receiptsRoot,
    },
    payload,
  }
}
