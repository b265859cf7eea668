import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { EMPTY_ACCOUNT } from '../account.ts'
import type { FlatState } from '../state/flatState.ts'
import type { StateOverride, StorageEntry } from './request.ts'

/** geth's state override set (internal/ethapi/override). */
export function placeOverrides(flat: FlatState, overrides: readonly StateOverride[]): void {
  for (const { address, balance, nonce, code, state, stateDiff } of overrides) {
    const account = flat.account(address) ?? EMPTY_ACCOUNT
    flat.setAccount(address, {
      ...account,
      balance: balance ?? account.balance,
      nonce: nonce ?? account.nonce,
    })
    if (code !== undefined) flat.setCode(address, code)
    if (state !== undefined) {
      flat.hideStorage(address)
      placeSlots(flat, address, state)
    }
    if (stateDiff !== undefined) placeSlots(flat, address, stateDiff)
  }
}

function placeSlots(flat: FlatState, address: Uint8Array, entries: readonly StorageEntry[]): void {
  for (const { slot, value } of entries) {
    const first = value.findIndex((byte) => byte !== 0)
    flat.setSlot(address, slot, first < 0 ? EMPTY_BYTES : value.subarray(first))
  }
}
