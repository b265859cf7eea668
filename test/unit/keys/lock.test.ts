// Locks between containers and machines, whose process numbers mean nothing to each other.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressOfPrivateKey } from '../../../core/primitives/signature.ts'
import { LastSignedFile } from '../../../node/consensus/lastSigned.ts'
import { acquireLock, lockHolder } from '../../../node/lock.ts'
import { openFileSigner } from '../../../node/signing.ts'
import { nodeFileSystem } from '../../../node/storage/fileSystem.ts'
import { addressOf, CHAIN_ID, privateKeyOf } from '../../support/storedChain.ts'
import { until } from '../../support/wait.ts'

let directory = ''
let file = ''
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-lock-'))
  file = path.join(directory, 'lock')
})
afterEach(() => fs.rmSync(directory, { recursive: true }))

const foreign = (): string =>
  JSON.stringify({ pid: 1, startedAt: '1@boot', host: 'another-boot/pid:[1]' })
const age = (seconds: number): void => {
  const then = new Date(Date.now() - 1_000 * seconds)
  fs.utimesSync(file, then, then)
}

describe('a lock of another container or machine', () => {
  it('is held while it is renewed, and taken over when it is not', () => {
    fs.writeFileSync(file, foreign())
    expect(lockHolder(file)).toBe(1)
    expect(() => acquireLock(file)).toThrow(/process 1 of another container or machine/)
    age(10)
    expect(() => acquireLock(file)).toThrow(/is held/)
    age(20)
    expect(lockHolder(file)).toBe(null)
    acquireLock(file).release()
    expect(fs.readdirSync(directory)).toEqual([])
  })

  it('is renewed by its holder', async () => {
    const lock = acquireLock(file, { beatMs: 10, onLost: () => expect.fail('it was not lost') })
    age(100)
    await until({ what: 'a beat', everyMs: 5 }, () => {
      return Date.now() - fs.statSync(file).mtimeMs < 1_000
    })
    lock.release()
  })

  it('tells a process that lost it, once, and leaves the winner’s', async () => {
    const lost: string[] = []
    const lock = acquireLock(file, { beatMs: 10, onLost: ({ detail }) => lost.push(detail.code) })
    fs.writeFileSync(file, foreign())
    await until({ what: 'the loss', everyMs: 5 }, () => lost.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(lost).toEqual(['LOCK_LOST'])
    lock.release()
    expect(fs.readFileSync(file, 'utf8')).toBe(foreign())
  })
})

describe('the last-signed state', () => {
  const statePath = (): string => path.join(directory, 'last-signed')
  const place = () => ({ chainId: CHAIN_ID, privateKey: privateKeyOf(0), statePath: statePath() })
  const create = (address: Uint8Array) =>
    LastSignedFile.create(statePath(), { chainId: CHAIN_ID, address }, nodeFileSystem)

  it('is open in one process, whichever it is', async () => {
    await create(addressOfPrivateKey(privateKeyOf(0)))
    const signer = await openFileSigner(place())
    await expect(openFileSigner(place())).rejects.toMatchObject({ detail: { code: 'LOCKED' } })
    await signer.close()
    await (await openFileSigner(place())).close()
  })

  it('is free again after a refusal, and after kill -9', async () => {
    await create(addressOf('another key'))
    for (let i = 0; i < 2; i++)
      await expect(openFileSigner(place())).rejects.toMatchObject({
        detail: { code: 'LAST_SIGNED_OTHER_KEY' },
      })
    fs.rmSync(statePath())
    await create(addressOfPrivateKey(privateKeyOf(0)))
    const entry = new URL('../../../node/signing.ts', import.meta.url)
    const key = Buffer.from(privateKeyOf(0)).toString('hex')
    const script = `import { openFileSigner } from '${entry}'
      await openFileSigner({ chainId: ${CHAIN_ID}, privateKey: new Uint8Array(Buffer.from('${key}', 'hex')), statePath: '${statePath()}' })
      process.stdout.write('held'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    await once(child.stdout, 'data')
    await expect(openFileSigner(place())).rejects.toMatchObject({
      detail: { code: 'LOCKED', pid: child.pid },
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await (await openFileSigner(place())).close()
  })
})
