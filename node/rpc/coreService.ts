import { LRUCache } from 'lru-cache'
import type { HashIndex, Key, Table } from '../../core/arena/schema.ts'
import { type ActionReceipt, signedEnvelopeCodec } from '../../core/chain/action.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import { type EngineTable, engineTableOf } from '../../core/host/engineHost.ts'
import { prepareEnvelope } from '../../core/host/envelope.ts'
import { decodeEvents } from '../../core/host/eventLog.ts'
import type { AccountNames } from '../../core/host/fieldCodec.ts'
import type { Fields, Values } from '../../core/host/fields.ts'
import { assert } from '../../core/primitives/assert.ts'
import { decode } from '../../core/primitives/codec.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { Result } from '../../core/primitives/result.ts'
import type { BlockId } from '../../core/primitives/units.ts'
import {
  type CoreBackend,
  type CoreHeight,
  type CoreProof,
  checkedEnvelopeOf,
  fail,
  type LocatedAction,
  type Outcome,
  signedEnvelopeOf,
} from '../../rpc/index.ts'
import { isAction, type PooledAction } from '../mempool/action.ts'
import type { ChainReader } from '../storage/chainReader.ts'
import type { Judged } from '../transactions/senderRecovery.ts'
import type { CoreReplica } from './coreReplica.ts'
import type { ActionSubmissionCode } from './gateway.ts'

export type CoreServiceModules = {
  readonly replica: CoreReplica
  readonly reader: ChainReader
  /** Form and signature, apart from this thread when there is much of it. */
  readonly judge: (bytes: Uint8Array) => Promise<Judged>
  readonly submit: (action: PooledAction) => Promise<Result<null, ActionSubmissionCode>>
}

type Waiting = {
  readonly height: number
  readonly resolve: (proof: Outcome<CoreProof>) => void
  readonly part: Pick<CoreProof, 'proof' | 'engineRoots'>
}

type RecordedBlock = {
  readonly height: number
  readonly blockId: BlockId
  readonly receipts: readonly ActionReceipt[]
  readonly envelopes: readonly Uint8Array[]
}

/** NexusCore behind the RPC server: views on the replica, receipts from the database, actions to the node thread. */
export class CoreService implements CoreBackend {
  readonly engines: readonly Coprocessor[]
  readonly names: AccountNames
  readonly #chainId: number
  readonly #modules: CoreServiceModules
  readonly #tables: ReadonlyMap<number, EngineTable>
  readonly #recorded = new LRUCache<BlockId, RecordedBlock>({ max: RECORDED_BLOCKS })
  #waiting: Waiting[] = []

  constructor(chainId: number, modules: CoreServiceModules) {
    const { registry, names } = modules.replica
    this.#chainId = chainId
    this.#modules = modules
    this.engines = registry.engines
    this.names = names
    this.#tables = new Map(registry.engines.map((engine) => [engine.id, engineTableOf(engine)]))
  }

  view(engine: number, name: string, args: Values<Fields>): Outcome<Values<Fields>> {
    const { replica } = this.#modules
    const view = this.engines.find(({ id }) => id === engine)?.views[name]
    if (view === undefined) return fail({ code: 'CORE_REJECTED', reject: 'UNKNOWN_VIEW' })
    const { height, time } = replica
    const answer = view.read(replica.stateOf(engine), args, { height, time })
    return answer.ok ? answer : fail({ code: 'CORE_REJECTED', reject: answer.code })
  }

  wouldAdmit(bytes: Uint8Array): Outcome<Uint8Array> {
    const refusal = this.#faultOf(bytes) ?? this.#objectionTo(bytes)
    return refusal ?? { ok: true, value: keccak256(bytes) }
  }

  /** The cheap questions come first; what is refused is told by the first thing wrong with it. */
  async submitAction(bytes: Uint8Array): Promise<Outcome<Uint8Array>> {
    const objection = this.#objectionTo(bytes)
    if (objection !== null) return this.#faultOf(bytes) ?? objection
    const action = await this.#modules.judge(bytes)
    if (action === null || !isAction(action)) {
      const fault = this.#faultOf(bytes)
      assert(fault !== null, 'what is wrong with an envelope can be said')
      return fault
    }
    const taken = await this.#modules.submit(action)
    return taken.ok
      ? { ok: true, value: action.hash }
      : fail({ code: 'CORE_REJECTED', reject: taken.code })
  }

  receipt(hash: Uint8Array): LocatedAction | null {
    const { reader } = this.#modules
    const location = reader.actionLocation(hash)
    if (location === null) return null
    const { height, index } = location
    const recorded = this.#recordedAt(height)
    assert(recorded !== null, 'a located action has its block')
    return locatedIn(recorded, index)
  }

  actions(height: number): readonly LocatedAction[] | null {
    const recorded = this.#recordedAt(height)
    return recorded?.receipts.map((_, index) => locatedIn(recorded, index)) ?? null
  }

