import { blockCodec } from '../../../core/chain/block.ts'
import type { ExecutedBlock } from '../../../core/chain/executedBlock.ts'
import { coreRootOf, queueRootOf } from '../../../core/chain/roots.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import { assert } from '../../../core/primitives/assert.ts'
import { concatBytes, toHex } from '../../../core/primitives/bytes.ts'
import { decode } from '../../../core/primitives/codec.ts'
import { keccak256, ZERO_HASH } from '../../../core/primitives/hash.ts'
import { type BlockId, heightOf, millisOf } from '../../../core/primitives/units.ts'
import type { EvmChange } from '../../../evm/store.ts'
import {
  type ChainHead,
  type Decided,
  type DecideRequest,
  storedValidatorSet,
} from '../../../node/executor/chainHead.ts'
import { summaryOf } from '../../../node/executor/summaryOf.ts'
import type { ChainStore } from '../../../node/storage/chainStore.ts'
import {
  addressOf,
  digest,
  ethereumHeader,
  executedTransaction,
  GENESIS_HASH,
  NO_OUTCOME,
  NO_REPLAY,
} from '../../support/storedChain.ts'

const ACCOUNTS = Array.from({ length: 6 }, (_, i) => addressOf(`ledger ${i}`))
const CORE_ROOTS = { coreRoot: coreRootOf([]), queueRoot: queueRootOf([]), receiptsHash: ZERO_HASH }

/**
 * A machine that is small and not a fake: its state is a few accounts in the real store, and every
 * block changes some of them depending on what the disk says they hold. A wrong byte makes another root.
 */
export class Ledger {
  readonly #store: ChainStore
  #head: ChainHead

  private constructor(store: ChainStore) {
    this.#store = store
    this.#head = headOf(store)
  }

  static async open(store: ChainStore, validators: ValidatorSet): Promise<Ledger> {
    if (!store.isInitialized) await writeGenesis(store, validators)
    return new Ledger(store)
  }

  get head(): ChainHead {
    return this.#head
  }

  async decide({ block: bytes, blockId, certificate }: DecideRequest): Promise<Decided> {
    const decoded = decode(blockCodec, bytes)
    assert(decoded.ok, 'a decided block decodes')
    const block = decoded.value
    const { height, time } = block.header
    const parent = this.#head
    const { changes, root } = this.#transition(keccak256(bytes))
    const header = {
      ...ethereumHeader(height),
      hash: keccak256(concatBytes(parent.header.hash, root)),
      parentHash: parent.header.hash,
      stateRoot: root,
    }
    const validators = storedValidatorSet(parent.summary.nextValidators)
    const id = blockId as BlockId
    const summary = summaryOf({
      height,
      blockId: id,
      time,
      header,
      core: CORE_ROOTS,
      validators,
      validatorUpdates: [],
    })
    const executed: ExecutedBlock = {
      blockId: id,
      header,
      transactions: block.payload.evm.map(executedTransaction),
      skipped: [],
    }
    const core = { outcome: NO_OUTCOME, replay: NO_REPLAY, checkpoint: null }
    const record = { block, blockId: id, certificate, executed, evmChanges: changes, core, summary }
    await this.#store.commitHeight(record)
    this.#head = { summary, header, nextBaseFee: 7n, pendingMessages: [] }
    return { head: this.#head, result: resultOf(executed, summary.stateRoot), commitSeconds: 0 }
  }

  #transition(seed: Uint8Array): { readonly changes: EvmChange[]; readonly root: Uint8Array } {
    const store = this.#store.evmStore()
    const changes: EvmChange[] = []
    const values = ACCOUNTS.map((key, index) => {
      const previous = store.get('account', key) ?? null
      assert(previous !== null, 'the accounts are in the genesis')
      if ((seed[index] as number) % 2 === 0) return previous
      const value = keccak256(concatBytes(previous, seed))
      changes.push({ namespace: 'account', key, value, previous })
      return value
    })
    return { changes, root: keccak256(concatBytes(...values)) }
  }
}

function headOf(store: ChainStore): ChainHead {
  const { summary, header } = store.readHead()
  return { summary, header, nextBaseFee: 7n, pendingMessages: [] }
}

async function writeGenesis(store: ChainStore, validators: ValidatorSet): Promise<void> {
  const values = ACCOUNTS.map((key) => digest(toHex(key)))
  const evmChanges = ACCOUNTS.map(
    (key, i): EvmChange => ({
      namespace: 'account',
      key,
      value: values[i] as Uint8Array,
      previous: null,
    }),
  )
  const blockId = toHex(GENESIS_HASH) as BlockId
  const header = { ...ethereumHeader(0), stateRoot: keccak256(concatBytes(...values)) }
  await store.initializeGenesis({
    executed: { blockId, header, transactions: [], skipped: [] },
    evmChanges,
    core: { outcome: NO_OUTCOME, replay: null, checkpoint: [] },
    summary: summaryOf({
      height: heightOf(0),
      blockId,
      time: millisOf(1),
      header,
      core: CORE_ROOTS,
      validators,
      validatorUpdates: [],
    }),
  })
}

const resultOf = (executed: ExecutedBlock, stateRoot: Uint8Array): Decided['result'] => ({
  blockId: executed.blockId,
  stateRoot,
  receiptsRoot: executed.header.receiptsRoot,
  gasUsed: 0,
  included: executed.transactions.map(({ hash, sender }) => ({ hash, sender, nonce: 0 })),
  skipped: [],
  actions: [],
  coreCalls: { accepted: 0, rejected: 0 },
  coreGas: {},
  validatorUpdates: [],
  timings: {},
})
