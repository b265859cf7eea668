// Chains of ours on which the recorded calls of execution-apis can be asked: the recorded accounts, and at
// the recorded heights the recorded transactions that the archive shows whole.
import { readFileSync } from 'node:fs'
import type { StateEdit } from '../../core/chain/stateEdit.ts'
import { fromHex, toHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { baseFeeBefore } from '../../evm/fees.ts'
import { EDITS_ADDRESS, encodeEdit, nextBaseFee } from '../../evm/index.ts'
import type { GenesisAccount } from '../../genesis/genesis.ts'
import { account, GWEI, keyNumber, signTransaction, word } from './evmWorld.ts'
import { type RpcTransaction, rawTransactionOf } from './rawTransaction.ts'
import { RealChain } from './realChain.ts'
import { RpcChain } from './rpcChain.ts'

export type RecordedCall = {
  readonly method: string
  readonly params: readonly unknown[]
  readonly result?: unknown
  readonly error?: unknown
}
type RecordedAccount = {
  readonly balance: string
  readonly nonce?: string
  readonly code?: string
  readonly storage?: Readonly<Record<string, string>>
}

export const recorded = JSON.parse(
  readFileSync(new URL('../vectors/execution-apis/recorded.json', import.meta.url), 'utf8'),
) as {
  readonly alloc: Readonly<Record<string, RecordedAccount>>
  readonly calls: Readonly<Record<string, readonly RecordedCall[]>>
}

export const recordedAlloc: readonly GenesisAccount[] = Object.entries(recorded.alloc).map(
  ([address, { balance, nonce = '0x0', code = '0x', storage = {} }]) => ({
    ...{ address: fromHex(address), balance: BigInt(balance), nonce: Number(nonce) },
    code: fromHex(code),
    storage: Object.entries(storage).map(([slot, value]) => ({
      ...{ slot: fromHex(slot), value: fromHex(value) },
    })),
  }),
)

const resultOf = <T>(name: string): T => recorded.calls[name]?.[0]?.result as T
/** What a recorded call was reverted with. */
const revertDataOf = (name: string): string => {
  const error = recorded.calls[name]?.[0]?.error as { readonly data: string } | undefined
  return error?.data.slice(2) ?? ''
}
const transactionOf = (name: string): RpcTransaction => resultOf(`eth_getTransactionByHash/${name}`)

const CHAIN_ID = Number(transactionOf('get-dynamic-fee').chainId)
/** Of all recorded transactions. */
const SENDER = fromHex(transactionOf('get-dynamic-fee').from)
/** Logs `emit`, the hash of its input and how often it has been called, which its slot 0 counts. */
const EMITTER = fromHex('7dcd17433742f4c0ca53122ab541d0ba67fc27df')
const emitter = recordedAlloc.find(({ address }) => toHex(address) === toHex(EMITTER))
const EMITTER_CODE = emitter?.code ?? new Uint8Array(0)

/** Deployed by a recorded transaction, which shows its initcode. */
const CALLENV = fromHex('9344b07175800259691961298ca11c824e65032d')
const CALLENV_CODE = fromHex(
  resultOf<{ readonly returnValue: string }>('debug_traceTransaction/trace-contract-call')
    .returnValue,
)
/** Contracts whose code the archive does not have: these of ours answer the recorded calls with the recorded bytes. */
const REVERTER = fromHex('0ee3ab1371c93e7c0c281cc0c2107cdebc8b1930')
const CALLED = fromHex('17e7eedce4ac02ef114a7ed9fe6e2f33feba1667')
const DELEGATE = fromHex('8c2319620d7c348bb4e2b2a0b230c81f310e9561')
const BURNER = fromHex('00000000000000000000000000000000000b0b0b')
const INVALID = Uint8Array.of(0xfe)

/** Reads slot 0x42ff and reverts with the one of two answers that the first byte of the input picks. */
const reverterCode = (): Uint8Array => {
  const panic = revertDataOf('eth_call/call-revert-abi-panic')
  const error = revertDataOf('eth_call/call-revert-abi-error')
  // 6142ff5450: SLOAD; 5f355f1a: the byte; a jump to the second answer.
  const answer = (data: string, at: number): string =>
    `60${hexByte(data.length / 2)}60${hexByte(at)}5f3960${hexByte(data.length / 2)}5ffd`
  const start = 5 + 4 + 3
  const first = start + 10
  const at = first + 1 + 10
  const code = [
    `6142ff54505f355f1a60${hexByte(first)}57`,
    answer(panic, at),
    `5b${answer(error, at + panic.length / 2)}`,
  ].join('')
  return fromHex(code.padEnd(2 * at, '0') + panic + error)
}
const hexByte = (value: number): string => toHex(Uint8Array.of(value))

const own = keyNumber(0)

/** One of the chains, and what stands on it in the place of recorded hashes. */
export class RecordedChain {
  readonly rpc: RpcChain
  /** Recorded hash to ours. */
  readonly hashes = new Map<string, string>()
  #nonce = 0

  private constructor(rpc: RpcChain) {
    this.rpc = rpc
  }

  static async #over(accounts: readonly GenesisAccount[], baseFeePerGas: bigint) {
    const chain = await RealChain.create([own], {
      ...{ accounts, chainId: CHAIN_ID, maxBlockGas: 200_000_000, blockMs: 10_000 },
      evm: { baseFeePerGas, hardfork: 'osaka', faucet: own.address },
      historyBlocks: 64,
    })
    return new RecordedChain(await RpcChain.over(chain))
  }

  /** Up to the recorded block 0x18, with a base fee of 1 wei: there was none, and transactions offered that. */
  static async early(): Promise<RecordedChain> {
    const chain = await RecordedChain.#over(accountsOf({ nonce: 0, count: 0n }), 1n)
    const log = (name: string, index: number): Uint8Array => chain.#logOf(name, index)
    const blocks: Readonly<Record<number, () => readonly Uint8Array[]>> = {
      1: () => [
        chain.#impersonated('get-legacy-create'),
        chain.#edit({ kind: 'code', address: EMITTER, code: LOG_WRITER }),
      ],
      // What came before the log in its block: a transaction without one, and one with ten.
      2: () => [
        chain.#own({ to: BURNER, gasLimit: 30_000 }),
        chain.#own({ to: null, gasLimit: 100_000, data: fromHex('5f5fa0'.repeat(10)) }),
        log('contract-addr', 0),
        chain.#edit({ kind: 'nonce', address: SENDER, nonce: 0x3f }),
      ],
      3: () => [chain.#impersonated('get-legacy-tx')],
      4: () => [chain.#own({ to: BURNER, gasLimit: 30_000 }), log('contract-addr', 1)],
      5: () => [
        chain.#edit({ kind: 'code', address: EMITTER, code: EMITTER_CODE }),
        chain.#edit({ kind: 'nonce', address: SENDER, nonce: 0x85 }),
        chain.#edit({ kind: 'slot', address: EMITTER, slot: word(0), value: word(0x0f) }),
      ],
      24: () => [signed(transactionOf('get-access-list'))],
    }
    await chain.#mine(blocks, 0x18)
    return chain
  }

  /** Up to the recorded head, 0x36, with the recorded base fees at 0x1b, 0x1c, 0x2d and 0x36. */
  static async late(): Promise<RecordedChain> {
    let fee = BigInt(
      resultOf<RecordedBlock>('eth_getBlockByNumber/get-block-london-fork').baseFeePerGas,
    )
    for (let height = 0x1b; height > 1; height--) fee = baseFeeBefore(fee)
    const chain = await RecordedChain.#over(accountsOf({ nonce: 0x90, count: 0x13n }), fee)
    const latest = resultOf<RecordedBlock>('eth_getBlockByNumber/get-latest')
    const blocks: Readonly<Record<number, () => readonly Uint8Array[] | Promise<Uint8Array[]>>> = {
      // The other transactions of this block used so much.
      27: () => [signed(transactionOf('get-dynamic-fee')), chain.#burn(0x23948 - 0xca9c)],
      28: () => [chain.#edit({ kind: 'nonce', address: SENDER, nonce: 0xd3 })],
      44: () => chain.#steer('eth_getBlockByNumber/get-block-prague-fork'),
      // So did the one before it.
      45: () => [chain.#burn(0x17231 - 0x8fc0), signed(transactionOf('get-setcode-tx'))],
      46: () => [
        chain.#edit({ kind: 'nonce', address: SENDER, nonce: 0xf5 }),
        chain.#edit({ kind: 'slot', address: EMITTER, slot: word(0), value: word(0x37) }),
        chain.#edit({ kind: 'balance', address: EMITTER, balance: 0x76n - 2n }),
      ],
      53: () => chain.#steer('eth_getBlockByNumber/get-latest'),
      54: () => latest.transactions.map(signed),
    }
    await chain.#mine(blocks, 0x36)
    return chain
  }

  async #mine(
    blocks: Readonly<Record<number, () => readonly Uint8Array[] | Promise<Uint8Array[]>>>,
    head: number,
  ): Promise<void> {
    for (let height = 1; height <= head; height++)
      await this.rpc.mine(...((await blocks[height]?.()) ?? []))
    for (const [height, hash] of recordedHashes()) {
      const block = await this.rpc.ask('eth_getBlockByNumber', `0x${height.toString(16)}`, false)
      const ours = block.result as { readonly hash: string } | null
      if (ours !== null) this.hashes.set(hash, ours.hash)
    }
  }

  /** Recorded without a chain id, which is refused here: it goes in the name of its sender. */
  #impersonated(name: string): Uint8Array {
    const transaction = transactionOf(name)
    const v = `0x${(35 + 2 * CHAIN_ID).toString(16)}` as const
    const bytes = signed({ ...transaction, v, r: transaction.from, s: '0x0' })
    this.hashes.set(transaction.hash, hashOf(bytes))
    return bytes
  }

  /** A log whose transaction the archive does not have, written by code of ours. */
  #logOf(name: string, index: number): Uint8Array {
    const logs = resultOf<readonly RecordedLog[]>(`eth_getLogs/${name}`)
    const { topics, data, transactionHash } = logs[index] as RecordedLog
    const input = fromHex([...topics, data].map((text) => text.slice(2)).join(''))
    const bytes = this.#own({ to: EMITTER, gasLimit: 60_000, data: input })
    this.hashes.set(transactionHash, hashOf(bytes))
    return bytes
  }

  #edit(edit: StateEdit): Uint8Array {
    return this.#own({ to: EDITS_ADDRESS, gasLimit: 60_000, data: encodeEdit(edit) })
  }

  /** Uses exactly so much gas. */
  #burn(gasLimit: number): Uint8Array {
    return this.#own({ to: BURNER, gasLimit })
  }

  #own(call: {
    readonly to: Uint8Array | null
    readonly gasLimit: number
    readonly data?: Uint8Array
  }): Uint8Array {
    const fees = { maxFeePerGas: 1_000n * GWEI, maxPriorityFeePerGas: 1n }
    return signTransaction({ ...call, ...fees, chainId: CHAIN_ID, nonce: this.#nonce++ }, own)
  }

  /** The gas after which the next block has the base fee of a recorded one. */
  async #steer(name: string): Promise<Uint8Array[]> {
    const wanted = BigInt(resultOf<RecordedBlock>(name).baseFeePerGas)
    const head = await this.rpc.result<RecordedBlock>('eth_getBlockByNumber', 'latest', false)
    const gasLimit = Number(head.gasLimit)
    const own = {
      gasLimit,
      gasUsed: Number(head.gasUsed),
      baseFeePerGas: BigInt(head.baseFeePerGas),
    }
    const baseFeePerGas = nextBaseFee(own)
    let [low, high] = [21_000, 16_000_000]
    while (low < high) {
      const gasUsed = Math.floor((low + high) / 2)
      if (nextBaseFee({ gasLimit, gasUsed, baseFeePerGas }) < wanted) low = gasUsed + 1
      else high = gasUsed
    }
    return [this.#burn(low)]
  }
}

type RecordedLog = {
  readonly topics: readonly string[]
  readonly data: string
  readonly transactionHash: string
}
type RecordedBlock = {
  readonly baseFeePerGas: string
  readonly gasLimit: string
  readonly gasUsed: string
  readonly transactions: readonly RpcTransaction[]
}

const signed = (transaction: RpcTransaction): Uint8Array => fromHex(rawTransactionOf(transaction))
const hashOf = (bytes: Uint8Array): string => `0x${toHex(keccak256(bytes))}`

/** Logs two topics and a word that it is called with. */
const LOG_WRITER = fromHex('365f5f376020515f5160206040a200')

const accountsOf = ({ nonce, count }: { nonce: number; count: bigint }): GenesisAccount[] => [
  ...recordedAlloc
    .filter(({ balance }) => balance > 2n ** 64n)
    .map((one) => (toHex(one.address) === toHex(SENDER) ? { ...one, nonce } : one)),
  account(EMITTER, {
    code: EMITTER_CODE,
    storage: count === 0n ? [] : [{ slot: word(0), value: word(count) }],
  }),
  ...(nonce === 0 ? [] : [account(CALLENV, { nonce: 1, code: CALLENV_CODE })]),
  account(REVERTER, { nonce: 1, code: reverterCode() }),
  // Two bytes of input: 0xffee. Else it reverts with the recorded word, which says that their number is wrong.
  account(CALLED, {
    nonce: 1,
    code: fromHex(
      `3660021460215771${revertDataOf('eth_estimateGas/estimate-failed-call')}5f526012600efd5b61ffee5f526002601ef3`,
    ),
  }),
  // ADDRESS and the recorded word.
  account(DELEGATE, { nonce: 1, code: fromHex('305f5266696e766f6b656460c81b60205260405ff3') }),
  account(BURNER, { nonce: 1, code: INVALID }),
]

/** Numbers and hashes of the recorded blocks that are told. */
function recordedHashes(): ReadonlyMap<number, string> {
  const found = new Map<number, string>()
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const { number, hash, parentHash, blockNumber, blockHash } = value as Readonly<
      Record<string, string>
    >
    if (number !== undefined && hash !== undefined) found.set(Number(number), hash)
    if (Number(number) > 0 && parentHash !== undefined) found.set(Number(number) - 1, parentHash)
    if (blockNumber !== undefined && blockHash !== undefined)
      found.set(Number(blockNumber), blockHash)
    for (const inner of Object.values(value)) look(inner)
  }
  look(Object.values(recorded.calls))
  return found
}
