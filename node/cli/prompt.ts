import { NexusError } from '../../core/primitives/errors.ts'

/** What of a terminal is needed; `process.stdin` is one when it is not a pipe or a file. */
export type Terminal = {
  readonly isTTY?: boolean
  setRawMode(on: boolean): unknown
  resume(): unknown
  pause(): unknown
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  off(event: 'data', listener: (chunk: Buffer) => void): unknown
}

const KEY = { end: 0x04, interrupt: 0x03, backspace: 0x08, delete: 0x7f, line: 0x0a, return: 0x0d }
const KEYS_OF_LINES: readonly number[] = [KEY.line, KEY.return, KEY.end]

/**
 * Reads a line without showing it. PASSWORD_ABORTED on Ctrl-C. The terminal is as before afterwards,
 * whatever happens.
 */
export function readHidden(
  terminal: Terminal,
  write: (text: string) => void,
  question: string,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const typed: number[] = []
    const finish = (): void => {
      terminal.off('data', take)
      terminal.setRawMode(false)
      terminal.pause()
      write('\n')
    }
    /** True: the line is over. */
    const takeByte = (byte: number): boolean => {
      if (byte === KEY.interrupt) {
        finish()
        reject(new NexusError({ code: 'PASSWORD_ABORTED' }, { message: 'no password was given' }))
        return true
      }
      if (KEYS_OF_LINES.includes(byte)) {
        finish()
        resolve(Uint8Array.from(typed))
        typed.fill(0)
        return true
      }
      if (byte === KEY.backspace || byte === KEY.delete) eraseCharacter(typed)
      else typed.push(byte)
      return false
    }
    const take = (chunk: Buffer): void => void chunk.some(takeByte)
    write(`${question}: `)
    terminal.setRawMode(true)
    terminal.resume()
    terminal.on('data', take)
  })
}

/** One character of UTF-8: its last byte, and the continuation bytes before it. */
function eraseCharacter(bytes: number[]): void {
  let last = bytes.pop()
  while (last !== undefined && (last & 0xc0) === 0x80) last = bytes.pop()
}
