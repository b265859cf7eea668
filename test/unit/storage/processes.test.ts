// What only the operating system can show: other processes, other threads, SIGKILL, full disks.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ChainMaker,
  changesOfHeight,
  checkCounterChain,
  transfer,
} from '../../support/storedChain.ts'
import { DatabaseFolder } from '../../support/storedDatabase.ts'

const script = fileURLToPath(new URL('../../support/storingProcess.ts', import.meta.url))
const thread = new URL('../../support/readingThread.ts', import.meta.url)

let folder: DatabaseFolder
const children: ChildProcess[] = []
beforeEach(() => {
  folder = new DatabaseFolder()
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await folder.cleanUp()
})

type Storing = {
  readonly child: ChildProcess
  /** Resolves with the first line that starts so, or with the exit. */
  waitFor(start: string): Promise<string>
  readonly lines: string[]
  readonly exited: Promise<void>
}

function start(command: string, args: readonly string[]): Storing {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  children.push(child)
  const lines: string[] = []
  const waiting: (() => void)[] = []
  let rest = ''
  child.stdout?.on('data', (data) => {
    const parts = (rest + data).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    for (const wake of waiting.splice(0)) wake()
  })
  const exited = new Promise<void>((resolve) => child.on('close', () => resolve()))
  void exited.then(() => {
    lines.push('exited')
    for (const wake of waiting.splice(0)) wake()
  })
  const waitFor = async (text: string): Promise<string> => {
    for (;;) {
      const found = lines.find((line) => line.startsWith(text) || line === 'exited')
      if (found !== undefined) return found
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  return { child, waitFor, lines, exited }
}

const store = (...args: string[]): Storing =>
  start(process.execPath, [script, folder.path, ...args])

const lastCommitted = (lines: readonly string[]): number =>
  lines.reduce((last, line) => {
    const [word, height] = line.split(' ')
    return word === 'committed' || word === 'open' ? Math.max(last, Number(height)) : last
  }, 0)

describe('the database', () => {
  it('is refused while another process has it', async () => {
    const { waitFor } = store()
    await waitFor('committed 2')
    const locked = { detail: { code: 'DATABASE_LOCKED', path: folder.path } }
    await expect(folder.store()).rejects.toMatchObject(locked)
    await expect(folder.reader()).rejects.toMatchObject(locked)
  }, 30_000)

  it('has all of every height that was reported, and nothing half, after SIGKILL', async () => {
    let reported = 0
    for (let kill = 0; kill < 4; kill++) {
      const { child, waitFor, lines, exited } = store()
      await waitFor(`committed ${reported + 5 + 7 * kill}`)
      // Anywhere in a commit: they take turns of about a millisecond.
      await new Promise((resolve) => setTimeout(resolve, kill))
      child.kill('SIGKILL')
      await exited
      reported = lastCommitted(lines)
      const reader = await folder.reader()
      expect(reader.height).toBeGreaterThanOrEqual(reported)
      expect(reader.height).toBeLessThanOrEqual(reported + 1)
      checkCounterChain(reader)
      for (let height = 1; height <= reader.height; height++)
        expect(reader.executedBlock(height)?.header.number).toBe(height)
      await folder.close()
    }
  }, 60_000)

  it('stops at the first failed write and has lost nothing after it', async () => {
    // A file size limit makes a write fail in the middle, as a full disk does.
    const limited = `trap '' XFSZ; ulimit -S -f 96; exec "$0" "$@"`
    const args = ['-c', limited, process.execPath, script, folder.path]
    const { child, waitFor, lines, exited } = start('bash', args)
    expect(await waitFor('failed')).toContain('STORAGE_WRITE')
    // With room again, the same store still refuses: what the failed write left in the log is unknown.
    spawnSync('bash', ['-c', `prlimit --pid ${child.pid} --fsize=unlimited:unlimited`])
    child.stdin?.write('go on\n')
    await exited
    const failures = lines.filter((line) => line.startsWith('failed'))
    expect(failures.length).toBe(2)
    expect(failures[1]).toBe(failures[0])
    const reported = lastCommitted(lines)
    expect(reported).toBeGreaterThan(0)
    const again = store(String(reported + 10))
    await again.exited
    expect(again.lines.at(-2)).toBe(`committed ${reported + 10}`)
    const reader = await folder.reader()
    checkCounterChain(reader)
  }, 60_000)

  it('shows other threads whole heights while this one writes', async () => {
    const last = 150
    const writer = await folder.store()
    const maker = new ChainMaker()
    await writer.initializeGenesis(maker.genesis(changesOfHeight(maker, 0)))
    const reading = [0, 1].map(
      () =>
        new Promise<{ ok: boolean; reason?: string; heights?: number[] }>((resolve, reject) => {
          const worker = new Worker(thread, { workerData: { path: folder.path, last } })
          worker.on('message', resolve)
          worker.on('error', reject)
        }),
    )
    for (let height = 1; height <= last; height++) {
      const transactions = [0, 1].map((i) => transfer(`${height} ${i}`))
      await writer.commitHeight(
        maker.next({ transactions, changes: changesOfHeight(maker, height) }),
      )
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    for (const { ok, reason, heights } of await Promise.all(reading)) {
      expect(reason).toBeUndefined()
      expect(ok).toBe(true)
      expect(heights?.length).toBeGreaterThan(5)
    }
  }, 60_000)
})
