import { engineAt, isReserved, precompileOf } from '../core/host/precompile.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import type { GenesisAlloc } from './genesis.ts'

/**
 * What EXTCODESIZE sees at an engine's address: Solidity refuses to call an account without code.
 * INVALID, as Arbitrum has it: where the byte is run as code (an EIP-7702 account that delegates to
 * the address, a call on a state whose engines are not at hand) the call fails instead of doing
 * nothing.
 */
export const ENGINE_CODE = Uint8Array.of(0xfe)

/** The id that an address stands for, whether or not there is such an engine; −1 for any other address. */
export function engineIdOf(address: Uint8Array): number {
  if (!isReserved(address)) return -1
  const id = engineAt(address)
  return id >= 0 && id < LIMITS.coprocessors ? id : -1
}

/** What genesis puts at an engine's address. */
export const engineAccount = (engine: number): GenesisAlloc => ({
  address: precompileOf(engine),
  balance: 0n,
  nonce: 0,
  code: ENGINE_CODE,
  storage: [],
})
