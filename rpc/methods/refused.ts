import type { MethodTable } from '../method.ts'
import { fail } from '../outcome.ts'

const CONSENSUS = 'NexusBFT makes blocks, no consensus client drives this node'
const ACCESS_LISTS = 'blocks have no access lists (EIP-7928) before Amsterdam'

/** Methods of Ethereum's OpenRPC document that make no sense here, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(engineMethods().map((name) => [name, CONSENSUS])),
  testing_buildBlockV1: CONSENSUS,
  eth_getBlockAccessList: ACCESS_LISTS,
  debug_getRawBlockAccessList: ACCESS_LISTS,
  eth_coinbase: 'fees go to the validator that proposes: see miner of a block',
  eth_config:
    'the fork is fixed in the genesis, and there are no blobs to schedule: see nexus_status',
  eth_fillTransaction:
    'use eth_getTransactionCount, eth_estimateGas and eth_maxPriorityFeePerGas, as wallets do',
}

export const refusedMethods = (): MethodTable =>
  Object.fromEntries(
    Object.entries(REFUSED).map(([name, reason]) => [
      name,
      {
        isHeavy: false,
        isPatient: false,
        run: () => fail({ code: 'METHOD_REFUSED', method: name, reason }),
      },
    ]),
  )

function engineMethods(): readonly string[] {
  const versions = (name: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `engine_${name}V${i + 1}`)
  return [
    ...versions('newPayload', 6),
    ...versions('getPayload', 6),
    ...versions('forkchoiceUpdated', 5),
    ...versions('getPayloadBodiesByHash', 2),
    ...versions('getPayloadBodiesByRange', 2),
    ...versions('getBlobs', 4),
    ...versions('exchangeTransitionConfiguration', 1),
    ...versions('getInclusionList', 1),
    'engine_exchangeCapabilities',
  ]
}
