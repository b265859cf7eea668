// Blocks that no honest validator may vote for, each made from the one that it should vote for.
import type { Block, Header } from '../../core/chain/block.ts'
import { duplicateVoteOf, type Evidence } from '../../core/chain/evidence.ts'
import { ZERO_HASH } from '../../core/primitives/hash.ts'
import { heightOf, millisOf } from '../../core/primitives/units.ts'
import { changedBlock, testBlockId, testCertificate, testVote } from './testChain.ts'

export type BadBlock = readonly [name: string, make: (valid: Block) => Block]

const JUNK = new Uint8Array(32).fill(0xee)

const MESSAGE = {
  ...({ kind: 'toCore', block: 1, priority: 0, nonce: 0, mint: 0n, gasLimit: 1 } as const),
  ...{ source: new Uint8Array(20), target: new Uint8Array(20), params: new Uint8Array(0) },
}

const header =
  (change: (of: Header) => Partial<Header>) =>
  (valid: Block): Block =>
    changedBlock(valid, { header: change(valid.header) })

const HEADERS: readonly BadBlock[] = [
  ['another chain', header(() => ({ chainId: 1 }))],
  ['the height before', header(({ height }) => ({ height: heightOf(height - 1) }))],
  ['the height after', header(({ height }) => ({ height: heightOf(height + 1) }))],
  ['a time long past', header(() => ({ time: millisOf(1) }))],
  ['a time too early for its arrival', header(({ time }) => ({ time: millisOf(time - 60_000) }))],
  ['a time far ahead', header(({ time }) => ({ time: millisOf(time + 3_600_000) }))],
  ['a time a little too far ahead', header(({ time }) => ({ time: millisOf(time + 400) }))],
  ['another parent', header(() => ({ previousBlockId: testBlockId(9) }))],
  ['a stranger as proposer', header(() => ({ proposer: new Uint8Array(20) }))],
  ['another validator set', header(() => ({ validatorsHash: JUNK }))],
  ['the next set as this one', header((h) => ({ validatorsHash: h.nextValidatorsHash }))],
  ['another next set', header(() => ({ nextValidatorsHash: JUNK }))],
  ['this set as the next one', header((h) => ({ nextValidatorsHash: h.validatorsHash }))],
  ['other parameters', header(() => ({ consensusParamsHash: JUNK }))],
  ['another payload hash', header(() => ({ payloadHash: JUNK }))],
  ['no payload hash', header(() => ({ payloadHash: ZERO_HASH }))],
  ['a wrong state root', header(() => ({ stateRoot: JUNK }))],
  ['other receipts', header(() => ({ receiptsRoot: JUNK }))],
]

/** The header promises one payload and the body is another. */
const swapped =
  (promised: Partial<Block['payload']>, given: Partial<Block['payload']>) =>
  (valid: Block): Block => ({
    header: changedBlock(valid, { payload: promised }).header,
    payload: { ...valid.payload, ...given },
  })
const [ONE, TWO, ACTION] = [Uint8Array.of(1, 1), Uint8Array.of(2, 2), Uint8Array.of(0xa0, 1)]

const PAYLOADS: readonly BadBlock[] = [
  ['a transaction added', swapped({}, { evm: [ONE] })],
  ['a transaction left out', swapped({ evm: [ONE, TWO] }, { evm: [ONE] })],
  ['transactions in another order', swapped({ evm: [ONE, TWO] }, { evm: [TWO, ONE] })],
  ['a transaction twice', swapped({ evm: [ONE] }, { evm: [ONE, ONE] })],
  ['an envelope left out', swapped({ core: [ACTION] }, { core: [] })],
  [
    'a message that nobody queued',
    (valid) => changedBlock(valid, { payload: { messages: [MESSAGE] } }),
  ],
  [
    'too many bytes',
    (valid) =>
      changedBlock(valid, {
        payload: { evm: Array.from({ length: 9 }, (_, i) => new Uint8Array(120_000).fill(i + 1)) },
      }),
  ],
]

type Keys = readonly Uint8Array[]

/** Of the last commit: needs a height above 1. */
const commits = (keys: Keys): readonly BadBlock[] => {
  const commit =
    (change: (valid: Block) => Partial<Parameters<typeof testCertificate>[1]>) =>
    (valid: Block): Block => {
      const height = heightOf(valid.header.height - 1)
      const blockId = valid.header.previousBlockId
      const options = { height, blockId, signers: [0, 1, 2], round: 0, ...change(valid) }
      return changedBlock(valid, { payload: { lastCommit: testCertificate(keys, options) } })
    }
  return [
    ['no last commit', (valid) => changedBlock(valid, { payload: { lastCommit: null } })],
    ['a commit of another height', commit(({ header: h }) => ({ height: heightOf(h.height) }))],
    ['a commit without a quorum', commit(() => ({ signers: [0, 3] }))],
    ['a commit of prevotes', commit(() => ({ type: 'prevote' }))],
    ['a commit of a signer twice', commit(() => ({ signers: [0, 1, 1, 2] }))],
    [
      'a commit with a bad signature beyond the quorum',
      (valid) => {
        const made = commit(() => ({ signers: [0, 1, 2, 3] }))(valid)
        const lastCommit = made.payload.lastCommit
        if (lastCommit === null) return made
        const last = { validatorIndex: 3, signature: new Uint8Array(64).fill(1) }
        const signatures = [...lastCommit.signatures.slice(0, 3), last]
        return changedBlock(valid, { payload: { lastCommit: { ...lastCommit, signatures } } })
      },
    ],
  ]
}

const evidences = (keys: Keys): readonly BadBlock[] => {
  const at = (height: number, validatorIndex = 3, chainId?: number): Evidence => {
    const vote = { type: 'prevote', validatorIndex, height, round: 60 } as const
    const place = chainId === undefined ? vote : { ...vote, chainId }
    return duplicateVoteOf(
      testVote(keys, { ...place, blockId: null }),
      testVote(keys, { ...place, blockId: testBlockId(1) }),
    )
  }
  const holding =
    (make: (height: number) => readonly Evidence[]) =>
    (valid: Block): Block =>
      changedBlock(valid, { payload: { evidence: make(valid.header.height) } })
  return [
    ['evidence of the height in flight', holding((height) => [at(height)])],
    ['evidence of a height to come', holding((height) => [at(height + 5)])],
    ['the same evidence twice', holding((height) => [at(height - 1), at(height - 1)])],
    ['evidence of another chain', holding((height) => [at(height - 1, 3, 7)])],
    [
      'evidence of one vote twice',
      holding((height) => [{ ...at(height - 1), second: at(height - 1).first } as Evidence]),
    ],
    [
      'evidence in the wrong order',
      holding((height) => {
        const { first, second } = at(height - 1)
        return [{ kind: 'duplicateVote', first: second, second: first } as Evidence]
      }),
    ],
    [
      'evidence against another',
      holding((height) => {
        const { first, second } = at(height - 1)
        const blamed = (vote: object): object => ({ ...vote, validatorIndex: 0 })
        return [{ kind: 'duplicateVote', first: blamed(first), second: blamed(second) } as Evidence]
      }),
    ],
  ]
}

/** `keys` in the order of the set. All need a height above 1. */
export const badBlocks = (keys: Keys): readonly BadBlock[] => [
  ...HEADERS,
  ...PAYLOADS,
  ...commits(keys),
  ...evidences(keys),
]
