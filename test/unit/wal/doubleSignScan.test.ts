import { describe, expect, it } from 'vitest'
import type { Certificate } from '../../../core/chain/certificate.ts'
import { voteDigest } from '../../../core/chain/vote.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { addressOfPrivateKey, signatures } from '../../../core/primitives/signature.ts'
import { type BlockId, heightOf, roundOf } from '../../../core/primitives/units.ts'
import {
  assertNoUnknownSignature,
  type ScanReader,
} from '../../../node/consensus/doubleSignScan.ts'
import type { SignedPlace } from '../../../node/consensus/lastSigned.ts'
import { NOTHING_SIGNED, signedUpTo } from '../../../node/consensus/lastSigned.ts'
import {
  addressOf,
  CHAIN_ID,
  digest,
  privateKeyOf,
  validatorSet,
} from '../../support/storedChain.ts'

const set = validatorSet()
const OWN = privateKeyOf(0)
const address = addressOfPrivateKey(OWN)
const ownIndex = set.indexOf(address)
const HEAD = 30

const blockIdAt = (height: number, label = ''): BlockId =>
  toHex(digest(`block ${height}${label}`)) as BlockId
const signatureAt = (height: number, blockId = blockIdAt(height)): Uint8Array =>
  signatures.sign(
    voteDigest({
      type: 'precommit',
      chainId: CHAIN_ID,
      height: heightOf(height),
      round: roundOf(0),
      blockId,
    }),
    OWN,
  ).signature

type Chain = {
  /** Heights whose own certificate holds our precommit. */
  readonly signed?: readonly number[]
  /** Heights of which only the next block's certificate holds it. */
  readonly signedInNext?: readonly number[]
  readonly proposed?: readonly number[]
  readonly head?: number
}

function readerOf({
  signed = [],
  signedInNext = [],
  proposed = [],
  head = HEAD,
}: Chain): ScanReader {
  const certificate = (height: number, isOwn: boolean): Certificate => ({
    height: heightOf(height),
    round: roundOf(0),
    blockId: blockIdAt(height),
    signatures: [0, 1, 2, 3]
      .filter((index) => index !== ownIndex || isOwn)
      .map((validatorIndex) => ({ validatorIndex, signature: signatureAt(height) })),
  })
  return {
    certificate: (height) =>
      height < 1 || height > head ? null : certificate(height, signed.includes(height)),
    validators: () => set.validators,
    block: (height) =>
      height < 1 || height > head
        ? null
        : ({
            header: { proposer: proposed.includes(height) ? address : addressOf('other') },
            payload: { lastCommit: certificate(height - 1, signedInNext.includes(height - 1)) },
          } as never),
  }
}

const lastAt = (height: number): SignedPlace => ({
  height,
  round: 0,
  step: 3,
  signature: height === 0 ? NOTHING_SIGNED.signature : signatureAt(height),
})

function isRisk(chain: Chain, last: SignedPlace, heights: number): boolean {
  try {
    assertNoUnknownSignature(readerOf(chain), { heights, head: chain.head ?? HEAD, address, last })
    return false
  } catch (error) {
    expect(error).toMatchObject({ detail: { code: 'DOUBLE_SIGN_RISK' } })
    return true
  }
}

const ALL = Array.from({ length: HEAD }, (_, i) => i + 1)

describe('assertNoUnknownSignature', () => {
  it('is quiet on an ordinary restart, wherever the last signature is', () => {
    for (const place of [
      lastAt(HEAD),
      { ...lastAt(HEAD), height: HEAD + 1, step: 1 },
      { ...lastAt(HEAD), height: HEAD + 1, step: 3 },
      { ...lastAt(HEAD), round: 1, step: 2 },
    ])
      expect(isRisk({ signed: ALL, proposed: ALL }, place, 1_000)).toBe(false)
  })

  it('searches as many heights as it is told, neither one less nor one more (cometbft#5668)', () => {
    const fresh = lastAt(0)
    for (const heights of [1, 2, 3, 10]) {
      expect(isRisk({ signed: [HEAD - heights + 1] }, fresh, heights), `${heights}, inside`).toBe(
        true,
      )
      expect(isRisk({ signed: [HEAD - heights] }, fresh, heights), `${heights}, outside`).toBe(
        false,
      )
    }
    expect(isRisk({ signed: ALL }, fresh, 0)).toBe(false)
  })

  it('never looks below height 1, nor at a chain that has none', () => {
    expect(isRisk({ signed: [1], head: 1 }, lastAt(0), 10)).toBe(true)
    expect(isRisk({ signed: [1], head: 1 }, lastAt(1), 10)).toBe(false)
    expect(isRisk({ head: 0 }, lastAt(0), 10)).toBe(false)
  })

  it('finds what an old copy of the last-signed state forgot, also a proposal or the others’ certificate', () => {
    const old = lastAt(HEAD - 3)
    expect(isRisk({ signed: ALL }, old, 10)).toBe(true)
    expect(isRisk({ signed: ALL.slice(0, -3) }, old, 10)).toBe(false)
    expect(isRisk({ signedInNext: [HEAD - 1] }, old, 10)).toBe(true)
    expect(isRisk({ proposed: [HEAD] }, old, 10)).toBe(true)
    expect(isRisk({ proposed: [HEAD - 3] }, old, 10)).toBe(false)
  })

  it('finds another signature at the very place of the last one', () => {
    const other = { ...lastAt(HEAD), signature: signatureAt(HEAD, blockIdAt(HEAD, ' other')) }
    expect(isRisk({ signed: [HEAD] }, other, 10)).toBe(true)
    expect(isRisk({ signed: [HEAD] }, lastAt(HEAD), 10)).toBe(false)
  })

  it('is quiet when a new state refuses all that the chain holds', () => {
    expect(isRisk({ signed: ALL, proposed: ALL }, signedUpTo(HEAD), 100)).toBe(false)
    expect(isRisk({ signed: ALL }, signedUpTo(HEAD - 1), 100)).toBe(true)
  })

  it('has nothing to say of a key that is no validator', () => {
    const stranger = addressOf('stranger')
    assertNoUnknownSignature(readerOf({ signed: ALL }), {
      ...{ heights: 10, head: HEAD, address: stranger, last: lastAt(0) },
    })
  })
})
