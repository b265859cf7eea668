import fc from 'fast-check'

/** The same values every time: an input that failed is found again. */
export const samplesOf = <T>(arbitrary: fc.Arbitrary<T>, count = 12): readonly T[] =>
  fc.sample(arbitrary, { seed: 7, numRuns: count })
