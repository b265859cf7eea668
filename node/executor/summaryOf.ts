import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import {
  consensusRootOf,
  coreRootOf,
  queueRootOf,
  receiptsRootOf,
  stateRootOf,
} from '../../core/chain/roots.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { merkleRoot } from '../../core/primitives/hash.ts'
import type { BlockId, Height, Millis } from '../../core/primitives/units.ts'
import type { StateSummary } from '../storage/stateSummary.ts'

export type Outcome = {
  readonly height: Height
  readonly blockId: BlockId
  readonly time: Millis
  readonly header: EthereumHeader
  /** The set that judges height + 1; the one of height + 2 follows from it. */
  readonly validators: ValidatorSet
}

/** What a height commits to, the genesis included: the one place where all roots come together. No engine is registered, so Core's are of nothing. */
export function summaryOf({ height, blockId, time, header, validators }: Outcome): StateSummary {
  const nextValidators = validators.advance()
  const roots = {
    evmRoot: header.stateRoot,
    coreRoot: coreRootOf([]),
    queueRoot: queueRootOf([]),
    consensusRoot: consensusRootOf(validators.hash, nextValidators.hash),
  }
  return {
    height,
    blockId,
    time,
    roots,
    stateRoot: stateRootOf(roots, height),
    receiptsRoot: receiptsRootOf(header.hash, merkleRoot([])),
    ethereumHash: header.hash,
    validators: validators.validators,
    nextValidators: nextValidators.validators,
  }
}
