import type { ConsensusParams, FeeRecipient } from '../core/chain/params.ts'
import { compareBytes, EMPTY_BYTES } from '../core/primitives/bytes.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import { ADDRESS_LENGTH } from '../core/primitives/signature.ts'
import { type Millis, millisOf } from '../core/primitives/units.ts'
import {
  type Check,
  defaulted,
  dictionary,
  integer,
  list,
  object,
  oneOf,
  type Place,
  required,
  text,
} from './checks.ts'
import { checkConsistency } from './consistency.ts'
import { defaultCoreGenesis } from './core.ts'
import { canonicalCore, coreGenesis } from './coreParse.ts'
import {
  type EvmParams,
  GENESIS_FORMAT,
  type Genesis,
  type GenesisAccount,
  type GenesisValidator,
  HARDFORKS,
  type Hardfork,
  type StorageSlot,
} from './genesis.ts'
import { parseJson } from './json.ts'
import { GENESIS_LIMITS } from './limits.ts'
import type { Problem } from './problems.ts'
import { addressOfValidator } from './validator.ts'
import { address, baseFee, code, nonZeroWord, publicKey, time, wei, word } from './values.ts'

export type GenesisOutcome =
  | { readonly ok: true; readonly value: Genesis }
  | { readonly ok: false; readonly code: 'INVALID_GENESIS'; readonly problems: readonly Problem[] }

/** Reads a genesis document; on failure with every problem found, in document order by check. */
export function parseGenesis(source: string): GenesisOutcome {
  const json = parseJson(source, GENESIS_LIMITS.textLength)
  if (!json.ok) return { ok: false, code: 'INVALID_GENESIS', problems: json.problems }
  const place: Place = { path: '', problems: [] }
  const document = checkDocument(json.value, place)
  if (document !== undefined) checkConsistency(document, place.problems)
  if (document === undefined || place.problems.length > 0)
    return { ok: false, code: 'INVALID_GENESIS', problems: place.problems }
  return { ok: true, value: canonical(document) }
}

/** The same genesis in the order that is hashed. */
export function canonical(genesis: Genesis): Genesis {
  const { chainId, genesisTime, validators, consensus, evm, accounts, core } = genesis
  return {
    chainId,
    genesisTime,
    validators: validators
      .map((validator) => ({ validator, address: addressOfValidator(validator) }))
      .sort((a, b) => compareBytes(a.address, b.address))
      .map(({ validator }) => validator),
    consensus,
    evm,
    accounts: accounts
      .map((account) => ({
        ...account,
        storage: account.storage.toSorted((a, b) => compareBytes(a.slot, b.slot)),
      }))
      .sort((a, b) => compareBytes(a.address, b.address)),
    core: canonicalCore(core),
  }
}

const recipient = oneOf<FeeRecipient>(['burn', 'treasury', 'proposer'])

const millisFrom =
  (min: number, max: number): Check<Millis> =>
  (value, place) => {
    const ms = integer({ min, max })(value, place)
    return ms === undefined ? undefined : millisOf(ms)
  }

const consensus: Check<ConsensusParams> = object<ConsensusParams>({
  maxBlockBytes: required(integer({ min: GENESIS_LIMITS.minBlockBytes, max: LIMITS.blockBytes })),
  maxBlockGas: required(integer({ min: GENESIS_LIMITS.minBlockGas, max: LIMITS.blockGas })),
  emptyBlockIntervalMs: required(millisFrom(10, GENESIS_LIMITS.maxIntervalMs)),
  precisionMs: required(millisFrom(1, GENESIS_LIMITS.maxClockMs)),
  messageDelayMs: required(millisFrom(1, GENESIS_LIMITS.maxClockMs)),
  evidenceMaxAgeMs: required(millisFrom(1_000, GENESIS_LIMITS.maxEvidenceAgeMs)),
  evidenceMaxAgeBlocks: required(integer({ min: 1, max: GENESIS_LIMITS.maxEvidenceAgeBlocks })),
  baseFeeRecipient: required(recipient),
  tipRecipient: required(recipient),
})

const validator: Check<GenesisValidator> = object<GenesisValidator>({
  name: required(
    text(
      new RegExp(`^[\\x20-\\x7e]{1,${GENESIS_LIMITS.nameLength}}$`),
      `1 to ${GENESIS_LIMITS.nameLength} printable ASCII characters`,
    ),
  ),
  publicKey: required(publicKey),
  power: required(integer({ min: 1, max: LIMITS.totalVotingPower })),
})

const evm: Check<EvmParams> = object<EvmParams>({
  hardfork: required(oneOf<Hardfork>(HARDFORKS)),
  baseFeePerGas: required(baseFee),
  treasury: defaulted(address, new Uint8Array(ADDRESS_LENGTH)),
  faucet: defaulted(address, new Uint8Array(ADDRESS_LENGTH)),
})

const storage: Check<readonly StorageSlot[]> = (value, place) =>
  dictionary(
    word,
    nonZeroWord,
    GENESIS_LIMITS.storageSlots,
  )(value, place)?.map(([slot, content]) => ({ slot, value: content }))

const nonce = integer({ min: 0, max: GENESIS_LIMITS.nonce })

type WrittenAccount = Omit<GenesisAccount, 'nonce'> & { readonly nonce: number | null }

const writtenAccount: Check<WrittenAccount> = object<WrittenAccount>({
  address: required(address),
  balance: defaulted(wei, 0n),
  nonce: defaulted<number | null>(nonce, null),
  code: defaulted(code, EMPTY_BYTES),
  storage: defaulted(storage, []),
})

/** A contract's first nonce is 1 (EIP-161), a person's 0. */
const account: Check<GenesisAccount> = (value, place) => {
  const written = writtenAccount(value, place)
  if (written === undefined) return undefined
  return { ...written, nonce: written.nonce ?? (written.code.length > 0 ? 1 : 0) }
}

type Document = Genesis & { readonly format: number }

const checkDocument: Check<Document> = object<Document>({
  format: required(integer({ min: GENESIS_FORMAT, max: GENESIS_FORMAT })),
  chainId: required(integer({ min: 1, max: GENESIS_LIMITS.chainId })),
  genesisTime: required(time),
  validators: required(list(validator, { min: 1, max: LIMITS.validators })),
  consensus: required(consensus),
  evm: required(evm),
  accounts: required(list(account, { min: 0, max: GENESIS_LIMITS.accounts })),
  core: defaulted(coreGenesis, defaultCoreGenesis),
})
