import { EMPTY_BYTES, fromHex, toHex } from '../../core/primitives/bytes.ts'
import type { AccessListEntry } from '../accessList.ts'
import { EMPTY_ACCOUNT } from '../account.ts'
import { ethereumBlockOf } from '../blockEnvironment.ts'
import { type Engine, enter } from '../engine.ts'
import { ExecutionStopped } from '../interpreter/loop.ts'
import { intrinsicGasOf, MAX_INITCODE_BYTES } from '../intrinsicGas.ts'
import {
  finishMessage,
  isPlainTransfer,
  type Message,
  type MessageOutcome,
  runMessage,
  runTransfer,
} from '../message.ts'
import type { CommittedState } from '../state/committedState.ts'
import { FlatState } from '../state/flatState.ts'
import { placeOverrides } from './overrides.ts'
import type { CallRequest, CallResult, SimulationContext } from './request.ts'

export type Run = {
  readonly context: SimulationContext
  readonly committed: CommittedState
  readonly request: CallRequest
  readonly gasLimit: number
  /** Collects what is touched, for an access list. */
  readonly reportAccess?: boolean
}

export type RunResult = CallResult & {
  /** Before refunds. */
  readonly gasSpent: number
  /** A larger gas limit might help. */
  readonly outOfGas: boolean
  readonly accessList: readonly AccessListEntry[]
}

/** One message on a state that is thrown away. Nonce and kind of sender are not asked about. */
export async function runOnce(engine: Engine, run: Run): Promise<RunResult> {
  const { core } = run.context
  if (core === undefined) return await runOn(engine, run)
  const mark = core.mark()
  try {
    return await runOn(engine, run)
  } finally {
    core.revertTo(mark)
  }
}

async function runOn(engine: Engine, run: Run): Promise<RunResult> {
  const { context, committed, request } = run
  const flat = new FlatState(committed)
  placeOverrides(flat, context.stateOverrides ?? [])
  enter(engine, flat, context.core ?? null)
  engine.ancestors.hashOf = context.ancestorHash
  const environment = { ...context.block, ...context.blockOverrides }
  const fees = feesOf(request, environment.baseFeePerGas)
  const message = messageOf(run, fees.gasPrice)
  const objection = refusal(flat, message, fees, environment.baseFeePerGas)
  if (objection !== null) return refused(objection)
  // geth's NoBaseFee: who offers no price sees no base fee.
  const block = ethereumBlockOf(
    fees.gasPrice === 0n ? { ...environment, baseFeePerGas: 0n } : environment,
  )
  flat.startTransaction()
  const before = flat.account(message.sender) ?? EMPTY_ACCOUNT
  flat.setAccount(message.sender, {
    ...before,
    balance: before.balance - BigInt(message.gasLimit) * message.gasPrice,
    nonce: before.nonce + 1,
  })
  if (run.reportAccess === true) engine.evm.warmJournal.startReportingAccessList()
  try {
    const outcome = isPlainTransfer(engine, message)
      ? runTransfer(engine, message)
      : await runMessage(engine, block, message)
    const accessList = accessedBy(engine)
    await finishMessage(engine, outcome)
    return resultOf(outcome, accessList)
  } catch (error) {
    if (!(error instanceof ExecutionStopped)) throw error
    return { ...refused(TIMEOUT), outOfGas: false }
  }
}

export const TIMEOUT = 'execution aborted (timeout)'
export const ZERO_ADDRESS = new Uint8Array(20)

type Fees = { readonly gasPrice: bigint; readonly feeCap: bigint; readonly tip: bigint }

function feesOf(request: CallRequest, baseFee: bigint): Fees {
  if (request.gasPrice !== undefined) {
    return { gasPrice: request.gasPrice, feeCap: request.gasPrice, tip: request.gasPrice }
  }
  const feeCap = request.maxFeePerGas ?? 0n
  const tip = request.maxPriorityFeePerGas ?? 0n
  if (feeCap === 0n && tip === 0n) return { gasPrice: 0n, feeCap, tip }
  const wanted = baseFee + tip
  return { gasPrice: wanted < feeCap ? wanted : feeCap, feeCap, tip }
}

