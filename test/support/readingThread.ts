// A worker thread with its own handle on the database that the main thread writes.
import { parentPort, workerData } from 'node:worker_threads'
import { ChainReader, defaultChainReaderOptions } from '../../node/storage/chainReader.ts'
import { checkCounterChain, IDENTITY } from './storedChain.ts'

const { path, last } = workerData as { readonly path: string; readonly last: number }
const reader = await ChainReader.open(path, { ...defaultChainReaderOptions, ...IDENTITY })
const heights = new Set<number>()
try {
  while (reader.height < last) {
    reader.refresh()
    const before = reader.height
    checkCounterChain(reader)
    // Other threads go on; this snapshot does not.
    await new Promise((resolve) => setImmediate(resolve))
    checkCounterChain(reader)
    if (reader.height !== before) throw new Error('a snapshot moved')
    heights.add(before)
  }
  parentPort?.postMessage({ ok: true, heights: [...heights] })
} catch (error) {
  parentPort?.postMessage({ ok: false, reason: String(error) })
} finally {
  await reader.close()
}
