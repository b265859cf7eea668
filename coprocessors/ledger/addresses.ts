import { ADDRESS_LENGTH } from '../../core/primitives/signature.ts'

const FIRST_ENGINE = 0x0800

/** Precompile of an engine, and the account that holds what was deposited in it: 0x0800 + id. */
export function moduleAddress(engine: number): Uint8Array {
  return lastTwo(new Uint8Array(ADDRESS_LENGTH), FIRST_ENGINE + engine)
}

/** System ERC-20 of an asset: 0x2000…00 + id. */
export function tokenAddress(asset: number): Uint8Array {
  const address = new Uint8Array(ADDRESS_LENGTH)
  address[0] = 0x20
  return lastTwo(address, asset)
}

/** Below 0x10000: the zero address, precompiles and engines, which own nothing of their own. */
export function isReserved(address: Uint8Array): boolean {
  for (let i = 0; i < ADDRESS_LENGTH - 2; i++) if (address[i] !== 0) return false
  return true
}

function lastTwo(address: Uint8Array, value: number): Uint8Array {
  address[ADDRESS_LENGTH - 2] = value >>> 8
  address[ADDRESS_LENGTH - 1] = value & 0xff
  return address
}
