// A chain whose records carry the true root of the EVM state, and whose checkpoints hold made-up pages.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplicateVoteOf, type Evidence } from '../../core/chain/evidence.ts'
import { concatBytes, toHex } from '../../core/primitives/bytes.ts'
import { heightOf, roundOf } from '../../core/primitives/units.ts'
import { encodeAccount } from '../../evm/account.ts'
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../../evm/index.ts'
import { encodeRlp } from '../../evm/rlp.ts'
import { type FlatChange, StateTrie } from '../../evm/stateTrie.ts'
import { createMemoryStore, type EvmChange } from '../../evm/store.ts'
import type { GenesisRecord, HeightRecord } from '../../node/storage/chainStore.ts'
import type { CoreRecord } from '../../node/storage/coreState.ts'
import { defaultDatabaseOptions, openDatabase } from '../../node/storage/database.ts'
import { columnOf } from '../../node/storage/schema.ts'
import { addressOf, bytesFrom, CHAIN_ID, ChainMaker, digest } from './storedChain.ts'

/** One change by number: accounts 0 to 7, of which the first two have slots 0 to 5. */
export type StateStep =
  | { readonly kind: 'account'; readonly account: number; readonly balance: number | null }
  | {
      readonly kind: 'slot'
      readonly account: number
      readonly slot: number
      readonly value: number
    }

export type ChainStep = {
  readonly state: readonly StateStep[]
  readonly transactions: number
  readonly actions: number
  readonly isCheckpoint: boolean
  /** Pages that the height writes, of engine 0 or 1. */
  readonly pages: readonly {
    readonly engine: number
    readonly index: number
    readonly chunk: number
  }[]
  readonly hasEvidence: boolean
}

type AccountState = { readonly balance: bigint; readonly slots: ReadonlyMap<number, number> }

/** Makes the records of a chain from small steps, with the roots that execution would give. */
export class RollbackWorld {
  readonly maker = new ChainMaker()
  readonly #store = createMemoryStore()
  readonly #trie = new StateTrie({ store: this.#store, cachedNodeBytes: 16_384 })
  readonly #accounts = new Map<number, AccountState>()
  readonly #pages = new Map<string, Uint8Array>()
  readonly #changed = new Map<string, { readonly engine: number; readonly index: number }>()
  #height = 0

  genesis(): GenesisRecord {
    const record = this.maker.genesis([])
    const { summary } = record
    return {
      ...record,
      core: { ...record.core, checkpoint: [[], []] },
      summary: { ...summary, roots: { ...summary.roots, evmRoot: EMPTY_TRIE_ROOT } },
    }
  }

