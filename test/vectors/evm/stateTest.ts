import { readFileSync } from 'node:fs'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import type { AccessListEntry, Authorization } from '../../../evm/accessList.ts'
import { EMPTY_ACCOUNT } from '../../../evm/account.ts'
import { BLOB_BASE_FEE } from '../../../evm/blockEnvironment.ts'
import { finishBlockState } from '../../../evm/blockState.ts'
import { createEngine, type Engine, enter } from '../../../evm/engine.ts'
import type { ExecutiveName } from '../../../evm/executive.ts'
import { transactionGasCap } from '../../../evm/forks.ts'
import { intrinsicGasOf, MAX_INITCODE_BYTES } from '../../../evm/intrinsicGas.ts'
import { encodeRlp } from '../../../evm/rlp.ts'
import { CommittedState } from '../../../evm/state/committedState.ts'
import { FlatState } from '../../../evm/state/flatState.ts'
import { StateTrie } from '../../../evm/stateTrie.ts'
import { createMemoryStore } from '../../../evm/store.ts'
import type { DecodedTransaction } from '../../../evm/transaction.ts'
import { applyTransaction, type BlockContext } from '../../../evm/transition.ts'

/** The JSON of ethereum/tests GeneralStateTests, as far as it is used. */
type StateTest = {
  readonly env: Readonly<Record<string, string>>
  readonly pre: Readonly<Record<string, PreAccount>>
  readonly transaction: TestTransaction
  readonly post: Readonly<Record<string, readonly PostState[]>>
}
type PreAccount = {
  readonly balance: string
  readonly nonce: string
  readonly code: string
  readonly storage: Readonly<Record<string, string>>
}
type TestAccessList = readonly {
  readonly address: string
  readonly storageKeys: readonly string[]
}[]
type TestTransaction = {
  readonly data: readonly string[]
  readonly gasLimit: readonly string[]
  readonly value: readonly string[]
  readonly nonce: string
  readonly to: string
  readonly sender: string
  readonly gasPrice?: string
  readonly maxFeePerGas?: string
  readonly maxPriorityFeePerGas?: string
  readonly maxFeePerBlobGas?: string
  readonly accessLists?: readonly (TestAccessList | null)[]
  readonly authorizationList?: readonly Readonly<Record<string, string>>[]
}
type PostState = {
  readonly hash: string
  readonly logs: string
  readonly indexes: { readonly data: number; readonly gas: number; readonly value: number }
  readonly expectException?: string
}

export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'skipped'; readonly reason: string }

/** The rules that the cases can run with, by the title of the files. */
export const FORKS = { Cancun: 'cancun', Prague: 'prague', Osaka: 'osaka' } as const
type Fork = (typeof FORKS)[keyof typeof FORKS]

export type Case = {
  readonly name: string
  /** As the file has it; may be one that is not ours. */
  readonly title: string
  readonly test: StateTest
  readonly post: PostState
}

/** Every case of a file; none if it holds no state tests. */
export function* casesOf(path: string, shownPath: string): Generator<Case> {
  const file = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Partial<StateTest>>
  for (const [name, test] of Object.entries(file)) {
    if (test.post === undefined || test.pre === undefined || test.transaction === undefined)
      continue
    for (const [title, posts] of Object.entries(test.post)) {
      for (const [index, post] of posts.entries()) {
        yield { name: `${shownPath} ${name} #${index}`, title, test: test as StateTest, post }
      }
    }
  }
}

/** Runs the transaction of a case on its state and compares the root and the logs. */
export async function runCase(engines: Engines, { title, test, post }: Case): Promise<Outcome> {
  if (!isOurs(title)) return { kind: 'skipped', reason: `rules of ${title}` }
  const fork = FORKS[title]
  const skip = reasonToSkip(test)
  if (skip !== null) return { kind: 'skipped', reason: skip }
  const store = createMemoryStore()
  const start = new CommittedState(store, CACHES)
  const genesis = new FlatState(start)
  for (const [address, account] of Object.entries(test.pre)) place(genesis, address, account)
  store.apply(finishBlockState(genesis, new StateTrie({ store, ...CACHES })).changes)

  const engine = await engines.of(fork)
  enter(engine, new FlatState(new CommittedState(store, CACHES)))
  engine.ancestors.hashOf = (number) => keccak256(new TextEncoder().encode(String(number)))
  const context = contextOf(test)
  const transaction = transactionOf(test, post, fork)
  const applied = invalid(transaction, fork)
    ? null
    : await applyTransaction(engine, context, transaction, context.environment.gasLimit)
  const accepted = applied?.ok === true
  if (accepted === (post.expectException !== undefined)) {
    return { kind: 'failed', reason: accepted ? 'accepted' : `rejected ${JSON.stringify(applied)}` }
  }
  const trie = new StateTrie({ store, ...CACHES })
  const { stateRoot } = finishBlockState(engine.flat, trie)
  if (`0x${toHex(stateRoot)}` !== post.hash) return { kind: 'failed', reason: 'state root' }
  const logs = applied?.ok === true ? applied.value.outcome.logs : []
  const encoded = encodeRlp(logs.map((log) => [log.address, log.topics, log.data]))
  if (`0x${toHex(keccak256(encoded))}` !== post.logs) return { kind: 'failed', reason: 'logs' }
  return { kind: 'passed' }
}

export const isOurs = (title: string): title is keyof typeof FORKS => Object.hasOwn(FORKS, title)

const CACHES = {
  accountBytes: 0,
  slotBytes: 0,
  cachedCodes: 100,
  cachedNodeBytes: 65_536,
}

