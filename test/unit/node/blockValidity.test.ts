import { describe, expect, it, vi } from 'vitest'
import { type Block, blockCodec } from '../../../core/chain/block.ts'
import type { Certificate, CertificateSignature } from '../../../core/chain/certificate.ts'
import { duplicateVoteOf } from '../../../core/chain/evidence.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { ZERO_HASH } from '../../../core/primitives/hash.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { heightOf, millisOf } from '../../../core/primitives/units.ts'
import { buildBlock } from '../../../node/consensus/blockBuilder.ts'
import { checkBlock, type ValidityContext } from '../../../node/consensus/blockValidity.ts'
import { knownPrecommits } from '../../../node/consensus/knownPrecommits.ts'
import { VotesSeen } from '../../../node/consensus/votesSeen.ts'
import type { StateSummary } from '../../../node/storage/stateSummary.ts'
import {
  blockIdOf,
  changedBlock,
  emptyRoots,
  TEST_CHAIN_ID,
  TEST_PARAMS,
  testBlockId,
  testCertificate,
  testValidators,
  testVote,
} from '../../support/testChain.ts'

const { set, keys } = testValidators([1, 1, 1, 1])
const next = set.advance()
const headId = testBlockId(10)
const head: StateSummary = {
  height: heightOf(10),
  blockId: headId,
  time: millisOf(1_000_000),
  roots: emptyRoots,
  stateRoot: new Uint8Array(32).fill(1),
  receiptsRoot: new Uint8Array(32).fill(2),
  ethereumHash: new Uint8Array(32).fill(3),
  validators: set.validators,
  nextValidators: next.validators,
}
const context: ValidityContext = {
  chainId: TEST_CHAIN_ID,
  params: TEST_PARAMS,
  head,
  validators: set,
  nextValidators: next,
  pendingMessages: [],
  validatorsAt: (height) => (height > 0 ? set : null),
  timeAt: (height) => (height > 10 ? null : height * 100_000),
  hasEvidence: () => false,
  transactionsDecode: true,
}
const lastCommit = testCertificate(keys, {
  height: head.height,
  blockId: headId,
  signers: [0, 1, 2],
})
const evidenceAt = (height: number) =>
  duplicateVoteOf(
    testVote(keys, { type: 'prevote', validatorIndex: 1, height, blockId: testBlockId(1) }),
    testVote(keys, { type: 'prevote', validatorIndex: 1, height, blockId: null }),
  )
const valid: Block = buildBlock({
  chainId: TEST_CHAIN_ID,
  params: TEST_PARAMS,
  head,
  validators: set,
  nextValidators: next,
  proposer: set.addresses[2] as Uint8Array,
  timeMs: 1_000_001,
  transactions: [Uint8Array.of(1, 2, 3)],
  actions: [Uint8Array.of(0xa0, 1)],
  messages: [],
  evidence: [evidenceAt(9)],
  lastCommit,
})
const codeOf = (block: Block, changed: Partial<ValidityContext> = {}): string => {
  const verdict = checkBlock(block, encode(blockCodec, block).length, { ...context, ...changed })
  return verdict.ok ? 'VALID' : verdict.code
}
const junk = new Uint8Array(32).fill(0xee)
const certificate = (options: Partial<Parameters<typeof testCertificate>[1]>) =>
  testCertificate(keys, { height: head.height, blockId: headId, signers: [0, 1, 2], ...options })
const message = {
  kind: 'toCore' as const,
  block: 1,
  priority: 0,
  nonce: 0,
  source: new Uint8Array(20),
  target: new Uint8Array(20),
  mint: 0n,
  gasLimit: 1,
  params: new Uint8Array(0),
}

type Row = readonly [name: string, code: string, block: Block]
const header = (change: Partial<Block['header']>): Block => changedBlock(valid, { header: change })
const payload = (change: Partial<Block['payload']>): Block =>
  changedBlock(valid, { payload: change })

