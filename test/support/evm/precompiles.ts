import { type EVM, getActivePrecompiles, type PrecompileInput, paramsEVM } from '@ethereumjs/evm'
import { EMPTY_BYTES } from '../../../core/primitives/bytes.ts'
import { createCommon } from '../../../evm/interpreter/common.ts'
import { keyOf } from '../../../evm/state/keys.ts'
import { type Precompile, precompilesOf } from '../../../evm/vm/precompiles.ts'
import { CHAIN_ID, word } from '../evmWorld.ts'

/** The precompile at an address as nexus has it and as the library has it. */
export function precompilePair(
  address: number,
  fork: 'prague' | 'osaka',
): { readonly ours: Precompile; readonly theirs: Precompile } {
  const common = createCommon(CHAIN_ID, fork)
  common.updateParams(paramsEVM)
  const library = getActivePrecompiles(common).get(address.toString(16).padStart(40, '0'))
  const ours = precompilesOf(createCommon(CHAIN_ID, fork)).get(keyOf(word(address).slice(12)))
  if (library === undefined || ours === undefined) throw new Error(`nothing at ${address}`)
  const theirs: Precompile = (data, gasLimit) => {
    const input: PrecompileInput = { data, gasLimit: BigInt(gasLimit), common, _EVM: {} as EVM }
    const result = library(input)
    if (result instanceof Promise) throw new Error('a precompile that waits')
    const error = result.exceptionError?.error ?? null
    if (error !== null) return { error, gasUsed: gasLimit, output: EMPTY_BYTES }
    return { error, gasUsed: Number(result.executionGasUsed), output: result.returnValue }
  }
  return { ours, theirs }
}
