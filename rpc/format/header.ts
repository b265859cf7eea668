import type { Header } from '../../core/chain/block.ts'
import { data } from './hex.ts'

/** Every field of a consensus header, so that a reader can hash it again. */
export const headerJsonOf = (header: Header) => ({
  ...header,
  previousBlockId: `0x${header.previousBlockId}`,
  proposer: data(header.proposer),
  validatorsHash: data(header.validatorsHash),
  nextValidatorsHash: data(header.nextValidatorsHash),
  consensusParamsHash: data(header.consensusParamsHash),
  payloadHash: data(header.payloadHash),
  stateRoot: data(header.stateRoot),
  receiptsRoot: data(header.receiptsRoot),
})
