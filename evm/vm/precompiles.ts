import type { Common } from '@ethereumjs/common'
import { type EVM, getActivePrecompiles, type PrecompileInput, paramsEVM } from '@ethereumjs/evm'
import { assert } from '../../core/primitives/assert.ts'
import {
  concatBytes,
  EMPTY_BYTES,
  equalBytes,
  fromHex,
  toHex,
} from '../../core/primitives/bytes.ts'
import { sha256 } from '../../core/primitives/hash.ts'
import { memoize } from '../interpreter/common.ts'
import { createBls, createBn254 } from '../interpreter/curves.ts'
import { kzg } from '../interpreter/kzg.ts'
import { keyOf } from '../state/keys.ts'
import { blsPrecompiles } from './blsPrecompiles.ts'
import { ERROR } from './errors.ts'
import { modexp } from './modexp.ts'
import { blake2Rounds } from './wasm/blake2.ts'

export type PrecompileOutcome = {
  readonly error: string | null
  /** All of the limit after an error. */
  readonly gasUsed: number
  readonly output: Uint8Array
}

/** `input` may be a view of memory; the output never is. */
export type Precompile = (input: Uint8Array, gasLimit: number) => PrecompileOutcome

/** The fork's precompiles by key of their address. Those of the library that are promises or slow are ours. */
export function precompilesOf(common: Common): ReadonlyMap<string, Precompile> {
  common.updateParams(paramsEVM)
  memoize(common)
  const bls = createBls()
  bls.init?.()
  const surroundings = { _bls: bls, _bn254: createBn254() } as unknown as EVM
  const own = new Map<number, Precompile>([
    [0x02, hashSha256],
    [0x04, identity],
    [0x05, modexp(common.isActivatedEIP(7883))],
    [0x09, blake2F],
    [0x0a, pointEvaluation],
    ...blsPrecompiles(bls),
  ])
  const precompiles = new Map<string, Precompile>()
  for (const [hex, run] of getActivePrecompiles(common)) {
    if (run === undefined) continue
    const mine = own.get(Number.parseInt(hex, 16))
    precompiles.set(keyOf(fromHex(hex)), mine ?? fromLibrary(run, common, surroundings))
  }
  return precompiles
}

type LibraryPrecompile = NonNullable<
  ReturnType<typeof getActivePrecompiles> extends Map<string, infer P> ? P : never
>

const fromLibrary =
  (run: LibraryPrecompile, common: Common, evm: EVM): Precompile =>
  (data, gasLimit) => {
    const input: PrecompileInput = { data, gasLimit: BigInt(gasLimit), common, _EVM: evm }
    const result = run(input)
    assert(!(result instanceof Promise), 'no precompile waits')
    const { exceptionError, executionGasUsed, returnValue } = result
    if (exceptionError !== undefined) {
      return { error: exceptionError.error, gasUsed: gasLimit, output: EMPTY_BYTES }
    }
    return { error: null, gasUsed: Number(executionGasUsed), output: returnValue }
  }

const failure = (error: string, gasUsed: number): PrecompileOutcome => ({
  error,
  gasUsed,
  output: EMPTY_BYTES,
})

const words = (bytes: number): number => Math.ceil(bytes / 32)

const identity: Precompile = (input, gasLimit) => {
  const gasUsed = 15 + 3 * words(input.length)
  if (gasUsed > gasLimit) return failure(ERROR.outOfGas, gasLimit)
  return { error: null, gasUsed, output: input.slice() }
}

const hashSha256: Precompile = (input, gasLimit) => {
  const gasUsed = 60 + 12 * words(input.length)
  if (gasUsed > gasLimit) return failure(ERROR.outOfGas, gasLimit)
  return { error: null, gasUsed, output: sha256(input) }
}

/** EIP-152. */
const blake2F: Precompile = (input, gasLimit) => {
  const last = input[212]
  if (input.length !== 213 || (last !== 0 && last !== 1)) {
    return failure(ERROR.outOfRange, gasLimit)
  }
  const view = new DataView(input.buffer, input.byteOffset)
  const rounds = view.getUint32(0)
  if (rounds > gasLimit) return failure(ERROR.outOfGas, gasLimit)
  return {
    error: null,
    gasUsed: rounds,
    output: blake2Rounds(input.subarray(4, 212), rounds, last === 1),
  }
}

const POINT_EVALUATION_GAS = 50_000
const BLS_MODULUS = fromHex('73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001')
/** EIP-4844: FIELD_ELEMENTS_PER_BLOB and BLS_MODULUS. */
const POINT_EVALUATION_OUTPUT = concatBytes(
  Uint8Array.from({ length: 32 }, (_, i) => (i === 30 ? 0x10 : 0)),
  BLS_MODULUS,
)

/** EIP-4844. */
const pointEvaluation: Precompile = (input, gasLimit) => {
  if (gasLimit < POINT_EVALUATION_GAS) return failure(ERROR.outOfGas, gasLimit)
  if (input.length !== 192) return failure(ERROR.invalidInputLength, gasLimit)
  const commitment = input.subarray(96, 144)
  const versioned = sha256(commitment).slice()
  versioned[0] = 1
  if (!equalBytes(versioned, input.subarray(0, 32))) return failure(ERROR.badCommitment, gasLimit)
  const hex = (from: number, to: number): string => `0x${toHex(input.subarray(from, to))}`
  const isRight = kzg.verifyProof(hex(96, 144), hex(32, 64), hex(64, 96), hex(144, 192))
  if (!isRight) return failure(ERROR.badProof, gasLimit)
  return { error: null, gasUsed: POINT_EVALUATION_GAS, output: POINT_EVALUATION_OUTPUT.slice() }
}
