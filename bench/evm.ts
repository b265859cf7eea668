import { fromHex } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import {
  createEvmMachine,
  createGenesisState,
  createMemoryStore,
  type EvmBlockResult,
  type EvmTimings,
  type GenesisAlloc,
  nextBaseFee,
} from '../evm/index.ts'
import { compiled } from '../test/support/artifacts.ts'
import {
  account,
  CHAIN_ID,
  COIN,
  funded,
  GWEI,
  type Key,
  keyNumber,
  PROPOSER,
  signTransaction,
  TREASURY,
  type UnsignedTransaction,
  word,
} from '../test/support/evmWorld.ts'

export type EvmBenchOptions = {
  readonly accounts: number
  readonly blocks: number
  readonly transactionsPerBlock: number
}

export const defaultEvmBenchOptions: EvmBenchOptions = {
  accounts: 10_000,
  blocks: 60,
  transactionsPerBlock: 1_000,
}

/** Microseconds per transaction. */
type Phases = { readonly [phase in keyof EvmTimings]: number }
export type EvmBenchResult = {
  readonly transactions: number
  readonly transactionsPerSecond: number
  readonly gasPerSecond: number
  readonly microsPerTransaction: Phases & { readonly changes: number; readonly total: number }
}

/** Block execution on one core, with the root of every block, signers already known (they are recovered when a transaction arrives). */
export async function benchEvm(
  options: EvmBenchOptions = defaultEvmBenchOptions,
): Promise<Readonly<Record<string, EvmBenchResult>>> {
  const keys = Array.from({ length: options.accounts }, (_, index) => keyNumber(index))
  const transfers = await run(options, keys, transfer(keys), [])
  const erc20Transfers = await run(options, keys, erc20Transfer(keys), [await tokenOf(keys)])
  return { transfers, erc20Transfers }
}

const TOKEN = fromHex('000000000000000000000000000000000070ce40')
type Workload = (sender: number, index: number) => Omit<UnsignedTransaction, 'nonce'>

const transfer =
  (keys: readonly Key[]): Workload =>
  (_, index) => ({ to: at(keys, index * 7_919 + 13).address, value: 1n })

/** transfer(address,uint256) */
const erc20Transfer =
  (keys: readonly Key[]): Workload =>
  (_, index) => ({
    to: TOKEN,
    gasLimit: 100_000,
    data: Uint8Array.of(
      0xa9,
      0x05,
      0x9c,
      0xbb,
      ...new Uint8Array(12),
      ...at(keys, index * 7_919 + 13).address,
      ...word(1),
    ),
  })

async function run(
  options: EvmBenchOptions,
  keys: readonly Key[],
  workload: Workload,
  extra: readonly GenesisAlloc[],
): Promise<EvmBenchResult> {
  const store = createMemoryStore()
  const genesis = createGenesisState([...funded(keys), ...extra], {
    timestampMs: 1_700_000_000_000,
    gasLimit: 2 ** 32,
    baseFeePerGas: GWEI,
  })
  store.apply(genesis.changes)
  const machine = await createEvmMachine({ store, chainId: CHAIN_ID, hardfork: 'prague', now })
  const nonces = keys.map(() => 0)
  let head = genesis.header
  const results: EvmBlockResult[] = []
  let changes = 0
  for (let block = 0; block < options.blocks; block++) {
    const transactions = Array.from({ length: options.transactionsPerBlock }, (_, position) => {
      const index = block * options.transactionsPerBlock + position
      const sender = (index * 31) % keys.length
      const key = at(keys, sender)
      const nonce = nonces[sender] as number
      nonces[sender] = nonce + 1
      return {
        bytes: signTransaction({ nonce, ...workload(sender, index) }, key),
        sender: key.address,
      }
    })
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
    store.apply(result.changes)
    machine.commit()
    // The first half warms the compiler up.
    if (block >= options.blocks / 2) {
      results.push(result)
      changes += now() - applied
    }
    head = result.executed.header
    if (result.executed.skipped.length > 0 || failed(result))
      throw new Error('a bench transaction failed')
  }
  return summarize(results, changes)
}

/** Seconds of processor time, so that a busy machine does not change the answer. */
function now(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const failed = ({ executed }: EvmBlockResult): boolean =>
  executed.transactions.some(({ receipt }) => receipt.status === 0)

function summarize(results: readonly EvmBlockResult[], changes: number): EvmBenchResult {
  const transactions = results.reduce((sum, { included }) => sum + included.length, 0)
  const micros = (seconds: number): number => Math.round((seconds * 1e7) / transactions) / 10
  const seconds = (phase: keyof EvmTimings): number =>
    results.reduce((sum, { timings }) => sum + timings[phase], 0)
  const total = seconds('decode') + seconds('execute') + seconds('stateRoot') + seconds('header')
  const gas = results.reduce((sum, { executed }) => sum + executed.header.gasUsed, 0)
  return {
    transactions,
    transactionsPerSecond: Math.round(transactions / total),
    gasPerSecond: Math.round(gas / total),
    microsPerTransaction: {
      decode: micros(seconds('decode')),
      execute: micros(seconds('execute')),
      stateRoot: micros(seconds('stateRoot')),
      header: micros(seconds('header')),
      changes: micros(changes),
      total: micros(total),
    },
  }
}

/** An OpenZeppelin ERC-20 in which everybody holds a million. */
async function tokenOf(keys: readonly Key[]): Promise<GenesisAlloc> {
  const { code, balances } = await deployedToken(keys)
  return account(TOKEN, { nonce: 1, code, storage: balances })
}

async function deployedToken(keys: readonly Key[]) {
  const { bytecode } = await compiled('Token')
  const creation = fromHex(bytecode)
  // Solidity appends the deployed code to the constructor's: it starts at the second contract prologue.
  const prologue = fromHex('6080604052')
  const start = indexOf(creation, prologue, prologue.length)
  const code = creation.slice(start)
  const balances = keys.map(({ address }) => ({
    // mapping(address => uint256) _balances in slot 0.
    slot: keccak256(Uint8Array.of(...new Uint8Array(12), ...address, ...word(0))),
    value: word(1_000_000n * COIN),
  }))
  return { code, balances }
}

function indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  for (let start = from; start + pattern.length <= bytes.length; start++) {
    if (pattern.every((byte, i) => bytes[start + i] === byte)) return start
  }
  throw new Error('the deployed code is in the creation code')
}

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

if (import.meta.main) {
  console.log(JSON.stringify(await benchEvm(), null, 2))
}
