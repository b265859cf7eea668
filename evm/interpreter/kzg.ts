import type { CustomCrypto } from '@ethereumjs/common'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { assert } from '../../core/primitives/assert.ts'
import { bytesToBigint, fromHex } from '../../core/primitives/bytes.ts'

type Kzg = NonNullable<CustomCrypto['kzg']>
type G1 = typeof bls12_381.G1.Point.BASE
type G2 = typeof bls12_381.G2.Point.BASE

/** The one point of Ethereum's KZG ceremony that a verifier needs: [τ]₂ (consensus-specs trusted_setup_4096.json, g2_monomial[1]). */
const TAU_G2 =
  'b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2'

const { G1, G2, fields } = bls12_381
let tau: G2 | null = null

/** EIP-4844 point evaluation: p(z) = y for the polynomial under the commitment. About 30 ms in JavaScript. */
function verifyProof(commitment: string, z: string, y: string, proof: string): boolean {
  const points = [commitment, proof].map(pointOf)
  const [c, pi] = points
  const [atZ, atY] = [z, y].map((scalar) => bytesToBigint(fromHex(scalar)))
  if (!c || !pi || atZ === undefined || atY === undefined) return false
  if (atZ >= fields.Fr.ORDER || atY >= fields.Fr.ORDER) return false
  tau ??= G2.Point.fromHex(TAU_G2)
  // e(C − [y]₁, −[1]₂) · e(π, [τ − z]₂) = 1; a pair with the neutral point adds nothing.
  const pairs = [
    { g1: c.subtract(times(G1.Point.BASE, atY)), g2: G2.Point.BASE.negate() },
    { g1: pi, g2: tau.subtract(times(G2.Point.BASE, atZ)) },
  ].filter(({ g1, g2 }) => !g1.is0() && !g2.is0())
  if (pairs.length === 0) return true
  return fields.Fp12.eql(bls12_381.pairingBatch(pairs), fields.Fp12.ONE)
}

const times = <P extends G1 | G2>(point: P, scalar: bigint): P =>
  (scalar === 0n ? point.subtract(point as never) : point.multiplyUnsafe(scalar)) as P

/** Null unless the compressed bytes are a point of the right subgroup. */
function pointOf(hex: string): G1 | null {
  try {
    const point = G1.Point.fromHex(hex.slice(2))
    if (!point.is0()) point.assertValidity()
    return point
  } catch {
    return null
  }
}

const noBlobs = (): never => {
  assert(false, 'nothing here makes or carries blobs')
}

/** Only verification: blob transactions are refused. */
export const kzg: Kzg = {
  verifyProof,
  blobToKzgCommitment: noBlobs,
  computeBlobProof: noBlobs,
  verifyBlobProofBatch: noBlobs,
  computeCells: noBlobs,
  computeCellsAndProofs: noBlobs,
  recoverCellsAndProofs: noBlobs,
  verifyCellKzgProofBatch: noBlobs,
}
