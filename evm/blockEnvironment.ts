import type { EVMRunCallOpts } from '@ethereumjs/evm'
import { Address } from '@ethereumjs/util'

/** What code can see of its block. */
export type BlockEnvironment = {
  readonly number: number
  /** Seconds. */
  readonly timestamp: number
  readonly coinbase: Uint8Array
  readonly prevRandao: Uint8Array
  readonly gasLimit: number
  readonly baseFeePerGas: bigint
  /** What BLOBBASEFEE answers. */
  readonly blobBaseFee: bigint
}

/** EIP-4844 MIN_BASE_FEE_PER_BLOB_GAS: the price while the excess is zero, and no block here has blobs. */
export const BLOB_BASE_FEE = 1n

export type EthereumBlock = NonNullable<EVMRunCallOpts['block']>

export const ethereumBlockOf = (block: BlockEnvironment): EthereumBlock => ({
  header: {
    number: BigInt(block.number),
    timestamp: BigInt(block.timestamp),
    coinbase: new Address(block.coinbase),
    prevRandao: block.prevRandao,
    difficulty: 0n,
    gasLimit: BigInt(block.gasLimit),
    baseFeePerGas: block.baseFeePerGas,
    getBlobGasPrice: () => block.blobBaseFee,
  },
})
