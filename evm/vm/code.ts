import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { isDelegation } from '../delegation.ts'
import { type Word, wordOfBytes } from '../state/word.ts'
import { blockDemand, JUMPDEST, pushedBytes } from './blocks.ts'
import type { Fork } from './fork.ts'
import type { HotPath } from './hotPath.ts'

/** STOP, as many as the longest PUSH may read behind the end. */
const PADDING = 33

/** Code ready to run: what is found out once for each code hash. */
export class Code {
  readonly bytes: Uint8Array
  /** With STOPs behind the end, so that no step asks where it is. */
  readonly padded: Uint8Array
  /** 1 where a jump may land. */
  readonly jumps: Uint8Array
  /** By its first position what a block demands, once it has run; 0 before. */
  readonly blocks: Uint32Array
  /** How often a block has run, or the number of the path that begins there (hotPath.ts). */
  readonly heat: Uint16Array
  readonly paths: HotPath[] = []
  /** By the position of a PUSH, once it has run. */
  readonly pushes: (Word | undefined)[]
  /** EIP-7702: the account whose code runs instead. */
  readonly delegate: Uint8Array | null

  /** `bytes` may be a view: it is copied. */
  constructor(bytes: Uint8Array) {
    this.padded = new Uint8Array(bytes.length + PADDING)
    this.padded.set(bytes)
    this.bytes = this.padded.subarray(0, bytes.length)
    this.jumps = jumpsOf(bytes)
    this.heat = new Uint16Array(this.padded.length)
    this.blocks = new Uint32Array(this.padded.length)
    this.pushes = new Array<Word | undefined>(bytes.length)
    this.delegate = isDelegation(bytes) ? bytes.slice(3) : null
  }

  /** What the block at `at` demands. */
  demand(at: number, fork: Fork): number {
    const demand = blockDemand(this.padded, at, fork)
    this.blocks[at] = demand
    return demand
  }

  /** What the PUSH at `at` pushes. */
  pushed(at: number): Word {
    const known = this.pushes[at]
    if (known !== undefined) return known
    const width = pushedBytes(this.padded[at] as number)
    const value = wordOfBytes(this.padded.subarray(at + 1, at + 1 + width))
    this.pushes[at] = value
    return value
  }
}

export const EMPTY_CODE = new Code(EMPTY_BYTES)

function jumpsOf(code: Uint8Array): Uint8Array {
  const jumps = new Uint8Array(code.length)
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number
    if (opcode === JUMPDEST) jumps[at] = 1
    else at += pushedBytes(opcode)
  }
  return jumps
}
