/**
 * A change of one account that no transaction could make: development networks only. A balance is in wei, and the
 * difference comes from the faucet or goes there; slots and their values have 32 bytes.
 */
export type StateEdit = {
  readonly address: Uint8Array
} & (
  | { readonly kind: 'balance'; readonly balance: bigint }
  | { readonly kind: 'nonce'; readonly nonce: number }
  | { readonly kind: 'code'; readonly code: Uint8Array }
  | { readonly kind: 'slot'; readonly slot: Uint8Array; readonly value: Uint8Array }
)
