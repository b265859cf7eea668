import { checksumAddress } from '../core/primitives/checksumAddress.ts'
import { data, quantity } from './format/hex.ts'
import type { Ok } from './outcome.ts'
import { revertReasonOf } from './revertReason.ts'

/** `Outcome` failed; why, as a code and its data. This file alone knows the numbers of JSON-RPC. */
export type RpcFailure = { readonly code: PlainCode } | DetailedFailure

/** The `error` member of a JSON-RPC response. */
export type WireError = {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600
const METHOD_NOT_FOUND = -32601
const INVALID_PARAMS = -32602
const INTERNAL_ERROR = -32603
/** geth answers with this number whatever has no number of its own. */
const SERVER_ERROR = -32000
const TIMED_OUT = -32002
const RESPONSE_TOO_LARGE = -32003
/** EIP-1474. */
const LIMIT_EXCEEDED = -32005
const REVERTED = 3
/** EIP-1474. */
const NOT_SUPPORTED = -32004
/** geth's, of EIP-4444. */
const HISTORY_PRUNED = 4444
/** EIP-7966. */
const SYNC_TIMED_OUT = 4

/** Failures that need no data. Words are geth's where geth has the case. */
const PLAIN = {
  PARSE_ERROR: [PARSE_ERROR, 'parse error'],
  INTERNAL_ERROR: [INTERNAL_ERROR, 'internal error'],
  TIMED_OUT: [TIMED_OUT, 'request timed out'],
  RESPONSE_TOO_LARGE: [RESPONSE_TOO_LARGE, 'response too large'],
  TOO_BUSY: [LIMIT_EXCEEDED, 'too many requests in progress'],
  NOTIFICATIONS_UNSUPPORTED: [METHOD_NOT_FOUND, 'notifications not supported'],
  BLOCK_NOT_FOUND: [SERVER_ERROR, 'header not found'],
  HISTORY_PRUNED: [HISTORY_PRUNED, 'pruned history unavailable'],
  TRANSACTION_NOT_FOUND: [SERVER_ERROR, 'transaction not found'],
  GENESIS_NOT_TRACEABLE: [SERVER_ERROR, 'genesis is not traceable'],
  FILTER_NOT_FOUND: [SERVER_ERROR, 'filter not found'],
  SUBSCRIPTION_NOT_FOUND: [SERVER_ERROR, 'subscription not found'],

  BAD_RLP: [SERVER_ERROR, 'rlp: the bytes are not the canonical encoding of a transaction'],
  BAD_FIELD: [SERVER_ERROR, 'rlp: a field of the transaction has the wrong form'],
  UNKNOWN_TRANSACTION_TYPE: [SERVER_ERROR, 'transaction type not supported'],
  BLOB_TRANSACTIONS_UNSUPPORTED: [
    SERVER_ERROR,
    'transaction type not supported: this chain has no blobs (EIP-4844)',
  ],
  UNPROTECTED_TRANSACTION: [
    SERVER_ERROR,
    'only replay-protected (EIP-155) transactions allowed over RPC',
  ],
  WRONG_CHAIN_ID: [SERVER_ERROR, 'invalid sender: invalid chain id for signer'],
  BAD_SIGNATURE: [SERVER_ERROR, 'invalid sender: invalid signature'],
  NONCE_OVERFLOW: [SERVER_ERROR, 'nonce has max value'],
  GAS_LIMIT_TOO_HIGH: [SERVER_ERROR, 'exceeds block gas limit'],
  INTRINSIC_GAS_TOO_LOW: [SERVER_ERROR, 'intrinsic gas too low'],
  TIP_ABOVE_FEE_CAP: [SERVER_ERROR, 'max priority fee per gas higher than max fee per gas'],
  INITCODE_TOO_LARGE: [SERVER_ERROR, 'max initcode size exceeded'],
  EMPTY_AUTHORIZATION_LIST: [
    SERVER_ERROR,
    'set code tx must have at least one authorization tuple',
  ],
  MISSING_RECIPIENT: [SERVER_ERROR, 'set code tx cannot be a contract creation'],
  SENDER_NOT_EOA: [SERVER_ERROR, 'sender not an eoa'],
  ALREADY_KNOWN: [SERVER_ERROR, 'already known'],
  REPLACEMENT_UNDERPRICED: [SERVER_ERROR, 'replacement transaction underpriced'],
  UNDERPRICED: [SERVER_ERROR, 'transaction underpriced'],
  POOL_FULL: [SERVER_ERROR, 'txpool is full'],
  SENDER_LIMIT: [SERVER_ERROR, 'account limit exceeded'],
  NO_KEYS_HERE: [
    METHOD_NOT_FOUND,
    'this node holds no keys: sign with a wallet and use eth_sendRawTransaction',
  ],
  DEVNET_NOT_ALONE: [
    NOT_SUPPORTED,
    'time and blocks on demand need a chain of one validator: nexus devnet --validators 1',
  ],
  CHAIN_IS_SHARED: [
    NOT_SUPPORTED,
    'this chain cannot go back: peers follow it, it makes snapshots for them, or its signer is another process',
  ],
  CHAIN_WENT_BACK: [SERVER_ERROR, 'the chain went back meanwhile'],
  TIME_NOT_AHEAD: [INVALID_PARAMS, 'the time of blocks only moves forward: choose a later one'],
  TIME_TOO_FAR: [INVALID_PARAMS, 'the time of blocks ends with the year 9999'],
  DEVNET_STOPS: [SERVER_ERROR, 'the devnet stops'],
  CHAIN_BUSY: [LIMIT_EXCEEDED, 'the chain has more to do than it can; try again later'],
  CATCHING_UP: [SERVER_ERROR, 'the node is catching up with the chain; try again later'],
} as const satisfies { readonly [code: string]: readonly [number: number, message: string] }

export type PlainCode = keyof typeof PLAIN

type DetailedFailure =
  | { readonly code: 'INVALID_REQUEST'; readonly problem: string }
  | { readonly code: 'METHOD_NOT_FOUND'; readonly method: string }
  | { readonly code: 'INVALID_PARAMS'; readonly problem: string }
  /** Something of which there may be at most `limit`. */
  | { readonly code: 'LIMIT_EXCEEDED'; readonly problem: string; readonly limit: number }
  /** This client asks for more than one may. */
  | { readonly code: 'RATE_LIMITED'; readonly retryAfterMs: number }
  | { readonly code: 'STATE_NOT_AVAILABLE'; readonly height: number; readonly oldest: number }
  | {
      readonly code: 'PROOF_NOT_AVAILABLE'
      readonly height: number
      readonly latest: number
      readonly maxKeys: number
    }
  | { readonly code: 'EXECUTION_REVERTED'; readonly output: Uint8Array }
  /** The EVM stopped: out of gas, invalid opcode and the like, in the EVM's words. */
  | { readonly code: 'EXECUTION_FAILED'; readonly reason: string }
  /** What traces hold is more than the server gives away. */
  | { readonly code: 'TRACE_TOO_LARGE'; readonly limit: number }
  /** Names a block as the caller did. */
  | { readonly code: 'TRACED_BLOCK_NOT_FOUND'; readonly block: string }
  | { readonly code: 'ENGINE_ANSWERS_NOT_AVAILABLE'; readonly height: number }
  /** A call of a simulation has no place in its block, or a block none in the chain. */
  | {
      readonly code: 'SIMULATION_REFUSED'
      readonly reason: SimulationRefusal
      readonly problem: string
    }
  | { readonly code: 'METHOD_REFUSED'; readonly method: string; readonly reason: string }
  | { readonly code: 'EXECUTION_TIMED_OUT'; readonly timeoutMs: number }
  | { readonly code: 'TRANSACTION_TOO_LARGE'; readonly size: number; readonly limit: number }
  | { readonly code: 'NONCE_TOO_LOW'; readonly next: number; readonly nonce: number }
  | { readonly code: 'NONCE_TOO_HIGH'; readonly next: number; readonly nonce: number }
  | { readonly code: 'INSUFFICIENT_FUNDS'; readonly balance: bigint; readonly cost: bigint }
  | {
      readonly code: 'FEE_BELOW_BASE_FEE'
      readonly sender: Uint8Array
      readonly maxFeePerGas: bigint
      readonly baseFee: bigint
    }
  | { readonly code: 'SYNC_TIMED_OUT'; readonly hash: Uint8Array; readonly timeoutMs: number }
  /** An engine, the ledger at admission, or the host said no; `data.code` is its own code. */
  | { readonly code: 'CORE_REJECTED'; readonly reject: string }
  /** The bytes or the JSON of a signed envelope are none. */
  | { readonly code: 'BAD_ENVELOPE'; readonly problem: string }
  /** A call of an envelope, by position, names no function or has arguments of another form. */
  | { readonly code: 'BAD_ACTION'; readonly action: number; readonly problem: string }
  | { readonly code: 'WRONG_CHAIN'; readonly chainId: number; readonly expected: number }
  /** `digest` is what the node says must be signed; `recovered` who signed it, null: nobody. */
  | {
      readonly code: 'WRONG_SIGNER'
      readonly signer: Uint8Array
      readonly recovered: Uint8Array | null
      readonly digest: Uint8Array
    }
  | { readonly code: 'DEVNET_ONLY'; readonly method: string }
  | { readonly code: 'DEVNET_UNSUPPORTED'; readonly method: string; readonly instead: string }
  | { readonly code: 'ACCOUNT_LOCKED'; readonly address: Uint8Array }
  | { readonly code: 'STATE_NOT_EDITED'; readonly address: Uint8Array }
  | { readonly code: 'ACTION_TIMED_OUT'; readonly hash: Uint8Array; readonly timeoutMs: number }

export type SimulationRefusal = keyof typeof SIMULATION_NUMBERS

/** Those of the specification of eth_simulateV1. */
const SIMULATION_NUMBERS = {
  NONCE_TOO_LOW: -38010,
  NONCE_TOO_HIGH: -38011,
  FEE_CAP_BELOW_BASE_FEE: -38012,
  INTRINSIC_GAS: -38013,
  INSUFFICIENT_FUNDS: -38014,
  BLOCK_GAS_LIMIT: -38015,
  NUMBER_NOT_RISING: -38020,
  TIME_NOT_RISING: -38021,
  INITCODE_TOO_LARGE: -38025,
  TOO_MANY_BLOCKS: -38026,
  TIP_ABOVE_FEE_CAP: INVALID_PARAMS,
} as const

type Row<F extends DetailedFailure> = {
  readonly number: number
  readonly message: (failure: F) => string
}

const DETAILED: {
  readonly [C in DetailedFailure['code']]: Row<Extract<DetailedFailure, { readonly code: C }>>
} = {
  INVALID_REQUEST: { number: INVALID_REQUEST, message: ({ problem }) => problem },
  METHOD_NOT_FOUND: {
    number: METHOD_NOT_FOUND,
    message: ({ method }) =>
      `the method ${method} does not exist/is not available${/^(anvil|hardhat|evm)_/.test(method) ? ': docs/devnet.md lists what development networks answer' : ''}`,
  },
  INVALID_PARAMS: { number: INVALID_PARAMS, message: ({ problem }) => problem },
  LIMIT_EXCEEDED: { number: LIMIT_EXCEEDED, message: ({ problem }) => problem },
  STATE_NOT_AVAILABLE: {
    number: SERVER_ERROR,
    message: ({ height, oldest }) =>
      `historical state of block ${height} is not available: this node keeps it from block ${oldest}`,
  },
  PROOF_NOT_AVAILABLE: {
    number: SERVER_ERROR,
    message: ({ height, latest, maxKeys }) =>
      `no proofs for block ${height}: more than ${maxKeys} accounts and slots changed until the latest block, ${latest}`,
  },
  EXECUTION_REVERTED: {
    number: REVERTED,
    message: ({ output }) => {
      const reason = revertReasonOf(output)
      return reason === null ? 'execution reverted' : `execution reverted: ${reason}`
    },
  },
  EXECUTION_FAILED: { number: SERVER_ERROR, message: ({ reason }) => reason },
  TRACE_TOO_LARGE: {
    number: LIMIT_EXCEEDED,
    message: ({ limit }) =>
      `the trace takes more than ${limit} bytes: trace one transaction, or with disableStack, disableStorage, limit or callTracer`,
  },
  TRACED_BLOCK_NOT_FOUND: {
    number: SERVER_ERROR,
    message: ({ block }) => `block ${block} not found`,
  },
  ENGINE_ANSWERS_NOT_AVAILABLE: {
    number: SERVER_ERROR,
    message: ({ height }) =>
      `what the engines answered in block ${height} is not kept: an older program executed it`,
  },
  SIMULATION_REFUSED: { number: SERVER_ERROR, message: ({ problem }) => problem },
  METHOD_REFUSED: {
    number: METHOD_NOT_FOUND,
    message: ({ method, reason }) =>
      `the method ${method} does not exist/is not available: ${reason}`,
  },
  EXECUTION_TIMED_OUT: {
    number: SERVER_ERROR,
    message: ({ timeoutMs }) => `execution aborted (timeout = ${timeoutMs}ms)`,
  },
  TRANSACTION_TOO_LARGE: {
    number: SERVER_ERROR,
    message: ({ size, limit }) => `oversized data: transaction size ${size}, limit ${limit}`,
  },
  NONCE_TOO_LOW: {
    number: SERVER_ERROR,
    message: ({ next, nonce }) => `nonce too low: next nonce ${next}, tx nonce ${nonce}`,
  },
  NONCE_TOO_HIGH: {
    number: SERVER_ERROR,
    message: ({ next, nonce }) => `nonce too high: next nonce ${next}, tx nonce ${nonce}`,
  },
  INSUFFICIENT_FUNDS: {
    number: SERVER_ERROR,
    // The pool counts what waits before it too; then the cost of this one alone may be there.
    message: ({ balance, cost }) =>
      `insufficient funds for gas * price + value: balance ${balance}, tx cost ${cost}${cost > balance ? `, overshot ${cost - balance}` : ''}`,
  },
  FEE_BELOW_BASE_FEE: {
    number: SERVER_ERROR,
    message: ({ sender, maxFeePerGas, baseFee }) =>
      `max fee per gas less than block base fee: address ${checksumAddress(sender)}, maxFeePerGas: ${maxFeePerGas}, baseFee: ${baseFee}`,
  },
  SYNC_TIMED_OUT: {
    number: SYNC_TIMED_OUT,
    message: ({ timeoutMs }) =>
      `the transaction was added to the pool but is in no block after ${timeoutMs}ms`,
  },
  RATE_LIMITED: {
    number: LIMIT_EXCEEDED,
    message: ({ retryAfterMs }) => `too many requests: try again in ${retryAfterMs}ms`,
  },
  CORE_REJECTED: { number: SERVER_ERROR, message: ({ reject }) => `rejected: ${reject}` },
  BAD_ENVELOPE: { number: SERVER_ERROR, message: ({ problem }) => `bad envelope: ${problem}` },
  BAD_ACTION: {
    number: SERVER_ERROR,
    message: ({ action, problem }) => `bad action ${action}: ${problem}`,
  },
  WRONG_CHAIN: {
    number: SERVER_ERROR,
    message: ({ chainId, expected }) =>
      `the envelope is for chain ${chainId}, this is chain ${expected}`,
  },
  WRONG_SIGNER: {
    number: SERVER_ERROR,
    message: ({ signer, recovered, digest }) =>
      `the signature is not by ${data(signer)} over ${data(digest)}: ${recovered === null ? 'it recovers nobody' : `it recovers ${data(recovered)}`}`,
  },
  DEVNET_ONLY: {
    number: METHOD_NOT_FOUND,
    message: ({ method }) =>
      `the method ${method} does not exist/is not available: it is for development networks, and this node was not started by nexus devnet`,
  },
  DEVNET_UNSUPPORTED: {
    number: NOT_SUPPORTED,
    message: ({ method, instead }) => `${method} is not supported: ${instead}`,
  },
  ACCOUNT_LOCKED: {
    number: SERVER_ERROR,
    message: ({ address }) =>
      `unknown account ${data(address)}: the node of a devnet signs for its test accounts only (eth_accounts)`,
  },
  STATE_NOT_EDITED: {
    number: SERVER_ERROR,
    message: ({ address }) =>
      `${data(address)} was not changed: it is an address of the chain itself (a precompile, an engine, a system contract, a token of Core, the faucet), or the faucet has not enough`,
  },
  ACTION_TIMED_OUT: {
    number: SYNC_TIMED_OUT,
    message: ({ timeoutMs }) => `the action is in no block after ${timeoutMs}ms`,
  },
}

/** What the specification of JSON-RPC defines says everything in its message. */
const WITHOUT_DATA = new Set<RpcFailure['code']>([
  'PARSE_ERROR',
  'INVALID_REQUEST',
  'METHOD_NOT_FOUND',
  'METHOD_REFUSED',
  'INVALID_PARAMS',
  'INTERNAL_ERROR',
])

export function wireErrorOf(failure: RpcFailure): WireError {
  const [number, message] = numberAndMessage(failure)
  if (WITHOUT_DATA.has(failure.code)) return { code: number, message }
  // Client libraries decode exactly these two.
  if (failure.code === 'EXECUTION_REVERTED')
    return { code: number, message, data: data(failure.output) }
  if (failure.code === 'SYNC_TIMED_OUT') return { code: number, message, data: data(failure.hash) }
  if (failure.code === 'CORE_REJECTED')
    return { code: number, message, data: { code: failure.reject } }
  return { code: number, message, data: wireDetail(failure) }
}

/** The stable code a program may branch on: an engine's own where it was an engine that refused. */
export const codeOf = (failure: RpcFailure): string =>
  failure.code === 'CORE_REJECTED' ? failure.reject : failure.code

function numberAndMessage(failure: RpcFailure): readonly [number, string] {
  if (failure.code in PLAIN) return PLAIN[failure.code as PlainCode]
  if (failure.code === 'SIMULATION_REFUSED')
    return [SIMULATION_NUMBERS[failure.reason], failure.problem]
  // The table's type says that each code has the row that takes its own failure.
  const row = DETAILED[failure.code as DetailedFailure['code']] as Row<DetailedFailure>
  return [row.number, row.message(failure as DetailedFailure)]
}

function wireDetail(failure: RpcFailure): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(failure).map(([name, value]: [string, unknown]) => [name, wireValue(value)]),
  )
}

