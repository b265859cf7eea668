// What a liar makes of blocks and messages: bytes that no honest node sends.
import { blockCodec, blockIdOf } from '../../../core/chain/block.ts'
import { type Certificate, certificateCodec } from '../../../core/chain/certificate.ts'
import { EMPTY_BYTES } from '../../../core/primitives/bytes.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import type { CertifiedBytes } from '../../../node/network/requests.ts'
import type { Random } from '../random.ts'

export const SYNC_LIES = [
  'nothing',
  'withheld',
  'garbage',
  'stale',
  'mixed certificates',
  'another payload',
  'another root',
  'a certificate of one',
  'a certificate of strangers',
  'oversize',
] as const
export type SyncLie = (typeof SYNC_LIES)[number]

/** What is sent instead of some decided blocks; null: no answer at all. */
export function falseBlocks(
  lie: SyncLie,
  blocks: readonly CertifiedBytes[],
  random: Random,
): readonly CertifiedBytes[] | null {
  const at = random.range(0, Math.max(0, blocks.length - 1))
  const change = (run: (one: CertifiedBytes) => CertifiedBytes): readonly CertifiedBytes[] =>
    blocks.map((one, i) => (i === at ? run(one) : one))
  switch (lie) {
    case 'nothing':
      return []
    case 'withheld':
    case 'oversize':
      return null
    case 'garbage':
      return change((one) => ({ ...one, block: random.bytes(random.range(0, 200)) }))
    case 'stale':
      return [...blocks].reverse()
    case 'mixed certificates':
      return blocks.map((one, i) => ({
        block: one.block,
        certificate: (blocks[(i + 1) % blocks.length] as CertifiedBytes).certificate,
      }))
    case 'another payload':
      return change(withPayload)
    case 'another root':
      return change((one) => withRoot(one, random))
    case 'a certificate of one':
      return change((one) => withCertificate(one, ({ signatures }) => signatures.slice(0, 1)))
    case 'a certificate of strangers':
      return change((one) =>
        withCertificate(one, ({ signatures }) =>
          signatures.map((signature) => ({ ...signature, signature: random.bytes(64) })),
        ),
      )
  }
}

export const BYTES_LIES = ['nothing', 'withheld', 'garbage', 'cut', 'another payload'] as const
export type BytesLie = (typeof BYTES_LIES)[number]

/** What is sent instead of a block that is not decided, or of a batch; 'none': no answer at all. */
export function falseBytes(
  lie: BytesLie,
  bytes: Uint8Array | null,
  random: Random,
): Uint8Array | null | 'none' {
  if (lie === 'withheld') return 'none'
  if (lie === 'nothing') return null
  if (lie === 'garbage' || bytes === null) return random.bytes(random.range(0, 200))
  if (lie === 'cut') return bytes.subarray(0, random.range(0, bytes.length))
  return withPayload({ block: bytes, certificate: EMPTY_BYTES }).block
}

function withPayload(one: CertifiedBytes): CertifiedBytes {
  const block = decode(blockCodec, one.block)
  if (!block.ok) return one
  const { header, payload } = block.value
  const evm = [...payload.evm, Uint8Array.of(2, 0, 0, 0, 0, 77)]
  return { ...one, block: encode(blockCodec, { header, payload: { ...payload, evm } }) }
}

/** With the signatures of another block, which its certificate now names. */
function withRoot(one: CertifiedBytes, random: Random): CertifiedBytes {
  const [block, certificate] = [
    decode(blockCodec, one.block),
    decode(certificateCodec, one.certificate),
  ]
  if (!block.ok || !certificate.ok) return one
  const header = { ...block.value.header, stateRoot: random.bytes(32) }
  return {
    block: encode(blockCodec, { ...block.value, header }),
    certificate: encode(certificateCodec, { ...certificate.value, blockId: blockIdOf(header) }),
  }
}

function withCertificate(
  one: CertifiedBytes,
  change: (certificate: Certificate) => Certificate['signatures'],
): CertifiedBytes {
  const certificate = decode(certificateCodec, one.certificate)
  if (!certificate.ok) return one
  const signatures = change(certificate.value)
  return { ...one, certificate: encode(certificateCodec, { ...certificate.value, signatures }) }
}

/** The head of a frame that promises more than any may hold. */
export function oversizeFrame(tag: number): Uint8Array {
  const frame = new Uint8Array(5)
  new DataView(frame.buffer).setUint32(0, LIMITS.syncFrameBytes + LIMITS.proposalFrameBytes)
  frame[4] = tag
  return frame
}
