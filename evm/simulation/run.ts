import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { type AccessListEntry, recoverAuthority } from '../accessList.ts'
import { EMPTY_ACCOUNT } from '../account.ts'
import { contractAddress } from '../contractAddress.ts'
import { type Engine, enter } from '../engine.ts'
import { gethError } from '../gethError.ts'
import { intrinsicGasOf } from '../intrinsicGas.ts'
import { finishMessage, type Message, type MessageOutcome, runEither } from '../message.ts'
import type { CommittedState } from '../state/committedState.ts'
import { FlatState } from '../state/flatState.ts'
import type { TracedTransaction, TransactionTracer } from '../tracers/transactionTracer.ts'
import { ExecutionStopped } from '../vm/vm.ts'
import { placeOverrides } from './overrides.ts'
import { type Fees, refusalOf } from './refusal.ts'
import type { CallRequest, CallResult, SimulationContext } from './request.ts'

export type Run = {
  readonly context: SimulationContext
  readonly committed: CommittedState
  readonly request: CallRequest
  readonly gasLimit: number
  /** Collects what is touched, for an access list. */
  readonly reportAccess?: boolean
  /** Told what runs; it may throw TraceTooLarge. */
  readonly follow?: TransactionTracer<unknown>
}

export type RunResult = CallResult & {
  /** Before refunds. */
  readonly gasSpent: number
  /** It could not be sent at all. */
  readonly isRefused: boolean
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
  const { baseFeePerGas: baseFee } = environment
  const objection = refusalOf({ flat, message, fees, baseFee, validates: false })
  if (objection !== null) return refused(objection.message)
  // geth's NoBaseFee: who offers no price sees no base fee.
  const block = fees.gasPrice === 0n ? { ...environment, baseFeePerGas: 0n } : environment
  flat.startTransaction()
  run.follow?.start(partiesOf(message, flat, environment.coinbase), flat)
  engine.tracer = run.follow?.tracer ?? null
  const before = flat.account(message.sender) ?? EMPTY_ACCOUNT
  flat.setAccount(message.sender, {
    ...before,
    balance: before.balance - BigInt(message.gasLimit) * message.gasPrice,
    nonce: before.nonce + 1,
  })
  if (run.reportAccess === true) engine.executive.reportAccess()
  try {
    const outcome = await runEither(engine, block, message)
    const accessList = run.reportAccess === true ? engine.executive.accessed() : []
    flat.credit(message.sender, BigInt(message.gasLimit - outcome.gasUsed) * message.gasPrice)
    finishMessage(engine, outcome)
    run.follow?.end(outcome)
    return resultOf(outcome, accessList)
  } catch (error) {
    if (!(error instanceof ExecutionStopped)) throw error
    return { ...refused(TIMEOUT), isRefused: false, outOfGas: false }
  } finally {
    engine.tracer = null
  }
}

function partiesOf(message: Message, flat: FlatState, coinbase: Uint8Array): TracedTransaction {
  const { sender, gasLimit, authorizations } = message
  const to = message.to ?? contractAddress(sender, flat.account(sender)?.nonce ?? 0)
  const authorities = authorizations.map(recoverAuthority).filter((address) => address !== null)
  return { sender, to, isCreation: message.to === null, paid: [coinbase], gasLimit, authorities }
}

export const TIMEOUT = 'execution aborted (timeout)'
export const ZERO_ADDRESS = new Uint8Array(20)

export function feesOf(request: CallRequest, baseFee: bigint): Fees {
  if (request.gasPrice !== undefined) {
    return { gasPrice: request.gasPrice, feeCap: request.gasPrice, tip: request.gasPrice }
  }
  const feeCap = request.maxFeePerGas ?? 0n
  const tip = request.maxPriorityFeePerGas ?? 0n
  if (feeCap === 0n && tip === 0n) return { gasPrice: 0n, feeCap, tip }
  const wanted = baseFee + tip
  return { gasPrice: wanted < feeCap ? wanted : feeCap, feeCap, tip }
}

export function messageOf(
  { request, gasLimit }: Pick<Run, 'request' | 'gasLimit'>,
  gasPrice: bigint,
): Message {
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

const INTRINSIC_GAS = 'intrinsic gas too low'

const refused = (error: string): RunResult => ({
  status: 'error',
  error,
  returnData: EMPTY_BYTES,
  gasUsed: 0,
  gasSpent: 0,
  isRefused: true,
  outOfGas: error.startsWith(INTRINSIC_GAS),
  accessList: [],
})

function resultOf(outcome: MessageOutcome, accessList: readonly AccessListEntry[]): RunResult {
  const { error, fault, returnData, gasUsed, gasSpent } = outcome
  const text = error === null ? null : gethError(error, fault)
  const status = error === null ? 'success' : error === 'revert' ? 'revert' : 'error'
  const outOfGas = error === 'out of gas' || error === 'code store out of gas'
  return {
    ...{ status, error: text, returnData, gasUsed, gasSpent, outOfGas, accessList },
    isRefused: false,
  }
}