function wireValue(value: unknown): unknown {
  if (typeof value === 'bigint') return quantity(value)
  return value instanceof Uint8Array ? data(value) : value
}

/** Ids are echoed as they came: a string, a finite number, or null. */
export type RpcId = string | number | null

/** `{"jsonrpc":"2.0",…}` around a result that is JSON text already. */
export const resultText = (id: RpcId, resultJson: string): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${resultJson}}`

export const errorText = (id: RpcId, failure: RpcFailure): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${JSON.stringify(wireErrorOf(failure))}}`

export type NotificationMethod = 'eth_subscription' | 'nexus_subscription'

export const notificationText = (
  method: NotificationMethod,
  subscription: string,
  resultJson: string,
): string =>
  `{"jsonrpc":"2.0","method":"${method}","params":{"subscription":"${subscription}","result":${resultJson}}}`

export type RpcRequest = {
  /** Undefined: a notification, which is carried out and not answered. */
  readonly id: RpcId | undefined
  readonly method: string
  readonly params: readonly unknown[]
}

type Refusal = { readonly ok: false; readonly id: RpcId; readonly failure: RpcFailure }

/** Longest id that is echoed: an answer must not grow with its question. */
const MAX_ID_LENGTH = 256
const MAX_METHOD_LENGTH = 64

