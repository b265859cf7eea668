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
