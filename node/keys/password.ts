import { createReadStream } from 'node:fs'
import { NexusError } from '../../core/primitives/errors.ts'
import { readPasswordFile } from './files.ts'

/** Longer is a mistaken file. */
const MAX_LENGTH = 1_024
const MIN_LENGTH = 8

/** Where a password comes from: never an argument or a variable, which other users can read. */
export type PasswordPlace = {
  readonly file: string | null
  readonly descriptor: number | null
  /** Asks on the terminal without showing what is typed; null: there is no terminal. */
  readonly prompt: ((question: string) => Promise<Uint8Array>) | null
}

/** One password, asked for when it is first needed, for all files that need it. */
export class AskedPassword {
  readonly #ask: () => Promise<Uint8Array>
  #answer: Promise<Uint8Array> | null = null

  constructor(ask: () => Promise<Uint8Array>) {
    this.#ask = ask
  }

  readonly get = (): Promise<Uint8Array> => {
    this.#answer ??= this.#ask()
    return this.#answer
  }

  /** As far as a language with a garbage collector can. */
  async wipe(): Promise<void> {
    const answer = await this.#answer
    answer?.fill(0)
  }
}

/** The password of something that exists. Throws PASSWORD_NEEDED, PASSWORD_INVALID, and what reading a file throws. */
export async function readPassword(place: PasswordPlace, question: string): Promise<Uint8Array> {
  const { file, descriptor, prompt } = place
  if (file !== null) return checked(firstLine(readPasswordFile(file)))
  if (descriptor !== null) return checked(firstLine(await readDescriptor(descriptor)))
  if (prompt === null)
    throw new NexusError(
      { code: 'PASSWORD_NEEDED' },
      { message: `${question}: there is no terminal to ask on` },
    )
  return checked(await prompt(question))
}

/** A password for something new: of some length, and typed twice on a terminal. PASSWORD_DIFFERS, PASSWORD_SHORT. */
export async function readNewPassword(place: PasswordPlace, question: string): Promise<Uint8Array> {
  const password = await readPassword(place, question)
  if (password.length < MIN_LENGTH)
    throw new NexusError(
      { code: 'PASSWORD_SHORT' },
      { message: `a password has at least ${MIN_LENGTH} bytes` },
    )
  if (place.file === null && place.descriptor === null) {
    const again = await readPassword(place, 'The same password again')
    if (!Buffer.from(password).equals(again))
      throw new NexusError(
        { code: 'PASSWORD_DIFFERS' },
        { message: 'the two passwords that were typed differ' },
      )
    again.fill(0)
  }
  return password
}

/** Up to its end or the end of the first line. */
async function readDescriptor(fd: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    const stream = createReadStream('', { fd, autoClose: fd > 2 })
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer)
      length += (chunk as Buffer).length
      if (length > MAX_LENGTH || (chunk as Buffer).includes(NEWLINE)) break
    }
  } catch (error) {
    throw new NexusError(
      { code: 'PASSWORD_INVALID' },
      { message: `file descriptor ${fd} cannot be read: ${error}` },
    )
  }
  return Buffer.concat(chunks)
}

const NEWLINE = 0x0a
const RETURN = 0x0d

/** Editors end a file with a newline that nobody typed as a part of the password. */
function firstLine(bytes: Buffer): Uint8Array {
  const newline = bytes.indexOf(NEWLINE)
  const end = newline < 0 ? bytes.length : newline
  const line = Uint8Array.from(bytes.subarray(0, bytes[end - 1] === RETURN ? end - 1 : end))
  bytes.fill(0)
  return line
}

function checked(password: Uint8Array): Uint8Array {
  if (password.length > 0 && password.length <= MAX_LENGTH) return password
  throw new NexusError(
    { code: 'PASSWORD_INVALID' },
    { message: `a password has 1 to ${MAX_LENGTH} bytes in one line` },
  )
}
