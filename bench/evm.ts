import { parseArgs } from 'node:util'
import type { EthereumHeader } from '../core/chain/executedBlock.ts'
import { fromHex } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { EMPTY_ACCOUNT, EMPTY_TRIE_ROOT, encodeAccount } from '../evm/account.ts'
import {
  createEvmMachine,
  createGenesisState,
  type EvmBlockResult,
  type EvmNamespace,
  type EvmTimings,
  nextBaseFee,
  storageKey,
} from '../evm/index.ts'
import { encodeRlp, quantityBytes } from '../evm/rlp.ts'
import { type FlatChange, StateTrie } from '../evm/stateTrie.ts'
import { compiled } from '../test/support/artifacts.ts'
import { CHAIN_ID, COIN, GWEI, PROPOSER, TREASURY, word } from '../test/support/evmWorld.ts'
import { randomFrom } from '../test/support/smallRandom.ts'
import { type BenchStore, flatStore, levelStore, STORES } from './evmStores.ts'
import { medianOf } from './statistics.ts'

export type EvmBenchOptions = {
  readonly accounts: number
  readonly blocks: number
  readonly transactionsPerBlock: number
  readonly store: (typeof STORES)[number]
  readonly kinds: readonly string[]
}

const KINDS = ['transfer', 'erc20']

const defaultOptions: EvmBenchOptions = {
  accounts: 10_000,
  blocks: 60,
  transactionsPerBlock: 1_000,
  store: 'memory',
  kinds: KINDS,
}

const PHASES = ['decode', 'execute', 'stateRoot', 'header'] as const
/** Microseconds per transaction; medians over blocks. */
type Phases = { readonly [phase in keyof EvmTimings]: number }
export type EvmBenchResult = {
  readonly transactions: number
  readonly transactionsPerSecond: number
  readonly gasPerSecond: number
  /**
   * `changes`: storing the block and taking it into the caches, which `total` leaves out. `allThreads`: all of
   * it, with what the database does meanwhile.
   */
  readonly microsPerTransaction: Phases & {
    readonly changes: number
    readonly total: number
    readonly allThreads: number
  }
  /** Of building the state. */
  readonly buildSeconds: number
}

/** Block execution on one core, with the root of every block, signers already known (they are recovered when a transaction arrives). */
export async function benchEvm(
  options: EvmBenchOptions,
): Promise<Readonly<Record<string, EvmBenchResult>>> {
  const addresses = listOf(options.accounts, 20, (i) => keccak256(quantityBytes(i + 1)).slice(12))
  const results: Record<string, EvmBenchResult> = {}
  if (options.kinds.includes('transfer'))
    results.transfers = await run(options, addresses, transfer, null)
  if (options.kinds.includes('erc20'))
    results.erc20Transfers = await run(options, addresses, erc20Transfer, await tokenOf(addresses))
  return results
}

/** Millions of small arrays on the heap would measure the garbage collector: one array, and copies of what is asked for. */
type ByteList = { readonly length: number; at(index: number): Uint8Array }

function listOf(length: number, width: number, item: (index: number) => Uint8Array): ByteList {
  const bytes = new Uint8Array(length * width)
  for (let i = 0; i < length; i++) bytes.set(item(i), i * width)
  return { length, at: (index) => bytes.slice(index * width, (index + 1) * width) }
}

const TOKEN = fromHex('000000000000000000000000000000000070ce40')

type Call = { readonly to: Uint8Array; readonly gasLimit: number; readonly data: Uint8Array }
type Workload = (recipient: Uint8Array) => Call

const transfer: Workload = (to) => ({ to, gasLimit: 21_000, data: new Uint8Array(0) })

/** transfer(address,uint256) */
const erc20Transfer: Workload = (recipient) => ({
  to: TOKEN,
  gasLimit: 100_000,
  data: Uint8Array.of(0xa9, 0x05, 0x9c, 0xbb, ...new Uint8Array(12), ...recipient, ...word(1)),
})

/** Of type 2. The signature only has the form of one: the sender is known, so nobody looks at it. */
function transactionOf(nonce: number, { to, gasLimit, data }: Call): Uint8Array {
  const fields = [
    ...[CHAIN_ID, nonce, GWEI, 100n * GWEI, gasLimit].map(quantityBytes),
    ...[to, quantityBytes(data.length === 0 ? 1 : 0), data, [], quantityBytes(1), SCALAR, SCALAR],
  ]
  const list = encodeRlp(fields)
  const bytes = new Uint8Array(1 + list.length)
  bytes[0] = 2
  bytes.set(list, 1)
  return bytes
}

