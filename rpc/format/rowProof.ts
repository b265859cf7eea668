import type { CoreProof } from '../coreBackend.ts'
import { headerJsonOf } from './header.ts'
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
  header: headerJsonOf(header),
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
