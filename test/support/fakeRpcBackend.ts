// An in-memory node behind the RPC server: a chain of made-up blocks with transactions of every type.
import {
  type ExecutedBlock,
  type ExecutedTransaction,
  type Log,
  outlineOf,
} from '../../core/chain/executedBlock.ts'
import type { Validator } from '../../core/chain/validatorSet.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import type {
  AccessListResult,
  BackendEvent,
  CallRequest,
  CertifiedBlock,
  InspectionBackend,
  NodeStatus,
  Outcome,
  RpcBackend,
  SignedTransaction,
  TransactionView,
} from '../../rpc/index.ts'
import { fail } from '../../rpc/index.ts'
import type { FakeCore } from './fakeCore.ts'
import { TEST_CHAIN_ID, testBlockId, testCertificate, testValidators } from './testChain.ts'

export const digest = (label: string): Uint8Array => keccak256(new TextEncoder().encode(label))
export const addressOf = (label: string): Uint8Array => digest(label).slice(12)

/** The bloom of logs by its definition, one bit at a time (Yellow Paper, 4.3.1). */
export function bloomOf(logs: readonly Log[]): Uint8Array {
  const bloom = new Uint8Array(256)
  for (const value of logs.flatMap(({ address, topics }) => [address, ...topics])) {
    const hash = keccak256(value)
    for (const at of [0, 2, 4]) {
      const bit = ((hash[at] as number) * 256 + (hash[at + 1] as number)) % 2048
      const index = 255 - Math.floor(bit / 8)
      bloom[index] = (bloom[index] as number) | (1 << (bit % 8))
    }
  }
  return bloom
}

export type FakeTransaction = {
  readonly type?: TransactionView['type']
  readonly to?: Uint8Array | null
  readonly logs?: readonly Log[]
  /** Above the base fee, in wei. */
  readonly tip?: bigint
  readonly gasUsed?: number
}

const BASE_FEE = 1_000_000_000n
const { set, keys } = testValidators([1, 1, 1, 1])

export class FakeRpcBackend implements RpcBackend {
  readonly identity = {
    clientVersion: 'Nexus/v0.1.0/test',
    chainId: TEST_CHAIN_ID,
    genesisHash: digest('genesis'),
  }
  /** Nothing is traced here: the tests of it run real transactions (rpcChain.ts). */
  readonly inspection: InspectionBackend = {
    traceTransactions: async () => ({ ok: true, value: [] }),
    traceCall: async () => ({ ok: true, value: { kind: 'noop' } }),
    simulateBlocks: async () => ({ ok: true, value: [] }),
    rawBlock: () => null,
    oldest: () => ({ block: 0, state: Math.max(0, this.height() - 10) }),
    poolCounts: async () => ({ pending: this.pending.size, queued: 0 }),
    poolContent: async ({ limit }) => ({
      pending: [...this.pending.values()].slice(0, limit),
      queued: [],
    }),
  }
  readonly blocks: ExecutedBlock[] = []
  readonly pending = new Map<string, SignedTransaction>()
  readonly lightBlocks = new Map<number, CertifiedBlock>()
  pooledNonce = 9
  /** A node with engines. */
  core?: FakeCore
  readonly submitted: Uint8Array[] = []
  readonly calls: CallRequest[] = []
  readonly #views = new Map<string, TransactionView>()
  readonly #listeners = new Set<(event: BackendEvent) => void>()
  nodeStatus: NodeStatus = {
    moniker: 'fake',
    version: '0.1.0',
    validator: addressOf('validator'),
    height: 0,
    catchingUp: false,
    highestKnown: 0,
    pendingTransactions: 0,
    fork: null,
    peers: [
      {
        id: '16Uiu2peer',
        moniker: 'other',
        address: '/ip4/127.0.0.1/tcp/26657',
        direction: 'outbound',
        height: 3,
        validator: null,
      },
    ],
  }
  /** What `call` answers. */
  onCall: (request: CallRequest) => Promise<Outcome<Uint8Array>> = async () => ({
    ok: true,
    value: Uint8Array.of(0xff, 0xee),
  })
  onAccessList: AccessListResult = {
    accessList: [{ address: addressOf('listed'), storageKeys: [digest('slot')] }],
    gasUsed: 25_000n,
    error: null,
  }
  onSubmit: (bytes: Uint8Array) => Promise<Outcome<Uint8Array>> = async (bytes) => ({
    ok: true,
    value: keccak256(bytes),
  })

