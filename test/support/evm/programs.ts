import { bytesToBigint, concatBytes, fromHex } from '../../../core/primitives/bytes.ts'
import type { Random } from '../../sim/random.ts'
import { word } from '../evmWorld.ts'

/** Contracts that random programs call, and one that does not exist. */
export const CONTRACTS: readonly Uint8Array[] = [0xc0de01, 0xc0de02, 0xc0de03, 0xc0de04].map((id) =>
  word(id).slice(12),
)
const NOBODY = 0xdead01n
const BENEFICIARIES = [
  ...CONTRACTS.map((address) => BigInt(`0x${Buffer.from(address).toString('hex')}`)),
  NOBODY,
]

export function push(value: bigint): Uint8Array {
  if (value === 0n) return Uint8Array.of(0x5f)
  const digits = value.toString(16)
  const bytes = fromHex(digits.length % 2 === 0 ? digits : `0${digits}`)
  return concatBytes(Uint8Array.of(0x5f + bytes.length), bytes)
}

/** Operands of every opcode that a statement may end with: how many it takes, and whether it leaves one. */
const OPERANDS: readonly (readonly [opcode: number, takes: number, leaves: number])[] = [
  ...[0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0a, 0x0b].map((op) => [op, 2, 1] as const),
  ...[0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1d, 0x20].map(
    (op) => [op, 2, 1] as const,
  ),
  ...[0x08, 0x09].map((op) => [op, 3, 1] as const),
  ...[0x15, 0x19, 0x1e, 0x35, 0x40, 0x49, 0x51, 0x54, 0x5c].map((op) => [op, 1, 1] as const),
  ...[0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46].map(
    (op) => [op, 0, 1] as const,
  ),
  ...[0x47, 0x48, 0x4a, 0x58, 0x59, 0x5a, 0x5f].map((op) => [op, 0, 1] as const),
  ...[0x52, 0x53, 0x55, 0x55, 0x55, 0x5d, 0xa0].map((op) => [op, 2, 0] as const),
  ...[0x37, 0x39, 0x3e, 0x5e, 0xa1].map((op) => [op, 3, 0] as const),
  [0xa2, 4, 0],
  [0xa4, 6, 0],
]

const EDGES = [
  2n ** 256n - 1n,
  2n ** 255n,
  2n ** 255n - 1n,
  2n ** 128n,
  2n ** 64n,
  2n ** 64n - 1n,
  2n ** 53n,
  2n ** 53n - 1n,
  2n ** 53n + 1n,
  2n ** 32n,
  2n ** 31n,
  2n ** 31n - 1n,
  2n ** 160n - 1n,
  255n,
  256n,
]

/** Small numbers make offsets and slots meet; the edges make arithmetic wrap and change its form. */
export function operand(random: Random): bigint {
  const kind = random.range(0, 19)
  if (kind < 11) return BigInt(random.range(0, 6))
  if (kind < 14) return BigInt(random.range(0, 300))
  if (kind < 17) return random.pick(EDGES)
  const bytes = random.bytes(random.range(1, 32))
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

type Statement = { readonly code: Uint8Array; readonly leaves: number }

function operation(random: Random): Statement {
  const [opcode, takes, leaves] = random.pick(OPERANDS)
  const operands = Array.from({ length: takes }, () => push(operand(random)))
  return { code: concatBytes(...operands, Uint8Array.of(opcode)), leaves }
}

function stackOperation(random: Random): Statement {
  const depth = random.range(1, 16)
  const items = Array.from({ length: depth + 1 }, () => push(operand(random)))
  const isSwap = random.chance(50)
  const opcode = (isSwap ? 0x8f : 0x7f) + depth
  return {
    code: concatBytes(...items, Uint8Array.of(opcode)),
    leaves: depth + (isSwap ? 1 : 2),
  }
}

function accountQuestion(random: Random): Statement {
  const address = random.chance(80) ? random.pick(BENEFICIARIES) : BigInt(random.range(0, 20))
  const opcode = random.pick([0x31, 0x3b, 0x3f, 0x3c])
  if (opcode !== 0x3c) return { code: concatBytes(push(address), Uint8Array.of(opcode)), leaves: 1 }
  const range = [random.range(0, 40), random.range(0, 40), random.range(0, 64)].map(BigInt)
  return { code: concatBytes(...range.map(push), push(address), Uint8Array.of(opcode)), leaves: 0 }
}

function call(random: Random): Statement {
  const opcode = random.pick([0xf1, 0xf1, 0xf1, 0xf2, 0xf4, 0xfa])
  const target = random.chance(75)
    ? random.pick(BENEFICIARIES)
    : random.chance(90)
      ? BigInt(random.range(1, 0x12))
      : 0x100n
  const takesValue = opcode === 0xf1 || opcode === 0xf2
  const gas = random.chance(60) ? 2n ** 256n - 1n : BigInt(random.range(0, 60_000))
  const input = [
    random.range(0, 64),
    random.range(0, 64),
    random.range(0, 200),
    random.range(0, 64),
  ]
  return {
    code: concatBytes(
      push(operand(random)),
      push(BigInt(random.range(0, 40))),
      Uint8Array.of(0x52),
      ...input.map((value) => push(BigInt(value))),
      takesValue ? push(random.chance(60) ? 0n : BigInt(random.range(0, 200))) : new Uint8Array(0),
      push(target),
      push(gas),
      Uint8Array.of(opcode),
    ),
    leaves: 1,
  }
}

const BN_GENERATOR = concatBytes(word(1), word(2))
/** Inputs that get past a precompile's first checks; bytes of them may be changed. */
const QUESTIONS: readonly ((random: Random) => readonly [address: number, input: Uint8Array])[] = [
  (random) => [1, concatBytes(random.bytes(32), word(27), random.bytes(64))],
  (random) => [3, random.bytes(random.range(0, 70))],
  (random) => {
    const lengths = [0, 0, 0].map(() => random.range(0, 40))
    return [5, concatBytes(...lengths.map(word), random.bytes(random.range(0, 120)))]
  },
  (random) => [6, concatBytes(BN_GENERATOR, random.chance(50) ? BN_GENERATOR : random.bytes(64))],
  (random) => [7, concatBytes(BN_GENERATOR, random.bytes(32))],
  () => [8, new Uint8Array(192)],
  (random) => [
    9,
    concatBytes(word(random.range(0, 20)).slice(28), random.bytes(208), word(1).slice(31)),
  ],
  (random) => [10, random.bytes(192)],
  (random) => [
    random.range(11, 17),
    new Uint8Array(random.pick([64, 128, 160, 256, 288, 384, 512])),
  ],
]

/** Memory, word by word, and what pushes it there. */
function stored(bytes: Uint8Array): Uint8Array {
  const stores: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += 32) {
    const part = new Uint8Array(32)
    part.set(bytes.subarray(at, at + 32))
    stores.push(push(bytesToBigint(part)), push(BigInt(at)), Uint8Array.of(0x52))
  }
  return concatBytes(...stores)
}

