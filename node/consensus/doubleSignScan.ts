import type { Certificate } from '../../core/chain/certificate.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { storedValidatorSet } from '../executor/chainHead.ts'
import type { ChainReader } from '../storage/chainReader.ts'
import type { SignedPlace } from './lastSigned.ts'
import { comparePlaces } from './signer.ts'

export type ScanOptions = {
  /** Committed heights to search, the newest first; 0 searches nothing. */
  readonly heights: number
  /** The newest committed height. */
  readonly head: number
  readonly address: Uint8Array
  /** What the signer remembers. */
  readonly last: SignedPlace
}

export type ScanReader = Pick<ChainReader, 'block' | 'certificate' | 'validators'>

/** A signature of this key on the chain, which its last-signed state does not account for. */
type Unknown = { readonly height: number; readonly what: string }

/**
 * Looks for signatures of a key that its signer did not make. DOUBLE_SIGN_RISK: another process has
 * the key, or the last-signed state is older than the key's last signature. An ordinary restart finds
 * none, since nothing leaves a signer before its state is on disk. O(heights · validators).
 */
export function assertNoUnknownSignature(reader: ScanReader, options: ScanOptions): void {
  const { head, heights, last, address } = options
  assert(heights >= 0, 'a scan covers no negative number of heights')
  // The newest `heights` blocks, both ends included: with 1 the head itself (cometbft#5668).
  for (let height = head; height > head - heights && height >= 1; height--) {
    const unknown = unknownAt(reader, height, options)
    if (unknown !== null) throw riskError(unknown, { last, address, heights })
  }
}

function unknownAt(
  reader: ScanReader,
  height: number,
  { address, last }: ScanOptions,
): Unknown | null {
  const block = reader.block(height)
  // The round of a proposal is not in the block: within the guard's own height it decides nothing.
  if (block !== null && equalBytes(block.header.proposer, address) && height > last.height)
    return { height, what: 'proposal' }
  const validators = reader.validators(height)
  const index = validators === null ? -1 : storedValidatorSet(validators).indexOf(address)
  if (index < 0) return null
  // Ours and the next proposer's certificate of a height need not hold the same signatures.
  const certificates = [
    reader.certificate(height),
    reader.block(height + 1)?.payload.lastCommit ?? null,
  ]
  const isUnknown = certificates.some(
    (certificate) => certificate !== null && holdsUnknown(certificate, index, last),
  )
  return isUnknown ? { height, what: 'precommit' } : null
}

function holdsUnknown(certificate: Certificate, index: number, last: SignedPlace): boolean {
  const own = certificate.signatures.find(({ validatorIndex }) => validatorIndex === index)
  if (own === undefined) return false
  const { height, round } = certificate
  const order = comparePlaces({ height, round, step: 'precommit' }, last)
  // At the same place the same signature: nonces are deterministic (RFC 6979).
  return order > 0 || (order === 0 && !equalBytes(own.signature, last.signature))
}

function riskError(
  { height, what }: Unknown,
  { last, address, heights }: Pick<ScanOptions, 'last' | 'address' | 'heights'>,
): NexusError {
  const detail = { height, lastHeight: last.height, lastRound: last.round }
  return new NexusError(
    { code: 'DOUBLE_SIGN_RISK', ...detail },
    {
      message: `block ${height} holds a ${what} of validator 0x${toHex(address)} that this signer did not make: the last signature it knows is of height ${last.height} round ${last.round}. Another process signs with this key, or the last-signed state was lost or restored from an old copy. Nothing was signed (the last ${heights} blocks were searched)`,
    },
  )
}
