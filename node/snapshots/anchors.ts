import type { LightBlock } from '../../consensus/light/index.ts'
import { storedValidatorSet } from '../executor/chainHead.ts'
import type { ChainReader } from '../storage/chainReader.ts'

/** What a light client needs of a height; null where its block or the set after it is not known. */
export function lightBlockOf(
  reader: Pick<ChainReader, 'block' | 'certificate' | 'validators'>,
  height: number,
): LightBlock | null {
  const [block, certificate] = [reader.block(height), reader.certificate(height)]
  const [validators, nextValidators] = [reader.validators(height), reader.validators(height + 1)]
  if (block === null || certificate === null) return null
  if (validators === null || nextValidators === null) return null
  return {
    header: block.header,
    certificate,
    validators: storedValidatorSet(validators),
    nextValidators: storedValidatorSet(nextValidators),
  }
}