/** One request of JSON-RPC 2.0; members the specification does not name are ignored. */
export function parseRequest(json: unknown): Ok<RpcRequest> | Refusal {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return refuse(null, 'invalid request: not an object')
  const { jsonrpc, id, method, params } = json as Readonly<Record<string, unknown>>
  if (id !== undefined && !isId(id)) return refuse(null, 'invalid request: bad id')
  const answerId = id ?? null
  if (jsonrpc !== '2.0') return refuse(answerId, 'invalid request: jsonrpc must be "2.0"')
  if (typeof method !== 'string' || method === '' || method.length > MAX_METHOD_LENGTH)
    return refuse(answerId, 'invalid request: bad method')
  if (params === undefined || params === null)
    return { ok: true, value: { id, method, params: [] } }
  if (!Array.isArray(params))
    return {
      ok: false,
      id: answerId,
      failure: { code: 'INVALID_PARAMS', problem: 'params must be a list: non-array args' },
    }
  return { ok: true, value: { id, method, params } }
}

/** A number that JSON.parse had to round would be echoed as another one. */
const isId = (id: unknown): id is RpcId =>
  id === null ||
  (typeof id === 'string' && id.length <= MAX_ID_LENGTH) ||
  (typeof id === 'number' &&
    Number.isFinite(id) &&
    (Number.isSafeInteger(id) || !Number.isInteger(id)))

const refuse = (id: RpcId, problem: string): Refusal => ({
  ok: false,
  id,
  failure: { code: 'INVALID_REQUEST', problem },
})
