import type { EthereumHeader } from '../core/chain/executedBlock.ts'

/** EIP-1559. */
const ELASTICITY = 2n
const CHANGE_DENOMINATOR = 8n

/** Base fee of the block after `parent`, in wei per gas: up or down by at most an eighth. */
export function nextBaseFee(
  parent: Pick<EthereumHeader, 'gasLimit' | 'gasUsed' | 'baseFeePerGas'>,
): bigint {
  const target = BigInt(parent.gasLimit) / ELASTICITY
  const used = BigInt(parent.gasUsed)
  const fee = parent.baseFeePerGas
  if (used === target) return fee
  if (used > target) {
    const rise = (fee * (used - target)) / target / CHANGE_DENOMINATOR
    return fee + (rise > 0n ? rise : 1n)
  }
  return fee - (fee * (target - used)) / target / CHANGE_DENOMINATOR
}

/**
 * The base fee of an empty block after which EIP-1559 gives exactly `fee`: what the genesis header
 * shows so that block 1 has the fee of the genesis file. g − ⌊g / 8⌋ = fee has the solution
 * g = 8 · ⌊fee / 7⌋ + fee mod 7.
 */
export const baseFeeBefore = (fee: bigint): bigint => 8n * (fee / 7n) + (fee % 7n)
