import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  blockIdOf,
  type Header,
  headerCodec,
  type Payload,
  payloadHashOf,
} from '../../../core/chain/block.ts'
import { certificateCodec } from '../../../core/chain/certificate.ts'
import {
  duplicateProposalOf,
  duplicateVoteOf,
  evidenceHash,
  heightOfEvidence,
} from '../../../core/chain/evidence.ts'
import { type ConsensusParams, consensusParamsHash } from '../../../core/chain/params.ts'
import {
  consensusRootOf,
  coreRootOf,
  queueRootOf,
  receiptsRootOf,
  stateRootOf,
} from '../../../core/chain/roots.ts'
import { compareBytes, concatBytes, toHex } from '../../../core/primitives/bytes.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import * as chain from '../../support/chainArbitraries.ts'

const sha256 = (...parts: readonly Uint8Array[]): string =>
  createHash('sha256')
    .update(concatBytes(...parts))
    .digest('hex')
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

describe('blockIdOf', () => {
  it('is SHA-256 over the header domain and the canonical header', () => {
    fc.assert(
      fc.property(chain.header, (header) => {
        expect(blockIdOf(header)).toBe(sha256(Uint8Array.of(0x30), encode(headerCodec, header)))
      }),
    )
  })

  it('depends on every field', () => {
    fc.assert(
      fc.property(chain.header, chain.header, (a, b) => {
        for (const name of Object.keys(a) as (keyof Header)[]) {
          const mixed = { ...a, [name]: b[name] }
          const same = JSON.stringify(a[name]) === JSON.stringify(b[name])
          expect(blockIdOf(mixed) === blockIdOf(a), name).toBe(same)
        }
      }),
    )
  })
})

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}` : inner))

describe('payloadHashOf', () => {
  it('depends on every list, its order, and where an item stands', () => {
    const lists = ['evm', 'core', 'messages', 'evidence', 'lastCommit'] as const
    fc.assert(
      fc.property(chain.payload, chain.payload, (a, b) => {
        for (const name of lists) {
          const mixed: Payload = { ...a, [name]: b[name] }
          const same = textOf(a[name]) === textOf(b[name])
          expect(toHex(payloadHashOf(mixed)) === toHex(payloadHashOf(a)), name).toBe(same)
        }
        const swapped = { ...a, evm: a.core, core: a.evm }
        const sameLists = textOf(a.evm) === textOf(a.core)
        expect(toHex(payloadHashOf(swapped)) === toHex(payloadHashOf(a))).toBe(sameLists)
        const reversed = { ...a, evm: [...a.evm].reverse() }
        const sameOrder = textOf(reversed.evm) === textOf(a.evm)
        expect(toHex(payloadHashOf(reversed)) === toHex(payloadHashOf(a))).toBe(sameOrder)
      }),
    )
  })

  it('of the empty payload is five empty trees in a tree', () => {
    const empty = bytes(sha256(Uint8Array.of(0x3b)))
    const node = (a: Uint8Array, b: Uint8Array): Uint8Array =>
      bytes(sha256(Uint8Array.of(0x3a), a, b))
    const pair = node(empty, empty)
    const expected = sha256(Uint8Array.of(0x39), node(node(pair, pair), empty))
    const payload = { evm: [], core: [], messages: [], evidence: [], lastCommit: null }
    expect(toHex(payloadHashOf(payload))).toBe(expected)
  })
})

describe('evidence', () => {
  it('of a pair is the same whichever message came first', () => {
    fc.assert(
      fc.property(chain.signedVote, chain.signedVote, (a, b) => {
        fc.pre(toHex(a.signature) !== toHex(b.signature))
        const evidence = duplicateVoteOf(a, b)
        expect(duplicateVoteOf(b, a)).toEqual(evidence)
        expect(compareBytes(evidence.first.signature, evidence.second.signature)).toBeLessThan(0)
        expect(evidenceHash(duplicateVoteOf(b, a))).toEqual(evidenceHash(evidence))
        expect(heightOfEvidence(evidence)).toBe(evidence.first.height)
      }),
    )
    fc.assert(
      fc.property(chain.signedProposal, chain.signedProposal, (a, b) => {
        fc.pre(toHex(a.signature) !== toHex(b.signature))
        const evidence = duplicateProposalOf(a, b)
        expect(duplicateProposalOf(b, a)).toEqual(evidence)
        expect(compareBytes(evidence.first.signature, evidence.second.signature)).toBeLessThan(0)
      }),
    )
  })
})

describe('consensusParamsHash', () => {
  it('depends on every parameter', () => {
    fc.assert(
      fc.property(chain.consensusParams, chain.consensusParams, (a, b) => {
        for (const name of Object.keys(a) as (keyof ConsensusParams)[]) {
          const mixed = { ...a, [name]: b[name] }
          const equal = toHex(consensusParamsHash(mixed)) === toHex(consensusParamsHash(a))
          expect(equal, name).toBe(a[name] === b[name])
        }
      }),
    )
  })
})

describe('a certificate', () => {
  it('with signatures out of order or twice is refused', () => {
    const many = chain.certificate.filter((value) => value.signatures.length >= 2)
    fc.assert(
      fc.property(many, (value) => {
        for (const signatures of [
          [...value.signatures].reverse(),
          [...value.signatures, value.signatures.at(-1) as (typeof value.signatures)[number]],
        ]) {
          const encoded = encode(certificateCodec, { ...value, signatures })
          expect(decode(certificateCodec, encoded)).toEqual({ ok: false, code: 'NOT_SORTED' })
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('roots', () => {
  const roots = fc.record({
    evmRoot: chain.bytesOf(32),
    coreRoot: chain.bytesOf(32),
    queueRoot: chain.bytesOf(32),
    consensusRoot: chain.bytesOf(32),
  })

  it('of the state are the formula of the architecture', () => {
    fc.assert(
      fc.property(roots, chain.height, (value, height) => {
        const heightBytes = new Uint8Array(8)
        new DataView(heightBytes.buffer).setBigUint64(0, BigInt(height))
        const { evmRoot, coreRoot, queueRoot, consensusRoot } = value
        const expected = sha256(
          Uint8Array.of(0x34),
          evmRoot,
          coreRoot,
          queueRoot,
          consensusRoot,
          heightBytes,
        )
        expect(toHex(stateRootOf(value, height))).toBe(expected)
      }),
    )
  })

  it('differ between domains even over the same bytes', () => {
    const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const all = [
      coreRootOf([a, b]),
      queueRootOf([a, b]),
      consensusRootOf(a, b),
      receiptsRootOf(a, b),
      coreRootOf([]),
      queueRootOf([]),
      stateRootOf({ evmRoot: a, coreRoot: b, queueRoot: a, consensusRoot: b }, heightOf(1)),
    ].map(toHex)
    expect(new Set(all).size).toBe(all.length)
  })

  it('of a queue depend on where one message ends and the next begins', () => {
    const queue = fc.array(
      fc.array(fc.nat(1), { maxLength: 3 }).map((values) => Uint8Array.from(values)),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(queue, queue, (a, b) => {
        const same =
          textOf(a.map((message) => [...message])) === textOf(b.map((message) => [...message]))
        expect(toHex(queueRootOf(a)) === toHex(queueRootOf(b))).toBe(same)
      }),
      { numRuns: 500 },
    )
  })
})
