import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  defaultSupervisorOptions,
  Supervisor,
  type SupervisorOptions,
  type ValidatorEnd,
} from '../../../node/devnet/supervisor.ts'

const FAKE = fileURLToPath(new URL('./fakeValidator.mjs', import.meta.url))

let directory = ''
let supervisor: Supervisor | null = null
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-supervisor-'))
})
afterEach(async () => {
  await supervisor?.stop(0)
  fs.rmSync(directory, { recursive: true })
})

const logOf = (index: number): string => path.join(directory, `${index}.log`)
const programOf = (behaviour: string, index: number) => ({
  index,
  home: directory,
  log: logOf(index),
  entry: FAKE,
  args: [behaviour],
  nodeFlags: [],
})

function supervise(behaviours: readonly string[], options: Partial<SupervisorOptions> = {}) {
  const ready: number[] = []
  const ended: ValidatorEnd[] = []
  const created = new Supervisor(
    behaviours.map(programOf),
    { ...defaultSupervisorOptions, ...options },
    { ready: (index) => ready.push(index), ended: (end) => ended.push(end) },
  )
  supervisor = created
  created.start()
  return { created, ready, ended }
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 })
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('Supervisor', () => {
  it('starts all, and stops all cleanly', async () => {
    const { created, ready, ended } = supervise(['good', 'good'])
    await until(() => expect(ready.toSorted()).toEqual([0, 1]))
    expect([created.state(0), created.state(1)]).toEqual(['ready', 'ready'])
    const pids = [created.pid(0), created.pid(1)] as number[]
    await created.stop(5_000)
    expect(ended).toEqual([])
    expect(pids.map(isAlive)).toEqual([false, false])
    expect(fs.readFileSync(logOf(0), 'utf8')).toBe('fake good clean\nstopped cleanly\n')
  })

  it('kills what does not stop in time', async () => {
    const { created, ready } = supervise(['stubborn'])
    await until(() => expect(ready).toEqual([0]))
    const pid = created.pid(0) as number
    await created.stop(100)
    expect(isAlive(pid)).toBe(false)
  })

  it('tells why a validator ended by itself', async () => {
    const { created, ended } = supervise(['fails', 'good'])
    await until(() => expect(ended.length).toBe(1))
    expect(ended[0]).toMatchObject({
      index: 0,
      code: 1,
      signal: null,
      failure: 'PORT_IN_USE: port 1 is in use',
    })
    expect(created.pid(0)).toBe(null)
  })

  it('leaves a killed validator down, unless it is told to restart', async () => {
    const { created, ready, ended } = supervise(['good'], { restart: true, restartDelayMs: 10 })
    await until(() => expect(ready.length).toBe(1))
    const pid = created.pid(0) as number
    process.kill(pid, 'SIGKILL')
    await until(() => expect(ready.length).toBe(2))
    expect(ended).toMatchObject([{ index: 0, pid, code: null, signal: 'SIGKILL' }])
    expect(created.pid(0)).not.toBe(pid)
    await created.stop(5_000)
    const quiet = supervise(['good'])
    await until(() => expect(quiet.ready.length).toBe(1))
    process.kill(quiet.created.pid(0) as number, 'SIGKILL')
    await until(() => expect(quiet.ended.length).toBe(1))
    expect(quiet.created.state(0)).toBe('ended')
  })

  it('gives a validator none of the settings that the shell exports', async () => {
    vi.stubEnv('NEXUS_RPC_PORT', '1')
    const { ready } = supervise(['good'])
    vi.unstubAllEnvs()
    await until(() => expect(ready).toEqual([0]))
    expect(fs.readFileSync(logOf(0), 'utf8')).toBe('fake good clean\n')
  })

  it('begins a new log when the old one is large, and keeps the old one', async () => {
    fs.writeFileSync(logOf(0), 'x'.repeat(200))
    const { ready } = supervise(['good'], { maxLogBytes: 100 })
    await until(() => expect(ready).toEqual([0]))
    expect(fs.readFileSync(`${logOf(0)}.1`, 'utf8').length).toBe(200)
    expect(fs.readFileSync(logOf(0), 'utf8')).toBe('fake good clean\n')
  })
})

describe('validators of a supervisor that was killed', () => {
  it('stop by themselves', async () => {
    const module = new URL('../../../node/devnet/supervisor.ts', import.meta.url)
    const script = `
      import { Supervisor, defaultSupervisorOptions } from '${module}'
      const supervisor = new Supervisor([${JSON.stringify(programOf('good', 0))}], defaultSupervisorOptions,
        { ready: () => process.stdout.write(String(supervisor.pid(0))), ended: () => {} })
      supervisor.start()`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script])
    const [pid] = (await once(parent.stdout, 'data')).map(Number) as [number]
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await until(() => expect(isAlive(pid)).toBe(false))
  })
})
