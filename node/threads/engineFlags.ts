import { setFlagsFromString } from 'node:v8'

/**
 * Lets V8 put more of what a hot function calls into it: an order runs through some dozen small functions, and
 * without the calls between them the exchange takes 6 to 8 % more orders; the EVM is as fast as before. For the
 * whole process, before anything is hot.
 */
export function inlineMore(): void {
  setFlagsFromString('--max-inlined-bytecode-size=1000')
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000')
}
