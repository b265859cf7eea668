import type { RpcBackend, StateReader } from '../backend.ts'
import { data, quantity } from '../format/hex.ts'
import { proofOf } from '../format/proof.ts'
import { heavy, type MethodModules, type MethodTable, method } from '../method.ts'
import type { Outcome } from '../outcome.ts'
import { type BlockParameter, blockReference, existingHeightOf, LATEST } from '../params/block.ts'
import { address, slot } from '../params/hex.ts'
import { optional, required } from '../params/parameter.ts'
import { storageKeys, storageRequests } from '../params/storageKeys.ts'

/** Accounts, now and at past heights. */
export function stateMethods({ backend }: MethodModules): MethodTable {
  const account = required(address)
  const block = optional(blockReference, LATEST)
  const read = (at: BlockParameter, show: (state: StateReader) => string): Outcome<string> => {
    const height = existingHeightOf(backend, at)
    return height.ok ? backend.state(height.value, show) : height
  }
  return {
    eth_getBalance: method([account, block], (_, owner, at) =>
      read(at, (state) => quantity(state.balance(owner))),
    ),
    eth_getCode: method([account, block], (_, owner, at) =>
      read(at, (state) => data(state.code(owner))),
    ),
    eth_getStorageAt: method([account, required(slot), block], (_, owner, position, at) =>
      read(at, (state) => data(state.storage(owner, position))),
    ),
    eth_getStorageValues: heavy(
      method([required(storageRequests), block], (_, wanted, at) => {
        const height = existingHeightOf(backend, at)
        if (!height.ok) return height
        return backend.state(height.value, (state) =>
          Object.fromEntries(
            wanted.map(({ name, address: owner, slots }) => [
              name,
              slots.map((position) => data(state.storage(owner, position))),
            ]),
          ),
        )
      }),
    ),
    eth_getTransactionCount: method([account, block], (_, owner, at) =>
      at.kind === 'pending'
        ? pendingCount(backend, owner)
        : read(at, (state) => quantity(state.nonce(owner))),
    ),
    eth_getProof: heavy(
      method([account, required(storageKeys), block], async (_, owner, keys, at) => {
        const height = existingHeightOf(backend, at)
        if (!height.ok) return height
        const slots = keys.map((key) => key.slot)
        const proof = await backend.proof(height.value, owner, slots)
        return proof.ok ? { ok: true, value: proofOf(owner, keys, proof.value) } : proof
      }),
    ),
  }
}

/** The pool answers first: its answer arrives after the block that it may have emptied itself into. */
async function pendingCount(backend: RpcBackend, owner: Uint8Array): Promise<Outcome<string>> {
  const pooled = await backend.pendingNonce(owner)
  return backend.state(backend.height(), (state) =>
    quantity(Math.max(pooled ?? 0, state.nonce(owner))),
  )
}
