import { describe, expect, it } from 'vitest'
import type { FeeRecipient } from '../../../core/chain/params.ts'
import { concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import {
  contractAddress,
  type createMemoryStore,
  decodeAccount,
  type EvmBlockResult,
  type EvmStore,
  type GenesisAlloc,
} from '../../../evm/index.ts'
import {
  account,
  authorization,
  COIN,
  createWorld,
  funded,
  GWEI,
  keyNumber,
  newMachine,
  PROPOSER,
  signTransaction,
  TREASURY,
  type UnsignedTransaction,
  type World,
  word,
} from '../../support/evmWorld.ts'

const [alice, bob, carol, poor] = [keyNumber(1), keyNumber(2), keyNumber(3), keyNumber(4)]
const at = (digits: string): Uint8Array => fromHex(digits.padStart(40, '0'))

/** PUSH1 v PUSH1 s SSTORE STOP */
const STORE_7_AT_1 = fromHex('600760015500')
/** Reverts with the four bytes deadbeef. */
const REVERTS = fromHex('63deadbeef6000526004601cfd')
/** One log of the word 42 with topics 1 and 2. */
const LOGS = fromHex('602a60005260026001602060 00a200'.replaceAll(' ', ''))
/** selfdestruct(0xdead) */
const DESTROYS = fromHex('61deadff')

/** Initcode that returns `code`. */
const deploying = (code: Uint8Array): Uint8Array => {
  const size = code.length.toString(16).padStart(2, '0')
  return concatBytes(fromHex(`60${size}600c60003960${size}6000f3`), code)
}

const call = (part: Partial<UnsignedTransaction>, nonce = 0, key = alice): Uint8Array =>
  signTransaction({ nonce, gasLimit: 200_000, ...part }, key)

const statuses = ({ executed }: EvmBlockResult): number[] =>
  executed.transactions.map(({ receipt }) => receipt.status)
const codes = ({ executed }: EvmBlockResult): string[] => executed.skipped.map(({ code }) => code)

/** Every wei in the state. */
function supply(world: World): bigint {
  const store = world.store as ReturnType<typeof createMemoryStore>
  return store
    .entries()
    .filter(([namespace]) => namespace === 'account')
    .reduce((sum, [, , value]) => sum + decodeAccount(value).balance, 0n)
}

describe('fees', () => {
  const recipients: readonly FeeRecipient[] = ['burn', 'treasury', 'proposer']
  const pairs = recipients.flatMap((base) => recipients.map((tip) => [base, tip] as const))

  it.each(pairs)('base fee to %s and tip to %s, and no wei is lost', async (base, tip) => {
    const world = await createWorld([
      ...funded([alice, bob]),
      account(at('c0de07'), { code: LOGS }),
    ])
    const before = supply(world)
    const { fees, executed } = await world.block(
      [
        call({ to: bob.address, value: 5n, maxPriorityFeePerGas: 3n }),
        call({ to: at('c0de07'), type: 0, maxFeePerGas: 7n * GWEI }, 0, bob),
      ],
      { baseFeeRecipient: base, tipRecipient: tip },
    )
    const [first, second] = executed.transactions.map(({ receipt }) => BigInt(receipt.gasUsed))
    if (first === undefined || second === undefined) throw new Error('both ran')
    const baseFees = (first + second) * executed.header.baseFeePerGas
    const tips = first * 3n + second * (7n * GWEI - executed.header.baseFeePerGas)
    const due = (recipient: FeeRecipient): bigint =>
      (base === recipient ? baseFees : 0n) + (tip === recipient ? tips : 0n)
    expect(fees).toEqual({
      burned: due('burn'),
      treasury: due('treasury'),
      proposer: due('proposer'),
    })
    expect(world.balance(TREASURY)).toBe(due('treasury'))
    expect(world.balance(PROPOSER)).toBe(due('proposer'))
    expect(supply(world)).toBe(before - due('burn'))
  })

  it('charges the sender what the receipt says', async () => {
    const world = await createWorld(funded([alice]))
    const { executed } = await world.block([call({ to: bob.address, value: COIN })])
    const receipt = executed.transactions[0]?.receipt
    expect(receipt).toMatchObject({ gasUsed: 21_000, effectiveGasPrice: 2n * GWEI, status: 1 })
    expect(world.balance(alice.address)).toBe(999n * COIN - 21_000n * 2n * GWEI)
    expect(world.balance(bob.address)).toBe(COIN)
    expect(world.nonce(alice.address)).toBe(1)
  })

  it('takes the calldata floor from a call that does little (EIP-7623)', async () => {
    const world = await createWorld([
      ...funded([alice]),
      account(at('c0de07'), { code: fromHex('00') }),
    ])
    const data = new Uint8Array(1_000).fill(1)
    const results = await world.block([
      call({ to: at('c0de07'), data }),
      call({ to: at('c0de08'), data }, 1),
    ])
    const gas = results.executed.transactions.map(({ receipt }) => receipt.gasUsed)
    expect(gas).toEqual([21_000 + 40_000, 21_000 + 40_000])
  })
})

describe('transactions that are skipped', () => {
  it('each have a code and change nothing', async () => {
    const alloc = [
      ...funded([alice, bob]),
      ...funded([poor], 10n ** 13n),
      account(carol.address, { balance: COIN, nonce: 1, code: fromHex('00') }),
    ]
    const world = await createWorld(alloc, { gasLimit: 150_000 })
    const result = await world.block([
      signTransaction({ nonce: 1, to: bob.address }, alice),
      signTransaction({ nonce: 0, to: bob.address, value: 1n }, poor),
      signTransaction({ nonce: 1, to: bob.address }, carol),
      signTransaction(
        { nonce: 0, to: bob.address, maxFeePerGas: 1n, maxPriorityFeePerGas: 0n },
        alice,
      ),
      signTransaction({ nonce: 0, to: bob.address, chainId: 1 }, alice),
      signTransaction({ nonce: 0, to: bob.address, gasLimit: 100_000 }, alice),
      signTransaction({ nonce: 0, to: bob.address }, alice),
      signTransaction({ nonce: 0, to: alice.address, gasLimit: 130_000 }, bob),
      Uint8Array.of(1, 2, 3),
    ])
    expect(codes(result)).toEqual([
      'NONCE_TOO_HIGH',
      'INSUFFICIENT_FUNDS',
      'SENDER_NOT_EOA',
      'FEE_CAP_BELOW_BASE_FEE',
      'WRONG_CHAIN_ID',
      'NONCE_TOO_LOW',
      'BLOCK_GAS_EXHAUSTED',
      'BAD_RLP',
    ])
    expect(statuses(result)).toEqual([1])
    expect(result.included).toMatchObject([{ sender: alice.address, nonce: 0 }])
    expect(world.balance(poor.address)).toBe(10n ** 13n)
    expect(world.nonce(bob.address)).toBe(0)
  })

  it('leave the root of a block of nothing else as it was', async () => {
    const world = await createWorld(funded([alice]))
    const { stateRoot } = world.head
    const result = await world.block([signTransaction({ nonce: 5, to: bob.address }, alice)])
    expect(toHex(result.executed.header.stateRoot)).toBe(toHex(stateRoot))
    expect(result.changes).toEqual([])
  })
})

describe('contracts', () => {
  it('are created, keep storage, and log', async () => {
    const world = await createWorld(funded([alice]))
    const address = contractAddress(alice.address, 0)
    const logger = contractAddress(alice.address, 1)
    const { executed } = await world.block([
      call({ data: deploying(STORE_7_AT_1) }),
      call({ data: deploying(LOGS) }, 1),
      call({ to: address }, 2),
      call({ to: logger }, 3),
    ])
    expect(executed.transactions.map(({ receipt }) => receipt.contractAddress)).toEqual([
      address,
      logger,
      null,
      null,
    ])
    expect(world.slot(address, 1)).toBe(7n)
    expect(executed.transactions[3]?.receipt.logs).toEqual([
      { address: logger, topics: [word(1), word(2)], data: word(42) },
    ])
    expect(world.nonce(address)).toBe(1)
  })

  it('revert without a trace but the fee', async () => {
    const world = await createWorld([
      ...funded([alice]),
      account(at('c0de07'), { code: concatBytes(fromHex('6007600155'), REVERTS) }),
    ])
    const result = await world.block([call({ to: at('c0de07'), value: 1n })])
    expect(statuses(result)).toEqual([0])
    expect(supply(world)).toBe(1_000n * COIN - result.fees.burned)
    expect(world.slot(at('c0de07'), 1)).toBe(0n)
    expect(world.balance(at('c0de07'))).toBe(0n)
    expect(world.nonce(alice.address)).toBe(1)
  })

  it('see transient storage only in their own transaction (EIP-1153)', async () => {
    // SSTORE(255 + CALLDATALOAD(0), TLOAD(0)); TSTORE(0, 7); SSTORE(CALLDATALOAD(0), TLOAD(0))
    const code = fromHex('5f5c5f3560ff015560075f5d5f5c5f355500')
    const world = await createWorld([...funded([alice]), account(at('c0de07'), { code })])
    await world.block([1, 2].map((n, i) => call({ to: at('c0de07'), data: word(n) }, i)))
    expect([1, 2, 256, 257].map((slot) => world.slot(at('c0de07'), slot))).toEqual([7n, 7n, 0n, 0n])
  })

  it('leave no change when they write what is there', async () => {
    const world = await createWorld([
      ...funded([alice]),
      account(at('c0de07'), { code: STORE_7_AT_1, storage: [{ slot: word(1), value: word(7) }] }),
    ])
    const { changes } = await world.block([call({ to: at('c0de07') })])
    expect(changes.filter(({ namespace }) => namespace === 'storage')).toEqual([])
    expect(changes.filter(({ key }) => toHex(key) === toHex(at('c0de07')))).toEqual([])
  })

  it('clear a slot, get the refund, and leave no storage behind', async () => {
    const world = await createWorld([
      ...funded([alice]),
      account(at('c0de07'), {
        code: fromHex('600060015500'),
        storage: [{ slot: word(1), value: word(7) }],
      }),
    ])
    const { executed, changes } = await world.block([call({ to: at('c0de07') })])
    expect(world.slot(at('c0de07'), 1)).toBe(0n)
    // 21,000 + two pushes + 5,000 for the cold reset, less the 4,800 of EIP-3529.
    expect(executed.transactions[0]?.receipt.gasUsed).toBe(21_000 + 6 + 5_000 - 4_800)
    const slots = changes.filter(({ namespace }) => namespace === 'storage')
    expect(slots).toMatchObject([{ value: null, previous: Uint8Array.of(7) }])
  })

  it('destroy themselves only in the transaction that made them (EIP-6780)', async () => {
    const world = await createWorld([
      ...funded([alice]),
      account(at('c0de07'), {
        balance: 3n,
        code: DESTROYS,
        storage: [{ slot: word(1), value: word(9) }],
      }),
    ])
    // The initcode stores, then destroys itself: nothing of it may remain.
    const shortLived = contractAddress(alice.address, 1)
    await world.block([
      call({ to: at('c0de07') }),
      call({ value: 2n, data: concatBytes(fromHex('6007600155'), DESTROYS) }, 1),
    ])
    expect(world.balance(at('dead'))).toBe(5n)
    expect(world.slot(at('c0de07'), 1)).toBe(9n)
    expect(world.store.get('account', at('c0de07'))).toBeDefined()
    expect(world.store.get('account', shortLived)).toBeUndefined()
    expect(world.slot(shortLived, 1)).toBe(0n)
  })

  it('know the hashes of 256 ancestors and no more', async () => {
    // SSTORE(n, BLOCKHASH(NUMBER − n)) for the n in calldata.
    const code = fromHex('6000358043034060 00355500'.replaceAll(' ', ''))
    const world = await createWorld([...funded([alice]), account(at('c0de07'), { code })])
    for (let i = 0; i < 258; i++) await world.block([])
    await world.block([1, 256, 257].map((n, i) => call({ to: at('c0de07'), data: word(n) }, i)))
    const hash = (number: number): bigint =>
      BigInt(`0x${toHex(world.hashes[number] as Uint8Array)}`)
    expect(world.slot(at('c0de07'), 1)).toBe(hash(258))
    expect(world.slot(at('c0de07'), 256)).toBe(hash(3))
    expect(world.slot(at('c0de07'), 257)).toBe(0n)
  })
})

describe('delegation (EIP-7702)', () => {
  const code = STORE_7_AT_1
  const start = (): Promise<World> =>
    createWorld([...funded([alice, bob]), account(at('c0de07'), { nonce: 1, code })])

  it('runs the code of another account on the storage of the one that signed', async () => {
    const world = await start()
    const authorizations = [authorization(carol, at('c0de07'), 0)]
    await world.block([call({ type: 4, to: bob.address, authorizations })])
    await world.block([call({ to: carol.address }, 0, bob)])
    expect(world.slot(carol.address, 1)).toBe(7n)
    expect(world.slot(at('c0de07'), 1)).toBe(0n)
    expect(world.nonce(carol.address)).toBe(1)
  })

  it('still lets the account send, and ends with the zero address', async () => {
    const world = await start()
    await world.block([
      call({ type: 4, to: at('c0de99'), authorizations: [authorization(bob, at('c0de07'), 0)] }),
      call({ to: at('c0de99'), value: 1n }, 1, bob),
      call({ type: 4, to: at('c0de99'), authorizations: [authorization(bob, at('0'), 2)] }, 1),
      call({ to: bob.address }, 2),
    ])
    expect(world.slot(bob.address, 1)).toBe(0n)
    expect(world.nonce(bob.address)).toBe(3)
  })

  it('costs 12,500 less for an account that exists', async () => {
    const world = await start()
    const gasOf = async (nonce: number, authority: typeof alice): Promise<number | undefined> => {
      const authorizations = [authorization(authority, at('c0de07'), 0)]
      const { executed } = await world.block([
        call({ type: 4, to: at('c0de99'), authorizations }, nonce),
      ])
      return executed.transactions[0]?.receipt.gasUsed
    }
    expect(await gasOf(0, carol)).toBe(21_000 + 25_000)
    // The refund is capped at a fifth of what was used (EIP-3529).
    expect(await gasOf(1, bob)).toBe(46_000 - 46_000 / 5)
  })

  it('passes over what is not signed for here and now', async () => {
    const world = await start()
    const authorizations = [
      authorization(carol, at('c0de07'), 1),
      authorization(carol, at('c0de07'), 0, 1),
      [...(authorization(carol, at('c0de07'), 0) as Uint8Array[]).slice(0, 5), Uint8Array.of(1)],
    ]
    const result = await world.block([call({ type: 4, to: bob.address, authorizations })])
    expect(statuses(result)).toEqual([1])
    expect(world.nonce(carol.address)).toBe(0)
  })
})

describe('determinism', () => {
  const alloc: GenesisAlloc[] = [
    ...funded([alice, bob, carol]),
    account(at('c0de07'), { code: STORE_7_AT_1 }),
    account(at('c0de08'), { code: LOGS }),
  ]
  const transactions = [
    [call({ to: at('c0de07') }), call({ to: bob.address, value: 9n }, 1)],
    [call({ to: at('c0de08') }, 0, bob), call({ to: carol.address, value: 1n }, 5)],
    [call({ data: deploying(LOGS) }, 0, carol), call({ to: at('c0de07'), value: 2n }, 2)],
  ]
  const hashes = async (world: World): Promise<string[]> => {
    const list: string[] = []
    for (const block of transactions)
      list.push(toHex((await world.block(block)).executed.header.hash))
    return list
  }

  it('gives the same blocks with warm caches, fresh caches, and after discarded blocks', async () => {
    const warm = await hashes(await createWorld(alloc))

    const fresh = await createWorld(alloc)
    const discarding = await createWorld(alloc)
    const freshHashes: string[] = []
    const discardingHashes: string[] = []
    for (const block of transactions) {
      const machine = await newMachine(fresh.store)
      const result = await machine.execute(fresh.input(block))
      apply(fresh.store, result)
      fresh.head = result.executed.header
      freshHashes.push(toHex(fresh.head.hash))

      const wrong = [call({ to: at('c0de07'), value: 77n }, discarding.nonce(alice.address))]
      await discarding.machine.execute(discarding.input(wrong))
      discarding.machine.discard()
      discardingHashes.push(toHex((await discarding.block(block)).executed.header.hash))
    }
    expect(freshHashes).toEqual(warm)
    expect(discardingHashes).toEqual(warm)
  })

  it('gives the same changes for the same input twice', async () => {
    const world = await createWorld(alloc)
    const input = world.input(transactions[0] ?? [])
    const first = await world.machine.execute(input)
    world.machine.discard()
    const second = await world.machine.execute(input)
    expect({ ...second, slot: null }).toEqual({ ...first, slot: null })
  })

  const apply = (store: EvmStore, result: EvmBlockResult): void =>
    (store as ReturnType<typeof createMemoryStore>).apply(result.changes)

  it('lists every change once, with the value before it', async () => {
    const world = await createWorld(alloc)
    for (const block of transactions) {
      const before = new Map(
        (world.store as ReturnType<typeof createMemoryStore>)
          .entries()
          .map(([namespace, key, value]) => [`${namespace} ${toHex(key)}`, toHex(value)]),
      )
      const { changes } = await world.block(block)
      const names = changes.map(({ namespace, key }) => `${namespace} ${toHex(key)}`)
      expect(new Set(names).size).toBe(names.length)
      for (const [index, change] of changes.entries()) {
        if (change.namespace !== 'account' && change.namespace !== 'storage') continue
        const expected = before.get(names[index] ?? '')
        expect(change.previous === null ? undefined : toHex(change.previous)).toBe(expected)
        expect(change.value).not.toEqual(change.previous)
      }
    }
  })

  it('refuses to execute over a result that is neither committed nor discarded', async () => {
    const world = await createWorld(alloc)
    await world.machine.execute(world.input([]))
    await expect(world.machine.execute(world.input([]))).rejects.toThrow('committed state')
  })
})
