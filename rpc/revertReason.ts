import { bytesToBigint } from '../core/primitives/bytes.ts'

const ERROR_SELECTOR = [0x08, 0xc3, 0x79, 0xa0]
const PANIC_SELECTOR = [0x4e, 0x48, 0x7b, 0x71]

/** The words of geth's `abi.UnpackRevert` for Solidity's panic codes. */
const PANICS: { readonly [code: string]: string } = {
  '0': 'generic panic',
  '1': 'assert(false)',
  '17': 'arithmetic underflow or overflow',
  '18': 'division or modulo by zero',
  '33': 'enum overflow',
  '34': 'invalid encoded storage byte array accessed',
  '49': 'out-of-bounds array access; popping on an empty array',
  '50': 'out-of-bounds access of an array or bytesN',
  '65': 'out of memory',
  '81': 'uninitialized function',
}

/** What a reverted call says in Solidity's `Error(string)` or `Panic(uint256)`; null: something else. */
export function revertReasonOf(output: Uint8Array): string | null {
  if (startsWith(output, ERROR_SELECTOR)) return abiString(output.subarray(4))
  if (startsWith(output, PANIC_SELECTOR) && output.length === 36) {
    const code = bytesToBigint(output.subarray(4))
    return PANICS[code.toString()] ?? `unknown panic code: 0x${code.toString(16)}`
  }
  return null
}

const startsWith = (bytes: Uint8Array, prefix: readonly number[]): boolean =>
  bytes.length >= prefix.length && prefix.every((byte, index) => bytes[index] === byte)

/** The only argument of an ABI encoding, a string. */
function abiString(encoded: Uint8Array): string | null {
  const offset = wordAt(encoded, 0)
  const length = offset === null ? null : wordAt(encoded, offset)
  if (offset === null || length === null || offset + 32 + length > encoded.length) return null
  return Buffer.from(encoded.subarray(offset + 32, offset + 32 + length)).toString('utf8')
}

/** Null when it is not inside or larger than what follows could be. */
function wordAt(encoded: Uint8Array, at: number): number | null {
  if (at + 32 > encoded.length) return null
  const value = bytesToBigint(encoded.subarray(at, at + 32))
  return value <= BigInt(encoded.length) ? Number(value) : null
}
