import type { RpcBackend } from '../backend.ts'
import { FeeOracle, feeHistoryOf } from '../fees.ts'
import { quantity } from '../format/hex.ts'
import { heavy, type MethodModules, type MethodTable, method } from '../method.ts'
import { blockNumber, existingHeightOf } from '../params/block.ts'
import { blockCount, percentiles } from '../params/fees.ts'
import { optional, required } from '../params/parameter.ts'

/** What a transaction should offer, and what those before it paid. */
export function feeMethods({ backend, options }: MethodModules): MethodTable {
  const oracle = new FeeOracle(backend, options.suggestedTip)
  return {
    eth_gasPrice: method([], () => ({ ok: true, value: quantity(gasPriceOf(backend, oracle)) })),
    eth_maxPriorityFeePerGas: method([], () => ({ ok: true, value: quantity(oracle.tip()) })),
    // Without blobs the excess is zero, and EIP-4844's price of zero excess is 1 wei.
    eth_blobBaseFee: method([], () => ({ ok: true, value: '0x1' })),
    eth_baseFee: method([], () => ({
      ok: true,
      value: quantity(backend.nextBaseFee(backend.height())),
    })),
    eth_feeHistory: heavy(
      method(
        [required(blockCount), required(blockNumber), optional(percentiles, NO_PERCENTILES)],
        (_, count, newest, wanted) => {
          const height = existingHeightOf(backend, newest)
          if (!height.ok) return height
          return { ok: true, value: feeHistoryOf(backend, { count, newest: height.value, wanted }) }
        },
      ),
    ),
  }
}

const NO_PERCENTILES: readonly number[] = []

/**
 * Enough for the next block, and for an estimate at the latest one: while base fees fall, a price
 * that suits only the next block is refused by the latest block's own rules.
 */
function gasPriceOf(backend: RpcBackend, oracle: FeeOracle): bigint {
  const height = backend.height()
  const latest = backend.header(height)?.baseFeePerGas ?? 0n
  const next = backend.nextBaseFee(height)
  return (latest > next ? latest : next) + oracle.tip()
}