function messageOf({ request, gasLimit }: Run, gasPrice: bigint): Message {
  const { accessList = [], authorizations = [], data = EMPTY_BYTES, to = null } = request
  const gas = intrinsicGasOf({
    data,
    isCreation: to === null,
    accessAddresses: accessList.length,
    accessSlots: accessList.reduce((sum, entry) => sum + entry.storageKeys.length, 0),
    authorizations: authorizations.length,
  })
  return {
    sender: request.from ?? ZERO_ADDRESS,
    to,
    value: request.value ?? 0n,
    data,
    gasLimit,
    gasPrice,
    intrinsicGas: gas.intrinsic,
    floorGas: gas.floor,
    accessList,
    authorizations,
  }
}

/** In geth's words (core/error.go). */
function refusal(flat: FlatState, message: Message, fees: Fees, baseFee: bigint): string | null {
  const who = `address 0x${toHex(message.sender)}`
  const { feeCap, tip } = fees
  if (tip > feeCap) {
    return `max priority fee per gas higher than max fee per gas: ${who}, maxPriorityFeePerGas: ${tip}, maxFeePerGas: ${feeCap}`
  }
  if (feeCap > 0n && feeCap < baseFee) {
    return `max fee per gas less than block base fee: ${who}, maxFeePerGas: ${feeCap}, baseFee: ${baseFee}`
  }
  const have = flat.account(message.sender)?.balance ?? 0n
  const want = BigInt(message.gasLimit) * feeCap + message.value
  if (have < want) {
    return `insufficient funds for gas * price + value: ${who} have ${have} want ${want}`
  }
  const least = Math.max(message.intrinsicGas, message.floorGas)
  if (message.gasLimit < least) {
    return `${INTRINSIC_GAS}: have ${message.gasLimit}, want ${least}`
  }
  if (message.to === null && message.data.length > MAX_INITCODE_BYTES) {
    return `max initcode size exceeded: code size ${message.data.length} limit ${MAX_INITCODE_BYTES}`
  }
  return null
}

const INTRINSIC_GAS = 'intrinsic gas too low'

const refused = (error: string): RunResult => ({
  status: 'error',
  error,
  returnData: EMPTY_BYTES,
  gasUsed: 0,
  gasSpent: 0,
  outOfGas: error.startsWith(INTRINSIC_GAS),
  accessList: [],
})

function resultOf(outcome: MessageOutcome, accessList: readonly AccessListEntry[]): RunResult {
  const { error, returnData, gasUsed, gasSpent } = outcome
  const text = error === null ? null : gethError(error)
  const status = error === null ? 'success' : error === 'revert' ? 'revert' : 'error'
  const outOfGas = error === 'out of gas' || error === 'code store out of gas'
  return { status, error: text, returnData, gasUsed, gasSpent, outOfGas, accessList }
}

/** The interpreter's words and geth's (core/vm/errors.go). */
const GETH_ERRORS: Readonly<Record<string, string>> = {
  revert: 'execution reverted',
  'code store out of gas': 'contract creation code storage out of gas',
  'code size to deposit exceeds maximum code size': 'max code size exceeded',
  'initcode exceeds max initcode size': 'max initcode size exceeded',
  'invalid JUMP': 'invalid jump destination',
  'static state change': 'write protection',
  'create collision': 'contract address collision',
  'insufficient balance': 'insufficient balance for transfer',
  'invalid bytecode deployed': 'invalid code: must not begin with 0xef',
  'value out of range': 'gas uint64 overflow',
}

/** An invalid jump also says where. */
const gethError = (error: string): string => {
  const known = error.startsWith('invalid JUMP') ? 'invalid JUMP' : error
  return GETH_ERRORS[known] ?? known
}

function accessedBy(engine: Engine): AccessListEntry[] {
  const entries = [...(engine.evm.warmJournal.accessList ?? [])]
  return entries
    .map(([address, slots]) => ({
      address: fromHex(address),
      storageKeys: [...slots].sort().map(fromHex),
    }))
    .sort((a, b) => (toHex(a.address) < toHex(b.address) ? -1 : 1))
}
