import { describe, expect, it } from 'vitest'
import { Scenario } from './scenario.ts'
import type { SimResult } from './simulation.ts'

const OTHERS = [0, 1, 2]
const expectWell = ({ failure }: SimResult): void => expect(failure?.message).toBe(undefined)

describe('four validators', () => {
  it('go on without one, which catches up when it returns', async () => {
    const result = await new Scenario()
      .until(3)
      .crash(3, 'none')
      .until(9, OTHERS)
      .restart(3)
      .until(12)
      .run()
    expectWell(result)
    expect(result.syncedBlocks).toBeGreaterThanOrEqual(3)
  })

  it('wait without two, and go on with three', async () => {
    let stuckAt = 0
    const result = await new Scenario()
      .until(3)
      .crash(2, 'subset')
      .crash(3, 'subset')
      .pass(2_000)
      .expect((simulation) => {
        stuckAt = simulation.checker.height
      })
      .pass(10_000)
      .expect((simulation) => expect(simulation.checker.height).toBe(stuckAt))
      .restart(3)
      .until(8, [0, 1, 3])
      .run()
    expectWell(result)
  })

  it('lose power all at once, again and again, and lose nothing that was told', async () => {
    const scenario = new Scenario({ diskMs: [1, 10] })
    for (const [index, fate] of (['none', 'subset', 'garbage', 'prefix'] as const).entries()) {
      scenario.until(2 + 2 * index).pass(1 + 17 * index)
      for (const node of [0, 1, 2, 3]) scenario.crash(node, fate)
      for (const node of [0, 1, 2, 3]) scenario.restart(node)
    }
    expectWell(await scenario.until(12).run())
  })

  it('decide nothing while they are two and two, and agree afterwards', async () => {
    let cutAt = 0
    const result = await new Scenario()
      .until(2)
      .cut([0, 1], [2, 3])
      .cut([2, 3], [0, 1])
      .pass(500)
      .expect((simulation) => {
        cutAt = simulation.checker.height
      })
      .pass(5_000)
      .expect((simulation) => expect(simulation.checker.height).toBe(cutAt))
      .join([0, 1], [2, 3])
      .join([2, 3], [0, 1])
      .until(8)
      .run()
    expectWell(result)
  })

  it('follow one that lost its data, which is silent until it is past all it may have signed', async () => {
    const result = await new Scenario({ expendable: [3] })
      .until(6)
      .wipe(3)
      .until(10, OTHERS)
      .restart(3)
      .until(11)
      .expect((simulation) => expect(simulation.host(3).isVoter).toBe(true))
      // Without another one it is needed, and there.
      .crash(0, 'none')
      .until(16, [1, 2, 3])
      .run()
    expectWell(result)
  })
})

describe('a validator alone', () => {
  const alone = { powers: [1], clients: 4, clientEveryMs: 20 } as const

  it('makes empty blocks again after it was busy', async () => {
    // A block that it decides while it begins the height must not cost the next one its timer.
    let idleAt = 0
    const result = await new Scenario(alone)
      .until(20)
      .expect((simulation) => simulation.endWorkload())
      .pass(3_000)
      .expect((simulation) => {
        idleAt = simulation.checker.height
      })
      .pass(5_000)
      .expect((simulation) => expect(simulation.checker.height).toBeGreaterThan(idleAt + 2))
      .run()
    expectWell(result)
  })

  it('goes on whenever its power went', async () => {
    const scenario = new Scenario({ ...alone, diskMs: [1, 10] })
    for (let ms = 0; ms < 60; ms++)
      scenario
        .pass(40 + (ms % 23))
        .crash(0, ms % 2 === 0 ? 'none' : 'subset')
        .restart(0)
    expectWell(await scenario.until(40).run())
  })
})
