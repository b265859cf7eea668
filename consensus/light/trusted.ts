import { blockIdOf } from '../../core/chain/block.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import type { BlockId, Height, Millis } from '../../core/primitives/units.ts'
import type { LightBlock } from './lightBlock.ts'

/** What is believed of a height, and all that the next verification needs. */
export type TrustedState = {
  readonly height: Height
  readonly time: Millis
  readonly id: BlockId
  readonly nextValidators: ValidatorSet
}

/** Of a block that was verified. */
export const trustedOf = ({ header, nextValidators }: LightBlock): TrustedState => ({
  height: header.height,
  time: header.time,
  id: blockIdOf(header),
  nextValidators,
})