const ROWS: readonly Row[] = [
  ['another chain', 'WRONG_CHAIN_ID', header({ chainId: 1 })],
  ['the height before', 'WRONG_HEIGHT', header({ height: heightOf(10) })],
  ['the height after', 'WRONG_HEIGHT', header({ height: heightOf(12) })],
  ['height 0', 'WRONG_HEIGHT', header({ height: heightOf(0) })],
  ['another parent', 'WRONG_PREVIOUS_BLOCK', header({ previousBlockId: testBlockId(9) })],
  ['the time of the parent', 'TIME_NOT_AFTER_PREVIOUS', header({ time: head.time })],
  ['a time before the parent', 'TIME_NOT_AFTER_PREVIOUS', header({ time: millisOf(5) })],
  ['a stranger as proposer', 'UNKNOWN_PROPOSER', header({ proposer: new Uint8Array(20) })],
  ['another validator set', 'WRONG_VALIDATORS_HASH', header({ validatorsHash: next.hash })],
  ['a zero validator set', 'WRONG_VALIDATORS_HASH', header({ validatorsHash: ZERO_HASH })],
  ['another next set', 'WRONG_NEXT_VALIDATORS_HASH', header({ nextValidatorsHash: set.hash })],
  ['other parameters', 'WRONG_CONSENSUS_PARAMS_HASH', header({ consensusParamsHash: junk })],
  ['another state', 'WRONG_STATE_ROOT', header({ stateRoot: junk })],
  ['the state root of nothing', 'WRONG_STATE_ROOT', header({ stateRoot: ZERO_HASH })],
  ['other receipts', 'WRONG_RECEIPTS_ROOT', header({ receiptsRoot: junk })],
  ['roots swapped', 'WRONG_STATE_ROOT', header({ stateRoot: head.receiptsRoot })],
  ['another payload hash', 'WRONG_PAYLOAD_HASH', header({ payloadHash: junk })],
  [
    'a transaction added under the old hash',
    'WRONG_PAYLOAD_HASH',
    { ...valid, payload: { ...valid.payload, evm: [...valid.payload.evm, Uint8Array.of(9)] } },
  ],
  [
    'a transaction left out under the old hash',
    'WRONG_PAYLOAD_HASH',
    { ...valid, payload: { ...valid.payload, evm: [] } },
  ],
  [
    'a transaction moved to the other list',
    'WRONG_PAYLOAD_HASH',
    { ...valid, payload: { ...valid.payload, evm: valid.payload.core, core: valid.payload.evm } },
  ],
  [
    'too many bytes',
    'BLOCK_TOO_LARGE',
    payload({ evm: Array.from({ length: 9 }, () => new Uint8Array(120_000)) }),
  ],
  ['a message that does not wait', 'WRONG_MESSAGES', payload({ messages: [message] })],
  ['no last commit', 'BAD_LAST_COMMIT', payload({ lastCommit: null })],
  [
    'a commit of another height',
    'BAD_LAST_COMMIT',
    payload({ lastCommit: certificate({ height: heightOf(9) }) }),
  ],
  [
    'a commit of another block',
    'BAD_LAST_COMMIT',
    payload({ lastCommit: certificate({ blockId: testBlockId(77) }) }),
  ],
  [
    'a commit of two of four',
    'BAD_LAST_COMMIT',
    payload({ lastCommit: certificate({ signers: [0, 1] }) }),
  ],
  [
    'a commit made of prevotes',
    'BAD_LAST_COMMIT',
    payload({ lastCommit: certificate({ type: 'prevote' }) }),
  ],
  [
    'a quorum with one bad signature beside it',
    'BAD_LAST_COMMIT',
    payload({
      lastCommit: {
        ...lastCommit,
        signatures: [
          ...lastCommit.signatures,
          { validatorIndex: 3, signature: new Uint8Array(64).fill(1) },
        ],
      },
    }),
  ],
  [
    'a signer twice',
    'BAD_LAST_COMMIT',
    payload({
      lastCommit: {
        ...lastCommit,
        signatures: [0, 1, 1].map((i) => lastCommit.signatures[i] as never),
      },
    }),
  ],
  [
    'evidence of the height in flight',
    'EVIDENCE_NOT_ALLOWED',
    payload({ evidence: [evidenceAt(11)] }),
  ],
  [
    'the same evidence twice',
    'EVIDENCE_NOT_ALLOWED',
    payload({ evidence: [evidenceAt(9), evidenceAt(9)] }),
  ],
  [
    'evidence of two equal votes',
    'BAD_EVIDENCE',
    payload({
      evidence: [{ ...evidenceAt(9), second: evidenceAt(9).first } as never],
    }),
  ],
  [
    'evidence of another chain',
    'BAD_EVIDENCE',
    payload({
      evidence: [
        duplicateVoteOf(
          testVote(keys, {
            type: 'prevote',
            validatorIndex: 1,
            height: 9,
            blockId: null,
            chainId: 7,
          }),
          testVote(keys, {
            type: 'prevote',
            validatorIndex: 1,
            height: 9,
            blockId: testBlockId(1),
            chainId: 7,
          }),
        ),
      ],
    }),
  ],
]

