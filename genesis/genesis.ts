import { type ConsensusParams, consensusParamsCodec } from '../core/chain/params.ts'
import { ValidatorSet } from '../core/chain/validatorSet.ts'
import { assert } from '../core/primitives/assert.ts'
import { bigintToBytes, bytesToBigint, EMPTY_BYTES, toHex } from '../core/primitives/bytes.ts'
import {
  bytes,
  type Codec,
  encode,
  fixedBytes,
  int,
  list,
  mapped,
  struct,
  u16,
  unitOf,
} from '../core/primitives/codec.ts'
import { DOMAIN, hash } from '../core/primitives/hash.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import { ADDRESS_LENGTH, PUBLIC_KEY_LENGTH } from '../core/primitives/signature.ts'
import { type BlockId, heightOf, type Millis } from '../core/primitives/units.ts'
import { ascii } from './ascii.ts'
import { type CoreGenesis, coreGenesisCodec } from './core.ts'
import { GENESIS_LIMITS } from './limits.ts'

/** The rules of NexusEVM, by Ethereum's name for them. */
export type Hardfork = 'prague' | 'osaka'

export type GenesisValidator = {
  /** For people and dashboards; printable ASCII. */
  readonly name: string
  /** Compressed secp256k1. */
  readonly publicKey: Uint8Array
  readonly power: number
}

export type GenesisAccount = {
  readonly address: Uint8Array
  /** In wei, 10^−18 of a coin. */
  readonly balance: bigint
  readonly nonce: number
  /** Empty for an account with a key. */
  readonly code: Uint8Array
  /** By slot, ascending; slots and values are 32 bytes and no value is zero. */
  readonly storage: readonly StorageSlot[]
}

export type StorageSlot = { readonly slot: Uint8Array; readonly value: Uint8Array }

export type EvmParams = {
  readonly hardfork: Hardfork
  /** In wei, of block 1; EIP-1559 moves it from there. */
  readonly baseFeePerGas: bigint
  /** Where fees go whose recipient is `treasury`; the zero address when none does. */
  readonly treasury: Uint8Array
  /**
   * On a development network: its faucet, which changes state at will, while everybody sends as whom they
   * please (`stateEdits.ts`, `transaction.ts` of the EVM). The zero address: this is a chain like any other.
   */
  readonly faucet: Uint8Array
}

/**
 * The chain before its first block, in the one order that is hashed: validators and accounts by
 * address, storage by slot. Only `parseGenesis` and `createGenesis` make one.
 */
export type Genesis = {
  readonly chainId: number
  readonly genesisTime: Millis
  readonly validators: readonly GenesisValidator[]
  readonly consensus: ConsensusParams
  readonly evm: EvmParams
  readonly accounts: readonly GenesisAccount[]
  readonly core: CoreGenesis
}

/** Of the document; the first bytes hashed, so that another format is another chain. */
export const GENESIS_FORMAT = 2

export const HARDFORKS: readonly Hardfork[] = ['prague', 'osaka']

const u256: Codec<bigint> = mapped(fixedBytes(32), bytesToBigint, (value) =>
  bigintToBytes(value, 32),
)
const name = ascii(GENESIS_LIMITS.nameLength)
const hardfork: Codec<Hardfork> = mapped(
  u16,
  (tag, reader) => {
    const fork = HARDFORKS[tag]
    if (fork === undefined) reader.fail('BAD_TAG')
    return fork ?? 'prague'
  },
  (fork) => HARDFORKS.indexOf(fork),
)

type Formatted = { readonly format: number; readonly genesis: Genesis }

const formattedCodec: Codec<Formatted> = struct<Formatted>({
  format: u16,
  genesis: struct<Genesis>({
    chainId: int,
    genesisTime: unitOf<Millis>(int),
    validators: list(
      struct<GenesisValidator>({ name, publicKey: fixedBytes(PUBLIC_KEY_LENGTH), power: int }),
      LIMITS.validators,
    ),
    consensus: consensusParamsCodec,
    evm: struct<EvmParams>({
      hardfork,
      baseFeePerGas: u256,
      treasury: fixedBytes(ADDRESS_LENGTH),
      faucet: fixedBytes(ADDRESS_LENGTH),
    }),
    accounts: list(
      struct<GenesisAccount>({
        address: fixedBytes(ADDRESS_LENGTH),
        balance: u256,
        nonce: int,
        code: bytes(GENESIS_LIMITS.codeBytes),
        storage: list(
          struct<StorageSlot>({ slot: fixedBytes(32), value: fixedBytes(32) }),
          GENESIS_LIMITS.storageSlots,
        ),
      }),
      GENESIS_LIMITS.accounts,
    ),
    core: coreGenesisCodec,
  }),
})

/** The canonical bytes of a genesis: what is hashed. */
export const encodeGenesis = (genesis: Genesis): Uint8Array =>
  encode(formattedCodec, { format: GENESIS_FORMAT, genesis })

/** 32 bytes; the identity of a chain, whatever the layout of the JSON it was read from. */
export const genesisHash = (genesis: Genesis): Uint8Array =>
  hash(DOMAIN.genesis, encodeGenesis(genesis))

/** Null: not a development network. */
export const faucetOf = ({ evm: { faucet } }: Genesis): Uint8Array | null =>
  faucet.some((byte) => byte !== 0) ? faucet : null

/** What a light client may start from: the chain before its first block. */
export const trustedGenesis = (genesis: Genesis) => ({
  height: heightOf(0),
  time: genesis.genesisTime,
  id: toHex(genesisHash(genesis)) as BlockId,
  nextValidators: validatorSetOf(genesis),
})

/** The set that decides block 1, all priorities zero. */
export function validatorSetOf(genesis: Genesis): ValidatorSet {
  const set = ValidatorSet.create(
    genesis.validators.map(({ publicKey, power }) => ({ publicKey, power, priority: 0 })),
  )
  assert(set.ok, 'the validators of a parsed genesis make a set')
  return set.value
}

/** An account with a key and coins, as most of a genesis is. */
export const fundedAccount = (address: Uint8Array, balance: bigint): GenesisAccount => ({
  address,
  balance,
  nonce: 0,
  code: EMPTY_BYTES,
  storage: [],
})
