import { concatBytes, fromHex } from '../../../core/primitives/bytes.ts'
import type { Message } from '../../../evm/message.ts'
import { Random } from '../../sim/random.ts'
import { word } from '../evmWorld.ts'
import { messageOf, type Start } from './executives.ts'
import { CONTRACTS, mutated, operand, program } from './programs.ts'
import { type PublishedCode, publishedCodes } from './publishedCodes.ts'

/** A state, a message into it, and the rules. */
export type Scenario = {
  readonly fork: 'prague' | 'osaka'
  readonly start: Start
  readonly message: Message
}

export const SENDER = word(0x5e4de6).slice(12)
const TARGET = CONTRACTS[0] as Uint8Array
let published: readonly PublishedCode[] | null = null

/** From one number: random contracts that call each other, or published ones among them, some with changed bytes. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed)
  const fork = random.chance(25) ? 'osaka' : 'prague'
  const kind = random.range(0, 9)
  if (kind < 6) return { fork, ...treeOf(random) }
  if (kind < 9) return { fork, ...publishedOf(random) }
  return { fork, ...noiseOf(random) }
}

type Parts = Omit<Scenario, 'fork'>

/** Contracts, a delegated account (EIP-7702), and a message into them or a creation. */
function treeOf(random: Random): Parts {
  const start: Start = [
    { address: SENDER, balance: 1_000_000n, nonce: 1 },
    ...CONTRACTS.map((address, i) => {
      const own = program(random, random.range(1, 14))
      // Only EIP-7702 makes code that begins so, and always of this length.
      const designator = concatBytes(fromHex('ef0100'), random.pick(CONTRACTS))
      const changed = random.chance(25) ? mutated(random, own) : own
      return contract(random, address, i === 3 && random.chance(50) ? designator : changed)
    }),
  ]
  const isCreation = random.chance(10)
  const data = isCreation
    ? program(random, random.range(0, 10))
    : random.bytes(random.range(0, 100))
  return { start, message: messageTo(random, isCreation ? null : TARGET, data, 600_000) }
}

/** Published code, most of it with a few changed bytes, asked for one of its functions. */
function publishedOf(random: Random): Parts {
  published ??= publishedCodes()
  const { code, selectors } = random.pick(published)
  const others = published
  const start: Start = [
    { address: SENDER, balance: 1_000_000n, nonce: 1 },
    ...CONTRACTS.map((address, i) => {
      if (i === 0) {
        return contract(random, address, random.chance(70) ? mutated(random, code, 30_000) : code)
      }
      const own = random.chance(40) ? random.pick(others).code : program(random, random.range(1, 8))
      return contract(random, address, own)
    }),
  ]
  const selector = selectors.length === 0 ? random.bytes(4) : random.pick(selectors)
  const parameters = Array.from({ length: random.range(0, 6) }, () => parameter(random))
  return {
    start,
    message: messageTo(random, TARGET, concatBytes(selector, ...parameters), 400_000),
  }
}

/** An address that exists, an offset of dynamic data, a small number or an edge. */
function parameter(random: Random): Uint8Array {
  const kind = random.range(0, 3)
  if (kind === 0) return concatBytes(new Uint8Array(12), random.pick([...CONTRACTS, SENDER]))
  if (kind === 1) return word(32 * random.range(1, 5))
  return fromHex(operand(random).toString(16).padStart(64, '0'))
}

/** Bytes without a plan. */
function noiseOf(random: Random): Parts {
  const start: Start = [
    { address: SENDER, balance: 1_000_000n, nonce: 1 },
    ...CONTRACTS.map((address) => contract(random, address, random.bytes(random.range(1, 80)))),
  ]
  return { start, message: messageTo(random, TARGET, random.bytes(random.range(0, 64)), 200_000) }
}

const contract = (random: Random, address: Uint8Array, code: Uint8Array): Start[number] => ({
  ...{ address, code, nonce: 1 },
  balance: BigInt(random.range(0, 3) * 100),
  slots: [[random.range(0, 12), BigInt(random.range(1, 9))]],
})

const messageTo = (
  random: Random,
  to: Uint8Array | null,
  data: Uint8Array,
  mostGas: number,
): Message =>
  messageOf({
    ...{ sender: SENDER, to, data },
    value: BigInt(random.chance(50) ? 0 : random.range(0, 300)),
    gasLimit: random.chance(80) ? random.range(50_000, mostGas) : random.range(0, 50_000),
    accessList: random.chance(20)
      ? [{ address: random.pick(CONTRACTS), storageKeys: [word(random.range(0, 4))] }]
      : [],
  })
