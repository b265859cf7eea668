import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'

const program = (url: string): string => `
  import { readlinkSync } from 'node:fs'
  import { getPriority } from 'node:os'
  import { parentPort } from 'node:worker_threads'
  import { NICE, yieldToConsensus } from ${JSON.stringify(url)}
  yieldToConsensus(NICE.background)
  parentPort.postMessage(getPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1))))
`

it.skipIf(process.platform !== 'linux')('lowers one thread and no other', async () => {
  const before = getPriority()
  const url = new URL('../../../node/threads/priority.ts', import.meta.url).href
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program(url))}`))
  const own = await new Promise((resolve, reject) => {
    worker.on('message', resolve)
    worker.on('error', reject)
  })
  await worker.terminate()
  expect(own).toBe(Math.max(before, 10))
  expect(getPriority()).toBe(before)
})
