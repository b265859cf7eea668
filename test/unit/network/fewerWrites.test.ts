import { Socket } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { gossipIsUp, startMesh, stopAll, type TestNode, until, voteOf } from './support.ts'

afterEach(async () => {
  vi.restoreAllMocks()
  await stopAll()
})

type Writes = { calls: number }

/** Every hand-over to the operating system, by any socket of this process. */
function countWrites(): Writes {
  const writes = { calls: 0 }
  const prototype = Socket.prototype as unknown as {
    _writeGeneric(...args: unknown[]): unknown
  }
  const original = prototype._writeGeneric
  vi.spyOn(prototype, '_writeGeneric').mockImplementation(function (this: unknown, ...args) {
    writes.calls++
    return original.apply(this, args)
  })
  return writes
}

it('a vote is one write of its sender and none of its receiver', async () => {
  const [a, b] = (await startMesh(2)) as [TestNode, TestNode]
  await gossipIsUp(a, [b])
  const writes = countWrites()
  const votes = 100
  for (let round = 0; round < votes; round++) {
    const before = b.consensus.length
    a.network.broadcast(voteOf(round))
    await until('the vote arrives', () => b.consensus.length > before)
  }
  // A ping, a heartbeat of gossip or an update of a half used window may come between.
  expect(writes.calls).toBeGreaterThanOrEqual(votes)
  expect(writes.calls).toBeLessThan(votes * 1.3)
})

it('reading a vote makes no error for the length that has not come yet', async () => {
  const [a, b] = (await startMesh(2)) as [TestNode, TestNode]
  await gossipIsUp(a, [b])
  const original = globalThis.RangeError
  let made = 0
  globalThis.RangeError = new Proxy(original, {
    apply: (target, self, args) => {
      made++
      return Reflect.apply(target, self, args)
    },
  })
  try {
    for (let round = 0; round < 10; round++) a.network.broadcast(voteOf(round))
    await until('the votes arrive', () => b.consensus.length >= 10)
  } finally {
    globalThis.RangeError = original
  }
  expect(made).toBe(0)
})
