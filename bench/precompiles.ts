import { bigintToBytes, concatBytes } from '../core/primitives/bytes.ts'
import type { Precompile } from '../evm/vm/precompiles.ts'
import { precompilePair } from '../test/support/evm/precompiles.ts'

/** Odd digits everywhere, so that no operand is short; the base is the modulus backwards. */
const digits = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => ((i * 7919 + 113) & 0xff) | 1)
const length = (bytes: number): Uint8Array => bigintToBytes(BigInt(bytes), 32)

function power(exponentBytes: number, modulusBytes: number, isEven = false): Uint8Array {
  const modulus = digits(modulusBytes)
  if (isEven) modulus[modulusBytes - 1] = 0x80
  return concatBytes(
    ...[length(modulusBytes), length(exponentBytes), length(modulusBytes)],
    ...[digits(modulusBytes).reverse(), digits(exponentBytes), modulus],
  )
}

const INPUTS: readonly (readonly [name: string, address: number, input: Uint8Array])[] = [
  [
    'BLAKE2F, a million rounds',
    9,
    concatBytes(bigintToBytes(1_000_000n, 4), digits(208), Uint8Array.of(1)),
  ],
  ['BLAKE2F, 12 rounds', 9, concatBytes(bigintToBytes(12n, 4), digits(208), Uint8Array.of(1))],
  ...[8, 16, 32, 64, 128, 256, 512, 1_024].map(
    (bytes) => [`MODEXP, ${bytes} bytes, exponent as long`, 5, power(bytes, bytes)] as const,
  ),
  ['MODEXP, 32 bytes, even modulus', 5, power(32, 32, true)],
  ['MODEXP, 8 bytes, exponent of 1,024', 5, power(1_024, 8)],
]
const GAS = 2 ** 32

/** Million gas a second of processor time. */
function speedOf(run: Precompile, input: Uint8Array): number {
  for (const started = now(); now() - started < SECONDS; ) run(input, GAS)
  const started = now()
  let gas = 0
  while (now() - started < SECONDS) gas += run(input, GAS).gasUsed
  return Math.round(gas / (now() - started) / 1e5) / 10
}

const SECONDS = 0.3
function now(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

for (const fork of ['prague', 'osaka'] as const) {
  const rows = INPUTS.map(([name, address, input]) => {
    const { ours, theirs } = precompilePair(address, fork)
    return [name, { nexus: speedOf(ours, input), ethereumjs: speedOf(theirs, input) }] as const
  })
  console.log(`${fork}, million gas a second`)
  console.table(Object.fromEntries(rows))
}
