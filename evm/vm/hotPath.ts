import type { Word } from '../state/word.ts'
import type { Frame } from './frame.ts'
import type { Vm } from './vm.ts'

/**
 * Some blocks that often run one after the other, as one function of JavaScript. It may only be entered when all
 * its gas has been taken and the stack has what it needs and room for what it makes.
 */
export type HotPath = {
  readonly gas: number
  /** Items that the stack must have, and by how many it grows at most. */
  readonly items: number
  readonly growth: number
  /** Of those between two questions whether to go on. */
  readonly steps: number
  /** The number of the exit it left by, or `ENDED`. */
  readonly run: PathFunction
  readonly exits: readonly Exit[]
  /** It comes back to where it began by itself. */
  readonly isLoop: boolean
}

export type PathFunction = (vm: Vm, frame: Frame, stack: Word[], sp: number) => number

export type Exit = {
  /** The opcode to go on with. */
  readonly pc: number
  /** By how many items the stack is larger than before. */
  readonly change: number
  /** What has been taken for opcodes that did not run. */
  readonly refund: number
}

/** Instead of an exit: a handler has ended the frame. */
export const ENDED = -1

/** How often a block runs before it is worth more than the interpreter. */
export const HOT_AFTER = 1_000
/** Heat of a block that is not worth it, and from where on heat is the number of a path. */
export const COOL = 0x7fff
export const COMPILED = 0x8000
/** Ready paths of one machine, each some kilobytes; when there are as many, all are forgotten. */
export const MOST_PATHS = 1_024