function precompileCall(random: Random): Statement {
  const [address, exact] = random.pick(QUESTIONS)(random)
  const input = random.chance(20) ? mutated(random, exact) : exact
  const range = [random.range(0, 130), random.range(0, 300), input.length, 0].map(BigInt)
  return {
    code: concatBytes(
      stored(input),
      ...range.map(push),
      push(BigInt(address)),
      push(random.chance(80) ? 2n ** 64n : BigInt(random.range(0, 60_000))),
      Uint8Array.of(0xfa),
    ),
    leaves: 1,
  }
}

/** Deploys what a short random program returns, or that program's nothing. */
function creation(random: Random, depth: number): Statement {
  const body = random.chance(70) ? program(random, random.range(0, 6), depth + 1) : random.bytes(8)
  const initcode = body.slice(0, 200)
  const isCreate2 = random.chance(50)
  return {
    code: concatBytes(
      stored(initcode),
      isCreate2 ? push(BigInt(random.range(0, 2))) : new Uint8Array(0),
      push(BigInt(initcode.length)),
      push(0n),
      push(random.chance(70) ? 0n : BigInt(random.range(0, 50))),
      Uint8Array.of(isCreate2 ? 0xf5 : 0xf0),
    ),
    leaves: 1,
  }
}

/** JUMPI over a byte, relative to PC. */
const jump = (random: Random): Statement => ({
  code: concatBytes(push(operand(random)), fromHex('58600601575b5b')),
  leaves: 0,
})

/** What ends a program early, rightly or not. */
function ending(random: Random): Statement {
  const kind = random.range(0, 7)
  const parts: readonly (() => Uint8Array)[] = [
    () => concatBytes(push(random.pick(BENEFICIARIES)), Uint8Array.of(0xff)),
    () => Uint8Array.of(0x30, 0xff),
    () => fromHex('60205ffd'),
    () => fromHex('60405ff3'),
    () => fromHex('00'),
    () => fromHex('600056'),
    () => Uint8Array.of(random.range(0, 255)),
    () => concatBytes(push(operand(random)), push(operand(random)), Uint8Array.of(0xf3)),
  ]
  return { code: (parts[kind] as () => Uint8Array)(), leaves: 0 }
}

/** A program of some statements that then returns its memory, to which its stack has gone. */
export function program(random: Random, statements: number, depth = 0): Uint8Array {
  const parts: Statement[] = []
  for (let i = 0; i < statements; i++) {
    const kind = random.range(0, 99)
    if (kind < 52) parts.push(operation(random))
    else if (kind < 58) parts.push(stackOperation(random))
    else if (kind < 64) parts.push(jump(random))
    else if (kind < 72) parts.push(accountQuestion(random))
    else if (kind < 87) parts.push(call(random))
    else if (kind < 90) parts.push(precompileCall(random))
    else if (kind < 96 && depth < 2) parts.push(creation(random, depth))
    else if (random.chance(40)) parts.push(ending(random))
  }
  const left = parts.reduce((sum, { leaves }) => sum + leaves, 0)
  const shown = Array.from({ length: Math.min(left, 16) }, (_, i) =>
    concatBytes(push(BigInt(256 + 32 * i)), Uint8Array.of(0x52)),
  )
  return concatBytes(...parts.map(({ code }) => code), ...shown, fromHex('6103005ff3'))
}

/** Changes, drops, doubles or inserts some bytes. */
export function mutated(random: Random, code: Uint8Array, maxBytes = 4_000): Uint8Array {
  let bytes = [...code]
  for (let i = random.range(1, 4); i > 0; i--) {
    const at = random.range(0, Math.max(0, bytes.length - 1))
    const kind = random.range(0, 3)
    if (kind === 0) bytes[at] = random.range(0, 255)
    else if (kind === 1) bytes.splice(at, random.range(1, 4))
    else if (kind === 2) bytes.splice(at, 0, random.range(0, 255))
    else bytes = [...bytes.slice(0, at), ...bytes.slice(Math.max(0, at - 20))]
  }
  return Uint8Array.from(bytes.slice(0, maxBytes))
}
