import { expect, test } from 'vitest'
import { Prng } from './prng.ts'
import { type Faults, World } from './world.ts'

const RELIABLE: Faults = { lossPercent: 0, repeatPercent: 0, delayMs: [1, 50] }

test('events run in the order of time, and of scheduling where times are equal', () => {
  const prng = new Prng(1)
  const world = new World(prng, RELIABLE)
  const ran: [at: number, order: number][] = []
  for (let order = 0; order < 500; order++) {
    const at = prng.range(0, 20)
    world.after(at, () => ran.push([at, order]))
  }
  while (world.step());
  expect(ran).toHaveLength(500)
  expect(ran).toEqual([...ran].sort(([a, i], [b, j]) => a - b || i - j))
})

test('faults lose, repeat and cut, and end when told', () => {
  const count = (faults: Partial<Faults>, before: (world: World) => void = () => {}): number => {
    const world = new World(new Prng(5), { ...RELIABLE, ...faults })
    before(world)
    let delivered = 0
    for (let i = 0; i < 1_000; i++) world.send(0, 1, () => delivered++)
    while (world.step());
    return delivered
  }
  expect(count({})).toBe(1_000)
  expect(count({ lossPercent: 30 })).toBeGreaterThan(600)
  expect(count({ lossPercent: 30 })).toBeLessThan(800)
  expect(count({ repeatPercent: 30 })).toBeGreaterThan(1_200)
  expect(count({}, (world) => world.cut(0, 1))).toBe(0)
  expect(count({}, (world) => world.cut(1, 0))).toBe(1_000)
  const healed = (world: World): void => {
    world.cut(0, 1)
    world.join()
  }
  expect(count({}, healed)).toBe(1_000)
})
