import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bigintToBytes, bytesToBigint, concatBytes } from '../../../core/primitives/bytes.ts'
import { modularPower } from '../../../evm/vm/modularPower.ts'
import { MAX_MONTGOMERY_BYTES } from '../../../evm/vm/wasm/montgomery.ts'
import { precompilePair } from '../../support/evm/precompiles.ts'
import { word } from '../../support/evmWorld.ts'

/** Square and multiply, bit by bit. */
function naivePower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let power = 1n % modulus
  for (const bit of exponent.toString(2)) {
    power = (power * power * (bit === '1' ? base : 1n)) % modulus
  }
  return power
}

const bytesUpTo = (length: number) => fc.uint8Array({ maxLength: length })
/** Ones and zeros in long runs make carries; powers of two make moduli even. */
const digits = (maxLength: number) =>
  fc.oneof(
    bytesUpTo(maxLength),
    fc
      .tuple(fc.constantFrom(0, 0x01, 0x80, 0xff), fc.nat(maxLength), bytesUpTo(4))
      .map(([fill, length, rest]) => concatBytes(new Uint8Array(length).fill(fill), rest)),
    fc
      .tuple(bytesUpTo(8), fc.nat(maxLength))
      .map(([head, zeros]) => concatBytes(head, new Uint8Array(zeros))),
  )

describe('BLAKE2F', () => {
  const { ours, theirs } = precompilePair(0x09, 'prague')

  it('is the library’s for any input', () => {
    const input = fc
      .tuple(
        fc.nat(300),
        fc.uint8Array({ minLength: 208, maxLength: 208 }),
        fc.constantFrom(0, 1, 1, 2),
        fc.constantFrom(213, 213, 213, 213, 212, 214, 0),
      )
      .map(([rounds, body, last, length]) => {
        const whole = concatBytes(word(rounds).slice(28), body, Uint8Array.of(last, 0))
        return whole.slice(0, length)
      })
    fc.assert(
      fc.property(input, fc.nat(400), (data, gas) => {
        expect(ours(data, gas)).toEqual(theirs(data, gas))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is the library’s for more rounds than one call does, and charges one gas for each', () => {
    const rounds = 1_000_003
    const data = concatBytes(word(rounds).slice(28), new Uint8Array(208).fill(7), Uint8Array.of(1))
    expect(ours(data, rounds)).toEqual(theirs(data, rounds))
    expect(ours(data, rounds - 1)).toMatchObject({ error: 'out of gas' })
  })
})

describe.each(['prague', 'osaka'] as const)('MODEXP of %s', (fork) => {
  const { ours, theirs } = precompilePair(0x05, fork)

  it('is the library’s for any numbers', () => {
    const input = fc
      .tuple(digits(80), digits(40), digits(80), fc.nat(300), fc.integer({ min: -3, max: 3 }))
      .map(([base, exponent, modulus, cut, longer]) => {
        const lengths = [base, exponent, modulus].map(({ length }) => length)
        lengths[cut % 3] = Math.max(0, (lengths[cut % 3] as number) + longer)
        const whole = concatBytes(...lengths.map(word), base, exponent, modulus)
        return cut < 30 ? whole.slice(0, cut * 7) : whole
      })
    fc.assert(
      fc.property(input, fc.constantFrom(0, 199, 499, 10_000, 10_000_000), (data, gas) => {
        expect(ours(data, gas)).toEqual(theirs(data, gas))
      }),
      { numRuns: 2_000 },
    )
  })

  it('is the library’s for lengths beyond all gas', () => {
    const length = fc.oneof(
      fc.bigInt(0n, 40n),
      fc.bigInt(1_000n, 1_050n),
      fc.constantFrom(2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n, 2n ** 255n, 2n ** 256n - 1n),
    )
    fc.assert(
      fc.property(fc.tuple(length, length, length), bytesUpTo(60), (lengths, rest) => {
        const head = lengths.map((value) => bigintToBytes(value, 32))
        const data = concatBytes(...head, rest)
        expect(ours(data, 100_000)).toEqual(theirs(data, 100_000))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('modular powers', () => {
  it('are those of the naive way, on both sides of the longest Montgomery modulus', () => {
    const modulus = fc
      .oneof(digits(24), digits(MAX_MONTGOMERY_BYTES + 16))
      .map(bytesToBigint)
      .filter((value) => value !== 0n)
    const parts = fc.tuple(digits(300), digits(12), fc.nat(3), modulus)
    fc.assert(
      fc.property(parts, ([base, bytes, zeros, mod]) => {
        const exponent = bytesToBigint(bytes) << BigInt(8 * zeros)
        const value = bytesToBigint(base)
        expect(modularPower(value, { bytes, zeros }, mod)).toBe(naivePower(value, exponent, mod))
      }),
      { numRuns: 2_000 },
    )
  })

  it('take time by the exponent’s length and not its square', () => {
    // A megabyte of zeros behind one bit: with a shift of the whole exponent a bit, this takes minutes.
    const exponent = { bytes: Uint8Array.of(1), zeros: 1_000_000 }
    expect(modularPower(2n, exponent, 3n)).toBe(1n)
    expect(modularPower(7n, { bytes: new Uint8Array(1_000_000).fill(1), zeros: 0 }, 8n)).toBe(7n)
  })
})
