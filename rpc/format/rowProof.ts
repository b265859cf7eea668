import type { CoreProof } from '../coreBackend.ts'
import { data } from './hex.ts'

/** Everything between a row and the signatures of the validators; `rpc/client` has the reader of it. */
export const rowProofOf = (
  where: { readonly engine: string; readonly index: number },
  { height, proof, engineRoots, roots, header, certificate }: CoreProof,
) => ({
  height,
  engine: where.engine,
  engineIndex: where.index,
  table: proof.table,
  row: proof.row,
  bytes: data(proof.bytes),
  path: proof.path.map(data),
  engineRoots: engineRoots.map(data),
  evmRoot: data(roots.evmRoot),
  coreRoot: data(roots.coreRoot),
  queueRoot: data(roots.queueRoot),
  consensusRoot: data(roots.consensusRoot),
  header: {
    ...header,
    previousBlockId: `0x${header.previousBlockId}`,
    proposer: data(header.proposer),
    validatorsHash: data(header.validatorsHash),
    nextValidatorsHash: data(header.nextValidatorsHash),
    consensusParamsHash: data(header.consensusParamsHash),
    payloadHash: data(header.payloadHash),
    stateRoot: data(header.stateRoot),
    receiptsRoot: data(header.receiptsRoot),
  },
  certificate: {
    height: certificate.height,
    round: certificate.round,
    blockId: `0x${certificate.blockId}`,
    signatures: certificate.signatures.map(({ validatorIndex, signature }) => ({
      index: validatorIndex,
      signature: data(signature),
    })),
  },
})
