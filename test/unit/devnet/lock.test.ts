import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireLock, lockHolder } from '../../../node/lock.ts'

let directory = ''
let file = ''
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-lock-'))
  file = path.join(directory, 'lock')
})
afterEach(() => fs.rmSync(directory, { recursive: true }))

describe('acquireLock', () => {
  it('lets one in, tells the other who it is, and lets the next in', () => {
    const lock = acquireLock(file)
    expect(lockHolder(file)).toBe(process.pid)
    expect(() => acquireLock(file)).toThrow(
      expect.objectContaining({ detail: { code: 'LOCKED', path: file, pid: process.pid } }),
    )
    lock.release()
    expect(lockHolder(file)).toBe(null)
    acquireLock(file).release()
    expect(fs.readdirSync(directory)).toEqual([])
  })

  it('is taken over from a process that was killed', async () => {
    const entry = new URL('../../../node/lock.ts', import.meta.url)
    const script = `import { acquireLock } from '${entry}'; acquireLock('${file}'); process.stdout.write('held'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    await once(child.stdout, 'data')
    expect(lockHolder(file)).toBe(child.pid)
    expect(() => acquireLock(file)).toThrow(/is held by process/)
    child.kill('SIGKILL')
    await once(child, 'exit')
    acquireLock(file).release()
  })

  it.skipIf(process.platform !== 'linux')(
    'is not held by another process with the same number',
    () => {
      fs.writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: '1@another-boot' }))
      expect(lockHolder(file)).toBe(null)
      acquireLock(file).release()
    },
  )

  it.each(['', 'x', '{}', '{"pid":"1"}', 'null'])(
    'is taken over from a file that is no lock: %s',
    (text) => {
      fs.writeFileSync(file, text)
      acquireLock(file).release()
      expect(fs.readdirSync(directory)).toEqual([])
    },
  )

  it('does not release what another process took over', () => {
    const lock = acquireLock(file)
    const other = JSON.stringify({ pid: 1, startedAt: null })
    fs.writeFileSync(file, other)
    lock.release()
    expect(fs.readFileSync(file, 'utf8')).toBe(other)
  })
})
