import { concatBytes, EMPTY_BYTES } from '../core/primitives/bytes.ts'
import { type Authorization, recoverAuthority } from './accessList.ts'
import { EMPTY_ACCOUNT } from './account.ts'
import { AUTHORIZATION_REFUND } from './intrinsicGas.ts'
import type { FlatState } from './state/flatState.ts'

/** EIP-7702: the code of an account that delegates is this and the address of the code to run. */
const DESIGNATOR = Uint8Array.of(0xef, 0x01, 0x00)
const MAX_NONCE = 2n ** 64n - 1n

export const isDelegation = (code: Uint8Array): boolean =>
  code.length === 23 && code[0] === 0xef && code[1] === 0x01 && code[2] === 0x00

export type Delegations = {
  /** Accounts whose signature was right: warm for the transaction, whether or not they delegated. */
  readonly authorities: readonly Uint8Array[]
  readonly refund: number
}

/** EIP-7702 behaviour, steps 1 to 9, for each tuple: what is wrong is passed over. The sender's nonce is already raised. */
export function applyAuthorizations(
  state: FlatState,
  chainId: number,
  authorizations: readonly Authorization[],
): Delegations {
  const authorities: Uint8Array[] = []
  let refund = 0
  for (const authorization of authorizations) {
    if (authorization.chainId !== 0n && authorization.chainId !== BigInt(chainId)) continue
    if (authorization.nonce >= MAX_NONCE) continue
    const authority = recoverAuthority(authorization)
    if (authority === null) continue
    authorities.push(authority)
    const account = state.account(authority)
    const code = account === null ? EMPTY_BYTES : state.code(account)
    if (code.length > 0 && !isDelegation(code)) continue
    if (BigInt(account?.nonce ?? 0) !== authorization.nonce) continue
    if (account !== null) refund += AUTHORIZATION_REFUND
    delegate(state, authority, authorization.address)
  }
  return { authorities, refund }
}

function delegate(state: FlatState, authority: Uint8Array, target: Uint8Array): void {
  const clears = target.every((byte) => byte === 0)
  state.setCode(authority, clears ? EMPTY_BYTES : concatBytes(DESIGNATOR, target))
  const account = state.account(authority) ?? EMPTY_ACCOUNT
  state.setAccount(authority, { ...account, nonce: account.nonce + 1 })
}
