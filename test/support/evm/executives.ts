import { toHex } from '../../../core/primitives/bytes.ts'
import { EMPTY_ACCOUNT } from '../../../evm/account.ts'
import { BLOB_BASE_FEE, type BlockEnvironment } from '../../../evm/blockEnvironment.ts'
import { createEngine, type Engine, type EngineOptions, enter } from '../../../evm/engine.ts'
import type { ExecutiveName } from '../../../evm/executive.ts'
import type { EngineHardfork } from '../../../evm/forks.ts'
import {
  finishMessage,
  type Message,
  type MessageOutcome,
  runMessage,
} from '../../../evm/message.ts'
import { CommittedState } from '../../../evm/state/committedState.ts'
import { FlatState } from '../../../evm/state/flatState.ts'
import { createMemoryStore } from '../../../evm/store.ts'
import type { Tracer } from '../../../evm/tracer.ts'
import { CHAIN_ID, word } from '../evmWorld.ts'

/** The state before a message: accounts that live in the block under way. */
export type Start = readonly {
  readonly address: Uint8Array
  readonly code?: Uint8Array
  readonly balance?: bigint
  readonly nonce?: number
  readonly slots?: readonly (readonly [number, bigint])[]
}[]

const CACHES = { accountBytes: 0, slotBytes: 0, cachedCodes: 100 }
const newState = (): FlatState => new FlatState(new CommittedState(createMemoryStore(), CACHES))

const ENVIRONMENT: BlockEnvironment = {
  number: 1_000,
  timestamp: 1_700_000_000,
  coinbase: word(0xc01b).slice(12),
  prevRandao: word(99),
  gasLimit: 30_000_000,
  baseFeePerGas: 7n,
  blobBaseFee: BLOB_BASE_FEE,
}

export const createExecutive = (
  name: ExecutiveName,
  hardfork: EngineHardfork,
  options: Pick<EngineOptions, 'watch' | 'hotAfter'> = {},
): Promise<Engine> =>
  createEngine({
    chainId: CHAIN_ID,
    hardfork,
    committed: new CommittedState(createMemoryStore(), CACHES),
    executive: name,
    ...options,
  })

export const messageOf = (part: Partial<Message> & Pick<Message, 'sender' | 'to'>): Message => ({
  value: 0n,
  data: new Uint8Array(0),
  gasLimit: 400_000,
  gasPrice: 9n,
  intrinsicGas: 0,
  floorGas: 0,
  accessList: [],
  authorizations: [],
  ...part,
})

/** Runs one message on a fresh state and shows everything it did. */
export async function observe(
  engine: Engine,
  start: Start,
  message: Message,
  tracer: Tracer | null = null,
  watch: (outcome: MessageOutcome) => void = () => {},
): Promise<unknown> {
  const flat = newState()
  enter(engine, flat)
  engine.ancestors.hashOf = (number) => word(number * 7)
  for (const { address, code, balance = 0n, nonce = 0, slots = [] } of start) {
    flat.setAccount(address, { ...EMPTY_ACCOUNT, balance, nonce })
    if (code !== undefined) flat.setCode(address, code)
    for (const [slot, value] of slots) {
      const bytes = word(value)
      flat.setSlot(address, word(slot), bytes.subarray(bytes.findIndex((byte) => byte !== 0)))
    }
  }
  flat.startTransaction()
  engine.tracer = tracer
  const outcome = await runMessage(engine, ENVIRONMENT, message)
  engine.tracer = null
  watch(outcome)
  finishMessage(engine, outcome)
  return {
    gasUsed: outcome.gasUsed,
    gasSpent: outcome.gasSpent,
    error: outcome.error,
    output: toHex(outcome.returnData),
    logs: outcome.logs.map(({ address, topics, data }) => [address, ...topics, data].map(toHex)),
    destroyed: outcome.destroyed.map(toHex).sort(),
    burned: flat.destroyed,
    state: stateOf(flat),
  }
}

function stateOf(flat: FlatState): Record<string, unknown> {
  const accounts: [string, unknown][] = []
  for (const entry of flat.written) {
    const { address, account } = entry
    const slots = [...entry.slots()]
      .filter(({ value }) => value !== 0)
      .map(({ slot, value }) => `${BigInt(slot).toString(16)}=${BigInt(value).toString(16)}`)
      .sort()
    const shown =
      account === null
        ? null
        : [account.nonce, account.balance, toHex(account.codeHash).slice(0, 16), ...slots]
    accounts.push([toHex(address), shown])
  }
  // Whether a write that changed nothing is noted is the executive's own business.
  return Object.fromEntries(
    accounts.filter(([, shown]) => shown !== null).sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}
