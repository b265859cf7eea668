import type { AccountFields, StateManagerInterface } from '@ethereumjs/common'
import { type Address, Account as EthereumAccount } from '@ethereumjs/util'
import { assert } from '../../core/primitives/assert.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import { type Account, EMPTY_ACCOUNT } from '../account.ts'
import type { FlatState } from './flatState.ts'

/** What the interpreter sees of the state: the flat state in front of it, without a trie behind it. */
export class NexusStateManager implements StateManagerInterface {
  /** The state of the block or call under way. */
  flat: FlatState
  readonly originalStorageCache: StateManagerInterface['originalStorageCache']

  constructor(flat: FlatState) {
    this.flat = flat
    this.originalStorageCache = {
      get: async (address, key) => this.flat.originalSlot(address.bytes, key),
      // `startTransaction` does it: the interpreter clears too late for a call that threw.
      clear: () => {},
    }
  }

  /** A copy: the interpreter changes balances and nonces in place before it decides to keep them. */
  async getAccount(address: Address): Promise<EthereumAccount | undefined> {
    const account = this.flat.account(address.bytes)
    return account === null ? undefined : ethereumAccountOf(account)
  }

  async putAccount(address: Address, account?: EthereumAccount): Promise<void> {
    if (account === undefined) this.flat.deleteAccount(address.bytes)
    else this.flat.setAccount(address.bytes, accountOf(account))
  }

  async deleteAccount(address: Address): Promise<void> {
    this.flat.deleteAccount(address.bytes)
  }

  async modifyAccountFields(address: Address, fields: AccountFields): Promise<void> {
    const account = ethereumAccountOf(this.flat.account(address.bytes) ?? EMPTY_ACCOUNT)
    Object.assign(account, fields)
    this.flat.setAccount(address.bytes, accountOf(account))
  }

  async putCode(address: Address, value: Uint8Array): Promise<void> {
    this.flat.setCode(address.bytes, value)
  }

  async getCode(address: Address): Promise<Uint8Array> {
    const account = this.flat.account(address.bytes)
    return account === null ? EMPTY_BYTES : this.flat.code(account)
  }

  async getCodeSize(address: Address): Promise<number> {
    return (await this.getCode(address)).length
  }

  async getStorage(address: Address, key: Uint8Array): Promise<Uint8Array> {
    return this.flat.slot(address.bytes, key)
  }

  async putStorage(address: Address, key: Uint8Array, value: Uint8Array): Promise<void> {
    this.flat.setSlot(address.bytes, key, value)
  }

  async clearStorage(address: Address): Promise<void> {
    this.flat.clearStorage(address.bytes)
  }

  async checkpoint(): Promise<void> {
    this.flat.checkpoint()
  }
  async commit(): Promise<void> {
    this.flat.commit()
  }
  async revert(): Promise<void> {
    this.flat.revert()
  }

  clearCaches(): void {}

  /** The root belongs to the end of a block; nothing inside one may ask for it. */
  async getStateRoot(): Promise<Uint8Array> {
    return noTrie()
  }
  async setStateRoot(): Promise<void> {
    noTrie()
  }
  async hasStateRoot(): Promise<boolean> {
    return noTrie()
  }
  shallowCopy(): StateManagerInterface {
    return noTrie()
  }
}

function noTrie(): never {
  assert(false, 'the state inside a block has no trie')
}

const ethereumAccountOf = (account: Account): EthereumAccount =>
  new EthereumAccount(BigInt(account.nonce), account.balance, account.storageRoot, account.codeHash)

function accountOf(account: EthereumAccount): Account {
  const nonce = Number(account.nonce)
  assert(Number.isSafeInteger(nonce), 'a nonce is counted up from genesis')
  return {
    nonce,
    balance: account.balance,
    storageRoot: account.storageRoot,
    codeHash: account.codeHash,
  }
}
