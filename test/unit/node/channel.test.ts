import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { AssertionError, assert } from '../../../core/primitives/assert.ts'
import { NexusError } from '../../../core/primitives/errors.ts'
import { Channel } from '../../../node/threads/channel.ts'

type Api = {
  readonly double: (value: number) => Promise<number>
  readonly length: (bytes: Uint8Array) => number
  readonly refuse: (code: string) => never
  readonly breakDown: (argument: undefined) => never
}

const open: { close(): void }[] = []
afterEach(() => {
  for (const port of open.splice(0)) port.close()
})

function pair(onEvent: (name: string, argument: unknown) => void = () => {}) {
  const { port1, port2 } = new MessageChannel()
  open.push(port1, port2)
  const handlers: Api = {
    double: async (value) => value * 2,
    length: (bytes) => bytes.length,
    refuse: (code) => {
      throw new NexusError({ code })
    },
    breakDown: () => {
      assert(false, 'the invariant holds')
      throw new AssertionError('unreachable')
    },
  }
  const server = new Channel({ port: port2, handlers, onEvent })
  const client = new Channel<Api>({ port: port1 })
  return { client, server }
}

describe('Channel', () => {
  it('answers each request with its own result, whatever the order', async () => {
    const { client } = pair()
    const answers = await Promise.all([1, 2, 3].map((value) => client.call('double', value)))
    expect(answers).toEqual([2, 4, 6])
  })

  it('moves a transferred buffer', async () => {
    const { client } = pair()
    const bytes = new Uint8Array(1_000)
    expect(await client.call('length', bytes, [bytes.buffer])).toBe(1_000)
    expect(bytes.length).toBe(0)
  })

  it('keeps the kind of an error: a code stays a code, a broken invariant stays one', async () => {
    const { client } = pair()
    await expect(client.call('refuse', 'SOME_CODE')).rejects.toMatchObject({
      name: 'NexusError',
      detail: { code: 'SOME_CODE' },
    })
    await expect(client.call('breakDown', undefined)).rejects.toMatchObject({
      name: 'AssertionError',
      message: 'the invariant holds',
    })
  })

  it('delivers events', async () => {
    const events: unknown[] = []
    const { client } = pair((name, argument) => events.push([name, argument]))
    client.emit('height', 7)
    await client.call('double', 1)
    expect(events).toEqual([['height', 7]])
  })

  it('fails what waits and what comes after once the other side is gone', async () => {
    const { client } = pair()
    const waiting = client.call('double', 1)
    client.close(new NexusError({ code: 'THREAD_GONE' }))
    await expect(waiting).rejects.toMatchObject({ detail: { code: 'THREAD_GONE' } })
    await expect(client.call('double', 1)).rejects.toMatchObject({
      detail: { code: 'THREAD_GONE' },
    })
  })
})