describe('checkBlock', () => {
  it('accepts the block it should', () => {
    expect(codeOf(valid)).toBe('VALID')
    expect(blockIdOf(valid.header)).not.toBe(blockIdOf(header({ chainId: 1 }).header))
  })

  it.each(ROWS)('refuses %s: %s', (_name, code, block) => {
    expect(codeOf(block)).toBe(code)
  })

  it('refuses undecodable transactions, known evidence and expired evidence', () => {
    expect(codeOf(valid, { transactionsDecode: false })).toBe('BAD_TRANSACTION')
    expect(codeOf(valid, { hasEvidence: () => true })).toBe('EVIDENCE_NOT_ALLOWED')
    const params = { ...TEST_PARAMS, evidenceMaxAgeBlocks: 0, evidenceMaxAgeMs: millisOf(1) }
    const old = buildBlock({
      chainId: TEST_CHAIN_ID,
      params,
      head,
      validators: set,
      nextValidators: next,
      proposer: set.addresses[0] as Uint8Array,
      timeMs: 1_000_001,
      transactions: [],
      actions: [],
      messages: [],
      evidence: [evidenceAt(9)],
      lastCommit,
    })
    expect(codeOf(old, { params })).toBe('EVIDENCE_NOT_ALLOWED')
    expect(codeOf(old, { params: { ...params, evidenceMaxAgeBlocks: 5 } })).toBe(
      'WRONG_CONSENSUS_PARAMS_HASH',
    )
  })

  it('verifies of the last commit what was not verified here before, and nothing else', () => {
    const { round, signatures: precommits } = lastCommit
    const verify = vi.spyOn(signatures, 'verify')
    // Signer 0 was in the certificate of the head, signer 1 was seen as a vote.
    const own = { ...lastCommit, signatures: precommits.slice(0, 1) }
    const votes = new VotesSeen()
    const [, second, third] = precommits as [unknown, CertificateSignature, CertificateSignature]
    votes.add({ type: 'precommit', round, blockId: headId, ...second })
    const session = { isKnown: (vote: Parameters<typeof votes.has>[0]) => votes.has(vote) }
    const known = { knownPrecommits: (one: Certificate) => knownPrecommits(one, own, session) }
    const noEvidence = payload({ evidence: [] })
    const forged = { ...second, signature: third.signature }
    const changed = (...given: readonly CertificateSignature[]): Block =>
      changedBlock(noEvidence, { payload: { lastCommit: { ...lastCommit, signatures: given } } })
    try {
      expect(codeOf(noEvidence, known)).toBe('VALID')
      expect(verify).toHaveBeenCalledTimes(1)
      expect(codeOf(noEvidence)).toBe('VALID')
      expect(verify).toHaveBeenCalledTimes(4)
      expect(codeOf(changed(precommits[0] as never, forged, third), known)).toBe('BAD_LAST_COMMIT')
      const otherRound = certificate({ round: 1 })
      expect(codeOf(payload({ evidence: [], lastCommit: otherRound }), known)).toBe('VALID')
      const mixed = { ...otherRound, signatures: precommits }
      expect(codeOf(payload({ evidence: [], lastCommit: mixed }), known)).toBe('BAD_LAST_COMMIT')
    } finally {
      verify.mockRestore()
    }
  })

  it('leaves evidence of before its records to others, as long as it may count', () => {
    const start = heightOf(10)
    const restored = { start, validatorsAt: (at: number) => (at < 10 ? null : set) }
    expect(codeOf(valid, restored)).toBe('UNKNOWABLE_EVIDENCE')
    expect(codeOf(valid, { ...restored, vouched: true })).toBe('VALID')
    const wrong = payload({ evidence: [evidenceAt(9), evidenceAt(11)] })
    expect(codeOf(wrong, { ...restored, vouched: true })).toBe('EVIDENCE_NOT_ALLOWED')
    const expired = { ...restored, timeAt: () => head.time - 1_000_000_000 }
    const params = { ...TEST_PARAMS, evidenceMaxAgeBlocks: 0 }
    const old = buildBlock({
      ...{
        chainId: TEST_CHAIN_ID,
        params,
        head,
        validators: set,
        nextValidators: next,
        lastCommit,
      },
      ...{ proposer: set.addresses[0] as Uint8Array, timeMs: 1_000_001, evidence: [evidenceAt(8)] },
      ...{ transactions: [], actions: [], messages: [] },
    })
    const early = { ...expired, params, start: heightOf(9), vouched: true }
    expect(codeOf(old, early)).toBe('EVIDENCE_NOT_ALLOWED')
  })

  it('accepts exactly the messages that wait, in their order', () => {
    const second = { ...message, nonce: 1, kind: 'toEvm' as const }
    const waiting = { pendingMessages: [message, second] }
    const given = (...messages: Block['payload']['messages']): string =>
      codeOf(payload({ messages }), waiting)
    expect(given(message, second)).toBe('VALID')
    for (const wrong of [
      [],
      [message],
      [second],
      [second, message],
      [message, second, second],
      [message, { ...second, mint: 1n }],
      [message, { ...second, params: Uint8Array.of(0) }],
      [message, { ...second, kind: 'toCore' as const }],
    ])
      expect(given(...wrong)).toBe('WRONG_MESSAGES')
  })

  it('wants no last commit at height 1 and none but its own', () => {
    const genesis = { ...head, height: heightOf(0) }
    const first = (commit: Block['payload']['lastCommit']): Block =>
      buildBlock({
        chainId: TEST_CHAIN_ID,
        params: TEST_PARAMS,
        head: genesis,
        validators: set,
        nextValidators: next,
        proposer: set.addresses[0] as Uint8Array,
        timeMs: 1_000_001,
        transactions: [],
        actions: [],
        messages: [],
        evidence: [],
        lastCommit: commit,
      })
    expect(codeOf(first(null), { head: genesis })).toBe('VALID')
    expect(codeOf(first(lastCommit), { head: genesis })).toBe('BAD_LAST_COMMIT')
  })
})
