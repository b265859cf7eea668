import { assert } from '../primitives/assert.ts'
import { ADDRESS_LENGTH } from '../primitives/signature.ts'

const FIRST_ENGINE = 0x0800

/** Where contracts call an engine, and who calls when the engine calls them: 0x0800 + id. */
export function precompileOf(engine: number): Uint8Array {
  const address = new Uint8Array(ADDRESS_LENGTH)
  new DataView(address.buffer).setUint16(ADDRESS_LENGTH - 2, FIRST_ENGINE + engine)
  return address
}

/** The engine of a precompile that `precompileOf` made. */
export const engineAt = (address: Uint8Array): number =>
  new DataView(address.buffer, address.byteOffset).getUint16(ADDRESS_LENGTH - 2) - FIRST_ENGINE

/** Sender of what the chain itself does in the EVM; the only minter of system ERC-20 tokens. */
export const SYSTEM_ADDRESS = new Uint8Array(ADDRESS_LENGTH).fill(0xff)
SYSTEM_ADDRESS[ADDRESS_LENGTH - 1] = 0xfe

const TOKEN_BYTE = 0x20

/** The system ERC-20 of an asset of Core: 0x2000…0000 + id. */
export function tokenAddress(asset: number): Uint8Array {
  assert(asset >= 0 && asset <= 0xffff, 'an asset id is a u16')
  const address = new Uint8Array(ADDRESS_LENGTH)
  address[0] = TOKEN_BYTE
  new DataView(address.buffer).setUint16(ADDRESS_LENGTH - 2, asset)
  return address
}

/** Whether an address is kept for a system ERC-20; asset 0 is the native coin and has none. */
export function isTokenAddress(address: Uint8Array): boolean {
  if (address[0] !== TOKEN_BYTE) return false
  for (let i = 1; i < ADDRESS_LENGTH - 2; i++) if (address[i] !== 0) return false
  return address[ADDRESS_LENGTH - 2] !== 0 || address[ADDRESS_LENGTH - 1] !== 0
}

/**
 * Below 0x10000: the zero address, Ethereum's precompiles (0x01 to 0x11 in Prague, EIP-2537 last) and
 * engines. Nobody owns anything there.
 */
export function isReserved(address: Uint8Array): boolean {
  for (let i = 0; i < ADDRESS_LENGTH - 2; i++) if (address[i] !== 0) return false
  return true
}
