// How each recorded call of execution-apis is compared, or why it cannot be asked.

type Comparison = {
  /** `late` where absent. */
  readonly on?: 'early' | 'late'
  /** The fields that differ, all of them, and why. Of a result that is words: which. */
  readonly except?: readonly string[]
  readonly because?: string
  /** Only the first so many of a list. */
  readonly first?: number
  readonly note?: string
}

const EARLY = { on: 'early' } as const
const OUR_CODE =
  'a contract of ours answers with the recorded bytes: its code is not in the archive'
const OUR_LOG = 'a contract of ours writes the recorded log: its transaction is not in the archive'
const UNPROTECTED = 'sent in its sender’s name: without a chain id it is refused'
const HEADER = {
  except: ['extraData', 'miner', 'mixHash', 'parentBeaconBlockRoot', 'size', 'stateRoot'],
  because: 'of our chain',
} as const
const PROOF = {
  except: ['accountProof', 'storageHash'],
  because: 'the other accounts and slots are not in the archive; the recorded proof is verified',
} as const
const FORK_HEADER = ['extraData', 'miner', 'mixHash', 'size', 'stateRoot'] as const
/** Of later forks than the recorded block's. */
const LATER = [
  'blobGasUsed',
  'excessBlobGas',
  'parentBeaconBlockRoot',
  'requestsHash',
  'withdrawals',
  'withdrawalsRoot',
] as const
const CREATED = {
  ...EARLY,
  except: ['cumulativeGasUsed', 'gasUsed', 'root', 'status'],
  because: 'the recorded one is of Frontier',
  note: UNPROTECTED,
}
const LEGACY = {
  ...EARLY,
  except: ['chainId', 'r', 's', 'v'],
  because: UNPROTECTED,
}

export const COMPARED: Readonly<Record<string, Comparison>> = {
  'debug_traceTransaction/trace-contract-call': {
    ...EARLY,
    except: ['gas'],
    because: 'the recorded creation paid by Frontier; with its gas the steps are equal',
    note: UNPROTECTED,
  },
  'debug_traceTransaction/trace-legacy-transfer': { ...EARLY, note: UNPROTECTED },
  'debug_traceTransaction/trace-unknown-tx': {
    except: ['data'],
    because: 'ours carry their code there, geth’s has none',
  },
  'eth_call/call-callenv': { except: ['word 2', 'word 4'], because: 'COINBASE and PREVRANDAO' },
  'eth_call/call-callenv-options-eip1559': {
    except: ['word 2', 'word 4'],
    because: 'COINBASE and PREVRANDAO',
  },
  'eth_call/call-contract': { note: OUR_CODE },
  'eth_call/call-eip7702-delegation': {
    note: `the recorded delegation; behind it, ${OUR_CODE}`,
  },
  'eth_call/call-revert-abi-error': { note: OUR_CODE },
  'eth_call/call-revert-abi-panic': { note: OUR_CODE },
  'eth_createAccessList/create-al-abi-revert': {
    except: ['gasUsed'],
    because: OUR_CODE,
  },
  'eth_estimateGas/estimate-call-abi-error': { note: OUR_CODE },
  'eth_estimateGas/estimate-failed-call': { note: OUR_CODE },
  'eth_feeHistory/fee-history': {
    except: ['baseFeePerBlobGas'],
    because: 'the recorded block is older than Cancun',
  },
  'eth_getBlockByNumber/get-block-london-fork': {
    except: [
      ...FORK_HEADER,
      ...LATER,
      ...['difficulty', 'logsBloom', 'receiptsRoot', 'transactions', 'transactionsRoot'],
    ],
    because: 'one of its four transactions is in the archive, and the fork is another',
  },
  'eth_getBlockByNumber/get-finalized': HEADER,
  'eth_getBlockByNumber/get-genesis': {
    except: [
      ...['baseFeePerGas', 'difficulty', 'extraData', 'gasLimit', 'size', 'stateRoot'],
      ...LATER,
    ],
    because: 'of our chain; the recorded root is made from the recorded accounts',
  },
  'eth_getBlockByNumber/get-latest': HEADER,
  'eth_getBlockByNumber/get-safe': HEADER,
  'eth_getBlockReceipts/get-block-receipts-by-hash': {
    ...CREATED,
    first: 1,
    note: 'the first of four: the other transactions are not in the archive',
  },
  'eth_getBlockReceipts/get-block-receipts-n': {
    ...CREATED,
    first: 1,
    note: 'the first of four: the other transactions are not in the archive',
  },
  'eth_getLogs/contract-addr': { ...EARLY, note: OUR_LOG },
  'eth_getLogs/filter-with-blockHash': { ...EARLY, note: OUR_LOG },
  'eth_getLogs/filter-with-blockHash-and-topics': { ...EARLY, note: OUR_LOG },
  'eth_getLogs/topic-exact-match': { ...EARLY, note: OUR_LOG },
  'eth_getLogs/topic-null-wildcard': { ...EARLY, note: OUR_LOG },
  'eth_getLogs/topic-wildcard': { ...EARLY, note: OUR_LOG },
  'eth_getProof/get-account-proof-blockhash': PROOF,
  'eth_getProof/get-account-proof-default-block': PROOF,
  'eth_getProof/get-account-proof-latest': PROOF,
  'eth_getProof/get-account-proof-with-storage': {
    ...PROOF,
    except: [...PROOF.except, 'proof'],
  },
  'eth_getTransactionByHash/get-access-list': EARLY,
  'eth_getTransactionByHash/get-legacy-create': LEGACY,
  'eth_getTransactionByHash/get-legacy-input': LEGACY,
  'eth_getTransactionByHash/get-legacy-tx': LEGACY,
  'eth_getTransactionReceipt/get-access-list': EARLY,
  'eth_getTransactionReceipt/get-legacy-contract': CREATED,
  'eth_getTransactionReceipt/get-legacy-input': CREATED,
  'eth_getTransactionReceipt/get-legacy-receipt': {
    ...EARLY,
    except: ['root', 'status'],
    because: 'the recorded one is older than Byzantium',
    note: UNPROTECTED,
  },
}

const BLOBS = 'blobs are refused'
const NO_TRANSACTIONS = 'the block’s transactions are not in the archive'
export const NOT_HERE: Readonly<Record<string, string>> = {
  'eth_estimateGas/estimate-successful-call': 'the gas is that of code that is not in the archive',
  'eth_estimateGas/estimate-with-eip4844': BLOBS,
  'eth_getBlockByNumber/get-block-cancun-fork': NO_TRANSACTIONS,
  'eth_getBlockByNumber/get-block-merge-fork': NO_TRANSACTIONS,
  'eth_getBlockByNumber/get-block-prague-fork': `${NO_TRANSACTIONS}, but for one, which is asked for by hash`,
  'eth_getBlockByNumber/get-block-shanghai-fork': NO_TRANSACTIONS,
  'eth_getTransactionByHash/get-blob-tx': BLOBS,
  'eth_getTransactionReceipt/get-blob-tx': BLOBS,
}

/** A row of the table in `test/vectors/execution-apis/README.md`. */
export function rowOf(name: string): string {
  const reason = NOT_HERE[name]
  if (reason !== undefined) return `| \`${name}\` | not asked: ${reason} |`
  const { except = [], because = '', note } = COMPARED[name] ?? {}
  const fields = [...except].sort().map((field) => `\`${field}\``)
  const but = fields.length === 0 ? '' : ` but for ${fields.join(', ')} (${because})`
  return `| \`${name}\` | equal${but}${note === undefined ? '' : `; ${note}`} |`
}
