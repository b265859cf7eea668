import { describe, expect, it } from 'vitest'
import { toHex } from '../../core/primitives/bytes.ts'
import { type Codec, u16 } from '../../core/primitives/codec.ts'
import { randomFrom } from '../support/smallRandom.ts'
import { fuzz } from './fuzz.ts'
import { mutate } from './mutate.ts'
import { codecTarget, type Target } from './target.ts'
import { TARGETS } from './targets/index.ts'

const CASES = 4_000

describe('everything that reads bytes from outside', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    expect(target.seeds.length).toBeGreaterThan(0)
    const { failure, outcomes } = await fuzz(target, { seed: 3, cases: CASES, coverage: null })
    expect(failure).toBeNull()
    // Good inputs are among them, and what is refused is refused for more than one reason.
    expect(Object.keys(outcomes).length).toBeGreaterThan(1)
  })

  it('has targets with names of their own', () => {
    expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length)
  })
})

describe('the fuzzer finds', () => {
  const found = async (target: Target) =>
    (await fuzz(target, { seed: 1, cases: 20_000, coverage: null })).failure?.error

  it('a throw that nobody planned', async () => {
    const run = (bytes: Uint8Array): string => {
      if (bytes.length > 3 && bytes[3] === 0xff) throw new RangeError('out of bounds')
      return 'ok'
    }
    expect(await found({ name: 'x', seeds: [new Uint8Array(8)], run })).toBeInstanceOf(RangeError)
  })

  it('a value with two encodings', async () => {
    const lax: Codec<number> = {
      write: u16.write,
      read: (reader) => Math.min(u16.read(reader), 0xfff0),
    }
    expect(String(await found(codecTarget('x', lax, [7, 9])))).toContain('encodes as')
  })

  it('an input that takes too long for its length', async () => {
    const run = (bytes: Uint8Array): string => {
      const endMicros = process.threadCpuUsage().user + (bytes[0] === 0xff ? 60_000 : 0)
      while (process.threadCpuUsage().user < endMicros);
      return 'ok'
    }
    const seeds = [Uint8Array.of(0xfe, 1)]
    expect(String(await found({ name: 'x', seeds, run }))).toContain('ms, more than')
  })

  it('a length that is believed before the bytes are there', async () => {
    const run = (bytes: Uint8Array): string => {
      const length = bytes.length < 4 ? 0 : new DataView(bytes.slice().buffer).getUint32(0)
      return String(new Uint8Array(Math.min(length, 1 << 28)).length > bytes.length)
    }
    expect(String(await found({ name: 'x', seeds: [new Uint8Array(9)], run }))).toContain('memory')
  })
})

it('makes the same inputs from the same seed', () => {
  const made = (seed: number): string[] => {
    const random = randomFrom(seed)
    const base = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    return Array.from({ length: 50 }, () => toHex(mutate(base, random, base)))
  }
  expect(made(5)).toEqual(made(5))
  expect(made(5)).not.toEqual(made(6))
})
