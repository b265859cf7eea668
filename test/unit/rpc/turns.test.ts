import { describe, expect, it } from 'vitest'
import type { PooledTransaction } from '../../../node/mempool/transaction.ts'
import type { SubmissionCode } from '../../../node/rpc/gateway.ts'
import { Outbox } from '../../../node/rpc/outbox.ts'
import { Turns } from '../../../node/rpc/turns.ts'
import { sketch } from '../../support/poolTransactions.ts'

describe('Turns', () => {
  it('runs one piece of work at a time and lets the event loop turn between two', async () => {
    const turns = new Turns()
    const order: string[] = []
    const work = (name: string) => async () => {
      order.push(`${name} begins`)
      await null
      order.push(`${name} ends`)
      // As if a quick request had come in while the work ran.
      setImmediate(() => order.push(`after ${name}`))
    }
    await Promise.all([turns.take(work('a')), turns.take(work('b'))])
    expect(order).toEqual(['a begins', 'a ends', 'after a', 'b begins', 'b ends'])
  })

  it('begins at once when nothing runs, and goes on after a failure', async () => {
    const turns = new Turns()
    let isLater = false
    setImmediate(() => {
      isLater = true
    })
    await expect(turns.take(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await turns.take(async () => isLater)).toBe(false)
  })
})

describe('Outbox', () => {
  it('sends what one turn of the event loop submits as one message, each with its own result', async () => {
    const messages: number[][] = []
    const outbox = new Outbox<PooledTransaction, SubmissionCode>(async (transactions) => {
      messages.push(transactions.map(({ nonce }) => nonce))
      return transactions.map(({ nonce }) =>
        nonce === 2 ? { ok: false, code: 'ALREADY_KNOWN' } : { ok: true, value: null },
      )
    })
    const first = [1, 2, 3].map((nonce) => outbox.submit(sketch({ nonce })))
    expect((await Promise.all(first)).map(({ ok }) => ok)).toEqual([true, false, true])
    await outbox.submit(sketch({ nonce: 4 }))
    expect(messages).toEqual([[1, 2, 3], [4]])
  })

  it('fails all that waited when the message cannot be sent', async () => {
    const outbox = new Outbox(() => Promise.reject(new Error('gone')))
    const results = await Promise.allSettled([outbox.submit(sketch()), outbox.submit(sketch())])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})
