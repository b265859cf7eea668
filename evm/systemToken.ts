import { assert } from '../core/primitives/assert.ts'
import { ADDRESS_LENGTH } from '../core/primitives/signature.ts'
import type { GenesisAlloc } from './genesis.ts'
import { SYSTEM_TOKEN_CODE, TOTAL_SUPPLY_SLOT } from './systemTokenCode.ts'

const FIRST_BYTE = 0x20
/** Ids are u16: the last two bytes of an address. */
const LAST_ASSET = 0xffff

/** The system ERC-20 of an asset of Core: 0x2000…0000 + id. */
export function systemTokenAddress(asset: number): Uint8Array {
  assert(asset >= 0 && asset <= LAST_ASSET, 'an asset id is a u16')
  const address = new Uint8Array(ADDRESS_LENGTH)
  address[0] = FIRST_BYTE
  address[18] = asset >> 8
  address[19] = asset & 0xff
  return address
}

/** Whether an address is kept for a system ERC-20; asset 0 is the native coin and has none. */
export function isSystemToken(address: Uint8Array): boolean {
  if (address[0] !== FIRST_BYTE) return false
  for (let i = 1; i < 18; i++) if (address[i] !== 0) return false
  return address[18] !== 0 || address[19] !== 0
}

/** All units of a token on the EVM side; 0 where it has no code yet. `slotOf` reads the state asked about. */
export const totalSupplyOf = (
  slotOf: (address: Uint8Array, slot: Uint8Array) => bigint,
  token: Uint8Array,
): bigint => slotOf(token, TOTAL_SUPPLY_SLOT)

/** What genesis puts at the address of an asset's ERC-20. Symbol and decimals stand in the ledger. */
export const systemTokenAccount = ({ id }: { readonly id: number }): GenesisAlloc => ({
  address: systemTokenAddress(id),
  balance: 0n,
  nonce: 0,
  code: SYSTEM_TOKEN_CODE,
  storage: [],
})
