import type { CertifiedBlock } from '../../rpc/index.ts'
import { lightBlockOf } from '../snapshots/anchors.ts'
import type { ChainReader } from '../storage/chainReader.ts'

/** A height as a light client wants it, and what its state root is made of. */
export function certifiedBlockOf(reader: ChainReader, height: number): CertifiedBlock | null {
  if (height < 1 || height > reader.height) return null
  const block = lightBlockOf(reader, height)
  if (block === null) return null
  return { block, roots: reader.summary(height - 1)?.roots ?? null }
}
