export type CodeAnalysis = {
  /** 1 where a jump may land. */
  readonly jumps: Uint8Array
  /** By the position after a PUSH: what it pushes. */
  readonly pushes: readonly bigint[]
}

const analyses = new WeakMap<Uint8Array, CodeAnalysis>()

/** Once for each code array: the state hands out the same array for the same code while it is cached. */
export function codeAnalysisOf(code: Uint8Array): CodeAnalysis {
  const known = analyses.get(code)
  if (known !== undefined) return known
  const analysis = analyse(code)
  analyses.set(code, analysis)
  return analysis
}

const JUMPDEST = 0x5b
const PUSH1 = 0x60
const PUSH32 = 0x7f

function analyse(code: Uint8Array): CodeAnalysis {
  const jumps = new Uint8Array(code.length)
  const pushes: bigint[] = []
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number
    if (opcode === JUMPDEST) jumps[at] = 1
    if (opcode < PUSH1 || opcode > PUSH32) continue
    const width = opcode - PUSH1 + 1
    pushes[at + 1] = wordAt(code, at + 1, width)
    at += width
  }
  return { jumps, pushes }
}

/** Code ends with as many zeros as a PUSH still needs. */
function wordAt(code: Uint8Array, from: number, width: number): bigint {
  let value = 0n
  let at = from
  // Four bytes at a time keep the additions on small numbers.
  for (; at + 4 <= from + width; at += 4) {
    const chunk =
      byteAt(code, at) * 0x1000000 +
      (byteAt(code, at + 1) << 16) +
      (byteAt(code, at + 2) << 8) +
      byteAt(code, at + 3)
    value = (value << 32n) | BigInt(chunk)
  }
  for (; at < from + width; at++) value = (value << 8n) | BigInt(byteAt(code, at))
  return value
}

const byteAt = (code: Uint8Array, at: number): number => code[at] ?? 0
