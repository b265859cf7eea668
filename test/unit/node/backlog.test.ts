import { describe, expect, it } from 'vitest'
import { Backlog } from '../../../node/transactions/backlog.ts'

/** A clock that is moved by hand. */
function world() {
  let now = 0
  const timers: { readonly atMs: number; readonly run: () => void }[] = []
  const clock = {
    monoMs: () => now,
    setTimer: (run: () => void, afterMs: number) => {
      const timer = { atMs: now + afterMs, run }
      timers.push(timer)
      return () => void timers.splice(timers.indexOf(timer), 1)
    },
  }
  const held: number[] = []
  const backlog = new Backlog(clock, { heldBack: (count) => held.push(count) })
  const pass = (ms: number): void => {
    now += ms
    for (const timer of timers.filter(({ atMs }) => atMs <= now)) {
      timers.splice(timers.indexOf(timer), 1)
      timer.run()
    }
  }
  const answers: string[] = []
  const ask = (name: string, count: number): void => {
    const room = backlog.room(count)
    if (room === true) {
      backlog.added(count)
      answers.push(`${name} at once`)
    } else
      void room.then((hasRoom) => {
        if (hasRoom) backlog.added(count)
        answers.push(`${name} ${hasRoom ? 'later' : 'refused'}`)
      })
  }
  return { backlog, pass, ask, answers, timers, held }
}
const turn = () => new Promise(setImmediate)

describe('Backlog', () => {
  it('lets in a thousand however slow blocks are, and then in order as they are cleared', async () => {
    const { backlog, pass, ask, answers, timers, held } = world()
    ask('first', 999)
    ask('second', 20)
    ask('third', 20)
    ask('fourth', 1)
    expect(answers).toEqual(['first at once', 'second at once'])
    pass(100)
    backlog.committed({ included: 25, waiting: 994 })
    await turn()
    expect(answers.slice(2)).toEqual(['third later'])
    // Whoever comes now comes after those who wait, though there is room.
    ask('fifth', 1)
    pass(100)
    backlog.committed({ included: 100, waiting: 914 })
    await turn()
    expect(answers.slice(3)).toEqual(['fourth later', 'fifth later'])
    expect(timers).toHaveLength(0)
    expect(held).toEqual([1, 2, 1, 2, 0])
  })

  it('allows as much as a second of blocks clears, and less again when they become slow', () => {
    const { backlog, pass } = world()
    const run = (perBlock: number): void => {
      for (let block = 0; block < 200; block++) {
        pass(100)
        backlog.committed({ included: perBlock, waiting: 0 })
      }
    }
    run(500)
    expect(backlog.limit).toBeGreaterThan(4_900)
    expect(backlog.limit).toBeLessThan(5_100)
    run(10)
    expect(backlog.limit).toBe(1_000)
  })

  it('refuses who waited for two seconds, and nobody else', async () => {
    const { backlog, pass, ask, answers, held } = world()
    backlog.added(5_000)
    ask('early', 1)
    pass(1_500)
    ask('late', 1)
    pass(500)
    await turn()
    expect(answers).toEqual(['early refused'])
    // Told while no block comes, too.
    expect(held).toEqual([1, 2, 1])
    backlog.committed({ included: 4_500, waiting: 500 })
    await turn()
    expect(answers).toEqual(['early refused', 'late later'])
  })

  it('counts what peers brought, and believes the pool rather than itself', () => {
    const { backlog, ask, answers } = world()
    backlog.added(2_000)
    backlog.committed({ included: 0, waiting: 0 })
    ask('next', 1)
    expect(answers).toEqual(['next at once'])
  })

  it('turns everybody away when it stops', async () => {
    const { backlog, ask, answers, timers, held } = world()
    backlog.added(5_000)
    ask('waiting', 1)
    backlog.stop()
    await turn()
    expect([answers, timers, held]).toEqual([['waiting refused'], [], [1, 0]])
  })
})
