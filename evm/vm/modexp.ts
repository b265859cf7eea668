import { bigintToBytes, bytesToBigint, EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { ERROR } from './errors.ts'
import { type Exponent, modularPower } from './modularPower.ts'
import type { Precompile, PrecompileOutcome } from './precompiles.ts'

/** EIP-7823. */
const OSAKA_MAX_LENGTH = 1_024n
const HEAD = 96
const WORD = 32n

type Lengths = { readonly base: bigint; readonly exponent: bigint; readonly modulus: bigint }

/** 0x05 (EIP-198), priced by EIP-2565, from Osaka on by EIP-7883 within EIP-7823's bounds. */
export const modexp =
  (isOsaka: boolean): Precompile =>
  (input, gasLimit) => {
    const word = (at: number): bigint => numberAt(input, at, 32)
    const lengths: Lengths = { base: word(0), exponent: word(32), modulus: word(64) }
    const gas = gasOf(input, lengths, isOsaka)
    const tooLong = Object.values(lengths).some((length) => length > OSAKA_MAX_LENGTH)
    if (gas > BigInt(gasLimit) || (isOsaka && tooLong)) {
      return { error: ERROR.outOfGas, gasUsed: gasLimit, output: EMPTY_BYTES }
    }
    const gasUsed = Number(gas)
    // Nothing else is paid for then: the exponent may have any length.
    if (lengths.modulus === 0n) return succeed(gasUsed, EMPTY_BYTES)
    // Below 2^53 now, because the gas of more is more than any limit.
    const [base, exponent, modulus] = [lengths.base, lengths.exponent, lengths.modulus].map(Number)
    return succeed(gasUsed, compute(input, base as number, exponent as number, modulus as number))
  }

const succeed = (gasUsed: number, output: Uint8Array): PrecompileOutcome => ({
  error: null,
  gasUsed,
  output,
})

function compute(
  input: Uint8Array,
  baseLength: number,
  exponentLength: number,
  modulusLength: number,
): Uint8Array {
  const exponentAt = HEAD + baseLength
  const modulusAt = exponentAt + exponentLength
  const modulus = numberAt(input, modulusAt, modulusLength)
  if (modulus === 0n) return new Uint8Array(modulusLength)
  const bytes = input.subarray(exponentAt, modulusAt)
  const exponent: Exponent = { bytes, zeros: exponentLength - bytes.length }
  const power = modularPower(numberAt(input, HEAD, baseLength), exponent, modulus)
  return bigintToBytes(power, modulusLength)
}

/** Behind the input's end are zeros. */
function numberAt(input: Uint8Array, at: number, length: number): bigint {
  const bytes = input.subarray(at, at + length)
  return bytesToBigint(bytes) << (8n * BigInt(length - bytes.length))
}

function gasOf(input: Uint8Array, lengths: Lengths, isOsaka: boolean): bigint {
  const { base, modulus } = lengths
  const longest = atLeast(base, modulus)
  const words = (longest + 7n) / 8n
  const iterations = iterationsOf(input, lengths, isOsaka ? 16n : 8n)
  if (!isOsaka) return atLeast(200n, (iterations * words * words) / 3n)
  return atLeast(500n, iterations * (longest > WORD ? 2n * words * words : 16n))
}

const atLeast = (least: bigint, value: bigint): bigint => (value < least ? least : value)

/** EIP-2565's iteration count: the highest bit of the exponent's first word, and a price for each byte after it. */
function iterationsOf(input: Uint8Array, { base, exponent }: Lengths, perByte: bigint): bigint {
  const headLength = exponent < WORD ? Number(exponent) : 32
  const isThere = base < BigInt(input.length)
  const head = isThere ? numberAt(input, HEAD + Number(base), headLength) : 0n
  const highestBit = head === 0n ? 0n : BigInt(head.toString(2).length - 1)
  const rest = exponent > WORD ? perByte * (exponent - WORD) : 0n
  return atLeast(1n, rest + highestBit)
}
