import type { EthereumHeader } from '../core/chain/executedBlock.ts'
import { EMPTY_BYTES } from '../core/primitives/bytes.ts'
import { NexusError } from '../core/primitives/errors.ts'
import { ZERO_HASH } from '../core/primitives/hash.ts'
import { ADDRESS_LENGTH } from '../core/primitives/signature.ts'
import { EMPTY_ACCOUNT, EMPTY_TRIE_ROOT, isEmptyAccount } from './account.ts'
import { finishBlockState } from './blockState.ts'
import { baseFeeBefore } from './fees.ts'
import { sealHeader } from './header.ts'
import { EMPTY_BLOOM } from './receipts.ts'
import { CommittedState } from './state/committedState.ts'
import { FlatState } from './state/flatState.ts'
import { StateTrie } from './stateTrie.ts'
import type { EvmChange, EvmStore } from './store.ts'

export type GenesisAlloc = {
  readonly address: Uint8Array
  /** In wei. */
  readonly balance: bigint
  readonly nonce: number
  readonly code: Uint8Array
  /** 32 bytes each. */
  readonly storage: readonly { readonly slot: Uint8Array; readonly value: Uint8Array }[]
}

export type GenesisHeader = {
  readonly timestampMs: number
  readonly gasLimit: number
  /** Of block 1, in wei per gas. */
  readonly baseFeePerGas: bigint
}

export type GenesisState = {
  readonly header: EthereumHeader
  readonly changes: readonly EvmChange[]
}

/** The Ethereum genesis block and the state it stands for. Errors: `GENESIS_SUPPLY`, `GENESIS_ACCOUNT`. */
export function createGenesisState(
  alloc: readonly GenesisAlloc[],
  parameters: GenesisHeader,
): GenesisState {
  const committed = new CommittedState(NO_STATE, {
    accountBytes: 0,
    slotBytes: 0,
    cachedCodes: 1,
  })
  const flat = new FlatState(committed)
  let supply = 0n
  for (const account of alloc) {
    place(flat, account)
    supply += account.balance
  }
  // Sums of balances then never pass a word, and no transfer can overflow.
  if (supply >= 1n << 256n) throw new NexusError({ code: 'GENESIS_SUPPLY' })
  const trie = new StateTrie({ store: NO_STATE, cachedNodeBytes: 0 })
  const { stateRoot, changes } = finishBlockState(flat, trie)
  const header = sealHeader(
    {
      parentHash: ZERO_HASH,
      coinbase: NOBODY,
      stateRoot,
      transactionsRoot: EMPTY_TRIE_ROOT,
      receiptsRoot: EMPTY_TRIE_ROOT,
      logsBloom: EMPTY_BLOOM,
      number: 0,
      gasLimit: parameters.gasLimit,
      gasUsed: 0,
      timestamp: Math.floor(parameters.timestampMs / 1_000),
      prevRandao: ZERO_HASH,
      baseFeePerGas: baseFeeBefore(parameters.baseFeePerGas),
      parentBeaconBlockRoot: ZERO_HASH,
    },
    [],
  )
  return { header, changes }
}

const NOBODY = new Uint8Array(ADDRESS_LENGTH)
const NO_STATE: EvmStore = { get: () => undefined }

function place(flat: FlatState, alloc: GenesisAlloc): void {
  const { address, balance, nonce, code, storage } = alloc
  flat.setAccount(address, { ...EMPTY_ACCOUNT, balance, nonce })
  if (code.length > 0) flat.setCode(address, code)
  const account = flat.account(address)
  // Such an account would be deleted when touched, and its storage with it (EIP-161).
  if (account !== null && isEmptyAccount(account) && storage.length > 0) {
    throw new NexusError({ code: 'GENESIS_ACCOUNT', address })
  }
  for (const { slot, value } of storage) flat.setSlot(address, slot, withoutZeros(value))
}

function withoutZeros(value: Uint8Array): Uint8Array {
  const first = value.findIndex((byte) => byte !== 0)
  return first < 0 ? EMPTY_BYTES : value.slice(first)
}
