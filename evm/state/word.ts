/** 256-bit integers and their 32 big-endian bytes, through one scratch word. */
export const scratch = new Uint8Array(32)
const view = new DataView(scratch.buffer)

/** The word at `at`: `memory` must hold it whole. */
export function readWord(memory: DataView, at: number): bigint {
  const high = memory.getBigUint64(at)
  const upper = memory.getBigUint64(at + 8)
  const lower = memory.getBigUint64(at + 16)
  const low = memory.getBigUint64(at + 24)
  if (high === 0n && upper === 0n) return lower === 0n ? low : (lower << 64n) | low
  return (high << 192n) | (upper << 128n) | (lower << 64n) | low
}

export function writeWord(memory: DataView, at: number, value: bigint): void {
  if (value < 0x1_0000_0000_0000_0000n) {
    memory.setBigUint64(at, 0n)
    memory.setBigUint64(at + 8, 0n)
    memory.setBigUint64(at + 16, 0n)
    memory.setBigUint64(at + 24, value)
    return
  }
  // The setters keep the low 64 bits.
  memory.setBigUint64(at, value >> 192n)
  memory.setBigUint64(at + 8, value >> 128n)
  memory.setBigUint64(at + 16, value >> 64n)
  memory.setBigUint64(at + 24, value)
}

/** Leaves the 32 bytes of a value in `scratch`, until the next call of anything here. */
export function toScratch(value: bigint): Uint8Array {
  writeWord(view, 0, value)
  return scratch
}

export const wordOf = (value: bigint): Uint8Array => toScratch(value).slice()

/** At most 32 bytes, big-endian. */
export function valueOfBytes(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n
  scratch.fill(0, 0, 32 - bytes.length)
  scratch.set(bytes, 32 - bytes.length)
  return readWord(view, 0)
}

/** Big-endian without leading zeros; zero is empty. */
export function minimalBytes(value: bigint): Uint8Array {
  writeWord(view, 0, value)
  let first = 0
  while (first < 32 && scratch[first] === 0) first++
  return scratch.slice(first)
}
