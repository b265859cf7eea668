import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import { consensusRootOf, receiptsRootOf, stateRootOf } from '../../core/chain/roots.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { nextValidatorSet, type ValidatorUpdate } from '../../core/chain/validatorUpdates.ts'
import type { BlockId, Height, Millis } from '../../core/primitives/units.ts'
import type { StateSummary } from '../storage/stateSummary.ts'
import { recentSet } from './chainHead.ts'

export type CoreRoots = {
  readonly coreRoot: Uint8Array
  readonly queueRoot: Uint8Array
  /** Over the receipts of Core's actions and its events. */
  readonly receiptsHash: Uint8Array
}

export type Outcome = {
  readonly height: Height
  readonly blockId: BlockId
  readonly time: Millis
  readonly header: EthereumHeader
  readonly core: CoreRoots
  /** The set that judges height + 1; the one of height + 2 follows from it and the updates. */
  readonly validators: ValidatorSet
  readonly validatorUpdates: readonly ValidatorUpdate[]
}

/** What a height commits to, the genesis included: the one place where all roots come together. */
export function summaryOf({
  height,
  blockId,
  time,
  header,
  core,
  validators,
  validatorUpdates,
}: Outcome): StateSummary {
  const nextValidators = recentSet(nextValidatorSet(validators, validatorUpdates))
  const roots = {
    evmRoot: header.stateRoot,
    coreRoot: core.coreRoot,
    queueRoot: core.queueRoot,
    consensusRoot: consensusRootOf(validators.hash, nextValidators.hash),
  }
  return {
    height,
    blockId,
    time,
    roots,
    stateRoot: stateRootOf(roots, height),
    receiptsRoot: receiptsRootOf(header.hash, core.receiptsHash),
    ethereumHash: header.hash,
    validators: validators.validators,
    nextValidators: nextValidators.validators,
  }
}
