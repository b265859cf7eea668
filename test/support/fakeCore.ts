// NexusCore behind the RPC server, in one object: the real ledger and exchange on small arenas, and a
// block producer of a few lines in the place of the machine.

import { createExchange } from '../../coprocessors/exchange/index.ts'
import { ledger, ledgerPort, ledgerSchemaOf } from '../../coprocessors/ledger/index.ts'
import {
  type Arena,
  createArena,
  type HashIndex,
  type Key,
  type Schema,
} from '../../core/arena/index.ts'
import type { ActionReceipt, CallReceipt, Envelope } from '../../core/chain/action.ts'
import { blockIdOf, type Header } from '../../core/chain/block.ts'
import { coreRootOf, stateRootOf } from '../../core/chain/roots.ts'
import type { Coprocessor, EngineEvent } from '../../core/host/coprocessor.ts'
import { decodeArgs, encodeResult } from '../../core/host/fieldCodec.ts'
import type { Fields, Values } from '../../core/host/fields.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { keccak256, ZERO_HASH } from '../../core/primitives/hash.ts'
import { heightOf, millisOf } from '../../core/primitives/units.ts'
import { checkedEnvelopeOf } from '../../rpc/envelope.ts'
import type {
  CoreBackend,
  CoreEvent,
  CoreHeight,
  CoreProof,
  LocatedAction,
  Outcome,
} from '../../rpc/index.ts'
import { fail } from '../../rpc/index.ts'
import { createContext } from './callContext.ts'
import { TEST_CHAIN_ID, testCertificate, testValidators } from './testChain.ts'

const rows = { accounts: 256, assets: 8, balances: 256, signers: 64, agents: 64, grants: 64 }
const ARENA = { journalEntries: 2 ** 16 }
const MARKET = {
  base: 1,
  quote: 0,
  tickSize: 100,
  lotSize: 1_000,
  minNotional: 100,
  maxOrder: 1_000_000,
  maxPrice: 1_000_000,
  bandPercent: 1_000,
  referencePrice: 1_000,
  openOrderLimit: 500,
  marketOrderLimit: 1_000,
}
const asset = (symbol: string, evmDecimals: number) => ({
  symbol,
  coreDecimals: 6,
  evmDecimals,
  issuance: 'fixed' as const,
  burning: 'nobody' as const,
  issuer: null,
})

export const coreValidators = testValidators([1, 1, 1, 1])
export const CORE_TIME = 1_700_000_000_000

export class FakeCore implements CoreBackend {
  readonly engines: readonly Coprocessor[]
  readonly names: CoreBackend['names']
  readonly pool: Uint8Array[] = []
  readonly located = new Map<string, LocatedAction>()
  readonly byHeight = new Map<number, readonly LocatedAction[]>()
  height = 0
  /** In the place of the pool. */
  onSubmit: (bytes: Uint8Array) => Promise<Outcome<null>> = async () => ({ ok: true, value: null })
  readonly #arenas: ReadonlyMap<number, Arena<Schema>>
  readonly #nonces = new Set<string>()

