// EIP-2935 and EIP-4788: where their contracts come from, and what blocks tell them.
import { describe, expect, it } from 'vitest'
import { SYSTEM_ADDRESS } from '../../../core/host/precompile.ts'
import { bytesToBigint, concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { recoverAddress } from '../../../core/primitives/signature.ts'
import type { BlockEnvironment } from '../../../evm/blockEnvironment.ts'
import { enter } from '../../../evm/engine.ts'
import {
  contractAddress,
  createCallTracer,
  createSimulator,
  type ExecutionMode,
  storageKey,
  systemContracts,
  TraceBudget,
} from '../../../evm/index.ts'
import { encodeRlp, quantityBytes } from '../../../evm/rlp.ts'
import { CommittedState } from '../../../evm/state/committedState.ts'
import { FlatState } from '../../../evm/state/flatState.ts'
import { callSystemContracts } from '../../../evm/systemContracts.ts'
import { createExecutive } from '../../support/evm/executives.ts'
import {
  account,
  CHAIN_ID,
  createWorld,
  funded,
  keyNumber,
  PROPOSER,
  signTransaction,
  TREASURY,
  type World,
  word,
} from '../../support/evmWorld.ts'

const [roots, history] = systemContracts as [
  (typeof systemContracts)[0],
  (typeof systemContracts)[0],
]
const BUFFER = 8_191
const CACHES = { accountBytes: 0, slotBytes: 0, cachedCodes: 100 }
const alice = keyNumber(1)

const environmentOf = (number: number, timestamp: number): BlockEnvironment => ({
  ...{ number, timestamp, coinbase: PROPOSER, prevRandao: word(1), gasLimit: 30_000_000 },
  ...{ baseFeePerGas: 1n, blobBaseFee: 1n },
})

/** Forwards its calldata to the contract at its first word, and stores what comes back, or 1 if the call failed, at slot 0. */
const ASK = fromHex(
  '365f5f3760205f602036036020 5f5f355af1601a5760015f55005b5f515f5500'.replace(' ', ''),
)
const asker = fromHex('00000000000000000000000000000000000a5c00')

const worldOf = (execution: ExecutionMode = 'nexus'): Promise<World> =>
  createWorld([...funded([alice]), account(asker, { code: ASK, nonce: 1 }), ...systemContracts], {
    execution,
  })

const slotOf = (world: World, address: Uint8Array, slot: number | bigint): bigint => {
  const bytes = world.store.get('storage', storageKey(address, word(slot)))
  return bytes === undefined ? 0n : bytesToBigint(bytes)
}

describe.each([
  [roots, '60618060095f395ff3', 0x1b9b6eb1f0n, '0x000f3df6d732807ef1319fb7b8bb8522d0beac02'],
  [
    history,
    '60538060095f395ff3',
    0xaa12693182426612186309f02cfe8a80a0000n,
    '0x0000f90827f1c53a10cb7a02335b175320002935',
  ],
] as const)('the contract of the EIP', ({ address, code, nonce, balance }, start, s, expected) => {
  it('has the code that the transaction of the EIP deploys there, for which nobody has a key', () => {
    const fields = [
      ...[quantityBytes(0), quantityBytes(10n ** 12n), quantityBytes(250_000)],
      ...[new Uint8Array(0), quantityBytes(0), concatBytes(fromHex(start), code)],
    ]
    const signature = concatBytes(word(0x539n), word(s))
    const sender = recoverAddress(signature, 0, keccak256(encodeRlp(fields)))
    expect(`0x${toHex(contractAddress(sender ?? new Uint8Array(20), 0))}`).toBe(expected)
    expect([`0x${toHex(address)}`, nonce, balance]).toEqual([expected, 1, 0n])
  })
})

describe.each(['nexus', 'reference', 'shadow'] as const)('blocks on %s', (execution) => {
  it('tell them of the block before, without gas, fee or a trace of who called', async () => {
    const world = await worldOf(execution)
    const first = world.head
    const { executed, fees } = await world.block([])
    expect(executed.header.gasUsed).toBe(0)
    expect(executed.transactions).toEqual([])
    expect(fees).toEqual({ burned: 0n, treasury: 0n, proposer: 0n })
    expect(slotOf(world, history.address, 0)).toBe(bytesToBigint(first.hash))
    const { timestamp, parentBeaconBlockRoot } = executed.header
    expect(slotOf(world, roots.address, timestamp % BUFFER)).toBe(BigInt(timestamp))
    expect(slotOf(world, roots.address, (timestamp % BUFFER) + BUFFER)).toBe(
      bytesToBigint(parentBeaconBlockRoot),
    )
    expect(world.store.get('account', SYSTEM_ADDRESS)).toBeUndefined()
    await world.block([])
    expect(slotOf(world, history.address, 1)).toBe(bytesToBigint(executed.header.hash))
  })

  it('let contracts ask, in the same block already; what is out of reach reverts', async () => {
    const world = await worldOf(execution)
    for (let i = 0; i < 3; i++) await world.block([])
    let nonce = 0
    const answer = async (who: Uint8Array, asked: Uint8Array): Promise<bigint> => {
      const data = concatBytes(word(bytesToBigint(who)), asked)
      const bytes = signTransaction({ nonce: nonce++, to: asker, data, gasLimit: 200_000 }, alice)
      const { executed } = await world.block([bytes])
      expect(executed.transactions[0]?.receipt.status).toBe(1)
      return world.slot(asker, 0)
    }
    const hashOf = (number: number) => bytesToBigint(world.hashes[number] as Uint8Array)
    expect(await answer(history.address, word(world.head.number))).toBe(hashOf(3))
    expect(await answer(history.address, word(0))).toBe(hashOf(0))
    expect(await answer(history.address, word(world.head.number + 1))).toBe(1n)
    expect(await answer(history.address, Uint8Array.of(1))).toBe(1n)
    const before = world.head
    expect(await answer(roots.address, word(before.timestamp))).toBe(
      bytesToBigint(before.parentBeaconBlockRoot),
    )
    expect(await answer(roots.address, word(before.timestamp - 1_000))).toBe(1n)
    expect(await answer(roots.address, word(0))).toBe(1n)
  })
})

describe('the ring', () => {
  it('holds 8,191 blocks and as many times', async () => {
    const committed = new CommittedState((await worldOf()).store, CACHES)
    const engine = await createExecutive('nexus', 'prague')
    const flat = new FlatState(committed)
    enter(engine, flat)
    const tell = async (number: number, timestamp: number, parent: number) =>
      callSystemContracts(engine, environmentOf(number, timestamp), {
        parentHash: word(parent),
        parentBeaconBlockRoot: word(parent + 1),
      })
    await tell(1, 1_000, 7)
    await tell(2, 1_001, 8)
    await tell(BUFFER + 1, 1_000 + BUFFER, 9)
    const at = (address: Uint8Array, slot: number) => bytesToBigint(flat.slot(address, word(slot)))
    expect([0, 1].map((slot) => at(history.address, slot))).toEqual([9n, 8n])
    expect(at(roots.address, 1_000)).toBe(BigInt(1_000 + BUFFER))
    expect(at(roots.address, 1_000 + BUFFER)).toBe(10n)
    expect(at(roots.address, 1_001)).toBe(1_001n)
  })

  it('is what a call of nobody else can write', async () => {
    const world = await worldOf()
    const bytes = signTransaction(
      { nonce: 0, to: history.address, data: word(7), gasLimit: 100_000 },
      alice,
    )
    const { executed } = await world.block([bytes])
    expect(executed.transactions[0]?.receipt.status).toBe(0)
    expect(slotOf(world, history.address, 0)).toBe(bytesToBigint(executed.header.parentHash))
  })
})

describe('a replay for a trace', () => {
  it('begins with what the block told, and comes to the same gas', async () => {
    const world = await worldOf()
    await world.block([])
    const data = concatBytes(word(bytesToBigint(history.address)), word(world.head.number))
    const bytes = signTransaction({ nonce: 0, to: asker, data, gasLimit: 200_000 }, alice)
    const before = new Map(world.hashes.entries())
    const parent = world.head
    const input = world.input([bytes])
    const { executed } = await world.machine.execute(input)
    const { header, transactions } = executed
    const simulator = await createSimulator({ chainId: CHAIN_ID, hardfork: 'prague' })
    const replayed = await simulator.replay(
      world.store,
      {
        environment: { ...header, blobBaseFee: 1n },
        fees: {
          ...{ baseFeeRecipient: 'burn', tipRecipient: 'proposer' },
          ...{ treasury: TREASURY, proposer: PROPOSER },
        },
        ancestry: header,
        transactions: transactions.map(({ hash, sender, bytes: raw, receipt }) => ({
          ...{ hash, sender, bytes: raw, gasUsed: receipt.gasUsed },
        })),
        ancestorHash: (number) => before.get(number) ?? null,
      },
      { first: 0, last: 0 },
      { gasCap: 30_000_000, shouldStop: () => false },
      () => createCallTracer({ withLog: false, onlyTopCall: false }, new TraceBudget(1_000_000)),
    )
    if (!replayed.ok) throw new Error(replayed.failure)
    const [call] = replayed.traces[0]?.calls ?? []
    expect(call?.to).toEqual(history.address)
    expect(call?.output).toEqual(parent.hash)
  })
})
