import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { type Account, decodeAccount, hasCode } from '../../evm/account.ts'
import { type EvmStore, storageKey } from '../../evm/store.ts'
import type { StateReader } from '../../rpc/index.ts'
import type { EvmStateView } from '../storage/chainReader.ts'
import type { SenderState } from './submission.ts'

/** Reads of accounts as RPC wants them: what does not exist is zero. */
export function stateReaderOf(view: EvmStateView): StateReader {
  return {
    height: view.height,
    balance: (address) => accountAt(view, address)?.balance ?? 0n,
    nonce: (address) => accountAt(view, address)?.nonce ?? 0,
    code: (address) => codeOf(view, accountAt(view, address)),
    storage: (address, slot) => {
      const stored = view.get('storage', storageKey(address, slot)) ?? EMPTY_BYTES
      // Stored without leading zeros.
      const word = new Uint8Array(32)
      word.set(stored, 32 - stored.length)
      return word
    },
  }
}

/** What judges a transaction of `sender`: one read unless there is code. */
export function senderStateOf(store: EvmStore, sender: Uint8Array): Omit<SenderState, 'baseFee'> {
  const account = accountAt(store, sender)
  return { account: account ?? NOBODY, code: codeOf(store, account) }
}

const NOBODY = { nonce: 0, balance: 0n }

const codeOf = (store: EvmStore, account: Account | null): Uint8Array =>
  account === null || !hasCode(account)
    ? EMPTY_BYTES
    : (store.get('code', account.codeHash) ?? EMPTY_BYTES)

function accountAt(store: EvmStore, address: Uint8Array): Account | null {
  const stored = store.get('account', address)
  return stored === undefined ? null : decodeAccount(stored)
}
