import { tokenAddress } from '../core/host/precompile.ts'
import type { GenesisAlloc } from './genesis.ts'
import { SYSTEM_TOKEN_CODE, TOTAL_SUPPLY_SLOT } from './systemTokenCode.ts'

/** All units of a token on the EVM side; 0 where it has no code yet. `slotOf` reads the state asked about. */
export const totalSupplyOf = (
  slotOf: (address: Uint8Array, slot: Uint8Array) => bigint,
  token: Uint8Array,
): bigint => slotOf(token, TOTAL_SUPPLY_SLOT)

/** What genesis puts at the address of an asset's ERC-20. Symbol and decimals stand in the ledger. */
export const systemTokenAccount = ({ id }: { readonly id: number }): GenesisAlloc => ({
  address: tokenAddress(id),
  balance: 0n,
  nonce: 0,
  code: SYSTEM_TOKEN_CODE,
  storage: [],
})
