import { EventEmitter } from 'node:events'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readHidden } from '../../../node/cli/prompt.ts'
import {
  AskedPassword,
  type PasswordPlace,
  readNewPassword,
  readPassword,
} from '../../../node/keys/password.ts'

let directory = ''
let file = ''
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-password-'))
  file = path.join(directory, 'password')
})
afterEach(() => fs.rmSync(directory, { recursive: true }))

const NOWHERE: PasswordPlace = { file: null, descriptor: null, prompt: null }
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const withCode = (code: string) => ({ detail: { code } })
const write = (text: string, mode = 0o600): void => {
  fs.rmSync(file, { force: true })
  fs.writeFileSync(file, text, { mode })
  fs.chmodSync(file, mode)
}
const fromFile = async (): Promise<string> => textOf(await readPassword({ ...NOWHERE, file }, ''))

describe('a password', () => {
  it.each([
    ['secret words', 'secret words'],
    ['secret words\n', 'secret words'],
    ['secret words\r\n', 'secret words'],
    ['first\nsecond\n', 'first'],
    [' spaces count ', ' spaces count '],
    ['pässwörd\n', 'pässwörd'],
  ])('is the first line of a file: %j', async (text, expected) => {
    write(text)
    expect(await fromFile()).toBe(expected)
  })

  it.each(['', '\n', 'x'.repeat(1_025)])('is neither empty nor endless (%#)', async (text) => {
    write(text)
    await expect(fromFile()).rejects.toMatchObject(withCode('PASSWORD_INVALID'))
  })

  it.skipIf(process.platform === 'win32')('is in a file that others may not read', async () => {
    for (const mode of [0o604, 0o620, 0o666]) {
      write('secret', mode)
      await expect(fromFile(), mode.toString(8)).rejects.toMatchObject(
        withCode('SECRET_PERMISSIONS'),
      )
    }
    // As systemd hands a credential over.
    write('secret', 0o440)
    expect(await fromFile()).toBe('secret')
    fs.rmSync(file)
    await expect(fromFile()).rejects.toMatchObject(withCode('SECRET_MISSING'))
  })

  it('comes from a file descriptor', async () => {
    write('from a descriptor\n')
    const descriptor = fs.openSync(file, 'r')
    expect(textOf(await readPassword({ ...NOWHERE, descriptor }, ''))).toBe('from a descriptor')
    await expect(readPassword({ ...NOWHERE, descriptor: 9_999 }, '')).rejects.toMatchObject(
      withCode('PASSWORD_INVALID'),
    )
  })

  it('is asked for once, and only when it is needed', async () => {
    let asked = 0
    const password = new AskedPassword(async () => {
      asked++
      return Uint8Array.of(1, 2)
    })
    await password.wipe()
    expect(asked).toBe(0)
    const [first, second] = [await password.get(), await password.get()]
    expect([asked, first === second]).toEqual([1, true])
    await password.wipe()
    expect([...first]).toEqual([0, 0])
  })

  it('has a code when nobody can be asked', async () => {
    await expect(readPassword(NOWHERE, 'q')).rejects.toMatchObject(withCode('PASSWORD_NEEDED'))
  })
})

describe('a new password', () => {
  const typing = (...answers: string[]): PasswordPlace => ({
    ...NOWHERE,
    prompt: async () => new TextEncoder().encode(answers.shift() ?? ''),
  })
  it('is typed twice on a terminal', async () => {
    const password = await readNewPassword(typing('long enough', 'long enough'), 'q')
    expect(textOf(password)).toBe('long enough')
    await expect(readNewPassword(typing('long enough', 'long enouch'), 'q')).rejects.toMatchObject(
      withCode('PASSWORD_DIFFERS'),
    )
  })
  it('is not short, and is taken from a file as it is', async () => {
    await expect(readNewPassword(typing('short'), 'q')).rejects.toMatchObject(
      withCode('PASSWORD_SHORT'),
    )
    write('long enough\n')
    expect(textOf(await readNewPassword({ ...NOWHERE, file }, 'q'))).toBe('long enough')
  })
})

class FakeTerminal extends EventEmitter {
  readonly modes: boolean[] = []
  setRawMode(on: boolean): void {
    this.modes.push(on)
  }
  resume(): void {}
  pause(): void {}
}

describe('readHidden', () => {
  const run = (...chunks: string[]) => {
    const terminal = new FakeTerminal()
    let shown = ''
    const answer = readHidden(terminal, (text) => (shown += text), 'Password')
    for (const chunk of chunks) terminal.emit('data', Buffer.from(chunk))
    return { terminal, answer, shown: () => shown }
  }
  it('shows the question and nothing of the answer', async () => {
    const { terminal, answer, shown } = run('sec', 'ret', '\r')
    expect(textOf(await answer)).toBe('secret')
    expect(shown()).toBe('Password: \n')
    expect(terminal.modes).toEqual([true, false])
    expect(terminal.listenerCount('data')).toBe(0)
  })
  it('knows backspace, also over a character of several bytes', async () => {
    expect(textOf(await run('abß\x7f\x7fc\n').answer)).toBe('ac')
    expect(textOf(await run('\x7f\x08a\x04').answer)).toBe('a')
  })
  it('gives up on Ctrl-C and leaves the terminal as it was', async () => {
    const { terminal, answer } = run('sec\x03ret\r')
    await expect(answer).rejects.toMatchObject(withCode('PASSWORD_ABORTED'))
    expect(terminal.modes).toEqual([true, false])
  })
})
