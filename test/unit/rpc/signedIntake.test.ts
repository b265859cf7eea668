import { expect, it } from 'vitest'
import { SignedIntake } from '../../../node/rpc/signedIntake.ts'
import type { Judged } from '../../../node/transactions/senderRecovery.ts'

const named = (name: number): Uint8Array => Uint8Array.of(name)
/** The verdict on `named(n)`, known again by its nonce. */
const verdict = (bytes: Uint8Array): Judged => ({ nonce: bytes[0] }) as unknown as Judged

it('judges what comes in one turn together, what comes meanwhile after it, and answers in order', async () => {
  const batches: number[][] = []
  const release: (() => void)[] = []
  const intake = new SignedIntake({
    decode: async (list) => {
      batches.push(list.map((bytes) => bytes[0] as number))
      await new Promise<void>((resolve) => release.push(resolve))
      return list.map(verdict)
    },
  })
  const answers: number[] = []
  const send = (name: number) =>
    intake.judge(named(name)).then((judged) => answers.push((judged as { nonce: number }).nonce))
  const sent = [send(1), send(2)]
  await new Promise(setImmediate)
  sent.push(send(3))
  await new Promise(setImmediate)
  sent.push(send(4))
  await new Promise(setImmediate)
  expect(batches).toEqual([[1, 2], [3]])
  release[1]?.()
  await new Promise(setImmediate)
  expect(answers).toEqual([])
  release[0]?.()
  await new Promise(setImmediate)
  expect(answers).toEqual([1, 2, 3])
  expect(batches.at(-1)).toEqual([4])
  release[2]?.()
  await Promise.all(sent)
  expect(answers).toEqual([1, 2, 3, 4])
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
