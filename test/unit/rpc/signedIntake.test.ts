import { expect, it } from 'vitest'
import { SignedIntake } from '../../../node/rpc/signedIntake.ts'
import type { Judged } from '../../../node/transactions/senderRecovery.ts'

const named = (name: number): Uint8Array => Uint8Array.of(name)
/** The verdict on `named(n)`, known again by its nonce. */
const verdict = (bytes: Uint8Array): Judged => ({ nonce: bytes[0] }) as unknown as Judged

const turn = (): Promise<void> => new Promise(setImmediate)

/** An intake whose judge keeps everybody waiting until it is released. */
function heldIntake() {
  const batches: number[][] = []
  const release: (() => void)[] = []
  const answers: number[] = []
  const intake = new SignedIntake({
    decode: async (list) => {
      batches.push(list.map((bytes) => bytes[0] as number))
      await new Promise<void>((resolve) => release.push(resolve))
      return list.map(verdict)
    },
  })
  const send = async (name: number): Promise<void> => {
    const judged = await intake.judge(named(name))
    answers.push((judged as { nonce: number }).nonce)
  }
  return { batches, release, answers, send }
}

it('judges what comes in one turn together, what comes meanwhile after it, and answers in order', async () => {
  const { batches, release, answers, send } = heldIntake()
  const sent = [send(1), send(2)]
  for (const name of [3, 4, 5, 6]) {
    await turn()
    sent.push(send(name))
  }
  await turn()
  expect(batches).toEqual([[1, 2], [3], [4], [5]])
  for (const part of [3, 1]) release[part]?.()
  await turn()
  expect(answers).toEqual([])
  release[0]?.()
  await turn()
  expect(answers).toEqual([1, 2, 3])
  expect(batches.at(-1)).toEqual([6])
  for (const part of [2, 4]) release[part]?.()
  await Promise.all(sent)
  expect(answers).toEqual([1, 2, 3, 4, 5, 6])
})

it('judges a burst in four parts, small ones in fewer, and no more than a thread should have at once', async () => {
  const partsOf = async (count: number): Promise<number[]> => {
    const { batches, release, send } = heldIntake()
    const sent = Array.from({ length: count }, (_, name) => send(name % 256))
    for (let i = 0; i < count; i++) {
      await turn()
      if (i === 0) expect(batches.length).toBeLessThanOrEqual(4)
      for (const done of release.splice(0)) done()
    }
    await Promise.all(sent)
    return batches.map(({ length }) => length)
  }
  expect(await partsOf(20)).toEqual([16, 4])
  expect(await partsOf(64)).toEqual([16, 16, 16, 16])
  expect(await partsOf(400)).toEqual([100, 100, 100, 100])
  expect(Math.max(...(await partsOf(1_000)))).toBe(128)
})

it('fails those whose judge failed, and goes on', async () => {
  let isBroken = true
  const intake = new SignedIntake({
    decode: async (list) => {
      if (isBroken) throw new Error('the thread is gone')
      return list.map(verdict)
    },
  })
  await expect(Promise.all([intake.judge(named(1)), intake.judge(named(2))])).rejects.toThrow()
  isBroken = false
  expect(await intake.judge(named(3))).toEqual({ nonce: 3 })
})
