import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isAction, type Pooled } from '../../../node/mempool/action.ts'
import { type Room, shareBlock } from '../../../node/mempool/blockShare.ts'
import { sketch, sketchAction } from '../../support/poolTransactions.ts'

const bytesOf = (items: readonly Pooled[]): number =>
  items.reduce((sum, { bytes }) => sum + bytes.length + 4, 0)

/** Takes in order and passes over what does not fit, until it has enough. */
function greedy<T extends Pooled>(items: readonly T[], room: Room): T[] {
  const { maxBytes, maxCount, targetBytes } = room
  const chosen: T[] = []
  for (const item of items)
    if (
      bytesOf(chosen) < targetBytes &&
      chosen.length < maxCount &&
      bytesOf([...chosen, item]) <= maxBytes
    )
      chosen.push(item)
  return chosen
}

const LARGEST = 200
const sizes = fc.array(fc.integer({ min: 100, max: LARGEST }), { maxLength: 30 })
const room = fc
  .record({ maxBytes: fc.nat(4_000), maxCount: fc.nat(30), target: fc.nat(6_000) })
  .map(({ target, ...rest }) => ({ ...rest, targetBytes: Math.min(rest.maxBytes, target) }))
const lanesOf = (evm: readonly number[], core: readonly number[]) => ({
  evm: evm.map((size, value) => sketch({ value, size })),
  core: core.map((size, nonce) => sketchAction({ nonce, size })),
})
const share = (limits: Room, { evm, core }: ReturnType<typeof lanesOf>): Pooled[] =>
  shareBlock(limits, {
    evm: (part) => greedy(evm, part),
    core: (part) => greedy(core, part),
  })

describe('shareBlock', () => {
  it('fits the block, and starves neither lane of its half', () => {
    fc.assert(
      fc.property(room, sizes, sizes, (limits, evmSizes, coreSizes) => {
        const lanes = lanesOf(evmSizes, coreSizes)
        const chosen = share(limits, lanes)
        expect(bytesOf(chosen)).toBeLessThanOrEqual(limits.maxBytes)
        expect(chosen.length).toBeLessThanOrEqual(limits.maxCount)
        const core = chosen.filter(isAction)
        const evm = chosen.filter((item) => !isAction(item))
        for (const [own, all] of [
          [core, lanes.core],
          [evm, lanes.evm],
        ] as const) {
          const half = {
            maxBytes: Math.floor(limits.maxBytes / 2),
            maxCount: Math.floor(limits.maxCount / 2),
          }
          const isFull =
            own.length >= half.maxCount ||
            bytesOf(own) + LARGEST + 4 > half.maxBytes ||
            bytesOf(own) >= Math.floor(limits.targetBytes / 2)
          expect(own.length === all.length || isFull).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('leaves nothing unused that somebody waits for', () => {
    fc.assert(
      fc.property(room, sizes, sizes, (limits, evmSizes, coreSizes) => {
        const lanes = lanesOf(evmSizes, coreSizes)
        const chosen = share(limits, lanes)
        const isEverything = chosen.length === evmSizes.length + coreSizes.length
        const isFull =
          chosen.length === limits.maxCount ||
          bytesOf(chosen) + LARGEST + 4 > limits.maxBytes ||
          bytesOf(chosen) >= limits.targetBytes
        expect(isEverything || isFull).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('gives all to the lane that is alone', () => {
    const full = Array.from({ length: 30 }, () => 146)
    const limits = { maxBytes: 3_000, maxCount: 100, targetBytes: 3_000 }
    expect(share(limits, lanesOf(full, []))).toHaveLength(20)
    expect(share(limits, lanesOf([], full))).toHaveLength(20)
    const both = share(limits, lanesOf(full, full))
    expect([both.filter(isAction).length, both.length]).toEqual([10, 20])
    const few = share(limits, lanesOf(full, full.slice(0, 3)))
    expect([few.filter(isAction).length, few.length]).toEqual([3, 20])
    const fewEvm = share(limits, lanesOf(full.slice(0, 3), full))
    expect([fewEvm.filter(isAction).length, fewEvm.length]).toEqual([17, 20])
  })

  it('ends soon after the target, and never passes over what is larger than it', () => {
    const limits = { maxBytes: 3_000, maxCount: 100, targetBytes: 300 }
    const full = Array.from({ length: 30 }, () => 146)
    expect(share(limits, lanesOf(full, []))).toHaveLength(2)
    expect(share(limits, lanesOf([], full))).toHaveLength(2)
    const both = share({ ...limits, targetBytes: 600 }, lanesOf(full, full))
    expect([both.filter(isAction).length, both.length]).toEqual([2, 4])
    const large = share(limits, lanesOf([1_000, 146], [1_200, 146]))
    expect(large.map(({ bytes }) => bytes.length)).toEqual([1_200, 1_000])
  })
})
