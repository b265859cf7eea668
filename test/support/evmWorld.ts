import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import { concatBytes, fromHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { addressOfPrivateKey, signatures } from '../../core/primitives/signature.ts'
import {
  createEvmMachine,
  createGenesisState,
  createMemoryStore,
  decodeAccount,
  type EvmBlockInput,
  type EvmBlockResult,
  type EvmMachine,
  type EvmStore,
  type ExecutionMode,
  type GenesisAlloc,
  nextBaseFee,
  storageKey,
} from '../../evm/index.ts'
import { encodeRlp, quantityBytes, type RlpItem } from '../../evm/rlp.ts'

export const CHAIN_ID = 3940
export const COIN = 10n ** 18n
export const GWEI = 10n ** 9n

export type Key = { readonly privateKey: Uint8Array; readonly address: Uint8Array }

/** The i-th account of every test. */
export function keyNumber(index: number): Key {
  const privateKey = keccak256(new TextEncoder().encode(`nexus test key ${index}`))
  return { privateKey, address: addressOfPrivateKey(privateKey) }
}

export type UnsignedTransaction = {
  readonly type?: 0 | 1 | 2 | 4
  readonly chainId?: number
  readonly nonce: number | bigint
  readonly gasLimit?: number | bigint
  readonly maxFeePerGas?: bigint
  readonly maxPriorityFeePerGas?: bigint
  readonly to?: Uint8Array | null
  readonly value?: bigint
  readonly data?: Uint8Array
  readonly accessList?: readonly RlpItem[]
  readonly authorizations?: readonly RlpItem[]
}

export function signTransaction(transaction: UnsignedTransaction, key: Key): Uint8Array {
  const { type = 2, chainId = CHAIN_ID, nonce, gasLimit = 21_000 } = transaction
  const { maxFeePerGas = 100n * GWEI, maxPriorityFeePerGas = GWEI } = transaction
  const { to = null, value = 0n, data = new Uint8Array(0) } = transaction
  const call: RlpItem[] = [
    quantityBytes(gasLimit),
    to ?? new Uint8Array(0),
    quantityBytes(value),
    data,
  ]
  if (type === 0) {
    const fields = [quantityBytes(nonce), quantityBytes(maxFeePerGas), ...call]
    const digest = keccak256(
      encodeRlp([...fields, quantityBytes(chainId), quantityBytes(0), quantityBytes(0)]),
    )
    const { signature, recovery } = signatures.sign(digest, key.privateKey)
    return encodeRlp([...fields, quantityBytes(35 + 2 * chainId + recovery), ...scalars(signature)])
  }
  const fees = type === 1 ? [maxFeePerGas] : [maxPriorityFeePerGas, maxFeePerGas]
  const fields: RlpItem[] = [
    quantityBytes(chainId),
    quantityBytes(nonce),
    ...fees.map(quantityBytes),
    ...call,
    transaction.accessList ?? [],
    ...(type === 4 ? [transaction.authorizations ?? []] : []),
  ]
  const { signature, recovery } = signatures.sign(keccak256(typed(type, fields)), key.privateKey)
  return typed(type, [...fields, quantityBytes(recovery), ...scalars(signature)])
}

/** EIP-7702: `key` lets its account run the code at `address`. */
export function authorization(
  key: Key,
  address: Uint8Array,
  nonce: number,
  chainId = CHAIN_ID,
): RlpItem {
  const fields = [quantityBytes(chainId), address, quantityBytes(nonce)]
  const { signature, recovery } = signatures.sign(keccak256(typed(5, fields)), key.privateKey)
  return [...fields, quantityBytes(recovery), ...scalars(signature)]
}

const typed = (type: number, fields: RlpItem): Uint8Array =>
  concatBytes(Uint8Array.of(type), encodeRlp(fields))

const scalars = (signature: Uint8Array): RlpItem[] =>
  [signature.subarray(0, 32), signature.subarray(32)].map((scalar) => {
    const first = scalar.findIndex((byte) => byte !== 0)
    return first < 0 ? new Uint8Array(0) : scalar.subarray(first)
  })

export const funded = (keys: readonly Key[], balance = 1_000n * COIN): GenesisAlloc[] =>
  keys.map(({ address }) => account(address, { balance }))

export const account = (address: Uint8Array, part: Partial<GenesisAlloc> = {}): GenesisAlloc => ({
  address,
  balance: 0n,
  nonce: 0,
  code: new Uint8Array(0),
  storage: [],
  ...part,
})

export const PROPOSER = fromHex('00000000000000000000000000000000000a11ce')
export const TREASURY = fromHex('0000000000000000000000000000000000fee000')

export type World = {
  readonly store: EvmStore
  readonly machine: EvmMachine
  head: EthereumHeader
  readonly hashes: Uint8Array[]
  /** The input of the next block with these transactions. */
  input(transactions: readonly Uint8Array[], part?: Partial<EvmBlockInput>): EvmBlockInput
  /** Executes, stores and commits. */
  block(transactions: readonly Uint8Array[], part?: Partial<EvmBlockInput>): Promise<EvmBlockResult>
  balance(address: Uint8Array): bigint
  nonce(address: Uint8Array): number
  slot(address: Uint8Array, slot: number): bigint
}

export async function createWorld(
  alloc: readonly GenesisAlloc[],
  options: {
    readonly gasLimit?: number
    readonly baseFeePerGas?: bigint
    readonly execution?: ExecutionMode
    readonly faucet?: Uint8Array
  } = {},
): Promise<World> {
  const store = createMemoryStore()
  const genesis = createGenesisState(alloc, {
    timestampMs: 1_700_000_000_000,
    gasLimit: options.gasLimit ?? 30_000_000,
    baseFeePerGas: options.baseFeePerGas ?? GWEI,
  })
  store.apply(genesis.changes)
  const machine = await newMachine(store, options.execution, options.faucet ?? null)
  const accountAt = (address: Uint8Array) => {
    const bytes = store.get('account', address)
    return bytes === undefined ? null : decodeAccount(bytes)
  }
  const world: World = {
    store,
    machine,
    head: genesis.header,
    hashes: [genesis.header.hash],
    input: (transactions, part = {}) => ({
      number: world.head.number + 1,
      timestampMs: 1_700_000_000_000 + 1_000 * (world.head.number + 1),
      coinbase: PROPOSER,
      parent: world.head,
      parentBlockId: keccak256(world.head.hash),
      prevRandao: keccak256(Uint8Array.of(world.head.number & 0xff)),
      gasLimit: world.head.gasLimit,
      baseFeePerGas: nextBaseFee(world.head),
      baseFeeRecipient: 'burn',
      tipRecipient: 'proposer',
      treasury: TREASURY,
      transactions: transactions.map((bytes) => ({ bytes, sender: null })),
      ancestorHash: (number) => world.hashes[number] ?? null,
      ...part,
    }),
    async block(transactions, part) {
      const result = await machine.execute(world.input(transactions, part))
      store.apply(result.changes)
      machine.commit()
      world.head = result.executed.header
      world.hashes.push(world.head.hash)
      return result
    },
    balance: (address) => accountAt(address)?.balance ?? 0n,
    nonce: (address) => accountAt(address)?.nonce ?? 0,
    slot(address, slot) {
      const bytes = store.get('storage', storageKey(address, word(slot)))
      return bytes === undefined ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
    },
  }
  return world
}

export const newMachine = (
  store: EvmStore,
  execution: ExecutionMode = 'nexus',
  faucet: Uint8Array | null = null,
): Promise<EvmMachine> =>
  createEvmMachine({
    ...{ store, chainId: CHAIN_ID, hardfork: 'prague', faucet, execution },
    now: () => 0,
  })

export function word(value: number | bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0'))
}