  next(step: ChainStep): { readonly record: HeightRecord; readonly evidence: Evidence | null } {
    this.#height++
    const { changes, root } = this.#apply(step.state)
    const evidence = step.hasEvidence ? evidenceOf(this.#height) : null
    const record = this.maker.next({
      changes,
      transactions: Array.from({ length: step.transactions }, (_, i) =>
        bytesFrom(`transaction ${this.#height} ${i}`, 60),
      ),
      evidence: evidence === null ? [] : [evidence],
      core: this.#core(step),
    })
    const { summary } = record
    const roots = { ...summary.roots, evmRoot: root }
    return { record: { ...record, summary: { ...summary, roots } }, evidence }
  }

  #apply(steps: readonly StateStep[]): { changes: readonly EvmChange[]; root: Uint8Array } {
    const slots = new Map<number, Map<number, number>>()
    const touched = new Set<number>()
    for (const step of steps) {
      const before = this.#accounts.get(step.account)
      if (step.kind === 'slot') {
        const own = slots.get(step.account) ?? new Map<number, number>()
        slots.set(step.account, own.set(step.slot, step.value))
      } else if (step.balance === null && (before?.slots.size ?? 0) === 0) {
        if (slots.has(step.account)) continue
        this.#accounts.delete(step.account)
      } else {
        const kept = before?.slots ?? new Map<number, number>()
        this.#accounts.set(step.account, { balance: BigInt(step.balance ?? 1), slots: kept })
      }
      touched.add(step.account)
    }
    const changes: EvmChange[] = []
    const leaves: FlatChange[] = []
    for (const account of touched) {
      const address = addressOf(`account ${account}`)
      const written = slots.get(account)
      if (written !== undefined) changes.push(...this.#writeSlots(account, address, written))
      const value = this.#encoded(account)
      const change = this.maker.change('account', address, value)
      if (toHex(change.previous ?? new Uint8Array(0)) === toHex(value ?? new Uint8Array(0)))
        continue
      changes.push(change)
      leaves.push({ preimage: address, value })
    }
    const root = this.#trie.updateAccounts(leaves)
    changes.push(...this.#trie.changes())
    this.#store.apply(changes)
    this.#trie.commit()
    return { changes, root }
  }

  readonly #roots = new Map<number, Uint8Array>()

  #writeSlots(
    account: number,
    address: Uint8Array,
    written: ReadonlyMap<number, number>,
  ): EvmChange[] {
    const before = this.#accounts.get(account) ?? { balance: 1n, slots: new Map() }
    const slots = new Map(before.slots)
    const changes: EvmChange[] = []
    const leaves: FlatChange[] = []
    for (const [slot, value] of written) {
      if ((slots.get(slot) ?? 0) === value) continue
      if (value === 0) slots.delete(slot)
      else slots.set(slot, value)
      const key = digest(`slot ${slot}`)
      const bytes = value === 0 ? null : Uint8Array.of(value)
      changes.push(this.maker.change('storage', concatBytes(address, key), bytes))
      leaves.push({ preimage: key, value: bytes === null ? null : encodeRlp(bytes) })
    }
    this.#accounts.set(account, { ...before, slots })
    if (leaves.length > 0) this.#roots.set(account, this.#trie.updateStorage(address, leaves))
    return changes
  }

  #encoded(account: number): Uint8Array | null {
    const state = this.#accounts.get(account)
    if (state === undefined) return null
    const storageRoot =
      state.slots.size === 0 ? EMPTY_TRIE_ROOT : (this.#roots.get(account) ?? EMPTY_TRIE_ROOT)
    return encodeAccount({
      nonce: 0,
      balance: state.balance,
      storageRoot,
      codeHash: EMPTY_CODE_HASH,
    })
  }

  #core({ actions, isCheckpoint, pages }: ChainStep): CoreRecord {
    const { outcome, replay } = emptyCore(this.#height, actions)
    for (const { engine, index, chunk } of pages) {
      const id = `${engine}/${index}`
      const page = (this.#pages.get(id) ?? new Uint8Array(4_096)).slice()
      page.set(bytesFrom(`${this.#height} ${id}`, 64), chunk * 64)
      this.#pages.set(id, page)
      this.#changed.set(id, { engine, index })
    }
    if (!isCheckpoint) return { outcome, replay, checkpoint: null }
    const changed = [...this.#changed.values()].sort((a, b) => a.index - b.index)
    this.#changed.clear()
    const checkpoint = [0, 1].map((engine) =>
      changed
        .filter((page) => page.engine === engine)
        .map(({ index }) => ({ index, bytes: this.page(engine, index) })),
    )
    return { outcome, replay, checkpoint }
  }

  /** A page as the last height left it. */
  page(engine: number, index: number): Uint8Array {
    return this.#pages.get(`${engine}/${index}`) ?? new Uint8Array(4_096)
  }
}

function emptyCore(height: number, actions: number): Pick<CoreRecord, 'outcome' | 'replay'> {
  const receipts = Array.from({ length: actions }, (_, i) => ({
    hash: digest(`action ${height} ${i}`),
    signer: addressOf('signer'),
    owner: addressOf('owner'),
    nonce: height * 100 + i,
    code: null,
    fee: 5,
    calls: [],
  }))
  const replay = {
    systemCalls: [],
    systemGas: [],
    outcomes: [],
    calls: [],
    gas: [],
    burnedWei: BigInt(height),
  }
  return { outcome: { receipts, events: new Uint8Array(0) }, replay }
}

const evidenceOf = (height: number): Evidence =>
  duplicateVoteOf(
    ...(['a', 'b'].map((label) => ({
      type: 'prevote' as const,
      chainId: CHAIN_ID,
      height: heightOf(height),
      round: roundOf(0),
      blockId: null,
      validatorIndex: 0,
      signature: bytesFrom(`${label} ${height}`, 64),
    })) as [never, never]),
  )

/** Every key with its value, as hexadecimal digits; nothing else may have the database open. */
export async function dumpOf(path: string): Promise<Map<string, string>> {
  const database = await openDatabase(path, defaultDatabaseOptions)
  const dump = new Map<string, string>()
  const everything = { gte: Uint8Array.of(0), lte: new Uint8Array(80).fill(0xff) }
  for await (const key of database.keys(everything))
    dump.set(toHex(key), toHex(database.getSync(key) ?? new Uint8Array(0)))
  await database.close()
  return dump
}

/** What two dumps differ in, for a person: column, key, and which has it. */
export function differences(
  found: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): string[] {
  const keys = new Set([...found.keys(), ...expected.keys()])
  return [...keys]
    .filter((key) => found.get(key) !== expected.get(key))
    .map((key) => {
      const column = columnOf(Uint8Array.from(Buffer.from(key.slice(0, 2), 'hex')))
      const what = !found.has(key) ? 'missing' : expected.has(key) ? 'differs' : 'extra'
      return `${column} ${key}: ${what}`
    })
    .sort()
}

/** A copy of a database that is not open, and how to delete it. */
export function copyOf(path: string): { readonly path: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-copy-'))
  const copy = join(directory, 'db')
  cpSync(path, copy, { recursive: true })
  return { path: copy, remove: () => rmSync(directory, { recursive: true }) }
}
