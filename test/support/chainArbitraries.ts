// Generators for every type of core/chain, with the edges of each field likely.
import fc from 'fast-check'
import type { Block, CrossMessage, Header, Payload } from '../../core/chain/block.ts'
import type { Certificate, RoundCertificate } from '../../core/chain/certificate.ts'
import type { Evidence } from '../../core/chain/evidence.ts'
import type {
  EthereumHeader,
  ExecutedBlock,
  ExecutedTransaction,
  Log,
  Receipt,
} from '../../core/chain/executedBlock.ts'
import type { ConsensusParams } from '../../core/chain/params.ts'
import type { Validator } from '../../core/chain/validatorSet.ts'
import type { SignedProposal, SignedVote } from '../../core/chain/vote.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import type { BlockId, Height, Millis, Round } from '../../core/primitives/units.ts'

const MAX_SAFE = Number.MAX_SAFE_INTEGER

export const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
export const bytesUpTo = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ maxLength: length })

const natural = (max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min: 0, max: Math.min(max, 300) }),
    fc.integer({ min: 0, max }),
    fc.constant(max),
  )
const int = natural(MAX_SAFE)
const u256 = fc.bigInt({ min: 0n, max: (1n << 256n) - 1n })
const hash = bytesOf(32)
const address = bytesOf(20)
const millis = int as fc.Arbitrary<Millis>
export const height = int as fc.Arbitrary<Height>
export const round = natural(0xffffffff) as fc.Arbitrary<Round>
const polRound = fc.oneof(fc.constant(-1), natural(0xfffffffe)) as fc.Arbitrary<Round | -1>
const index = natural(0xffff)
export const blockId: fc.Arbitrary<BlockId> = hash.map((bytes) => toHex(bytes) as BlockId)

export const signedVote: fc.Arbitrary<SignedVote> = fc.record({
  type: fc.constantFrom('prevote' as const, 'precommit' as const),
  chainId: int,
  height,
  round,
  blockId: fc.option(blockId),
  validatorIndex: index,
  signature: bytesOf(64),
})

export const signedProposal: fc.Arbitrary<SignedProposal> = fc.record({
  chainId: int,
  height,
  round,
  polRound,
  blockId,
  validatorIndex: index,
  signature: bytesOf(64),
})

export const evidence: fc.Arbitrary<Evidence> = fc.oneof(
  fc.record({
    kind: fc.constant('duplicateVote' as const),
    first: signedVote,
    second: signedVote,
  }),
  fc.record({
    kind: fc.constant('duplicateProposal' as const),
    first: signedProposal,
    second: signedProposal,
  }),
)

export const certificate: fc.Arbitrary<Certificate> = fc.record({
  height,
  round,
  blockId,
  signatures: fc
    .uniqueArray(fc.record({ validatorIndex: index, signature: bytesOf(64) }), {
      maxLength: 5,
      selector: (entry) => entry.validatorIndex,
    })
    .map((entries) => entries.sort((a, b) => a.validatorIndex - b.validatorIndex)),
})

export const roundCertificate: fc.Arbitrary<RoundCertificate> = fc.record({
  height,
  round,
  votes: fc.array(signedVote, { maxLength: 3 }),
})

export const header: fc.Arbitrary<Header> = fc.record({
  chainId: int,
  height,
  time: millis,
  previousBlockId: blockId,
  proposer: address,
  validatorsHash: hash,
  nextValidatorsHash: hash,
  consensusParamsHash: hash,
  payloadHash: hash,
  stateRoot: hash,
  receiptsRoot: hash,
})

export const crossMessage: fc.Arbitrary<CrossMessage> = fc.record({
  kind: fc.constantFrom('toCore', 'toEvm'),
  block: int,
  priority: natural(0xff),
  nonce: int,
  source: address,
  target: address,
  mint: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  gasLimit: int,
  params: bytesUpTo(20),
})

const transactions = fc.array(bytesUpTo(20), { maxLength: 3 })

export const payload: fc.Arbitrary<Payload> = fc.record({
  evm: transactions,
  core: transactions,
  messages: fc.array(crossMessage, { maxLength: 2 }),
  evidence: fc.array(evidence, { maxLength: 1 }),
  lastCommit: fc.option(certificate),
})

export const block: fc.Arbitrary<Block> = fc.record({ header, payload })

const recipient = fc.constantFrom('burn' as const, 'treasury' as const, 'proposer' as const)
export const consensusParams: fc.Arbitrary<ConsensusParams> = fc.record({
  maxBlockBytes: natural(0xffffffff),
  maxBlockGas: int,
  emptyBlockIntervalMs: millis,
  precisionMs: millis,
  messageDelayMs: millis,
  evidenceMaxAgeMs: millis,
  evidenceMaxAgeBlocks: int,
  baseFeeRecipient: recipient,
  tipRecipient: recipient,
})

/** Bytes only: keys need not be on the curve for the codec. */
export const validators: fc.Arbitrary<readonly Validator[]> = fc.array(
  fc.record({
    publicKey: bytesOf(33),
    power: int,
    priority: fc.oneof(fc.integer({ min: -300, max: 300 }), fc.constantFrom(-MAX_SAFE, MAX_SAFE)),
  }),
  { maxLength: 4 },
)

const log: fc.Arbitrary<Log> = fc.record({
  address,
  topics: fc.array(hash, { maxLength: 4 }),
  data: bytesUpTo(20),
})

export const receipt: fc.Arbitrary<Receipt> = fc.record({
  type: natural(0xff),
  status: natural(0xff),
  gasUsed: int,
  cumulativeGasUsed: int,
  effectiveGasPrice: u256,
  contractAddress: fc.option(address),
  logs: fc.array(log, { maxLength: 2 }),
  logsBloom: bytesOf(256),
})

export const ethereumHeader: fc.Arbitrary<EthereumHeader> = fc.record({
  hash,
  parentHash: hash,
  coinbase: address,
  stateRoot: hash,
  transactionsRoot: hash,
  receiptsRoot: hash,
  logsBloom: bytesOf(256),
  number: int,
  gasLimit: int,
  gasUsed: int,
  timestamp: int,
  extraData: bytesUpTo(32),
  prevRandao: hash,
  baseFeePerGas: u256,
  withdrawalsRoot: hash,
  parentBeaconBlockRoot: hash,
  requestsHash: hash,
  size: natural(0xffffffff),
})

const executedTransaction: fc.Arbitrary<ExecutedTransaction> = fc.record({
  hash,
  sender: address,
  bytes: bytesUpTo(20),
  receipt,
})

export const executedBlock: fc.Arbitrary<ExecutedBlock> = fc.record({
  blockId,
  header: ethereumHeader,
  transactions: fc.array(executedTransaction, { maxLength: 2 }),
  skipped: fc.array(fc.record({ hash, code: fc.stringMatching(/^[A-Z_]{0,24}$/) }), {
    maxLength: 2,
  }),
})
