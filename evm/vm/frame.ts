import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import type { AccountEntry } from '../state/entries.ts'
import type { Word } from '../state/word.ts'
import { type Code, EMPTY_CODE } from './code.ts'

/**
 * One call or creation while its code runs. There is one for each depth, used again and again; the
 * loop keeps `pc`, `sp` and `gas` in variables of its own and writes them here before it leaves.
 */
export class Frame {
  readonly depth: number
  code: Code = EMPTY_CODE
  pc = 0
  /** Index of the top item in the stack that all frames share. */
  sp = 0
  /** Index below the frame's first item. */
  floor = 0
  gas = 0
  /** What it began with. */
  gasLimit = 0
  /** Where its memory begins in the bytes that all frames share, and how long it is. */
  base = 0
  size = 0
  #self: AccountEntry | null = null
  #caller: AccountEntry | null = null
  value: Word = 0
  input: Uint8Array = EMPTY_BYTES
  /** Of the last call. */
  returned: Uint8Array = EMPTY_BYTES
  isStatic = false
  isCreation = false
  /** Where the caller wants the output. */
  outputAt = 0
  outputSize = 0
  /** What to go back to should it fail. */
  refundBefore = 0
  logsBefore = 0
  destroyedBefore = 0

  constructor(depth: number) {
    this.depth = depth
  }

  start(self: AccountEntry, caller: AccountEntry): void {
    this.#self = self
    this.#caller = caller
    this.pc = 0
    this.size = 0
    this.returned = EMPTY_BYTES
  }

  /** Whose storage and balance the code works on. */
  get self(): AccountEntry {
    assert(this.#self !== null, 'a frame has been started')
    return this.#self
  }
  get caller(): AccountEntry {
    assert(this.#caller !== null, 'a frame has been started')
    return this.#caller
  }
}