  constructor(owners: readonly Uint8Array[]) {
    const exchange = createExchange({ orders: 2_048, balances: 256, timers: 256, assets: 8 })
    const engines = [{ ...ledger, schema: ledgerSchemaOf(rows) }, exchange]
    this.engines = engines as unknown as readonly Coprocessor[]
    this.#arenas = new Map(
      this.engines.map(({ id, schema }) => [id, createArena(schema, undefined, ARENA)]),
    )
    const state = this.#state(ledger.id) as never
    this.names = {
      idOf: (address) => ledgerPort.idOf(state, address),
      addressOf: (id) => ledgerPort.addressOf(state, id),
    }
    ledger.genesis(state, {
      assets: [asset('USDX', 18), asset('NXS', 18)],
      balances: owners.flatMap((address) => [
        { address, asset: 0, amount: 5_000_000 },
        { address, asset: 1, amount: 7_000_000 },
      ]),
      fees: {
        gasPrice: { initial: 1, floor: 1, cap: 1_000 },
        burnedShare: 0,
        registrationFee: 0,
        treasury: new Uint8Array(20).fill(0xfe),
      },
      evmSupply: 0n,
      depositEngines: [exchange.id],
    })
    const treasury = this.names.idOf(new Uint8Array(20).fill(0xfe))
    exchange.genesis(this.#state(exchange.id) as never, {
      admin: 0,
      treasury,
      burnShare: 0,
      markets: [MARKET, { ...MARKET, base: 0, quote: 1 }],
    })
    for (const owner of owners) for (const one of [0, 1]) this.#deposit(owner, one, 1_000_000_000)
    for (const arena of this.#arenas.values()) arena.seal()
  }

  view(engine: number, name: string, args: Values<Fields>): Outcome<Values<Fields>> {
    const table = this.#engine(engine)
    const view = table.views[name]
    if (view === undefined) throw new Error(`no view ${name}`)
    const context = { height: this.height, time: this.#time() }
    const read = view.read(this.#state(engine) as never, args, context)
    return read.ok ? read : fail({ code: 'CORE_REJECTED', reject: read.code })
  }

  async submitAction(bytes: Uint8Array): Promise<Outcome<Uint8Array>> {
    const admitted = this.wouldAdmit(bytes)
    if (!admitted.ok) return admitted
    const pooled = await this.onSubmit(bytes)
    if (!pooled.ok) return pooled
    this.pool.push(bytes)
    return admitted
  }

  wouldAdmit(bytes: Uint8Array): Outcome<Uint8Array> {
    const checked = checkedEnvelopeOf(bytes, { chainId: TEST_CHAIN_ID, engines: this.engines })
    if (!checked.ok) return checked
    if (this.#nonces.has(nonceKey(checked.value.envelope)))
      return fail({ code: 'CORE_REJECTED', reject: 'NONCE_USED' })
    return { ok: true, value: keccak256(bytes) }
  }

  receipt(hash: Uint8Array): LocatedAction | null {
    return this.located.get(toHex(hash)) ?? null
  }
  actions(height: number): readonly LocatedAction[] | null {
    return height > this.height ? null : (this.byHeight.get(height) ?? [])
  }

  rowOf(engine: number, index: string, key: readonly Key[]): number {
    const found = this.#arenas.get(engine)?.state[index] as HashIndex | undefined
    const [first, second, third] = key
    return first === undefined ? 0 : (found?.find(first, second, third) ?? 0)
  }

  proof(engine: number, table: string, row: number): Outcome<CoreProof> {
    const arena = this.#arenas.get(engine)
    const rowsOf = arena?.state[table] as unknown as { isLive(row: number): boolean }
    if (arena === undefined || !rowsOf.isLive(row))
      return fail({ code: 'CORE_REJECTED', reject: 'UNKNOWN_ROW' })
    const engineRoots = this.engines.map(({ id }) => this.#arenas.get(id)?.root() as Uint8Array)
    const roots = {
      evmRoot: ZERO_HASH,
      queueRoot: ZERO_HASH,
      consensusRoot: ZERO_HASH,
      coreRoot: coreRootOf(engineRoots),
    }
    const header = this.#headerAfter(stateRootOf(roots, heightOf(this.height)))
    const certificate = testCertificate(coreValidators.keys, {
      height: header.height,
      blockId: blockIdOf(header),
      signers: [0, 1, 3],
    })
    const { height } = this
    const proof = arena.prove(table, row)
    return { ok: true, value: { height, proof, engineRoots, roots, header, certificate } }
  }

  /** A block of everything in the pool; the event is for the listeners of the chain. */
  mine(height: number): CoreHeight {
    this.height = height
    const events: CoreEvent[] = []
    const actions = this.pool.splice(0).map((bytes, index) => {
      const { envelope, receipt } = this.#execute(bytes, events)
      const blockId = this.height.toString(16).padStart(64, '0')
      const located = { height: this.height, index, blockId, receipt, envelope }
      this.located.set(toHex(receipt.hash), located)
      return located
    })
    const receipts = actions.map(({ receipt }) => receipt)
    this.byHeight.set(this.height, actions)
    for (const arena of this.#arenas.values()) arena.seal()
    return { kind: 'core', height: this.height, time: this.#time(), receipts, events }
  }

  #execute(bytes: Uint8Array, events: CoreEvent[]) {
    const checked = checkedEnvelopeOf(bytes, { chainId: TEST_CHAIN_ID, engines: this.engines })
    if (!checked.ok) throw new Error(checked.failure.code)
    const { envelope } = checked.value
    const { signer, nonce } = envelope
    const used = this.#nonces.has(nonceKey(envelope))
    this.#nonces.add(nonceKey(envelope))
    const calls = used ? [] : envelope.actions.map((call) => this.#call(signer, call, events))
    const receipt: ActionReceipt = {
      hash: keccak256(bytes),
      signer,
      owner: signer,
      nonce,
      code: used ? 'NONCE_USED' : null,
      fee: 7,
      calls,
    }
    return { envelope, receipt }
  }

  #call(
    signer: Uint8Array,
    { engine, fn, args }: Envelope['actions'][number],
    events: CoreEvent[],
  ): CallReceipt {
    const table = this.#engine(engine)
    const found = Object.values(table.publicFns).find(({ id }) => id === fn)
    if (found === undefined) throw new Error('checked before')
    const decoded = decodeArgs(found.args as Fields, args, this.names)
    const rejected = (code: string) => ({ code, gasUsed: found.gas, result: new Uint8Array(0) })
    if (!decoded.ok) return rejected(decoded.code)
    const context = createContext({
      height: this.height,
      time: this.#time(),
      caller: this.names.idOf(signer),
      callerAddress: signer,
    })
    const arena = this.#arenas.get(engine) as Arena<Schema>
    const mark = arena.mark()
    const result = found.apply(arena.state as never, decoded.value, context)
    if (!result.ok) {
      arena.revertTo(mark)
      return rejected(result.code)
    }
    events.push(...context.events.map((event: EngineEvent) => ({ engine, event })))
    const encoded = encodeResult(found.result as Fields, result.value, this.names)
    return { code: null, gasUsed: found.gas, result: encoded }
  }

  #deposit(owner: Uint8Array, of: number, amount: number): void {
    const exchange = this.#engine(2)
    const account = this.names.idOf(owner)
    const context = createContext({ origin: 'engine', source: ledger.id })
    const credit = exchange.internalFns.credit
    const done = credit?.(this.#state(2) as never, { account, asset: of, amount }, context)
    if (done?.ok !== true) throw new Error('a deposit of the genesis fits')
  }

  #headerAfter(stateRoot: Uint8Array): Header {
    return {
      chainId: TEST_CHAIN_ID,
      height: heightOf(this.height + 1),
      time: millisOf(this.#time() + 1),
      previousBlockId: '00'.repeat(32) as Header['previousBlockId'],
      proposer: new Uint8Array(20),
      validatorsHash: coreValidators.set.hash,
      nextValidatorsHash: coreValidators.set.hash,
      consensusParamsHash: ZERO_HASH,
      payloadHash: ZERO_HASH,
      stateRoot,
      receiptsRoot: ZERO_HASH,
    }
  }

  #time(): number {
    return CORE_TIME + this.height * 100
  }
  #engine(id: number): Coprocessor {
    const engine = this.engines.find((one) => one.id === id)
    if (engine === undefined) throw new Error(`no engine ${id}`)
    return engine
  }
  #state(engine: number): unknown {
    return this.#arenas.get(engine)?.state
  }
}

const nonceKey = ({ signer, nonce }: Envelope): string => `${toHex(signer)}/${nonce}`
