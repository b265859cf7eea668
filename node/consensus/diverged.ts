import type { Header } from '../../core/chain/block.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { BlockId, Height, Round } from '../../core/primitives/units.ts'
import type { ChainHead } from '../executor/chainHead.ts'

/** More than two thirds committed a block that is invalid here: whatever the reason, this node must not go on. */
export function disagreementError(
  { blockId, round }: { readonly blockId: BlockId; readonly round: Round },
  height: Height,
  head: ChainHead,
): NexusError {
  return new NexusError(
    { code: 'STATE_DIVERGED', height, round, blockId, ...ownRootsOf(head) },
    {
      message: `Validators committed block ${blockId} at height ${height}, which is invalid on this node. Its state differs from the network's; it stops so that nothing is built on it.`,
    },
  )
}

/** A certified block does not follow from what this node has. `reason`: what is wrong with it here. */
export function divergedError(header: Header, head: ChainHead, reason: string): NexusError {
  const { height } = header
  return new NexusError(
    {
      ...{ code: 'STATE_DIVERGED', height, reason },
      certifiedStateRoot: toHex(header.stateRoot),
      ...ownRootsOf(head),
    },
    {
      message: `Block ${height} carries a valid commit certificate but is invalid on this node (${reason}). This node's state differs from the network's; it stops so that nothing is built on it.`,
    },
  )
}

const ownRootsOf = ({ summary: { stateRoot, roots } }: ChainHead) => ({
  ownStateRoot: toHex(stateRoot),
  ownEvmRoot: toHex(roots.evmRoot),
  ownCoreRoot: toHex(roots.coreRoot),
})
