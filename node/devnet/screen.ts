/** Where a devnet writes: lines that stay, and one line that is written over again and again. */
export type Screen = {
  /** A line that stays. */
  readonly line: (text: string) => void
  /** The line at the bottom; on anything but a terminal it is printed only once in a while. */
  readonly status: (text: string) => void
  readonly close: () => void
}

type Output = {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** A log file gets a status line this often. */
const RARELY_MS = 60_000
const CLEAR = '\r\u001b[2K'

export function createScreen(output: Output, now: () => number): Screen {
  return output.isTTY === true ? terminalScreen(output) : plainScreen(output, now)
}

function terminalScreen(output: Output): Screen {
  let current = ''
  return {
    line: (text) => output.write(`${current === '' ? '' : CLEAR}${text}\n${current}`),
    status: (text) => {
      // A line that wraps could not be written over.
      current = text.slice(0, (output.columns ?? 80) - 1)
      output.write(`${CLEAR}${current}`)
    },
    close: () => {
      if (current !== '') output.write('\n')
      current = ''
    },
  }
}

function plainScreen(output: Output, now: () => number): Screen {
  let printedAt: number | null = null
  return {
    line: (text) => output.write(`${text}\n`),
    status: (text) => {
      if (printedAt !== null && now() - printedAt < RARELY_MS) return
      printedAt = now()
      output.write(`${text}\n`)
    },
    close: () => {},
  }
}