  constructor(blocks: readonly (readonly FakeTransaction[])[] = []) {
    this.append([])
    for (const transactions of blocks) this.append(transactions)
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /** One more block, and its event. */
  append(transactions: readonly FakeTransaction[]): ExecutedBlock {
    const number = this.blocks.length
    const executed = transactions.map((transaction, index) =>
      this.#execute(transaction, `${number}/${index}`, index),
    )
    const logs = executed.flatMap(({ receipt }) => receipt.logs)
    const block: ExecutedBlock = {
      blockId: testBlockId(number),
      header: {
        hash: digest(`block ${number}`),
        parentHash: number === 0 ? new Uint8Array(32) : digest(`block ${number - 1}`),
        coinbase: addressOf('proposer'),
        stateRoot: digest(`state ${number}`),
        transactionsRoot: digest(`transactions ${number}`),
        receiptsRoot: digest(`receipts ${number}`),
        logsBloom: bloomOf(logs),
        number,
        gasLimit: 30_000_000,
        gasUsed: executed.reduce((sum, { receipt }) => sum + receipt.gasUsed, 0),
        timestamp: 1_700_000_000 + number,
        extraData: new Uint8Array(0),
        prevRandao: digest(`randao ${number}`),
        baseFeePerGas: BASE_FEE + BigInt(number),
        withdrawalsRoot: digest('withdrawals'),
        parentBeaconBlockRoot: digest('beacon'),
        requestsHash: digest('requests'),
        size: 700,
      },
      transactions: executed,
      skipped: [],
    }
    this.blocks.push(block)
    this.emit({ kind: 'head', outline: outlineOf(block) })
    return block
  }

  /** One more block with the actions that wait; both events. */
  mine(transactions: readonly FakeTransaction[] = []): void {
    const event = this.core?.mine(this.height() + 1)
    this.append(transactions)
    if (event !== undefined) this.emit(event)
  }

  emit(event: BackendEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  addPending(label: string): SignedTransaction {
    const signed = this.#sign({}, label)
    this.pending.set(toHex(signed.hash), signed)
    return signed
  }

  #sign(transaction: FakeTransaction, label: string): SignedTransaction {
    const type = transaction.type ?? 2
    const bytes = new TextEncoder().encode(`transaction ${label}`)
    const signed = { hash: keccak256(bytes), sender: addressOf(`sender ${label}`), bytes }
    const tip = transaction.tip ?? 1_000n
    this.#views.set(toHex(signed.hash), {
      ...{ hash: signed.hash, sender: signed.sender, type, nonce: 7, gasLimit: 100_000 },
      chainId: BigInt(TEST_CHAIN_ID),
      maxFeePerGas: BASE_FEE * 2n,
      maxPriorityFeePerGas: type < 2 ? BASE_FEE * 2n : tip,
      to: transaction.to === undefined ? addressOf('recipient') : transaction.to,
      value: 10n ** 18n,
      data: Uint8Array.of(1, 2, 3),
      accessList:
        type === 0 ? [] : [{ address: addressOf('listed'), storageKeys: [digest('slot')] }],
      authorizations:
        type === 4
          ? [
              {
                chainId: 0n,
                address: addressOf('delegate'),
                nonce: 1n,
                yParity: 1n,
                r: digest('authorization r'),
                s: Uint8Array.of(5),
              },
            ]
          : [],
      v: type === 0 ? BigInt(35 + 2 * TEST_CHAIN_ID) : 1n,
      r: Uint8Array.of(0x0a, 0xbc),
      s: digest('s'),
    })
    return signed
  }

  #execute(transaction: FakeTransaction, label: string, index: number): ExecutedTransaction {
    const gasUsed = transaction.gasUsed ?? 21_000
    const logs = transaction.logs ?? []
    const baseFee = BASE_FEE + BigInt(this.blocks.length)
    return {
      ...this.#sign(transaction, label),
      receipt: {
        type: transaction.type ?? 2,
        status: 1,
        gasUsed,
        cumulativeGasUsed: gasUsed * (index + 1),
        effectiveGasPrice: baseFee + (transaction.tip ?? 1_000n),
        contractAddress: transaction.to === null ? addressOf(`created ${label}`) : null,
        logs,
        logsBloom: bloomOf(logs),
      },
    }
  }

  height(): number {
    return this.blocks.length - 1
  }
  header(height: number) {
    return this.blocks[height]?.header ?? null
  }
  block(height: number) {
    return this.blocks[height] ?? null
  }
  outline(height: number) {
    const block = this.block(height)
    return block === null ? null : outlineOf(block)
  }
  heightOfHash(hash: Uint8Array) {
    const height = this.blocks.findIndex(({ header }) => toHex(header.hash) === toHex(hash))
    return height < 0 ? null : height
  }
  /** Every height may hold any log, three at a time. */
  logSearch() {
    return (from: number, to: number) => {
      const next = Math.min(to + 1, from + 3)
      return { heights: Array.from({ length: next - from }, (_, i) => from + i), next }
    }
  }
  location(hash: Uint8Array) {
    for (const [height, { transactions }] of this.blocks.entries()) {
      const index = transactions.findIndex((transaction) => toHex(transaction.hash) === toHex(hash))
      if (index >= 0) return { height, index }
    }
    return null
  }
  certificate(height: number) {
    const block = this.blocks[height]
    if (block === undefined || height === 0) return null
    const { blockId } = block
    return testCertificate(keys, { height: height as never, blockId, signers: [0, 1, 3] })
  }
  validators(height: number): readonly Validator[] | null {
    return height <= this.height() + 2 ? set.validators : null
  }
  lightBlock(height: number): CertifiedBlock | null {
    return this.lightBlocks.get(height) ?? null
  }
  transaction({ hash }: SignedTransaction): TransactionView {
    const view = this.#views.get(toHex(hash))
    if (view === undefined) throw new Error('a fake transaction has a view')
    return view
  }
  nextBaseFee(height: number): bigint {
    return BASE_FEE + BigInt(height) + 1n
  }

  state<T>(height: number, read: Parameters<RpcBackend['state']>[1]): Outcome<T> {
    if (height < this.height() - 10)
      return fail({ code: 'STATE_NOT_AVAILABLE', height, oldest: this.height() - 10 })
    const reader = {
      height,
      balance: () => 10n ** 21n + BigInt(height),
      nonce: () => 5,
      code: () => Uint8Array.of(0x60, 0x00),
      storage: (_: Uint8Array, slot: Uint8Array) => slot,
    }
    return { ok: true, value: read(reader) as T }
  }
  async proof(height: number, _: Uint8Array, slots: readonly Uint8Array[]) {
    if (height !== this.height())
      return fail({ code: 'PROOF_NOT_AVAILABLE', height, latest: this.height(), maxKeys: 10 })
    const value = {
      ...{ balance: 118n, nonce: 1, codeHash: digest('code'), storageHash: digest('storage') },
      accountProof: [Uint8Array.of(0xf8, 0x01)],
      storageProof: slots.map(() => ({ value: 5n, proof: [Uint8Array.of(0xe1)] })),
    }
    return { ok: true as const, value }
  }
  call(request: CallRequest) {
    this.calls.push(request)
    return this.onCall(request)
  }
  async estimateGas(request: CallRequest) {
    this.calls.push(request)
    return { ok: true as const, value: 21_000n }
  }
  async createAccessList(request: CallRequest) {
    this.calls.push(request)
    return { ok: true as const, value: this.onAccessList }
  }
  async submit(bytes: Uint8Array) {
    this.submitted.push(bytes)
    return this.onSubmit(bytes)
  }
  async pendingNonce() {
    return this.pending.size === 0 ? null : this.pooledNonce
  }
  async pendingTransaction(hash: Uint8Array) {
    return this.pending.get(toHex(hash)) ?? null
  }
  async status() {
    return this.nodeStatus
  }
  async consensusState() {
    return { height: '0x1', round: '0x0', step: 'propose' }
  }
  subscribe(listener: (event: BackendEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
