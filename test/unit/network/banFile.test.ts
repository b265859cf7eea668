import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { BanFile } from '../../../node/network/banFile.ts'
import type { BannedPeer } from '../../../node/network/peerInfo.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { MemoryFileSystem } from '../../support/memoryFileSystem.ts'
import { dial, introduce, startRogue, stopRogues } from './rogue.ts'
import { keyOf, startNode, stopAll, stopNode, until } from './support.ts'

const PATH = '/home/data/bans.json'
const idNumber = (n: number): string =>
  `12D3KooW${'1'.repeat(40)}${'abcdefgh'[n % 8]}${(n % 9) + 1}`

let wall = 1_000_000
let files = new MemoryFileSystem()
let timers: (() => void)[] = []
let warnings: string[] = []
afterEach(() => {
  wall = 1_000_000
  files = new MemoryFileSystem()
  timers = []
  warnings = []
})

const open = (): BanFile =>
  new BanFile(PATH, {
    clock: {
      wallMs: () => wall,
      setTimer: (run) => {
        timers.push(run)
        return () => {}
      },
    },
    log: { ...silentLogger, warn: (message) => void warnings.push(message) },
    fileSystem: files,
  })

async function saved(bans: readonly BannedPeer[]): Promise<void> {
  const file = open()
  file.save(bans)
  await file.close()
}

async function put(text: string): Promise<void> {
  const file = await files.create(PATH)
  await file.write(new TextEncoder().encode(text), 0)
}

const writes = (): number => files.operations.filter(({ kind }) => kind === 'rename').length

describe('the file of bans', () => {
  it('gives back what is left of each ban by the wall clock', async () => {
    await saved([
      { id: idNumber(0), code: 'BAD_SIGNATURE', remainingMs: 10_000 },
      { id: idNumber(1), code: 'OPERATOR', remainingMs: 60_000 },
    ])
    wall += 10_000
    expect(await open().load()).toEqual([
      { id: idNumber(1), code: 'OPERATOR', remainingMs: 50_000 },
    ])
  })

  it('does not lengthen a ban when the clock was set back', async () => {
    await saved([{ id: idNumber(0), code: 'BAD_SIGNATURE', remainingMs: 10_000 }])
    wall -= 900_000
    expect(await open().load()).toEqual([
      { id: idNumber(0), code: 'BAD_SIGNATURE', remainingMs: 10_000 },
    ])
  })

  it.each([
    ['nothing', ''],
    ['garbage', '\u0000\u0001{'],
    ['another version', '{"version":2,"bans":[]}'],
    ['no list', '{"version":1,"bans":{}}'],
    ['a strange id', '{"version":1,"bans":[{"id":"<x>","code":"A","untilMs":1,"ms":1}]}'],
    [
      'a ban for ever',
      `{"version":1,"bans":[{"id":"${idNumber(0)}","code":"A","untilMs":1e300,"ms":1e300}]}`,
    ],
  ])('with %s in it is ignored with a warning, and replaced by the next ban', async (_, text) => {
    await put(text)
    expect(await open().load()).toEqual([])
    expect(warnings).toEqual(['Bans of peers are forgotten: their file cannot be read'])
    const ban = { id: idNumber(3), code: 'OPERATOR', remainingMs: 5 }
    await saved([ban])
    expect(await open().load()).toEqual([ban])
  })

  it('never throws for any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const file = await files.create(PATH)
        await file.write(bytes, 0)
        expect(await open().load()).toEqual([])
      }),
    )
  })

  it('is whole after a crash at any of its writes', async () => {
    const before = { id: idNumber(0), code: 'OPERATOR', remainingMs: 60_000 }
    const after = { id: idNumber(1), code: 'OPERATOR', remainingMs: 60_000 }
    for (let at = 0; at < 4; at++) {
      files = new MemoryFileSystem()
      await saved([before])
      const first = files.operations.length
      files.onOperation = (_, index) => {
        if (index === first + at) throw new Error('no space left on device')
      }
      await saved([before, after])
      files.onOperation = () => {}
      const loaded = (await open().load()).length
      expect([1, 2]).toContain(loaded)
      expect(loaded === 1, `operation ${at} failed`).toBe(warnings.length > 0)
      warnings = []
    }
  })

  it('is written once a second at most, with the newest list, of bounded length', async () => {
    const file = open()
    for (let n = 0; n < 50; n++)
      file.save([{ id: idNumber(n), code: 'OPERATOR', remainingMs: 1_000 + n }])
    await new Promise(setImmediate)
    expect(writes()).toBe(1)
    timers.shift()?.()
    await new Promise(setImmediate)
    expect(writes()).toBe(2)
    const many = Array.from({ length: 5_000 }, (_, n) => ({
      id: idNumber(n),
      code: 'OPERATOR',
      remainingMs: 1_000,
    }))
    file.save(many)
    await file.close()
    expect(await open().load()).toHaveLength(1_024)
  })
})

describe('a banned peer', () => {
  afterEach(async () => {
    await stopRogues()
    await stopAll()
  })

  it('is still banned after a restart, until its time is over or an operator lifts it', async () => {
    const rogue = await startRogue()
    const privateKey = await keyOf(7)
    const first = await startNode({ privateKey, bans: open() })
    const { connection } = await introduce(rogue, first)
    first.network.penalize(rogue.id, 'BAD_SIGNATURE')
    await until('hung up', () => connection.status !== 'open')
    await stopNode(first)

    const second = await startNode({ privateKey, bans: open() })
    expect(second.network.bans()).toMatchObject([{ id: rogue.id, code: 'BAD_SIGNATURE' }])
    const refused = await introduce(rogue, second).catch(() => null)
    expect(refused?.answer ?? null).toBeNull()
    expect(second.network.unban(rogue.id)).toBe(true)
    await stopNode(second)

    const third = await startNode({ privateKey, bans: open() })
    expect(third.network.bans()).toEqual([])
    const accepted = await introduce(rogue, third)
    expect(accepted.answer?.kind).toBe('hello')
    await stopNode(third)
    expect((await dial(rogue, third).catch(() => null)) === null).toBe(true)
  })
})
