import { describe, expect, it } from 'vitest'
import { TaskQueue } from '../../../node/threads/taskQueue.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('TaskQueue', () => {
  it('runs one task at a time, in order, even when they await', async () => {
    const log: string[] = []
    const queue = new TaskQueue({ capacity: 10, onFatal: () => {} })
    for (const name of ['a', 'b', 'c'])
      queue.push(async () => {
        log.push(`${name} begins`)
        await turn()
        log.push(`${name} ends`)
      })
    queue.push(() => log.push('last') as never)
    for (let i = 0; i < 8; i++) await turn()
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends', 'last'])
  })

  it('refuses outside tasks beyond its capacity and keeps its own', async () => {
    let ran = 0
    const queue = new TaskQueue({ capacity: 2, onFatal: () => {} })
    const accepted = Array.from({ length: 5 }, () => queue.pushBounded(() => void ran++))
    queue.push(() => void ran++)
    await turn()
    expect(accepted).toEqual([true, true, false, false, false])
    expect(ran).toBe(3)
  })

  it('stops and reports when a task throws', async () => {
    const fatal: Error[] = []
    let ran = false
    const queue = new TaskQueue({ capacity: 2, onFatal: (error) => void fatal.push(error) })
    queue.push(() => {
      throw new Error('broken')
    })
    queue.push(() => {
      ran = true
    })
    await turn()
    queue.push(() => {
      ran = true
    })
    await turn()
    expect(fatal.map((error) => error.message)).toEqual(['broken'])
    expect(ran).toBe(false)
  })

  it('drops what waits when it is stopped, after the running task has ended', async () => {
    const log: string[] = []
    const queue = new TaskQueue({ capacity: 10, onFatal: () => {} })
    queue.push(async () => {
      log.push('begins')
      await turn()
      log.push('ends')
    })
    await Promise.resolve()
    await Promise.resolve()
    queue.push(() => void log.push('dropped'))
    await queue.stop()
    expect(log).toEqual(['begins', 'ends'])
  })
})
