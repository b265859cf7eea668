import { ROUND_CONSTANTS } from '../../../core/primitives/keccakRounds.ts'

/** Below `FRAMES_AT`, the machine's memory is what compiled loops work with. Keccak's round constants are first. */
export const CONSTANTS: readonly number[] = ROUND_CONSTANTS
/** The last block of a message, padded. */
export const TAIL_AT = 256
/** Of a division in 32-bit digits: what is divided and becomes the remainder, by what, and the quotient. */
export const DIVIDEND_AT = 400
export const DIVISOR_AT = 480
export const QUOTIENT_AT = 512
/** How a loop left: its gas as a double, the size of the frame's memory, and steps. */
export const GAS_AT = 576
export const SIZE_AT = 584
export const STEPS_AT = 588
/** Words on their way in and out. */
export const WORDS_AT = 640
export const MOST_WORDS = 100
export const FRAMES_AT = 4_096
