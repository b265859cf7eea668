import { type RowProof, type RowValues, verifyRowProof } from '../../core/arena/proof.ts'
import type { Schema } from '../../core/arena/schema.ts'
import { blockIdOf, type Header } from '../../core/chain/block.ts'
import { coreRootOf, stateRootOf } from '../../core/chain/roots.ts'
import { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { voteDigest } from '../../core/chain/vote.ts'
import { equalBytes, parseHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { signatures } from '../../core/primitives/signature.ts'
import type { BlockId, Height, Millis, Round } from '../../core/primitives/units.ts'

/** Whom the reader believes: the validators of height + 1 in address order, and the chain they sign for. */
export type TrustedValidators = {
  readonly chainId: number
  readonly validators: readonly { readonly publicKey: Uint8Array; readonly power: number }[]
}

export type ProvenRow = {
  /** Whose state holds the row. */
  readonly height: number
  readonly engine: string
  readonly table: string
  readonly row: number
  readonly values: RowValues
}

export type ProofCode =
  | 'BAD_ANSWER'
  | 'BAD_VALIDATORS'
  | 'BAD_PROOF'
  | 'WRONG_STATE_ROOT'
  | 'WRONG_BLOCK'
  | 'NOT_ENOUGH_POWER'

/**
 * Checks an answer of `nexus_getProof` without trust in the node: the row is in the engine's root, that
 * in the state root, that in a header, and validators of more than two thirds of the power signed the
 * header's block. About 60 µs a signature.
 */
export function verifyProof(
  json: unknown,
  wanted: { readonly engine: string; readonly schema: Schema; readonly engineIndex: number },
  trusted: TrustedValidators,
): Result<ProvenRow, ProofCode> {
  const read = readProof(json)
  if (read === null) return reject('BAD_ANSWER')
  const { height, proof, engineRoots, roots, header } = read
  const engineRoot = engineRoots[wanted.engineIndex]
  if (engineRoot === undefined) return reject('BAD_PROOF')
  const values = verifyRowProof(wanted.schema, engineRoot, proof)
  if (!values.ok) return values
  const coreRoot = coreRootOf(engineRoots)
  const stateRoot = stateRootOf({ ...roots, coreRoot }, height as Height)
  if (header.height !== height + 1 || !equalBytes(stateRoot, header.stateRoot))
    return reject('WRONG_STATE_ROOT')
  const certified = checkCertificate(read, trusted)
  if (!certified.ok) return certified
  const { table, row } = proof
  return ok({ height, engine: wanted.engine, table, row, values: values.value })
}

function checkCertificate(
  { header, certificate }: ReadProof,
  { chainId, validators }: TrustedValidators,
): Result<null, ProofCode> {
  const created = ValidatorSet.create(validators.map((one) => ({ ...one, priority: 0 })))
  if (!created.ok) return reject('BAD_VALIDATORS')
  const blockId = blockIdOf(header)
  if (header.chainId !== chainId || certificate.blockId !== blockId) return reject('WRONG_BLOCK')
  const { height, round } = certificate
  if (height !== header.height) return reject('WRONG_BLOCK')
  const vote = { type: 'precommit' as const, chainId, height: height as Height, round, blockId }
  const digest = voteDigest(vote)
  const set = created.value
  const signed = new Set<number>()
  for (const { index, signature } of certificate.signatures) {
    const key = set.validators[index]?.publicKey
    if (key !== undefined && signatures.verify(signature, digest, key)) signed.add(index)
  }
  const power = [...signed].reduce((sum, index) => sum + set.powerOf(index), 0)
  return set.isQuorum(power) ? ok(null) : reject('NOT_ENOUGH_POWER')
}

type ReadProof = NonNullable<ReturnType<typeof readProof>>

/** Null unless every part has its form. */
function readProof(json: unknown) {
  try {
    return proofFrom(json as ProofJson)
  } catch {
    return null
  }
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

function proofFrom(json: ProofJson) {
  const { header, certificate } = json
  const proof: RowProof = {
    table: String(json.table),
    row: integer(json.row),
    bytes: bytes(json.bytes),
    path: json.path.map((node) => bytes(node, 32)),
  }
  const roots = {
    evmRoot: bytes(json.evmRoot, 32),
    queueRoot: bytes(json.queueRoot, 32),
    consensusRoot: bytes(json.consensusRoot, 32),
  }
  return {
    height: integer(json.height),
    proof,
    engineRoots: json.engineRoots.map((root) => bytes(root, 32)),
    roots,
    header: headerFrom(header),
    certificate: {
      height: integer(certificate.height),
      round: integer(certificate.round) as Round,
      blockId: String(certificate.blockId).slice(2),
      signatures: certificate.signatures.map(({ index, signature }) => ({
        index: integer(index),
        signature: bytes(signature, 64),
      })),
    },
  }
}

const headerFrom = (header: Json): Header => ({
  chainId: integer(header.chainId),
  height: integer(header.height) as Height,
  time: integer(header.time) as Millis,
  previousBlockId: String(header.previousBlockId).slice(2) as BlockId,
  proposer: bytes(header.proposer, 20),
  validatorsHash: bytes(header.validatorsHash, 32),
  nextValidatorsHash: bytes(header.nextValidatorsHash, 32),
  consensusParamsHash: bytes(header.consensusParamsHash, 32),
  payloadHash: bytes(header.payloadHash, 32),
  stateRoot: bytes(header.stateRoot, 32),
  receiptsRoot: bytes(header.receiptsRoot, 32),
})

function integer(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new NexusError({ code: 'BAD_ANSWER' })
  return value as number
}

function bytes(value: unknown, length?: number): Uint8Array {
  const parsed = parseHex(String(value))
  if (!parsed.ok || (length !== undefined && parsed.value.length !== length))
    throw new NexusError({ code: 'BAD_ANSWER' })
  return parsed.value
}