const SCALAR = new Uint8Array(32).fill(0x11)

async function run(
  options: EvmBenchOptions,
  addresses: ByteList,
  workload: Workload,
  token: Token | null,
): Promise<EvmBenchResult> {
  const store = options.store === 'memory' ? flatStore() : await levelStore()
  try {
    return await runOn(store, options, addresses, workload, token)
  } finally {
    await store.close()
  }
}

async function runOn(
  store: BenchStore,
  options: EvmBenchOptions,
  addresses: ByteList,
  workload: Workload,
  token: Token | null,
): Promise<EvmBenchResult> {
  const now = options.store === 'memory' ? processSeconds : threadSeconds
  const building = processSeconds()
  let head = await build(store, addresses, token)
  const buildSeconds = Math.round(processSeconds() - building)
  const machine = await createEvmMachine({ store, chainId: CHAIN_ID, hardfork: 'prague', now })
  const nonces = new Uint32Array(addresses.length)
  const random = randomFrom(1)
  const next = (): number => random(addresses.length)
  const blocks: Measured[] = []
  for (let block = 0; block < options.blocks; block++) {
    const transactions = Array.from({ length: options.transactionsPerBlock }, () => {
      const sender = next()
      const nonce = nonces[sender] as number
      nonces[sender] = nonce + 1
      const bytes = transactionOf(nonce, workload(addresses.at(next())))
      return { bytes, sender: addresses.at(sender) }
    })
    const started = processSeconds()
    const result = await machine.execute({
      number: head.number + 1,
      timestampMs: 1_700_000_000_000 + block,
      coinbase: PROPOSER,
      parent: head,
      parentBlockId: head.hash,
      prevRandao: head.hash,
      gasLimit: head.gasLimit,
      baseFeePerGas: nextBaseFee(head),
      baseFeeRecipient: 'burn',
      tipRecipient: 'proposer',
      treasury: TREASURY,
      transactions,
      ancestorHash: () => null,
    })
    const applied = now()
    await store.apply(head.number + 1, result.changes)
    machine.commit()
    // The first half warms the compiler up.
    if (block >= options.blocks / 2) {
      const timings = { ...result.timings, changes: now() - applied }
      blocks.push({ ...timings, gas: gasOf(result), allThreads: processSeconds() - started })
    }
    head = result.executed.header
    if (result.executed.skipped.length > 0 || failed(result))
      throw new Error('a bench transaction failed')
  }
  return { ...summarize(blocks, options.transactionsPerBlock), buildSeconds }
}

/** What genesis would make of it, but part by part: a million accounts at once are a heap of gigabytes. */
async function build(
  store: BenchStore,
  addresses: ByteList,
  token: Token | null,
): Promise<EthereumHeader> {
  const trie = new StateTrie({ store, cachedNodeBytes: 2 ** 24 })
  const fund = (address: Uint8Array): FlatChange => ({ preimage: address, value: FUNDED })
  let root = await buildTrie(store, addresses, fund, {
    ...{ trie, namespace: 'account', keyOf: (address) => address, flatValue: (value) => value },
    update: (changes) => trie.updateAccounts(changes),
  })
  if (token !== null) {
    const storageRoot = await buildTrie(store, token.slots, holding, {
      ...{ trie, namespace: 'storage', keyOf: (slot) => storageKey(TOKEN, slot) },
      ...{ flatValue: () => BALANCE, update: (changes) => trie.updateStorage(TOKEN, changes) },
    })
    const codeHash = keccak256(token.code)
    await store.apply(0, [{ namespace: 'code', key: codeHash, value: token.code, previous: null }])
    const value = encodeAccount({ nonce: 1, balance: 0n, storageRoot, codeHash })
    const only = listOf(1, TOKEN.length, () => TOKEN)
    root = await buildTrie(store, only, (preimage) => ({ preimage, value }), {
      ...{ trie, namespace: 'account', keyOf: (address) => address, flatValue: (bytes) => bytes },
      update: (changes) => trie.updateAccounts(changes),
    })
  }
  await store.settle()
  const { header } = createGenesisState([], {
    timestampMs: 1_700_000_000_000,
    gasLimit: 2 ** 32,
    baseFeePerGas: GWEI,
  })
  return { ...header, stateRoot: root }
}

const FUNDED = encodeAccount({ ...EMPTY_ACCOUNT, balance: 1_000n * COIN })
const BALANCE = quantityBytes(1_000_000n * COIN)
const holding = (slot: Uint8Array): FlatChange => ({ preimage: slot, value: encodeRlp(BALANCE) })

