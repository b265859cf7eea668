import type { Target } from '../target.ts'
import { chainTargets } from './chain.ts'
import { clientTargets } from './clients.ts'
import { fileTargets } from './files.ts'
import { frameTargets } from './frames.ts'
import { proofTargets } from './proofs.ts'
import { signedTargets } from './signed.ts'

/** Everything that reads bytes from a peer, a client or a disk. */
export const TARGETS: readonly Target[] = [
  ...frameTargets,
  ...chainTargets,
  ...signedTargets,
  ...proofTargets,
  ...clientTargets,
  ...fileTargets,
]
