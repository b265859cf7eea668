export type EvmNamespace = 'account' | 'storage' | 'code' | 'trieNode'

/** Synchronous key-value reads of the committed EVM state. */
export type EvmStore = { get(namespace: EvmNamespace, key: Uint8Array): Uint8Array | undefined }

/**
 * One write of a block; one change per key. Account key = 20-byte address; storage key =
 * address(20) ‖ slot(32); code key = code hash(32); trieNode key = the trie's choice. A null value
 * deletes. `previous` is exact for account and storage (it feeds the history index that answers
 * eth_call at past heights), null elsewhere.
 */
export type EvmChange = {
  readonly namespace: EvmNamespace
  readonly key: Uint8Array
  readonly value: Uint8Array | null
  readonly previous: Uint8Array | null
}
