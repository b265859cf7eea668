import { MCLBLS, RustBN254 } from '@ethereumjs/evm'
import * as mcl from 'mcl-wasm'
import { initRustBN } from 'rustbn-wasm'

/**
 * The pairing curves of the precompiles in WebAssembly. In JavaScript they run at 0.15 to 4 million
 * gas a second, so that a full block of them would occupy every validator for minutes.
 */
await mcl.init(mcl.BLS12_381)
const rustbn = await initRustBN()

export const createBls = (): MCLBLS => new MCLBLS(mcl)
export const createBn254 = (): RustBN254 => new RustBN254(rustbn)
