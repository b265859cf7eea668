import { type Block, blockIdOf } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import type { EthereumHeader, ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { Validator } from '../../core/chain/validatorSet.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, parseHex, toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { addressOfPublicKey, signatures } from '../../core/primitives/signature.ts'
import type { Height } from '../../core/primitives/units.ts'
import { checksumAddress } from '../../genesis/index.ts'
import {
  readBlock,
  readCertificate,
  readExecuted,
  readHeightOfHash,
  readSummary,
} from '../storage/chainRecords.ts'
import { readCoreOutcome } from '../storage/coreState.ts'
import type { Progress } from '../storage/meta.ts'
import { readValidators } from '../storage/validatorRecord.ts'
import { knownHeight } from './inspectState.ts'
import { plainJson } from './plainJson.ts'
import type { StoppedNode } from './stoppedNode.ts'

/** A height, an Ethereum hash, a block id, or the latest. */
export type BlockName =
  | { readonly kind: 'height'; readonly height: number }
  | { readonly kind: 'hash'; readonly hash: Uint8Array }
  | { readonly kind: 'latest' }

/** Null: not a name of a block. */
export function parseBlockName(text: string): BlockName | null {
  if (text === 'latest') return { kind: 'latest' }
  if (/^\d{1,15}$/.test(text)) return { kind: 'height', height: Number(text) }
  const hash = parseHex(text.startsWith('0x') ? text : `0x${text}`)
  return hash.ok && hash.value.length === 32 ? { kind: 'hash', hash: hash.value } : null
}

/** There is no index by block id: this many heights are searched, a few milliseconds a thousand. */
const SEARCHED_HEIGHTS = 100_000

/** All that a stopped node has of a block. Throws HEIGHT_UNKNOWN, BLOCK_UNKNOWN, STORAGE_CORRUPT. */
export function inspectBlock(node: StoppedNode, name: BlockName) {
  const { read } = node
  const { progress, height } = knownHeight(node, heightOfName(node, name))
  const summary = readSummary(read, height, progress)
  assert(summary !== null, 'a known height has a summary')
  const block = readBlock(read, height, progress)
  const certificate = readCertificate(read, height, progress)
  const executed = readExecuted(read, height, block)
  const validators = height === 0 ? null : readValidators(read, height)
  const core = readCoreOutcome(read, height, progress)
  return {
    height,
    blockId: `0x${summary.blockId}`,
    ethereumHash: `0x${toHex(summary.ethereumHash)}`,
    time: new Date(summary.time).toISOString(),
    stateRoot: `0x${toHex(summary.stateRoot)}`,
    roots: plainJson(summary.roots),
    header: block === null ? null : plainJson(block.header),
    payload: block === null ? null : payloadOf(block),
    certificate: certificate === null ? null : certificateOf(certificate, validators ?? []),
    ethereum: ethereumOf(executed.header),
    receipts: receiptsOf(executed),
    actions: {
      count: core?.receipts.length ?? 0,
      refused: core?.receipts.filter(({ code }) => code !== null).length ?? 0,
      eventBytes: core?.events.length ?? 0,
    },
  }
}

function heightOfName(node: StoppedNode, name: BlockName): number | null {
  if (name.kind !== 'hash') return name.kind === 'latest' ? null : name.height
  const known = readHeightOfHash(node.read, name.hash)
  if (known !== null) return known
  const { progress } = knownHeight(node, null)
  return heightOfId(node, toHex(name.hash), progress)
}

function heightOfId({ read }: StoppedNode, id: string, progress: Progress): Height {
  const lowest = Math.max(progress.start, progress.height - SEARCHED_HEIGHTS)
  for (let height: number = progress.height; height >= lowest; height--) {
    const summary = readSummary(read, height, progress)
    if (summary?.blockId === id) return summary.height
  }
  throw new NexusError(
    { code: 'BLOCK_UNKNOWN', id },
    {
      message: `0x${id} is neither the hash of an Ethereum block nor the id of one of heights ${lowest} to ${progress.height}`,
    },
  )
}

function payloadOf({ payload, header }: Block) {
  return {
    transactions: payload.evm.length,
    transactionBytes: payload.evm.reduce((sum, bytes) => sum + bytes.length, 0),
    actions: payload.core.length,
    actionBytes: payload.core.reduce((sum, bytes) => sum + bytes.length, 0),
    messages: payload.messages.length,
    evidence: payload.evidence.length,
    computedBlockId: `0x${blockIdOf(header)}`,
    lastCommitSigners: payload.lastCommit?.signatures.length ?? null,
  }
}

function certificateOf(certificate: Certificate, validators: readonly Validator[]) {
  const signers = certificate.signatures.map(({ validatorIndex }) => {
    const validator = validators[validatorIndex]
    return {
      index: validatorIndex,
      address: validator === undefined ? null : addressOf(validator),
      power: validator?.power ?? null,
    }
  })
  const total = validators.reduce((sum, { power }) => sum + power, 0)
  const signed = signers.reduce((sum, { power }) => sum + (power ?? 0), 0)
  const missing = validators
    .filter((_, i) => !certificate.signatures.some(({ validatorIndex }) => validatorIndex === i))
    .map(addressOf)
  return {
    round: certificate.round,
    blockId: `0x${certificate.blockId}`,
    signed,
    total,
    signers,
    missing,
  }
}

const addressOf = ({ publicKey }: Validator): string =>
  checksumAddress(addressOfPublicKey(signatures.expand(publicKey)))

function ethereumOf(header: EthereumHeader) {
  const { logsBloom, ...rest } = header
  const hasLogs = !equalBytes(logsBloom, new Uint8Array(logsBloom.length))
  return { ...(plainJson(rest) as object), hasLogs }
}

function receiptsOf({ transactions, skipped }: ExecutedBlock) {
  return {
    transactions: transactions.length,
    failed: transactions.filter(({ receipt }) => receipt.status === 0).length,
    logs: transactions.reduce((sum, { receipt }) => sum + receipt.logs.length, 0),
    skipped: skipped.map(({ hash, code }) => ({ hash: `0x${toHex(hash)}`, code })),
  }
}
