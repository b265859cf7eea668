import { verifySignatures } from '../../consensus/light/index.ts'
import { type RowProof, type RowValues, verifyRowProof } from '../../core/arena/proof.ts'
import type { Schema } from '../../core/arena/schema.ts'
import { blockIdOf, type Header } from '../../core/chain/block.ts'
import { coreRootOf, stateRootOf } from '../../core/chain/roots.ts'
import { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import type { BlockId, Height, Millis, Round } from '../../core/primitives/units.ts'
import { answerOf, bytesIn, integerIn } from './answers.ts'

/** Whom the reader believes: the validators of height + 1 in address order, and the chain they sign for. */
export type TrustedValidators = {
  readonly chainId: number
  readonly validators: readonly { readonly publicKey: Uint8Array; readonly power: number }[]
}

/** What the reader believes: the header of height + 1, which a light client has verified. */
export type TrustedHeader = { readonly header: Header }

export type ProvenRow = {
  /** Whose state holds the row. */
  readonly height: number
  readonly engine: string
  readonly table: string
  readonly row: number
  readonly values: RowValues
}

export type RowWanted = {
  readonly engine: string
  readonly schema: Schema
  readonly engineIndex: number
}

export type ProofCode =
  | 'BAD_ANSWER'
  | 'BAD_VALIDATORS'
  | 'BAD_PROOF'
  | 'WRONG_STATE_ROOT'
  | 'WRONG_BLOCK'
  | 'INSUFFICIENT_SIGNED_POWER'
  | 'UNKNOWN_SIGNER'
  | 'DUPLICATE_SIGNER'
  | 'BAD_SIGNATURE'

/**
 * Checks an answer of `nexus_getProof` without trust in the node: the row is in the engine's root, that
 * in the state root, and that in the header that is trusted, or in one that more than two thirds of the
 * trusted validators signed. About 60 µs a signature.
 */
export function verifyProof(
  json: unknown,
  wanted: RowWanted,
  trusted: TrustedValidators | TrustedHeader,
): Result<ProvenRow, ProofCode> {
  const read = answerOf(() => proofFrom(json as ProofJson))
  if (read === null) return reject('BAD_ANSWER')
  const { height, proof, engineRoots, roots } = read
  const engineRoot = engineRoots[wanted.engineIndex]
  if (engineRoot === undefined) return reject('BAD_PROOF')
  const values = verifyRowProof(wanted.schema, engineRoot, proof)
  if (!values.ok) return values
  const coreRoot = coreRootOf(engineRoots)
  const stateRoot = stateRootOf({ ...roots, coreRoot }, height as Height)
  const header = 'header' in trusted ? trusted.header : read.header
  if (header.height !== height + 1 || !equalBytes(stateRoot, header.stateRoot))
    return reject('WRONG_STATE_ROOT')
  const certified = 'header' in trusted ? ok(null) : checkCertificate(read, trusted)
  if (!certified.ok) return certified
  const { table, row } = proof
  return ok({ height, engine: wanted.engine, table, row, values: values.value })
}

/** Priorities are not asked of the reader, so the header's set hash is not compared: its signers are. */
function checkCertificate(
  { header, certificate }: ReadProof,
  { chainId, validators }: TrustedValidators,
): Result<null, ProofCode> {
  const created = ValidatorSet.create(validators.map((one) => ({ ...one, priority: 0 })))
  if (!created.ok) return reject('BAD_VALIDATORS')
  if (header.chainId !== chainId || certificate.blockId !== blockIdOf(header))
    return reject('WRONG_BLOCK')
  if (certificate.height !== header.height) return reject('WRONG_BLOCK')
  return verifySignatures({ certificate, validators: created.value }, chainId)
}

type Json = { readonly [name: string]: string | number }
type ProofJson = Json & {
  readonly path: readonly string[]
  readonly engineRoots: readonly string[]
  readonly header: Json
  readonly certificate: Json & {
    readonly signatures: readonly { readonly index: number; readonly signature: string }[]
  }
}
type ReadProof = ReturnType<typeof proofFrom>

function proofFrom(json: ProofJson) {
  const { header, certificate } = json
  const proof: RowProof = {
    table: String(json.table),
    row: integerIn(json.row),
    bytes: bytesIn(json.bytes),
    path: json.path.map((node) => bytesIn(node, 32)),
  }
  const roots = {
    evmRoot: bytesIn(json.evmRoot, 32),
    queueRoot: bytesIn(json.queueRoot, 32),
    consensusRoot: bytesIn(json.consensusRoot, 32),
  }
  return {
    height: integerIn(json.height),
    proof,
    engineRoots: json.engineRoots.map((root) => bytesIn(root, 32)),
    roots,
    header: headerFrom(header),
    certificate: {
      height: integerIn(certificate.height) as Height,
      round: integerIn(certificate.round) as Round,
      blockId: String(certificate.blockId).slice(2) as BlockId,
      signatures: certificate.signatures.map(({ index, signature }) => ({
        validatorIndex: integerIn(index),
        signature: bytesIn(signature, 64),
      })),
    },
  }
}

const headerFrom = (header: Json): Header => ({
  chainId: integerIn(header.chainId),
  height: integerIn(header.height) as Height,
  time: integerIn(header.time) as Millis,
  previousBlockId: String(header.previousBlockId).slice(2) as BlockId,
  proposer: bytesIn(header.proposer, 20),
  validatorsHash: bytesIn(header.validatorsHash, 32),
  nextValidatorsHash: bytesIn(header.nextValidatorsHash, 32),
  consensusParamsHash: bytesIn(header.consensusParamsHash, 32),
  payloadHash: bytesIn(header.payloadHash, 32),
  stateRoot: bytesIn(header.stateRoot, 32),
  receiptsRoot: bytesIn(header.receiptsRoot, 32),
})
