import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { checksumAddress } from '../../core/primitives/checksumAddress.ts'
import { hasCode } from '../account.ts'
import type { Engine } from '../engine.ts'
import { FlatState } from '../state/flatState.ts'
import { placeOverrides } from './overrides.ts'
import type { EstimateResult, SimulationLimits } from './request.ts'
import { type Run, runOnce, TIMEOUT, ZERO_ADDRESS } from './run.ts'

type Call = Omit<Run, 'gasLimit'>

const TRANSFER_GAS = 21_000
/** What a call with value hands to its callee: it must be there even if it is not used. */
const CALL_STIPEND = 2_300

/** Binary search for the gas limit, with geth's tolerance of 1.5 % (eth/gasestimator). */
export async function estimate(
  engine: Engine,
  call: Call,
  limits: SimulationLimits,
): Promise<EstimateResult> {
  const flat = new FlatState(call.committed)
  placeOverrides(flat, call.context.stateOverrides ?? [])
  const ceiling = ceilingOf(flat, call, limits)
  if (typeof ceiling === 'string') return failure(ceiling)
  const attempt = (gasLimit: number) => runOnce(engine, { ...call, gasLimit })
  if (isTransfer(flat, call) && ceiling >= TRANSFER_GAS) {
    const transfer = await attempt(TRANSFER_GAS)
    if (transfer.status === 'success') return { ok: true, gas: TRANSFER_GAS }
  }
  const first = await attempt(ceiling)
  if (first.outOfGas) return failure(`gas required exceeds allowance (${ceiling})`)
  if (first.status !== 'success') {
    const { status, returnData, gasUsed, isRefused } = first
    const error = isRefused ? `failed with ${ceiling} gas: ${first.error}` : first.error
    return { ok: false, failure: { status, error, returnData, gasUsed } }
  }
  let low = first.gasUsed - 1
  let high = ceiling
  const probe = async (gas: number): Promise<void> => {
    if ((await attempt(gas)).status === 'success') high = gas
    else low = gas
  }
  // EIP-150 holds a 64th back at each call: with that much more, most calls go through at once.
  const likely = Math.floor(((first.gasSpent + CALL_STIPEND) * 64) / 63)
  if (likely < high) await probe(likely)
  while (low + 1 < high && (high - low) * 1_000 >= high * 15) {
    if (limits.shouldStop()) return failure(TIMEOUT)
    await probe(Math.min(Math.floor((low + high) / 2), low * 2))
  }
  return { ok: true, gas: high }
}

/** The most gas this sender could pay for here, or why there is none. */
function ceilingOf(flat: FlatState, call: Call, limits: SimulationLimits): number | string {
  const { request, context } = call
  const asked = request.gas ?? 0
  const blockGas = context.blockOverrides?.gasLimit ?? context.block.gasLimit
  const most = Math.min(asked >= TRANSFER_GAS ? asked : blockGas, limits.gasCap)
  const feeCap = request.gasPrice ?? request.maxFeePerGas ?? 0n
  if (feeCap === 0n) return most
  const from = request.from ?? ZERO_ADDRESS
  const balance = flat.account(from)?.balance ?? 0n
  const value = request.value ?? 0n
  if (value > balance) return `insufficient funds for transfer: address ${checksumAddress(from)}`
  const allowance = (balance - value) / feeCap
  return allowance < BigInt(most) ? Number(allowance) : most
}

function isTransfer(flat: FlatState, { request }: Call): boolean {
  const { to, data = EMPTY_BYTES, accessList = [], authorizations = [] } = request
  if (to === undefined || to === null || data.length > 0) return false
  if (accessList.length > 0 || authorizations.length > 0) return false
  const account = flat.account(to)
  return account === null || !hasCode(account)
}

const failure = (error: string): EstimateResult => ({
  ok: false,
  failure: { status: 'error', error, returnData: EMPTY_BYTES, gasUsed: 0 },
})
