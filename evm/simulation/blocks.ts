import type {
  EthereumHeader,
  ExecutedBlock,
  ExecutedTransaction,
  Log,
} from '../../core/chain/executedBlock.ts'
import type { SimulatedCall } from '../../core/chain/trace.ts'
import { bigintToBytes, concatBytes, EMPTY_BYTES, fromHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { EMPTY_ACCOUNT } from '../account.ts'
import { BLOB_BASE_FEE, type BlockEnvironment } from '../blockEnvironment.ts'
import { finishBlockState } from '../blockState.ts'
import { contractAddress } from '../contractAddress.ts'
import { type Engine, enter } from '../engine.ts'
import { nextBaseFee } from '../fees.ts'
import { gethError } from '../gethError.ts'
import { sealHeader } from '../header.ts'
import { finishMessage, type MessageOutcome, runMessage } from '../message.ts'
import { bloomOf, encodeReceipt, mergeBlooms } from '../receipts.ts'
import { encodeRlp, quantityBytes, type RlpItem } from '../rlp.ts'
import type { CommittedState } from '../state/committedState.ts'
import { FlatState } from '../state/flatState.ts'
import { StateTrie } from '../stateTrie.ts'
import { callSystemContracts } from '../systemContracts.ts'
import type { Tracer } from '../tracer.ts'
import { orderedRoot } from '../trie/orderedRoot.ts'
import { ExecutionStopped } from '../vm/vm.ts'
import { placeOverrides } from './overrides.ts'
import { type Fees, type RefusalCode, refusalOf, suppliedGas } from './refusal.ts'
import type { CallRequest, SimulationContext, SimulationLimits, StateOverride } from './request.ts'
import { feesOf, messageOf, ZERO_ADDRESS } from './run.ts'

/** A block of `eth_simulateV1`. */
export type SimulatedBlockRequest = {
  readonly overrides: Partial<BlockEnvironment>
  readonly stateOverrides: readonly StateOverride[]
  readonly calls: readonly (CallRequest & { readonly nonce?: number })[]
}

export type SimulationRequest = {
  readonly blocks: readonly SimulatedBlockRequest[]
  /** The block whose state and number come before the first. */
  readonly base: EthereumHeader
  /** Fees, nonces and funds count, as in a block. */
  readonly validates: boolean
  /** Adds movements of coins to the logs, as ERC-20 transfers of 0xeeee…. */
  readonly tracesTransfers: boolean
  /** Whether the store has the trie of its state: else state roots are zero. */
  readonly hasTrie: boolean
}

export type SimulatedBlock = {
  readonly executed: Omit<ExecutedBlock, 'blockId'>
  readonly calls: readonly SimulatedCall[]
}

export type SimulationFailure =
  | { readonly code: RefusalCode | 'BLOCK_GAS_LIMIT'; readonly message: string }
  | {
      readonly code: 'NUMBER_NOT_RISING' | 'TIME_NOT_RISING' | 'TOO_MANY_BLOCKS'
      readonly message: string
    }
  | { readonly code: 'TIMED_OUT'; readonly message: string }

export type SimulationOutcome =
  | { readonly ok: true; readonly blocks: readonly SimulatedBlock[] }
  | { readonly ok: false; readonly failure: SimulationFailure }

/** geth's limit, empty blocks in between included. */
const MAX_BLOCKS = 256
const TRANSFER_TOPIC = keccak256(new TextEncoder().encode('Transfer(address,address,uint256)'))
const COIN_ADDRESS = fromHex('ee'.repeat(20))

/** `eth_simulateV1` (geth internal/ethapi/simulate.go): blocks of calls, one on the state of the other. */
export async function simulateBlocks(
  engine: Engine,
  committed: CommittedState,
  context: SimulationContext,
  request: SimulationRequest,
  limits: SimulationLimits,
): Promise<SimulationOutcome> {
  const planned = chainOf(request)
  if (!planned.ok) return planned
  const flat = new FlatState(committed)
  enter(engine, flat, context.core ?? null)
  const run: Run = { engine, flat, context, request, limits, headers: [], gasLeft: limits.gasCap }
  const mark = context.core?.mark() ?? 0
  try {
    const blocks: SimulatedBlock[] = []
    for (const block of planned.blocks) {
      const done = await runBlock(run, block)
      if (!done.ok) return done
      blocks.push(done.block)
      run.headers.push(done.block.executed.header)
    }
    return { ok: true, blocks }
  } catch (error) {
    if (!(error instanceof ExecutionStopped)) throw error
    return failure('TIMED_OUT', 'execution aborted (timeout)')
  } finally {
    engine.tracer = null
    context.core?.revertTo(mark)
  }
}

type Run = {
  readonly engine: Engine
  readonly flat: FlatState
  readonly context: SimulationContext
  readonly request: SimulationRequest
  readonly limits: SimulationLimits
  readonly headers: EthereumHeader[]
  /** Of all blocks together. */
  gasLeft: number
}

type Placed = SimulatedBlockRequest & { readonly number: number; readonly timestamp: number }

const failure = <C extends SimulationFailure['code']>(code: C, message: string) => ({
  ok: false as const,
  failure: { code, message } as SimulationFailure,
})

/** Numbers and times rise; numbers left out become empty blocks. */
function chainOf({
  blocks,
  base,
}: SimulationRequest):
  | { readonly ok: true; readonly blocks: readonly Placed[] }
  | ReturnType<typeof failure> {
  const placed: Placed[] = []
  let { number, timestamp } = base
  for (const block of blocks) {
    const next = block.overrides.number ?? number + 1
    if (next <= number)
      return failure('NUMBER_NOT_RISING', `block numbers must be in order: ${next} <= ${number}`)
    if (next - base.number > MAX_BLOCKS) return failure('TOO_MANY_BLOCKS', 'too many blocks')
    for (number++; number < next; number++)
      placed.push({ overrides: {}, stateOverrides: [], calls: [], number, timestamp: ++timestamp })
    const time = block.overrides.timestamp ?? timestamp + 1
    if (time <= timestamp)
      return failure(
        'TIME_NOT_RISING',
        `block timestamps must be in order: ${time} <= ${timestamp}`,
      )
    timestamp = time
    placed.push({ ...block, number, timestamp })
  }
  return { ok: true, blocks: placed }
}

type Body = {
  readonly transactions: ExecutedTransaction[]
  readonly calls: SimulatedCall[]
  gasUsed: number
}

async function runBlock(
  run: Run,
  block: Placed,
): Promise<{ readonly ok: true; readonly block: SimulatedBlock } | ReturnType<typeof failure>> {
  const { engine, flat, context, request, headers } = run
  const parent = headers.at(-1) ?? request.base
  const environment = environmentOf(run, block, parent)
  engine.ancestors.hashOf = (number) =>
    headers.find((header) => header.number === number)?.hash ??
    (number === request.base.number ? request.base.hash : context.ancestorHash(number))
  placeOverrides(flat, block.stateOverrides)
  const ancestry = { parentHash: parent.hash, parentBeaconBlockRoot: ZERO_WORD }
  await callSystemContracts(engine, environment, ancestry)
  const body: Body = { transactions: [], calls: [], gasUsed: 0 }
  for (const call of block.calls) {
    if (run.limits.shouldStop()) return failure('TIMED_OUT', 'execution aborted (timeout)')
    const refused = await runCall(run, environment, call, body)
    if (refused !== null) return { ok: false, failure: refused }
  }
  const replaces = request.blocks.some(({ stateOverrides }) =>
    stateOverrides.some(({ state }) => state !== undefined),
  )
  const stateRoot =
    request.hasTrie && !replaces
      ? finishBlockState(flat, new StateTrie({ store: context.store, ...TRIE_CACHES })).stateRoot
      : ZERO_WORD
  const header = headerOf({ environment, parent, body, stateRoot })
  const { transactions, calls } = body
  return { ok: true, block: { executed: { header, transactions, skipped: [] }, calls } }
}

const TRIE_CACHES = { cachedNodeBytes: 1024 * 1024 }
const ZERO_WORD = new Uint8Array(32)

function environmentOf(
  { request }: Run,
  { overrides, number, timestamp }: Placed,
  parent: EthereumHeader,
): BlockEnvironment {
  const { coinbase, gasLimit } = parent
  return {
    ...{ coinbase, gasLimit, prevRandao: ZERO_WORD, blobBaseFee: BLOB_BASE_FEE },
    baseFeePerGas: request.validates ? nextBaseFee(parent) : 0n,
    ...overrides,
    number,
    timestamp,
  }
}

/** Null: it ran. */
async function runCall(
  run: Run,
  environment: BlockEnvironment,
  call: SimulatedBlockRequest['calls'][number],
  body: Body,
): Promise<SimulationFailure | null> {
  const { engine, flat, request } = run
  const from = call.from ?? ZERO_ADDRESS
  const account = flat.account(from) ?? EMPTY_ACCOUNT
  const left = environment.gasLimit - body.gasUsed
  const wanted = call.gas ?? left
  if (wanted > left) {
    const message = `block gas limit reached: ${body.gasUsed + wanted} >= ${environment.gasLimit}`
    return { code: 'BLOCK_GAS_LIMIT', message }
  }
  const gasLimit = Math.min(wanted, run.gasLeft)
  const fees = feesOf(call, environment.baseFeePerGas)
  const message = messageOf({ request: call, gasLimit }, fees.gasPrice)
  const nonce = call.nonce ?? account.nonce
  const refusal = refusalOf({
    ...{ flat, message, fees, baseFee: environment.baseFeePerGas },
    ...{ nonce, validates: request.validates },
  })
  if (refusal !== null) return { ...refusal, message: suppliedGas(refusal.message, gasLimit) }
  flat.startTransaction()
  const paid = BigInt(gasLimit) * fees.gasPrice
  flat.setAccount(from, { ...account, balance: account.balance - paid, nonce: account.nonce + 1 })
  const watch = watchLogs(request.tracesTransfers)
  engine.tracer = watch.tracer
  const outcome = await runMessage(engine, environment, message)
  engine.tracer = null
  flat.credit(from, BigInt(gasLimit - outcome.gasUsed) * fees.gasPrice)
  const tip = fees.gasPrice - environment.baseFeePerGas
  if (tip > 0n) flat.credit(environment.coinbase, BigInt(outcome.gasUsed) * tip)
  finishMessage(engine, outcome)
  run.gasLeft -= outcome.gasUsed
  body.gasUsed += outcome.gasUsed
  body.transactions.push(
    transactionOf({ engine, call, from, nonce, gasLimit, fees }, outcome, body),
  )
  body.calls.push(callOf(outcome, request.tracesTransfers ? watch.logs() : outcome.logs))
  return null
}

function callOf(outcome: MessageOutcome, logs: readonly Log[]): SimulatedCall {
  const { error, fault, returnData, gasUsed, gasSpent } = outcome
  const status = error === null ? 'success' : error === 'revert' ? 'revert' : 'error'
  const text = error === null ? null : gethError(error, fault)
  const kept = error === null ? logs : []
  return { status, error: text, returnData, gasUsed, gasSpent, logs: kept }
}

/** Logs and movements of coins in the order in which they happened, without those that were undone. */
function watchLogs(isOn: boolean): { readonly tracer: Tracer | null; logs(): readonly Log[] } {
  const logs: Log[] = []
  const marks: number[] = []
  const tracer: Tracer = {
    enter({ kind, from, to, value }) {
      marks.push(logs.length)
      if (value === 0n || kind === 'DELEGATECALL' || kind === 'STATICCALL') return
      const topics = [TRANSFER_TOPIC, padded(from), padded(to)]
      logs.push({ address: COIN_ADDRESS, topics, data: bigintToBytes(value, 32) })
    },
    exit({ error }) {
      const mark = marks.pop() ?? 0
      if (error !== null) logs.length = mark
    },
    log({ address, topics, data }) {
      logs.push({ address, topics: [...topics], data: data.slice() })
    },
  }
  return { tracer: isOn ? tracer : null, logs: () => logs }
}

function padded(address: Uint8Array): Uint8Array {
  const word = new Uint8Array(32)
  word.set(address, 12)
  return word
}

type Sent = {
  readonly engine: Engine
  readonly call: CallRequest
  readonly from: Uint8Array
  readonly nonce: number
  readonly gasLimit: number
  readonly fees: Fees
}

/** As a transaction that nobody signed. */
function transactionOf(sent: Sent, outcome: MessageOutcome, body: Body): ExecutedTransaction {
  const { from, nonce, call, fees } = sent
  const type = typeOf(call)
  const bytes = unsigned(type, sent)
  return {
    hash: keccak256(bytes),
    sender: from,
    bytes,
    receipt: {
      type,
      status: outcome.error === null ? 1 : 0,
      gasUsed: outcome.gasUsed,
      cumulativeGasUsed: body.gasUsed,
      effectiveGasPrice: fees.gasPrice,
      contractAddress: (call.to ?? null) === null ? contractAddress(from, nonce) : null,
      logs: outcome.logs,
      logsBloom: bloomOf(outcome.logs),
    },
  }
}

const typeOf = ({ gasPrice, accessList, authorizations }: CallRequest): 0 | 1 | 2 | 4 =>
  (authorizations?.length ?? 0) > 0
    ? 4
    : gasPrice === undefined
      ? 2
      : (accessList?.length ?? 0) > 0
        ? 1
        : 0

function unsigned(type: 0 | 1 | 2 | 4, { engine, call, nonce, gasLimit, fees }: Sent): Uint8Array {
  const { to, value = 0n, data = EMPTY_BYTES, accessList = [], authorizations = [] } = call
  const body = [quantityBytes(gasLimit), to ?? EMPTY_BYTES, quantityBytes(value), data]
  const list = accessList.map(({ address, storageKeys }): RlpItem => [address, storageKeys])
  const signature = [EMPTY_BYTES, EMPTY_BYTES, EMPTY_BYTES]
  if (type === 0)
    return encodeRlp([quantityBytes(nonce), quantityBytes(fees.gasPrice), ...body, ...signature])
  const head = [quantityBytes(engine.chainId), quantityBytes(nonce)]
  const price =
    type === 1
      ? [quantityBytes(fees.feeCap)]
      : [quantityBytes(fees.tip), quantityBytes(fees.feeCap)]
  const tuples = authorizations.map(
    ({ chainId, address, nonce: counted, parity, r, s }): RlpItem => [
      ...[quantityBytes(chainId), address, quantityBytes(counted), quantityBytes(parity)],
      ...[r, s],
    ],
  )
  const tail: RlpItem[] = type === 4 ? [list, tuples] : [list]
  const fields = [...head, ...price, ...body, ...tail, ...signature]
  return concatBytes(Uint8Array.of(type), encodeRlp(fields))
}

function headerOf(sealed: {
  readonly environment: BlockEnvironment
  readonly parent: EthereumHeader
  readonly body: Body
  readonly stateRoot: Uint8Array
}): EthereumHeader {
  const { environment, parent, body, stateRoot } = sealed
  const bytes = body.transactions.map((transaction) => transaction.bytes)
  const receipts = body.transactions.map(({ receipt }) => receipt)
  const { number, timestamp, coinbase, gasLimit, prevRandao, baseFeePerGas } = environment
  return sealHeader(
    {
      ...{ number, timestamp, coinbase, gasLimit, prevRandao, baseFeePerGas, stateRoot },
      parentHash: parent.hash,
      transactionsRoot: orderedRoot(bytes),
      receiptsRoot: orderedRoot(receipts.map(encodeReceipt)),
      logsBloom: mergeBlooms(receipts.map(({ logsBloom }) => logsBloom)),
      gasUsed: body.gasUsed,
      parentBeaconBlockRoot: ZERO_WORD,
    },
    bytes,
  )
}
