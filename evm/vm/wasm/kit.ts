import { type Import, type ModuleFunction, moduleOf } from '../../../core/primitives/wasmCode.ts'
import { CONSTANTS } from './layout.ts'
import { divide } from './longDivision.ts'
import { memoryFunctions } from './memoryFunctions.ts'
import { wordFunctions } from './wordFunctions.ts'

export type KitName =
  | ('multiply' | 'wide' | 'shl' | 'shr' | 'sar' | 'quotient' | 'remainder' | 'addmod' | 'mulmod')
  | ('reserve' | 'keccak' | 'put')

/** What compiled loops call: each once, for all loops of a machine. It works in the memory it is given. */
const FUNCTIONS: readonly ModuleFunction[] = [divide, ...wordFunctions(0), ...memoryFunctions]

export const kitModule = (): Uint8Array<ArrayBuffer> =>
  moduleOf({ pages: null, imports: [], functions: FUNCTIONS, data: CONSTANTS })

/** As a loop imports them, in this order. */
export const KIT: readonly Import[] = FUNCTIONS.slice(1)
export const kitNumber = (name: KitName): number => KIT.findIndex((part) => part.name === name)
