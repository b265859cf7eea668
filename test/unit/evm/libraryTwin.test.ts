import { createBlock } from '@ethereumjs/block'
import { createCustomCommon, Mainnet } from '@ethereumjs/common'
import { MerkleStateManager } from '@ethereumjs/statemanager'
import { createTxFromRLP } from '@ethereumjs/tx'
import { Account, Address } from '@ethereumjs/util'
import { createVM, runTx, type VM } from '@ethereumjs/vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import type { EvmBlockInput, EvmBlockResult, GenesisAlloc } from '../../../evm/index.ts'
import {
  account,
  authorization,
  CHAIN_ID,
  createWorld,
  funded,
  GWEI,
  keyNumber,
  signTransaction,
  type UnsignedTransaction,
  word,
} from '../../support/evmWorld.ts'

// The naive twin of the machine: @ethereumjs/vm's own `runTx` over its own trie-backed state.

const users = [1, 2, 3].map(keyNumber)
const at = (digits: string): Uint8Array => fromHex(digits.padStart(40, '0'))

/** What a transaction may meet; each is a few opcodes that touch state in one way. */
const CONTRACTS: readonly GenesisAlloc[] = [
  // sstore(calldataload(0), calldataload(32))
  account(at('c001'), { code: fromHex('6020356000355500') }),
  // sstore(0, sload(0) + 1); log1(0, 32, 7)
  account(at('c002'), {
    code: fromHex('60005460010160005560076000526007602060 00a100'.replaceAll(' ', '')),
  }),
  // revert(0, 4) after sstore(1, 1)
  account(at('c003'), { code: fromHex('600160015560046000fd') }),
  // selfdestruct(caller)
  account(at('c004'), { code: fromHex('33ff'), balance: 5n }),
  // call(gas, 0xc002, callvalue, 0, 0, 0, 0) then delegatecall(gas, 0xc001, 0, 64, 0, 0)
  account(at('c005'), {
    code: fromHex(
      '600060006000600034 61c0025af150 60006000604060006000 61c0015af400'.replaceAll(' ', ''),
    ),
  }),
  // clears a slot that is set: gets a refund
  account(at('c006'), {
    code: fromHex('600060095500'),
    storage: [{ slot: word(9), value: word(1) }],
  }),
  // an endless loop
  account(at('c007'), { code: fromHex('5b600056') }),
  // create(0, 0, 0) and sstore(0, address); balance(coinbase); blockhash(number - 1); sstore(1, it)
  account(at('c008'), {
    code: fromHex('600060006000f0600055413160025560014303406001554260035500'),
  }),
]
const ALLOC = [...funded(users), ...CONTRACTS]
/** initcode: returns 32 bytes of 0x00 after sstore(0, 1) */
const INITCODE = fromHex('600160005560206000f3')

async function createTwin(): Promise<VM> {
  const common = createCustomCommon({ name: 'twin', chainId: CHAIN_ID }, Mainnet, {
    hardfork: 'prague',
  })
  const stateManager = new MerkleStateManager({ common })
  for (const { address, balance, nonce, code, storage } of ALLOC) {
    const owner = new Address(address)
    await stateManager.putAccount(owner, new Account(BigInt(nonce), balance))
    if (code.length > 0) await stateManager.putCode(owner, code)
    for (const { slot, value } of storage)
      await stateManager.putStorage(owner, slot, value.slice(value.findIndex((byte) => byte !== 0)))
  }
  return createVM({ common, stateManager })
}

type Observed = {
  readonly stateRoot: string
  readonly receipts: readonly unknown[]
}

/** One block through the library, skipping what it refuses. */
async function runTwin(vm: VM, input: EvmBlockInput): Promise<Observed> {
  const receipts: unknown[] = []
  let gasUsed = 0n
  const block = createBlock(
    {
      header: {
        number: input.number,
        timestamp: Math.floor(input.timestampMs / 1_000),
        gasLimit: input.gasLimit,
        baseFeePerGas: input.baseFeePerGas,
        coinbase: new Address(input.coinbase),
        mixHash: input.prevRandao,
        excessBlobGas: 0n,
        blobGasUsed: 0n,
      },
    },
    { common: vm.common, skipConsensusFormatValidation: true },
  )
  vm.blockchain.getBlock = async (id: number) => {
    const hash = input.ancestorHash(id) ?? new Uint8Array(32)
    return { hash: () => hash }
  }
  for (const { bytes } of input.transactions) {
    const tx = createTxFromRLP(bytes, { common: vm.common })
    try {
      const result = await runTx(vm, {
        tx,
        block,
        blockGasUsed: gasUsed,
        skipHardForkValidation: true,
      })
      gasUsed += result.totalGasSpent
      receipts.push({
        status: (result.receipt as { status: number }).status,
        gasUsed: Number(result.totalGasSpent),
        created: result.createdAddress === undefined ? null : toHex(result.createdAddress.bytes),
        bloom: toHex(result.bloom.bitvector),
        logs: result.receipt.logs.map(([address, topics, data]) =>
          [address, ...topics, data].map(toHex),
        ),
      })
    } catch (error) {
      // What it refuses it has not applied.
      receipts.push(null)
      if (!(error instanceof Error)) throw error
    }
  }
  const stateRoot = toHex(await vm.stateManager.getStateRoot())
  return { stateRoot, receipts: receipts.filter((receipt) => receipt !== null) }
}

