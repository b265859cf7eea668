import { assert } from '../../core/primitives/assert.ts'
import { burnFromCore } from './assets.ts'
import { balanceOf, credit, debit } from './balances.ts'
import { RULES, USDX } from './rules.ts'
import { CHAIN, type LedgerState } from './schema.ts'

/** The stored price is in millionths, so that small prices move smoothly. */
const PRICE_SCALE = 1_000_000
const FULLNESS_SCALE = 1_000_000_000n
const TARGET = FULLNESS_SCALE / 2n
/** Blocks are short: the average is over about 16 of them, and the price moves by at most 1/16 a block. */
const SMOOTHING = 16n
const MOVE = 16n

export type FeeParams = {
  /** USDX units per 1,000 gas. */
  readonly gasPrice: { readonly initial: number; readonly floor: number; readonly cap: number }
  readonly treasury: Uint8Array
  /** Millionths of every fee; the rest is the treasury's. */
  readonly burnedShare: number
  /** USDX units. */
  readonly registrationFee: number
}

/** `treasury` is the account of `params.treasury`. */
export function setFees(state: LedgerState, params: FeeParams, treasury: number): void {
  const { columns } = state.chain
  const { initial, floor, cap } = params.gasPrice
  assert(
    floor >= 1 && floor <= initial && initial <= cap && cap <= 2 ** 32,
    'gas prices are in order',
  )
  assert(params.burnedShare <= RULES.share, 'no more is burned than is paid')
  assert(params.registrationFee <= RULES.maxFee, 'a registration costs at most the highest fee')
  columns.gasPrice.set(CHAIN, initial * PRICE_SCALE)
  columns.gasFloor.set(CHAIN, floor * PRICE_SCALE)
  columns.gasCap.set(CHAIN, cap * PRICE_SCALE)
  columns.fullness.set(CHAIN, Number(TARGET))
  columns.treasury.set(CHAIN, treasury)
  columns.burnedShare.set(CHAIN, params.burnedShare)
  columns.registrationFee.set(CHAIN, params.registrationFee)
}

/** USDX units per 1,000 Core gas, rounded up. */
export const gasPriceOf = (state: LedgerState): number =>
  Math.ceil(state.chain.columns.gasPrice.get(CHAIN) / PRICE_SCALE)

export const canHold = (state: LedgerState, account: number, maxFee: number): boolean =>
  maxFee <= RULES.maxFee && balanceOf(state, account, USDX) >= maxFee

/** Sets `maxFee` aside; the caller asked `canHold`. */
export function holdFee(state: LedgerState, account: number, maxFee: number): void {
  if (maxFee === 0) return
  assert(debit(state, account, USDX, maxFee), 'a fee that can be held is there')
  assert(state.chain.columns.feesHeld.add(CHAIN, maxFee), 'fees of a block add up exactly')
}

/** Gives back `maxFee − fee` and collects `fee`, which is divided when the block ends. `fee` ≤ `maxFee`. */
export function settleFee(state: LedgerState, account: number, maxFee: number, fee: number): void {
  assert(fee >= 0 && fee <= maxFee, 'a fee is at most what was set aside')
  if (maxFee === 0) return
  assert(state.chain.columns.feesHeld.add(CHAIN, -maxFee), 'a fee is settled once')
  // Deposits of the same block may have filled the balance up to its bound: what no longer fits is paid.
  const rest = Math.min(maxFee - fee, RULES.balance - balanceOf(state, account, USDX))
  if (rest > 0) assert(credit(state, account, USDX, rest) === null, 'the rest of a fee fits')
  collect(state, maxFee - rest)
}

/** Takes USDX units that already left every balance. */
export function collect(state: LedgerState, amount: number): void {
  if (state.chain.columns.feesCollected.add(CHAIN, amount)) return
  payAndBurn(state, BigInt(amount), amount)
}

/** Divides what the block collected between burning (rounded down) and the treasury; burns what the treasury cannot hold. */
export function divideFees(state: LedgerState): void {
  const { feesCollected, burnedShare, treasury } = state.chain.columns
  const collected = feesCollected.get(CHAIN)
  if (collected === 0) return
  const share = (BigInt(collected) * BigInt(burnedShare.get(CHAIN))) / BigInt(RULES.share)
  const kept = collected - Number(share)
  const refused = kept > 0 && credit(state, treasury.get(CHAIN), USDX, kept) !== null
  feesCollected.set(CHAIN, 0)
  payAndBurn(state, BigInt(collected), refused ? collected : Number(share))
}

/** EIP-1559's shape over an average of the last blocks: half full stays, empty falls, full rises, within floor and cap. */
export function updateGasPrice(state: LedgerState, gasUsed: number, gasLimit: number): void {
  assert(gasLimit > 0, 'a block has gas')
  const { gasPrice, gasFloor, gasCap, fullness } = state.chain.columns
  const used = BigInt(Math.min(gasUsed, gasLimit))
  const before = BigInt(fullness.get(CHAIN))
  const average = before + ((used * FULLNESS_SCALE) / BigInt(gasLimit) - before) / SMOOTHING
  const price = BigInt(gasPrice.get(CHAIN))
  const move = (price * (average - TARGET)) / TARGET / MOVE
  const moved = Number(price + move)
  fullness.set(CHAIN, Number(average))
  gasPrice.set(CHAIN, Math.min(Math.max(moved, gasFloor.get(CHAIN)), gasCap.get(CHAIN)))
}

function payAndBurn(state: LedgerState, paid: bigint, burned: number): void {
  const { feesPaid, feesBurned } = state.chain.columns
  feesPaid.set(CHAIN, feesPaid.get(CHAIN) + paid)
  if (burned === 0) return
  feesBurned.set(CHAIN, feesBurned.get(CHAIN) + BigInt(burned))
  burnFromCore(state, USDX, burned)
}
