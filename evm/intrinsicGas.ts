/** Gas that a transaction pays before its first opcode, Prague rules. */

/** EIP-3860: twice EIP-170's 24,576 bytes of code. */
export const MAX_INITCODE_BYTES = 49_152
/** In geth's words (core/vm/common.go). */
export const initcodeTooLarge = (bytes: number | bigint): string =>
  `max initcode size exceeded: code size ${bytes} limit ${MAX_INITCODE_BYTES}`

const BASE_GAS = 21_000
const CREATE_GAS = 32_000
/** EIP-3860, per word of initcode. */
const INITCODE_WORD_GAS = 2
/** EIP-2028 and EIP-7623: a zero byte is one token, any other four; a token costs 4, or 10 towards the floor. */
const TOKEN_GAS = 4
const FLOOR_TOKEN_GAS = 10
/** EIP-2930. */
const ACCESS_ADDRESS_GAS = 2_400
const ACCESS_SLOT_GAS = 1_900
/** EIP-7702 PER_EMPTY_ACCOUNT_COST; the part above PER_AUTH_BASE_COST (12,500) comes back if the account exists. */
export const AUTHORIZATION_GAS = 25_000
export const AUTHORIZATION_REFUND = 12_500

export type GasShape = {
  readonly data: Uint8Array
  readonly isCreation: boolean
  readonly accessAddresses: number
  readonly accessSlots: number
  readonly authorizations: number
}

/** `intrinsic` is taken from the gas limit at the start; `floor` is the least that is paid at the end (EIP-7623). */
export function intrinsicGasOf(shape: GasShape): {
  readonly intrinsic: number
  readonly floor: number
} {
  const { data, isCreation } = shape
  let tokens = data.length * 4
  for (let i = 0; i < data.length; i++) if (data[i] === 0) tokens -= 3
  const words = (data.length + 31) >>> 5
  return {
    intrinsic:
      BASE_GAS +
      tokens * TOKEN_GAS +
      (isCreation ? CREATE_GAS + words * INITCODE_WORD_GAS : 0) +
      shape.accessAddresses * ACCESS_ADDRESS_GAS +
      shape.accessSlots * ACCESS_SLOT_GAS +
      shape.authorizations * AUTHORIZATION_GAS,
    floor: BASE_GAS + tokens * FLOOR_TOKEN_GAS,
  }
}
