import { encodeAbiParameters, encodeFunctionData, type Hex } from 'viem'
import { precompileOf } from '../../../core/host/precompile.ts'
import { concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { type Contract, contractsOf } from './artifacts.ts'
import { FAKE } from './fakeCore.ts'

/** How one contract enters another; the numbers are `Script.Op`'s. */
export const VIA = { call: 0, static: 1, delegate: 2, callCode: 3 } as const
export type Via = keyof typeof VIA
const OP = { create: 4, store: 5, emit: 6, revert: 7, invalid: 8, destroy: 9 } as const

/** As an heir: whoever runs the step. */
export const SELF = '1'.padStart(40, '0')

/** What a script does, in the words of the test. Addresses are hex without prefix. */
export type Step =
  | {
      readonly kind: 'engine'
      readonly via: Via
      readonly engine: number
      readonly fn: keyof typeof FAKE
      readonly key: number
      readonly amount: number
      readonly value: bigint
      readonly must: boolean
    }
  | { readonly kind: 'store'; readonly slot: number; readonly value: number }
  | { readonly kind: 'emit'; readonly value: number }
  | { readonly kind: 'revert' | 'invalid' }
  | { readonly kind: 'destroy'; readonly heir: string }
  | {
      readonly kind: 'frame'
      readonly via: Exclude<Via, 'callCode'>
      readonly target: string
      readonly value: bigint
      readonly must: boolean
      readonly steps: readonly Step[]
    }
  | {
      readonly kind: 'create'
      readonly value: bigint
      readonly must: boolean
      readonly steps: readonly Step[]
    }

export type Scripts = {
  readonly runtime: Uint8Array
  /** Calldata that runs the steps. */
  dataOf(steps: readonly Step[]): Uint8Array
}

/**
 * By depth. An exception takes all gas of its frame, so a frame gets a fifth of what the one around
 * it has: four such calls leave it enough to go on.
 */
const GAS = [250_000_000n, 50_000_000n, 10_000_000n, 2_000_000n]
export const TOP_GAS = 1_300_000_000
/** Leaves room for what an engine asks, and for an endless call to cost little. */
const ENGINE_GAS = 100_000n

type Encoded = {
  readonly op: number
  readonly target: Hex
  readonly value: bigint
  readonly gas: bigint
  readonly data: Hex
  readonly must: boolean
}

export type EngineStep = Extract<Step, { kind: 'engine' }>
const fakeCalldata = ({ fn, key, amount }: EngineStep): Uint8Array =>
  Uint8Array.of(FAKE[fn], key, amount)

/** `script`: an address with the runtime code, for constructors to borrow. */
export async function createScripts(
  script: Uint8Array,
  calldataOf: (step: EngineStep) => Uint8Array = fakeCalldata,
): Promise<Scripts> {
  const contracts = await contractsOf('test/support/crossing/Script.sol')
  const runner = contracts('Script')
  const born = contracts('Born')
  const encode = (step: Step, depth: number): Encoded => {
    switch (step.kind) {
      case 'engine':
        return {
          op: VIA[step.via],
          target: hex(precompileOf(step.engine)),
          value: step.value,
          gas: ENGINE_GAS,
          data: hex(calldataOf(step)),
          must: step.must,
        }
      case 'frame':
        return {
          ...PLAIN,
          op: VIA[step.via],
          target: `0x${step.target}`,
          value: step.value,
          gas: gasAt(depth),
          data: hex(runData(runner, step.steps, depth + 1, encode)),
          must: step.must,
        }
      case 'create': {
        const data = runData(runner, step.steps, depth + 1, encode)
        const types = [{ type: 'address' }, { type: 'bytes' }] as const
        const args = encodeAbiParameters(types, [hex(script), hex(data)])
        const code = hex(concatBytes(born.creation, fromHex(args.slice(2))))
        return { ...PLAIN, op: OP.create, value: step.value, data: code, must: step.must }
      }
      case 'store':
        return { ...PLAIN, op: OP.store, target: slotAddress(step.slot), value: BigInt(step.value) }
      case 'emit':
        return { ...PLAIN, op: OP.emit, value: BigInt(step.value) }
      case 'destroy':
        return { ...PLAIN, op: OP.destroy, target: `0x${step.heir}` }
      default:
        return { ...PLAIN, op: OP[step.kind] }
    }
  }
  return { runtime: runner.runtime, dataOf: (steps) => runData(runner, steps, 0, encode) }
}

const runData = (
  { abi }: Contract,
  steps: readonly Step[],
  depth: number,
  encode: (step: Step, depth: number) => Encoded,
): Uint8Array => {
  const args = [steps.map((step) => encode(step, depth))]
  return fromHex(encodeFunctionData({ abi, functionName: 'run', args }).slice(2))
}

function gasAt(depth: number): bigint {
  const gas = GAS[depth]
  if (gas === undefined) throw new Error('frames nest too deep')
  return gas
}

const PLAIN = {
  target: '0x0000000000000000000000000000000000000000',
  value: 0n,
  gas: 0n,
  data: '0x',
  must: true,
} as const

const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`
const slotAddress = (slot: number): Hex => `0x${slot.toString(16).padStart(40, '0')}`