  /** Bots ask for receipts of the same few blocks, one by one, and a block is read as a whole. */
  #recordedAt(height: number): RecordedBlock | null {
    const blockId = this.#modules.reader.summary(height)?.blockId
    if (blockId === undefined) return null
    const known = this.#recorded.get(blockId)
    if (known !== undefined) return known
    const { reader } = this.#modules
    const outcome = reader.coreOutcome(height)
    if (outcome === null) return null
    const envelopes = reader.block(height)?.payload.core ?? []
    const recorded = { height, blockId, receipts: outcome.receipts, envelopes }
    this.#recorded.set(blockId, recorded)
    return recorded
  }

  rowOf(engine: number, index: string, key: readonly Key[]): number {
    const found = this.#modules.replica.stateOf(engine)[index] as HashIndex | undefined
    const [first, second, third] = key
    return found === undefined || first === undefined ? 0 : found.find(first, second, third)
  }

  /** Waits for the block that carries the state's root, a second at most on an idle chain. */
  proof(
    engine: number,
    table: string,
    row: number,
  ): Outcome<CoreProof> | Promise<Outcome<CoreProof>> {
    const { replica } = this.#modules
    const tableOf = replica.stateOf(engine)[table] as Partial<Pick<Table, 'isLive'>> | undefined
    const isLive = tableOf?.isLive?.(row) === true
    if (!isLive) return fail({ code: 'CORE_REJECTED', reject: 'UNKNOWN_ROW' })
    if (this.#waiting.length >= MAX_WAITING) return fail({ code: 'TIMED_OUT' })
    const part = {
      proof: replica.arenaOf(engine).prove(table, row),
      engineRoots: replica.arenas.map((arena) => arena.root()),
    }
    const { height } = replica
    return new Promise((resolve) => this.#waiting.push({ height, resolve, part }))
  }

  /** What the server is told of a height, whose state the replica has; read when somebody looks. */
  heightOf(height: number, time: number): CoreHeight {
    const { reader } = this.#modules
    const { engines } = this
    const outcome = once(() => {
      const stored = reader.coreOutcome(height)
      assert(stored !== null, 'a committed height has its outcome')
      return stored
    })
    const events = once(() => {
      const decoded = decodeEvents(engines, outcome().events)
      assert(decoded.ok, 'stored events are of these engines')
      return decoded.value
    })
    return {
      kind: 'core',
      height,
      time,
      get receipts() {
        return outcome().receipts
      },
      get events() {
        return events()
      },
    }
  }

  /** The database has moved on: proofs whose root is certified by now are answered. */
  committed(): void {
    const { reader } = this.#modules
    const ready = this.#waiting.filter(({ height }) => height < reader.height)
    this.#waiting = this.#waiting.filter(({ height }) => height >= reader.height)
    for (const { height, resolve, part } of ready) {
      const roots = reader.summary(height)?.roots
      const header = reader.block(height + 1)?.header
      const certificate = reader.certificate(height + 1)
      assert(
        roots !== undefined && header !== undefined && certificate !== null,
        'a committed height has its records',
      )
      resolve({ ok: true, value: { height, ...part, roots, header, certificate } })
    }
  }

  /** The roots that proofs wait for are never certified. */
  wentBack(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(fail({ code: 'TIMED_OUT' }))
  }

  /** What is wrong with an envelope whatever the state. About 70 µs, of which 57 recover the signer. */
  #faultOf(bytes: Uint8Array): Refusal | null {
    if (bytes.length > LIMITS.transactionBytes)
      return fail({ code: 'BAD_ENVELOPE', problem: 'TOO_LONG' })
    const chain = { chainId: this.#chainId, engines: this.engines }
    const checked = checkedEnvelopeOf(bytes, chain)
    return checked.ok ? null : checked
  }

  /** What the state has against an envelope, if it is whose it says. */
  #objectionTo(bytes: Uint8Array): Refusal | null {
    if (bytes.length > LIMITS.transactionBytes)
      return fail({ code: 'BAD_ENVELOPE', problem: 'TOO_LONG' })
    const signed = signedEnvelopeOf(bytes)
    if (!signed.ok) return signed
    const { replica } = this.#modules
    const { ledger } = replica.registry
    const state = replica.stateOf(ledger.engine)
    const { names, height } = replica
    const rules = {
      tableOf: (engine: number) => this.#tables.get(engine),
      names,
      gasPrice: ledger.gasPrice(state),
      height,
    }
    const prepared = prepareEnvelope(rules, signed.value.envelope)
    if (!prepared.ok) return fail({ code: 'CORE_REJECTED', reject: prepared.code })
    const admitted = ledger.wouldAdmit(state, prepared.value.admission, replica.time)
    return admitted.ok ? null : fail({ code: 'CORE_REJECTED', reject: admitted.code })
  }
}

type Refusal = Extract<Outcome<never>, { readonly ok: false }>

/** Null for the envelope where the node keeps receipts only. */
function locatedIn(
  { height, blockId, receipts, envelopes }: RecordedBlock,
  index: number,
): LocatedAction {
  const receipt = receipts[index]
  assert(receipt !== undefined, 'an action of a block has its receipt')
  const signed = decode(signedEnvelopeCodec, envelopes[index] ?? new Uint8Array())
  return { height, index, blockId, receipt, envelope: signed.ok ? signed.value.envelope : null }
}

/** The result of the first call, for all calls. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Those whose receipts were asked for last; a block is at most some megabytes. */
const RECORDED_BLOCKS = 8
/** Proofs that wait for the next block; each is a few kilobytes. */
const MAX_WAITING = 1_024