/** One interpreter for each fork; the state is put in front of it for each case. */
export class Engines {
  readonly #engines = new Map<Fork, Engine>()
  readonly executive: ExecutiveName
  constructor(executive: ExecutiveName) {
    this.executive = executive
  }
  async of(fork: Fork): Promise<Engine> {
    const known = this.#engines.get(fork)
    if (known !== undefined) return known
    const committed = new CommittedState(createMemoryStore(), CACHES)
    const engine = await createEngine({
      ...{ chainId: 1, hardfork: fork, committed },
      executive: this.executive,
    })
    this.#engines.set(fork, engine)
    return engine
  }
}

function reasonToSkip({ pre, transaction, env }: StateTest): string | null {
  if (transaction.maxFeePerBlobGas !== undefined) return 'blob transaction'
  if (BigInt(env.currentExcessBlobGas ?? 0) > 0n) return 'blob base fee above its minimum'
  const nonces = [transaction.nonce, ...Object.values(pre).map(({ nonce }) => nonce)]
  if (nonces.some((nonce) => BigInt(nonce) > BigInt(Number.MAX_SAFE_INTEGER))) {
    return 'nonce above 2^53'
  }
  if (transaction.gasLimit.some((gas) => BigInt(gas) > BigInt(Number.MAX_SAFE_INTEGER))) {
    return 'gas limit above 2^53'
  }
  const bare = ({ balance, nonce, code, storage }: PreAccount): boolean =>
    BigInt(balance) === 0n &&
    BigInt(nonce) === 0n &&
    code === '0x' &&
    Object.keys(storage).length > 0
  return Object.values(pre).some(bare) ? 'storage in an empty account' : null
}

function place(flat: FlatState, address: string, part: PreAccount): void {
  const bytes = fromHex(address)
  flat.setAccount(bytes, {
    ...EMPTY_ACCOUNT,
    balance: BigInt(part.balance),
    nonce: Number(BigInt(part.nonce)),
  })
  if (part.code !== '0x') flat.setCode(bytes, fromHex(part.code))
  for (const [slot, value] of Object.entries(part.storage)) {
    flat.setSlot(bytes, padded(slot), trimmed(value))
  }
}

const digits = (quantity: string): string => BigInt(quantity).toString(16)
const padded = (quantity: string): Uint8Array => fromHex(digits(quantity).padStart(64, '0'))
function trimmed(quantity: string): Uint8Array {
  const text = digits(quantity)
  if (text === '0') return new Uint8Array(0)
  return fromHex(text.length % 2 === 0 ? text : `0${text}`)
}

function contextOf({ env }: StateTest): BlockContext {
  const coinbase = fromHex(env.currentCoinbase as string)
  const environment = {
    number: Number(env.currentNumber),
    timestamp: Number(env.currentTimestamp),
    coinbase,
    prevRandao: padded(env.currentRandom as string),
    gasLimit: Number(env.currentGasLimit),
    baseFeePerGas: BigInt(env.currentBaseFee as string),
    blobBaseFee: BLOB_BASE_FEE,
  }
  return {
    environment,
    fees: {
      baseFeeRecipient: 'burn',
      tipRecipient: 'proposer',
      treasury: coinbase,
      proposer: coinbase,
    },
    totals: { burned: 0n, treasury: 0n, proposer: 0n },
  }
}

function transactionOf(
  { transaction }: StateTest,
  post: PostState,
  fork: Fork,
): DecodedTransaction {
  const { indexes } = post
  const data = fromHex(transaction.data[indexes.data] as string)
  const listed = transaction.accessLists?.[indexes.data] ?? []
  const accessList = listed.map(
    ({ address, storageKeys }): AccessListEntry => ({
      address: fromHex(address),
      storageKeys: storageKeys.map(padded),
    }),
  )
  const authorizations = (transaction.authorizationList ?? []).map(authorizationOf)
  const to = transaction.to === '' ? null : fromHex(transaction.to)
  const gas = intrinsicGasOf({
    data,
    isCreation: to === null,
    accessAddresses: accessList.length,
    accessSlots: accessList.reduce((sum, entry) => sum + entry.storageKeys.length, 0),
    authorizations: authorizations.length,
  })
  const fee = BigInt(transaction.maxFeePerGas ?? transaction.gasPrice ?? '0')
  return {
    hash: new Uint8Array(32),
    sender: fromHex(transaction.sender),
    isImpersonated: false,
    type: 2,
    nonce: Number(transaction.nonce),
    gasLimit: Number(transaction.gasLimit[indexes.gas]),
    maxFeePerGas: fee,
    maxPriorityFeePerGas: BigInt(transaction.maxPriorityFeePerGas ?? fee),
    value: BigInt(transaction.value[indexes.value] as string),
    to,
    data,
    accessList,
    authorizations,
    intrinsicGas: gas.intrinsic,
    // EIP-7623 came with Prague.
    floorGas: fork === 'cancun' ? 0 : gas.floor,
    bytes: data,
    size: data.length,
  }
}

const authorizationOf = (tuple: Readonly<Record<string, string>>): Authorization => ({
  chainId: BigInt(tuple.chainId as string),
  address: fromHex(tuple.address as string),
  nonce: BigInt(tuple.nonce as string),
  parity: BigInt(tuple.yParity ?? tuple.v ?? 0),
  r: trimmed(tuple.r as string),
  s: trimmed(tuple.s as string),
})

/** What the decoder refuses before a transaction gets as far as the state. */
const invalid = (transaction: DecodedTransaction, fork: Fork): boolean =>
  transaction.gasLimit > transactionGasCap(fork) ||
  transaction.gasLimit < Math.max(transaction.intrinsicGas, transaction.floorGas) ||
  transaction.maxPriorityFeePerGas > transaction.maxFeePerGas ||
  transaction.value >= 1n << 256n ||
  (transaction.to === null && transaction.data.length > MAX_INITCODE_BYTES)