type Trie = {
  readonly trie: StateTrie
  readonly namespace: EvmNamespace
  readonly keyOf: (preimage: Uint8Array) => Uint8Array
  readonly flatValue: (leaf: Uint8Array) => Uint8Array
  readonly update: (changes: readonly FlatChange[]) => Uint8Array
}

async function buildTrie(
  store: BenchStore,
  preimages: ByteList,
  leafOf: (preimage: Uint8Array) => FlatChange,
  { trie, namespace, keyOf, flatValue, update }: Trie,
): Promise<Uint8Array> {
  const indexes: number[][] = Array.from({ length: 256 }, () => [])
  for (let i = 0; i < preimages.length; i++) {
    indexes[keccak256(preimages.at(i))[0] as number]?.push(i)
  }
  let root = EMPTY_TRIE_ROOT
  for (const list of indexes) {
    if (list.length === 0) continue
    const part = list.map((i) => leafOf(preimages.at(i)))
    root = update(part)
    const flat = part.map(({ preimage, value }) => ({
      ...{ namespace, key: keyOf(preimage), previous: null },
      value: flatValue(value as Uint8Array),
    }))
    await store.apply(0, [...flat, ...trie.changes()])
    trie.commit()
  }
  return root
}

/** Seconds of processor time, so that a busy machine does not change the answer. */
const secondsOf = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1e6
/** With the garbage collector's helpers. */
const processSeconds = (): number => secondsOf(process.cpuUsage())
/** LevelDB compacts on a thread of its own while blocks are executed: it belongs to no phase. */
const threadSeconds = (): number => secondsOf(process.threadCpuUsage())

const failed = ({ executed }: EvmBlockResult): boolean =>
  executed.transactions.some(({ receipt }) => receipt.status === 0)
const gasOf = ({ executed }: EvmBlockResult): number => executed.header.gasUsed

type Measured = EvmTimings & {
  readonly changes: number
  readonly gas: number
  readonly allThreads: number
}

function summarize(
  blocks: readonly Measured[],
  perBlock: number,
): Omit<EvmBenchResult, 'buildSeconds'> {
  const totalOf = (block: Measured): number => PHASES.reduce((sum, phase) => sum + block[phase], 0)
  const median = (of: (block: Measured) => number): number => medianOf(blocks.map(of))
  const micros = (of: (block: Measured) => number): number =>
    Math.round((median(of) * 1e7) / perBlock) / 10
  const seconds = median(totalOf)
  return {
    transactions: blocks.length * perBlock,
    transactionsPerSecond: Math.round(perBlock / seconds),
    gasPerSecond: Math.round(median(({ gas }) => gas) / seconds),
    microsPerTransaction: {
      decode: micros(({ decode }) => decode),
      execute: micros(({ execute }) => execute),
      stateRoot: micros(({ stateRoot }) => stateRoot),
      header: micros(({ header }) => header),
      changes: micros(({ changes }) => changes),
      total: micros(totalOf),
      allThreads: micros(({ allThreads }) => allThreads),
    },
  }
}

type Token = { readonly code: Uint8Array; readonly slots: ByteList }

/** An OpenZeppelin ERC-20 in which everybody holds a million. */
async function tokenOf(addresses: ByteList): Promise<Token> {
  const { bytecode } = await compiled('Token')
  const creation = fromHex(bytecode)
  // Solidity appends the deployed code to the constructor's: it starts at the second contract prologue.
  const prologue = fromHex('6080604052')
  const start = indexOf(creation, prologue, prologue.length)
  const preimage = new Uint8Array(64)
  const slots = listOf(addresses.length, 32, (i) => {
    // mapping(address => uint256) _balances in slot 0.
    preimage.set(addresses.at(i), 12)
    return keccak256(preimage)
  })
  return { code: creation.slice(start), slots }
}

function indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  for (let start = from; start + pattern.length <= bytes.length; start++) {
    if (pattern.every((byte, i) => bytes[start + i] === byte)) return start
  }
  throw new Error('the deployed code is in the creation code')
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      accounts: { type: 'string', default: `${defaultOptions.accounts}` },
      blocks: { type: 'string', default: `${defaultOptions.blocks}` },
      store: { type: 'string', default: defaultOptions.store },
      kind: { type: 'string', default: KINDS.join(',') },
    },
  })
  const store = STORES.find((name) => name === values.store)
  if (store === undefined) throw new Error(`--store is one of ${STORES.join(', ')}`)
  const result = await benchEvm({
    ...defaultOptions,
    accounts: Number(values.accounts),
    blocks: Number(values.blocks),
    kinds: values.kind.split(','),
    store,
  })
  console.log(JSON.stringify(result, null, 2))
}
