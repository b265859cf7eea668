import { checksumAddress } from '../../core/primitives/checksumAddress.ts'
import { initcodeTooLarge, MAX_INITCODE_BYTES } from '../intrinsicGas.ts'
import type { Message } from '../message.ts'
import type { FlatState } from '../state/flatState.ts'

/** Why a call cannot be sent at all. */
export type RefusalCode =
  | 'TIP_ABOVE_FEE_CAP'
  | 'FEE_CAP_BELOW_BASE_FEE'
  | 'NONCE_TOO_LOW'
  | 'NONCE_TOO_HIGH'
  | 'INSUFFICIENT_FUNDS'
  | 'INTRINSIC_GAS'
  | 'INITCODE_TOO_LARGE'

export type Refusal = { readonly code: RefusalCode; readonly message: string }

export type Fees = { readonly gasPrice: bigint; readonly feeCap: bigint; readonly tip: bigint }

export type Attempt = {
  readonly flat: FlatState
  readonly message: Message
  readonly fees: Fees
  readonly baseFee: bigint
  /** That the caller gave. */
  readonly nonce?: number
  /** Also what a call is not asked: its nonce, and a fee at all. */
  readonly validates: boolean
}

/** What geth says of a refused call (internal/ethapi) and adds to the reason. */
export const suppliedGas = (reason: string, gasLimit: number): string =>
  `err: ${reason} (supplied gas ${gasLimit})`

/** In geth's words (core/error.go). Null: it may run. */
export function refusalOf(attempt: Attempt): Refusal | null {
  const { flat, message } = attempt
  const who = `address ${checksumAddress(message.sender)}`
  const refused = nonceRefusal(attempt, who) ?? feeRefusal(attempt, who)
  if (refused !== null) return refused
  const have = flat.account(message.sender)?.balance ?? 0n
  const want = BigInt(message.gasLimit) * attempt.fees.feeCap + message.value
  if (have < want) {
    const funds = `insufficient funds for gas * price + value: ${who} have ${have} want ${want}`
    return { code: 'INSUFFICIENT_FUNDS', message: funds }
  }
  const least = Math.max(message.intrinsicGas, message.floorGas)
  if (message.gasLimit < least) {
    const gas = `intrinsic gas too low: have ${message.gasLimit}, want ${least}`
    return { code: 'INTRINSIC_GAS', message: gas }
  }
  if (message.to !== null || message.data.length <= MAX_INITCODE_BYTES) return null
  return {
    code: 'INITCODE_TOO_LARGE',
    message: initcodeTooLarge(message.data.length),
  }
}

function nonceRefusal(attempt: Attempt, who: string): Refusal | null {
  const { validates, nonce, flat, message } = attempt
  const state = flat.account(message.sender)?.nonce ?? 0
  if (!validates || nonce === undefined || nonce === state) return null
  const text = `${who}, tx: ${nonce} state: ${state}`
  return nonce < state
    ? { code: 'NONCE_TOO_LOW', message: `nonce too low: ${text}` }
    : { code: 'NONCE_TOO_HIGH', message: `nonce too high: ${text}` }
}

function feeRefusal(attempt: Attempt, who: string): Refusal | null {
  const { fees, baseFee, validates } = attempt
  const { feeCap, tip } = fees
  if (tip > feeCap) {
    return {
      code: 'TIP_ABOVE_FEE_CAP',
      message: `max priority fee per gas higher than max fee per gas: ${who}, maxPriorityFeePerGas: ${tip}, maxFeePerGas: ${feeCap}`,
    }
  }
  if ((feeCap === 0n && !validates) || feeCap >= baseFee) return null
  return {
    code: 'FEE_CAP_BELOW_BASE_FEE',
    message: `max fee per gas less than block base fee: ${who}, maxFeePerGas: ${feeCap}, baseFee: ${baseFee}`,
  }
}
