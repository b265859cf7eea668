import type { EVMBLSInterface } from '@ethereumjs/evm'
import { EVMError } from '@ethereumjs/evm'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { ERROR } from './errors.ts'
import type { Precompile, PrecompileOutcome } from './precompiles.ts'

/** EIP-2537: 64 bytes a field element, of which the first 16 are zero. */
const FIELD = 64
const PADDING = 16
const G1_POINT = 2 * FIELD
const G2_POINT = 4 * FIELD
const SCALAR = 32

/** EIP-2537's discounts for multi-scalar multiplication, in thousandths, by number of pairs; the last for all more. */
const G1_DISCOUNTS: readonly number[] = [
  1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677, 673, 669, 665,
  661, 658, 654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627, 625, 623, 621, 619, 617, 615,
  613, 611, 609, 608, 606, 604, 603, 601, 599, 598, 596, 595, 593, 592, 591, 589, 588, 586, 585,
  584, 582, 581, 580, 579, 577, 576, 575, 574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563,
  562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545,
  544, 543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531, 530, 529,
  528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519,
]
const G2_DISCOUNTS: readonly number[] = [
  1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717, 711, 704, 699,
  693, 688, 683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646, 643, 640, 637, 634, 632, 629,
  627, 624, 622, 620, 618, 615, 613, 611, 609, 607, 606, 604, 602, 600, 598, 597, 595, 593, 592,
  590, 589, 587, 586, 584, 583, 582, 580, 579, 578, 576, 575, 574, 573, 571, 570, 569, 568, 567,
  566, 565, 563, 562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549, 548,
  547, 546, 545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535, 534, 533,
  532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524,
]

type Operation = {
  /** Of the whole input, or of one item of it. */
  readonly length: number
  readonly takesMany: boolean
  /** Bytes of an item that are field elements; a scalar follows in some. */
  readonly fields: number
  readonly gas: (items: number) => number
  readonly compute: (input: Uint8Array) => Uint8Array
}

/**
 * 0x0b to 0x11 by the last byte of the address. The library's own are promises, although nothing in
 * them waits; these are their checks around the same curve.
 */
export function blsPrecompiles(bls: EVMBLSInterface): ReadonlyMap<number, Precompile> {
  const operations: readonly (readonly [number, Operation])[] = [
    [0x0b, one(2 * G1_POINT, 375, (input) => bls.addG1(input))],
    [0x0c, msm(G1_POINT, 12_000, G1_DISCOUNTS, (input) => bls.msmG1(input))],
    [0x0d, one(2 * G2_POINT, 600, (input) => bls.addG2(input))],
    [0x0e, msm(G2_POINT, 22_500, G2_DISCOUNTS, (input) => bls.msmG2(input))],
    [0x0f, pairing((input) => bls.pairingCheck(input))],
    [0x10, one(FIELD, 5_500, (input) => bls.mapFPtoG1(input))],
    [0x11, one(2 * FIELD, 23_800, (input) => bls.mapFP2toG2(input))],
  ]
  return new Map(operations.map(([code, operation]) => [code, precompileOf(operation)]))
}

const one = (length: number, gas: number, compute: Operation['compute']): Operation => ({
  length,
  takesMany: false,
  fields: length,
  gas: () => gas,
  compute,
})

const msm = (
  point: number,
  gas: number,
  discounts: readonly number[],
  compute: Operation['compute'],
): Operation => ({
  length: point + SCALAR,
  takesMany: true,
  fields: point,
  gas: (pairs) => {
    const discount = discounts[Math.min(pairs, discounts.length) - 1] ?? 0
    return Math.floor((pairs * gas * discount) / 1_000)
  },
  compute,
})

const pairing = (compute: Operation['compute']): Operation => ({
  length: G1_POINT + G2_POINT,
  takesMany: true,
  fields: G1_POINT + G2_POINT,
  gas: (pairs) => 37_700 + 32_600 * pairs,
  compute,
})

const precompileOf =
  ({ length, takesMany, fields, gas, compute }: Operation): Precompile =>
  (input, gasLimit) => {
    const failure = (error: string): PrecompileOutcome => ({
      error,
      gasUsed: gasLimit,
      output: EMPTY_BYTES,
    })
    if (takesMany && input.length === 0) return failure(ERROR.emptyInput)
    const gasUsed = gas(Math.floor(input.length / length))
    if (gasUsed > gasLimit) return failure(ERROR.outOfGas)
    const fits = takesMany ? input.length % length === 0 : input.length === length
    if (!fits) return failure(ERROR.invalidInputLength)
    if (!isPadded(input, length, fields)) return failure(ERROR.notOnCurve)
    try {
      return { error: null, gasUsed, output: compute(input) }
    } catch (error) {
      return failure(error instanceof EVMError ? error.error : ERROR.revert)
    }
  }

/** Every field element begins with zeros. */
function isPadded(input: Uint8Array, item: number, fields: number): boolean {
  for (let start = 0; start < input.length; start += item) {
    for (let field = start; field < start + fields; field += FIELD) {
      for (let i = 0; i < PADDING; i++) if (input[field + i] !== 0) return false
    }
  }
  return true
}