const observed = ({ executed }: EvmBlockResult): Observed => ({
  stateRoot: toHex(executed.header.stateRoot),
  receipts: executed.transactions.map(({ receipt }) => ({
    status: receipt.status,
    gasUsed: receipt.gasUsed,
    created: receipt.contractAddress === null ? null : toHex(receipt.contractAddress),
    bloom: toHex(receipt.logsBloom),
    logs: receipt.logs.map(({ address, topics, data }) => [address, ...topics, data].map(toHex)),
  })),
})

const target = fc.constantFrom(
  null,
  ...CONTRACTS.map(({ address }) => address),
  ...users.map(({ address }) => address),
  at('dead01'),
  at('02'),
  at('04'),
)
const data = fc.oneof(
  fc.constant(new Uint8Array(0)),
  fc
    .tuple(fc.nat(3), fc.nat(2))
    .map(([slot, value]) => fromHex(toHex(word(slot)) + toHex(word(value)))),
  fc.constant(INITCODE),
)
const transaction = fc.record({
  user: fc.nat(users.length - 1),
  /** Mostly right; sometimes a nonce that is not next. */
  skew: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constantFrom(-1, 1)),
  type: fc.constantFrom<0 | 1 | 2 | 4>(0, 1, 2, 4),
  to: target,
  value: fc.oneof(fc.bigInt(0n, 10n), fc.constant(10n ** 30n)),
  data,
  gasLimit: fc.constantFrom(60_000, 150_000, 1_000_000),
  tip: fc.bigInt(0n, 3n),
  delegate: fc.nat(CONTRACTS.length - 1),
  authority: fc.nat(users.length - 1),
})
type Draft = typeof transaction extends fc.Arbitrary<infer T> ? T : never

/** Signs with the nonces that the sender will have if nothing before is refused. */
function signAll(drafts: readonly Draft[], nonces: number[]): Uint8Array[] {
  return drafts.map((draft) => {
    const user = users[draft.user] as (typeof users)[number]
    const nonce = Math.max(0, (nonces[draft.user] as number) + draft.skew)
    if (draft.skew === 0 && draft.value < 10n ** 20n) nonces[draft.user] = nonce + 1
    const type = draft.type === 4 && draft.to === null ? 2 : draft.type
    const authority = users[draft.authority] as (typeof users)[number]
    const code = CONTRACTS[draft.delegate] as GenesisAlloc
    const unsigned: UnsignedTransaction = {
      type,
      nonce,
      gasLimit: draft.gasLimit,
      maxFeePerGas: 50n * GWEI,
      maxPriorityFeePerGas: type === 2 || type === 4 ? draft.tip : 50n * GWEI,
      to: draft.to,
      value: draft.value,
      data: draft.data,
      accessList: type === 0 ? [] : [[at('c001'), [word(0)]]],
      authorizations:
        type === 4
          ? [authorization(authority, code.address, nonces[draft.authority] as number)]
          : [],
    }
    return signTransaction(unsigned, user)
  })
}

describe('the machine and @ethereumjs/vm', () => {
  it('agree on state root, gas, status, logs and refusals of any blocks', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(transaction, { minLength: 1, maxLength: 8 }), {
          minLength: 1,
          maxLength: 3,
        }),
        async (blocks) => {
          const world = await createWorld(ALLOC, { execution: 'shadow' })
          const twin = await createTwin()
          const nonces = users.map(() => 0)
          for (const drafts of blocks) {
            for (const [index, user] of users.entries()) nonces[index] = world.nonce(user.address)
            const input = world.input(signAll(drafts, nonces))
            const expected = await runTwin(twin, input)
            const actual = observed(await world.block(input.transactions.map(({ bytes }) => bytes)))
            expect(actual).toEqual(expected)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('would notice a difference', async () => {
    const world = await createWorld(ALLOC, { execution: 'shadow' })
    const twin = await createTwin()
    const [user] = users as [(typeof users)[number]]
    const input = world.input([
      signTransaction({ nonce: 0, to: at('c002'), gasLimit: 90_000 }, user),
    ])
    const expected = await runTwin(twin, { ...input, baseFeePerGas: input.baseFeePerGas + 1n })
    expect(observed(await world.block(input.transactions.map(({ bytes }) => bytes)))).not.toEqual(
      expected,
    )
  })
})
