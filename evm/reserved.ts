import { isReserved, isTokenAddress, SYSTEM_ADDRESS } from '../core/host/precompile.ts'
import { equalBytes } from '../core/primitives/bytes.ts'
import { engineIdOf } from './precompiles.ts'
import { isSystemContract } from './systemContracts.ts'

/** Where the chain itself stands: engines, present and to come, the ERC-20s of Core's assets, who mints them, and the contracts that know past blocks. */
export const isChainAddress = (address: Uint8Array): boolean =>
  engineIdOf(address) >= 0 ||
  isTokenAddress(address) ||
  equalBytes(address, SYSTEM_ADDRESS) ||
  isSystemContract(address)

/** Whether nobody can own what is here: the zero address and precompiles, too. */
export const isReservedAddress = (address: Uint8Array): boolean =>
  isReserved(address) || isChainAddress(address)
